"""Surface brightness of lensed sources in cells finer than the pixels, many systems at once.

Surface brightness is conserved: I(theta) = I_source(theta - alpha(theta)). Every pixel gets one ray. Where the light is smooth, its cells
are interpolated by parabolas through neighbouring pixels. Elsewhere more rays are traced:

- a pixel is divided into its cells, one ray each, if it has light of a component (within REACH effective radii and the patch of the source
  plane of the pixel) and its centre is within CLEAR patches, or the Laplacian of the single rays exceeds CURVED of their peak;
- the cells on the cusp of a component, or on a component hardly larger than a cell, are divided repeatedly (`rendering/cusps.py`).

The pixels to be divided, of all systems of a batch, form one flat list, each with the parameters of its system. Rays are traced by
torch in single precision (an angle of 5 arcsec is kept to 5e-7 arcsec), on any device. They have no gradients, which makes small batches a
quarter faster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch.nn import functional

from lenssbi.batching import take
from lenssbi.light import LightProfile
from lenssbi.rendering.cusps import CuspCells, cusp_share, cuspy, deposit
from lenssbi.rendering.scene import Scene, rays

REACH = 4.0
CLEAR = 2.5
CURVED = 0.05
MARGIN = 0.3  # [arcsec]: border around an image from which the PSF scatters light into it, 4 sigma of Euclid's Gaussian


@dataclass(frozen=True)
class SkyPatch:
    """The patch of sky to sample: pixels (ny, nx), side of a pixel [arcsec], cells along a pixel's side."""

    shape: tuple[int, int]
    pixel_scale: float
    oversampling: int = 3

    @property
    def cell(self) -> float:
        """Side of a cell [arcsec]."""
        return self.pixel_scale / self.oversampling

    def wider(self, margin: int) -> SkyPatch:
        """The field with `margin` more pixels on every side."""
        ny, nx = self.shape
        return replace(self, shape=(ny + 2 * margin, nx + 2 * margin))


def margin_of(pixel_scale: float) -> int:
    """Number of pixels in MARGIN."""
    return math.ceil(MARGIN / pixel_scale)


@torch.inference_mode()
def cell_brightness(scene: Scene, field: SkyPatch) -> torch.Tensor:
    """Surface brightness at the cells' centres, with a sum over cells equal to the integral of the light.

    Parameters
    ----------
    scene
        Light and deflector.
    field
        Field and cells to sample.

    Returns
    -------
    Brightness [flux/arcsec^2], shape (count, ny * oversampling, nx * oversampling), row 0 at the bottom.
    """
    n, (ny, nx) = field.oversampling, field.shape
    theta = rays(field.shape, field.pixel_scale, scene.device)
    coarse, patch, divided = _one_ray_a_pixel(scene, theta)
    cells = _interpolated(coarse, n)
    b, y, x = divided.nonzero(as_tuple=True)
    parts = theta[y, x][:, None, None] + rays((n, n), field.cell, scene.device)
    beta = scene.trace(parts, b)
    total = torch.zeros(parts.shape, device=scene.device)
    width = (patch[b, y, x] / n).clamp_(min=field.cell)[:, None, None]
    cusps = []
    for lights in scene.lights:
        part, which = lights.pairs(b, scene.count)
        profile, seen = take(lights.profile, which), beta[part]
        light = profile.surface_brightness(seen)
        share = cusp_share(profile, seen, width[part]) * cuspy(profile, width[part])
        light -= share * light
        total.index_add_(0, part, light)
        pair, i, j = share.nonzero(as_tuple=True)
        if len(pair):
            at = part[pair]
            cells_of = (b[at], y[at] * n + i, x[at] * n + j)
            cusp = CuspCells(lights.profile, which[pair], b[at], parts[at, i, j], field.cell, width[at])
            cusps.append((cusp, cells_of))
    cells.view(-1, ny, n, nx, n).permute(0, 1, 3, 2, 4)[b, y, x] = total
    for cusp, where in cusps:
        deposit(cells, scene, cusp, where)
    return cells


