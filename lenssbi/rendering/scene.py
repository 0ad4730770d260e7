"""Light and deflectors as torch tensors: many lens systems at once, in single precision, on any device.

A system may have any number of components. Those of one type, of all systems, form one batch of profiles, `Lights`, with the
system of each; profiles without flux are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import numpy as np
import torch

from lenssbi.arrays import pixel_grid
from lenssbi.batching import join, map_tree, structure, take
from lenssbi.lensing import Deflector
from lenssbi.lensing.prepared import prepared
from lenssbi.light import LightProfile

T = TypeVar("T")
ASIDE = (
    1e-6 + 1e-6j
)  # [arcsec]: shift of rays away from the centre of a singular mass, where the deflection is undefined
SINGLE = {torch.float64: torch.float32, torch.complex128: torch.complex64}


@dataclass(frozen=True)
class Lights:
    """Profiles of one type.

    Parameters
    ----------
    profile
        Batch of profiles: numbers of shape (n, 1, 1).
    owner
        Systems of the profiles, ascending integers of shape (n,).
    """

    profile: LightProfile
    owner: torch.Tensor

    def some(self, index: torch.Tensor, count: int) -> Lights:
        """The profiles of the systems `index` of `count`, which are renumbered in this order."""
        place = torch.full((count,), -1, device=index.device)
        place[index] = torch.arange(len(index), device=index.device)
        rows = (place[self.owner] >= 0).nonzero()[:, 0]
        return Lights(take(self.profile, rows), place[self.owner[rows]])

    def pairs(self, index: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """For rays of the systems `index`, shape (n,), of `count`: ray and profile of every pair, shape (m,) each."""
        number = torch.bincount(self.owner, minlength=count)
        first = number.cumsum(0) - number
        times = number[index]
        ray = torch.repeat_interleave(times)
        before = times.cumsum(0) - times
        return ray, (first[index] - before)[ray] + torch.arange(len(ray), device=index.device)


@dataclass(frozen=True)
class Scene:
    """Light and deflector of a batch of systems; made by `scene`.

    Parameters
    ----------
    lights
        Profiles by type.
    mass
        Deflector, its numbers shared by all systems or of shape (count, 1, 1), or None for unlensed light.
    count
        Number of systems.
    device
        Device of the tensors.
    """

    lights: tuple[Lights, ...]
    mass: Deflector | None
    count: int
    device: torch.device

    def some(self, index: torch.Tensor) -> Scene:
        """The systems `index`, ascending integers of shape (n,)."""
        lights = tuple(light.some(index, self.count) for light in self.lights)
        return Scene(lights, take(self.mass, index), len(index), self.device)

    def trace(self, theta: torch.Tensor, index: torch.Tensor | None = None) -> torch.Tensor:
        """Source-plane angles [arcsec] of `theta`, shape (n, y, x), for the systems `index` (default: all of them in order)."""
        if self.mass is None:
            return theta
        return theta - (self.mass if index is None else take(self.mass, index)).deflection(theta)


def scene(
    components: Sequence[LightProfile], mass: Deflector | None, count: int, device: str | torch.device = "cpu"
) -> Scene:
    """A scene of profiles and a deflector with numbers or NumPy arrays.

    Parameters
    ----------
    components, mass
        Light profiles and deflector; arrays of shape (count, 1, 1) or numbers.
    count
        Number of systems.
    device
        Device of the tensors.
    """
    place = torch.device(device)
    kinds: dict[Any, list[LightProfile]] = {}
    for component in components:
        kinds.setdefault(structure(component), []).append(component)
    lights = tuple(_lights(alike, count, place) for alike in kinds.values())
    return Scene(lights, _tensors(prepared(mass), place), count, place)


@cache
def rays(shape: tuple[int, int], step: float, device: torch.device) -> torch.Tensor:
    """Angles [arcsec] on a grid of `step` [arcsec] about 0, complex, shape (y, x); read-only."""
    return torch.from_numpy((pixel_grid(shape, step) + ASIDE).astype(np.complex64)).to(device)


def _lights(components: Sequence[LightProfile], count: int, device: torch.device) -> Lights:
    whole = join(components, [count] * len(components))
    owner = np.tile(np.arange(count), len(components))
    lit = np.broadcast_to(whole.flux, (len(owner), 1, 1)).ravel() != 0
    rows = np.flatnonzero(lit)
    rows = rows[np.argsort(owner[rows], kind="stable")]
    return Lights(_tensors(prepared(take(whole, rows)), device), torch.from_numpy(owner[rows]).to(device))


def _tensors(tree: T, device: torch.device) -> T:
    """The tree with its arrays as tensors on the device, in single precision."""

    def tensor(array: Any) -> torch.Tensor:
        values = torch.as_tensor(array)
        return values.to(device=device, dtype=SINGLE.get(values.dtype, values.dtype))

    return map_tree(tree, tensor)
