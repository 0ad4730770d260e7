"""The cusps of light profiles, which rays spaced by a cell cannot sample.

Around a cusp the light I is split by a smooth weight chi(r), 1 at the centre and 0 beyond WIDTHS cells in the source plane:
(1 - chi) I has no cusp, and rays at the cells' centres suffice for it; the cells that contain chi I are divided SPLIT x SPLIT, and so on,
LEVELS times. With a sharp border instead of chi the midpoint rule on one side of it would not fit the finer one on the other.

The moments of the light in a cell are stored. For a PSF R that is smooth on the scale of a cell, with t in units of its width,

    int I(t) R(r - t) dt = sum_jk R(r - jk) D_jk[M],   M_ab = int I(t) t_x^a t_y^b dt,   a, b = 0, 1, 2

where D spreads the moments over the 3 x 3 cells around, by the parabolas through their R. The mean alone, placed in the middle of the cell,
would shift the brightest spot of a de Vaucouleurs source by up to half a cell, an error of one per cent of its peak; with undivided
cells the error is a fifth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch

from lenssbi.batching import take
from lenssbi.light import LightProfile
from lenssbi.rendering.scene import Scene, rays

CUSPY = 0.75  # a Gaussian has Sersic index 0.5 and no cusp, an exponential disc 1
SMALL = 2.0  # [cells]: a profile of smaller effective radius is treated as a cusp
WIDTHS = 3.0
LEVELS = 2
SPLIT = 4


def cusp_share(profile: LightProfile, beta: torch.Tensor, width: torch.Tensor) -> torch.Tensor:
    """The weight chi at `beta` [arcsec], shape (n, y, x), for cells that are `width` [arcsec] wide in the source plane, shape (n, 1, 1).

    It falls from 1 at WIDTHS / SPLIT cells, the range of the next level, to 0 at WIDTHS, with two smooth derivatives.
    """
    t = ((WIDTHS - (beta - profile.centre).abs() / width) * (SPLIT / (WIDTHS * (SPLIT - 1)))).clamp_(0, 1)
    return t * t * t * (t * (6 * t - 15) + 10)


def cuspy(profile: LightProfile, width: torch.Tensor) -> torch.Tensor:
    """Whether the cusps of profiles must be divided in cells that are `width` [arcsec] wide in the source plane, shape (n, 1, 1)."""
    small = profile.effective_radius < SMALL * width
    return small | (profile.index >= CUSPY) if hasattr(profile, "index") else small


@dataclass(frozen=True)
class CuspCells:
    """Cells that contain cusps.

    Parameters
    ----------
    profiles
        A batch of profiles.
    which, owner
        Profile and system of each cell; integers of shape (n,).
    centre
        Centres of the cells [arcsec], complex, shape (n,).
    width
        Side of the cells [arcsec].
    seen
        Sides of the cells in the source plane [arcsec], shape (n, 1, 1).
    """

    profiles: LightProfile
    which: torch.Tensor
    owner: torch.Tensor
    centre: torch.Tensor
    width: float
    seen: torch.Tensor


def deposit(brightness: torch.Tensor, scene: Scene, cells: CuspCells, where: tuple[torch.Tensor, ...]) -> None:
    """Add chi I to the cells that contain it and to their neighbours.

    Parameters
    ----------
    brightness
        Brightness of all cells of the field [flux/arcsec^2], shape (count, y, x); changed in place.
    scene
        Light and deflector.
    cells
        Cells that contain chi I.
    where
        System, row and column of the cells, integers of shape (n,) each.
    """
    index, row, column = where
    _, ny, nx = brightness.shape
    shares = _moments(scene, cells) @ _spreading().to(scene.device)
    step = torch.arange(-1, 2, device=scene.device)
    # light outside the field is put on its edge
    rows, columns = (row[:, None] + step).clamp_(0, ny - 1), (column[:, None] + step).clamp_(0, nx - 1)
    flat = ((index * ny)[:, None] + rows)[:, :, None] * nx + columns[:, None, :]
    brightness.view(-1).index_add_(0, flat.reshape(-1), shares.reshape(-1))


def _moments(scene: Scene, cells: CuspCells, level: int = 1) -> torch.Tensor:
    """Moments of chi I, chi for cells of this width, in each cell; shape (n, 9), a fastest."""
    width = cells.width / SPLIT
    parts = cells.centre[:, None, None] + rays((SPLIT, SPLIT), width, scene.device)
    beta = scene.trace(parts, cells.owner)
    profile = take(cells.profiles, cells.which)
    share = cusp_share(profile, beta, cells.seen)
    within = _nesting().to(scene.device)
    finer = cusp_share(profile, beta, cells.seen / SPLIT) if level < LEVELS else None
    if finer is not None:
        share = share - finer
    # a ray represents a point: its higher moments about the middle of its part are 0
    moments = (profile.surface_brightness(beta) * share).flatten(1) @ within[:, 0]
    if finer is None:
        return moments
    cell, part = finer.flatten(1).nonzero(as_tuple=True)
    inner = CuspCells(
        cells.profiles,
        cells.which[cell],
        cells.owner[cell],
        parts.flatten(1)[cell, part],
        width,
        cells.seen[cell] / SPLIT,
    )
    return moments.index_add_(0, cell, (_moments(scene, inner, level + 1)[:, None, :] @ within[part])[:, 0])


@cache
def _nesting() -> torch.Tensor:
    """Matrices from the moments of the parts to those of their cell, shape (SPLIT * SPLIT, 9, 9)."""
    # t = middle + t' / SPLIT, and its square
    line = [
        [[1, middle, middle**2], [0, 1 / SPLIT, 2 * middle / SPLIT], [0, 0, 1 / SPLIT**2]]
        for middle in (np.arange(SPLIT) - (SPLIT - 1) / 2) / SPLIT
    ]
    pairs = [np.kron(along_y, along_x) for along_y in line for along_x in line]
    return torch.from_numpy(np.array(pairs) / SPLIT**2).float()


@cache
def _spreading() -> torch.Tensor:
    """Distribution of the moments over the surrounding cells, shape (9, 9): D of the module's equation."""
    line = np.array([[0.0, 1.0, 0.0], [-0.5, 0.0, 0.5], [0.5, -1.0, 0.5]])
    return torch.from_numpy(np.kron(line, line)).float()