@torch.inference_mode()
def ray_image(scene: Scene, shape: tuple[int, int], pixel_scale: float) -> torch.Tensor:
    """Surface brightness at the centres of the pixels [flux/arcsec^2], shape (count, y, x)."""
    theta = rays(shape, pixel_scale, scene.device)
    beta = scene.trace(theta[None]).expand(scene.count, *shape)
    total = torch.zeros(beta.shape, device=scene.device)
    for lights in scene.lights:
        total.index_add_(0, lights.owner, lights.profile.surface_brightness(beta[lights.owner]))
    return total


def _one_ray_a_pixel(scene: Scene, theta: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Brightness at the pixels' centres `theta` (y, x), `_patches`, and the pixels that need more rays; each of shape (count, y, x)."""
    beta = scene.trace(theta[None]).expand(scene.count, *theta.shape)
    patch = _patches(beta, theta)
    total = torch.zeros(beta.shape, device=scene.device)
    unclear = torch.zeros(beta.shape, dtype=torch.uint8, device=scene.device)
    for lights in scene.lights:
        seen = beta[lights.owner]
        light = lights.profile.surface_brightness(seen)
        total.index_add_(0, lights.owner, light)
        unclear.index_add_(0, lights.owner, _unclear(lights.profile, light, seen, patch[lights.owner]).byte())
    return total, patch, unclear > 0


def _patches(beta: torch.Tensor, theta: torch.Tensor) -> torch.Tensor:
    """Size of a pixel's patch of the source plane [arcsec], from the steps to its neighbours, shape (n, y, x)."""
    least = float(abs(theta[1, 1] - theta[0, 0])) / 2
    patch = torch.full(beta.shape, least**2, device=beta.device)
    for axis in (1, 2):
        step = beta.diff(dim=axis)
        squared = step.real**2 + step.imag**2
        for start in (0, 1):
            part = patch.narrow(axis, start, squared.shape[axis])
            torch.maximum(part, squared, out=part)
    return patch.sqrt_()


def _unclear(profile: LightProfile, light: torch.Tensor, beta: torch.Tensor, patch: torch.Tensor) -> torch.Tensor:
    """Pixels for which one ray is not enough for a profile with brightness `light` at `beta`; all of shape (n, y, x)."""
    offset = beta - profile.centre
    distance = torch.sqrt(offset.real**2 + offset.imag**2)
    inside = distance < CLEAR * patch
    brightest = light.masked_fill(inside, 0).amax(dim=(1, 2), keepdim=True)
    curvature = (sum(_neighbours(light, 1) + _neighbours(light, 2)) - 4 * light).abs_()
    return (inside | (curvature > CURVED * brightest)) & (distance < REACH * profile.effective_radius + patch)


def _neighbours(values: torch.Tensor, axis: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The values before and after along an axis of (n, y, x), shapes of `values`; the edge is repeated."""
    framed = functional.pad(values[:, None], (0, 0, 1, 1) if axis == 1 else (1, 1, 0, 0), mode="replicate")[:, 0]
    length = values.shape[axis]
    return framed.narrow(axis, 0, length), framed.narrow(axis, 2, length)


def _interpolated(coarse: torch.Tensor, n: int) -> torch.Tensor:
    """Values in n x n cells per pixel from those at the pixels' centres, by parabolas; shape (count, ny * n, nx * n)."""
    count, ny, nx = coarse.shape
    return _finer(_finer(coarse, n, 2).view(count, ny, nx * n), n, 1).view(count, ny * n, nx * n)


def _finer(values: torch.Tensor, n: int, axis: int) -> torch.Tensor:
    """Values between those along an axis of (n, y, x), which is divided into n: shape (..., axis, n, ...)."""
    before, after = _neighbours(values, axis)
    finer = values.new_empty((*values.shape[: axis + 1], n, *values.shape[axis + 1 :]))
    for i in range(n):
        d = (i - (n - 1) / 2) / n
        part = finer.select(axis + 1, i)
        torch.mul(values, 1 - d**2, out=part)
        if d:
            part.add_(before, alpha=(d**2 - d) / 2).add_(after, alpha=(d**2 + d) / 2)
    return finer
