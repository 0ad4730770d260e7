"""Mean surface brightness of a lensed source in cells finer than the pixels.

Surface brightness is conserved: I(theta) = I_source(theta - alpha(theta)). Rays are spent where they count:

- a pixel whose patch of the source plane stays further than REACH effective radii from a component gets one ray for it;
- the cells that see a component's cusp (within CUSP_CELLS of their own widths of its centre) are split 4 x 4, LEVELS times over:
  without it a de Vaucouleurs source is wrong by a fifth of its peak.

The rays are traced by torch in single precision (an angle of 5 arcsec is kept to 5e-7 arcsec), three times as fast as NumPy in double.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lenssbi.arrays import FloatArray, pixel_grid
from lenssbi.lensing import Deflector
from lenssbi.light import LightProfile
from lenssbi.systems import LensSystem

REACH = 4.0
CUSP_CELLS = 3.0
LEVELS = 2
SPLIT = 4
CUSPY = 0.75  # a Gaussian has Sersic index 0.5 and no cusp, an exponential disc 1


@dataclass(frozen=True)
class Field:
    """The patch of sky to sample: pixels (ny, nx), side of a pixel [arcsec], cells along a pixel's side."""

    shape: tuple[int, int]
    pixel_scale: float
    oversampling: int = 4

    @property
    def cell(self) -> float:
        """Side of a cell [arcsec]."""
        return self.pixel_scale / self.oversampling


def lensed_brightness(components: Sequence[LightProfile], mass: Deflector | None, field: Field) -> FloatArray:
    """Mean surface brightness of every cell.

    Parameters
    ----------
    components
        The source.
    mass
        The deflector, or None for unlensed light.
    field
        Where to sample it.

    Returns
    -------
    [flux/arcsec^2], shape (ny * oversampling, nx * oversampling), row 0 at the bottom.
    """
    n, (ny, nx) = field.oversampling, field.shape
    theta = _rays(pixel_grid(field.shape, field.pixel_scale))
    beta = _trace(mass, theta)
    patch = _patches(beta, field.pixel_scale)
    near = [(beta - c.centre).abs() < REACH * c.effective_radius + patch for c in components]
    fine = torch.stack(near).any(dim=0)
    rays = theta[fine][:, None, None] + _rays(pixel_grid((1, 1), field.pixel_scale, n))
    traced = _trace(mass, rays)
    total = torch.zeros((ny, nx, n, n))
    for component, close in zip(components, near, strict=True):
        total[~close] += component.surface_brightness(beta[~close])[:, None, None]
        its = close[fine]
        total[close] += _cell_means(component, mass, rays[its], traced[its], field.cell)
    return total.permute(0, 2, 1, 3).reshape(ny * n, nx * n).numpy().astype(float)


def one_ray_a_pixel(system: LensSystem, shape: tuple[int, int], pixel_scale: float) -> FloatArray:
    """Surface brightness of the lensed source at the centres of the pixels [flux/arcsec^2], shape (y, x): a quick look."""
    return system.surface_brightness(_rays(pixel_grid(shape, pixel_scale))).numpy().astype(float)


def _rays(theta: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(theta.astype(np.complex64))


def _trace(mass: Deflector | None, theta: torch.Tensor) -> torch.Tensor:
    return theta if mass is None else theta - mass.deflection(theta)


def _patches(beta: torch.Tensor, pixel_scale: float) -> torch.Tensor:
    """How far a pixel's patch of the source plane reaches [arcsec], from the steps to its neighbours, shape (y, x)."""
    patch = torch.full(beta.shape, pixel_scale)
    along_y, along_x = beta.diff(dim=0).abs(), beta.diff(dim=1).abs()
    for rows, steps in ((patch[:-1], along_y), (patch[1:], along_y), (patch[:, :-1], along_x), (patch[:, 1:], along_x)):
        torch.maximum(rows, steps, out=rows)
    return patch


def _cell_means(
    component: LightProfile,
    mass: Deflector | None,
    theta: torch.Tensor,
    beta: torch.Tensor,
    width: float,
    level: int = 0,
) -> torch.Tensor:
    """Mean brightness of the cells of `width` [arcsec] centred at `theta` (traced to `beta`), any shape."""
    means = component.surface_brightness(beta)
    if level == LEVELS or getattr(component, "index", 0.5) < CUSPY:
        return means
    cusp = (beta - component.centre).abs() < CUSP_CELLS * width
    if cusp.any():
        parts = theta[cusp][:, None, None] + _rays(pixel_grid((1, 1), width, SPLIT))
        means[cusp] = _cell_means(component, mass, parts, _trace(mass, parts), width / SPLIT, level + 1).mean(
            dim=(1, 2)
        )
    return means
