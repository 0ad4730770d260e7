"""Particles of a simulated galaxy, and its centre.

Kinds are the numbers of the simulations' own groups: 0 gas, 1 dark matter, 4 stars, 5 black holes. Positions are proper, relative to the
galaxy's centre: the minimum of the potential where a snapshot stores it, else the centre of a shrinking sphere of stars (Power et al. 2003,
MNRAS 338, 14, section 2.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import FloatArray

GAS, DARK_MATTER, STARS, BLACK_HOLES = 0, 1, 4, 5
KINDS = (GAS, DARK_MATTER, STARS, BLACK_HOLES)


@dataclass(frozen=True)
class Particles:
    """A galaxy of particles.

    Parameters
    ----------
    position
        Positions relative to the centre [proper kpc], shape (n, 3).
    mass
        Masses [Msun], shape (n,).
    kind
        Group of each particle, one of `KINDS`, shape (n,).
    redshift
        Redshift of the snapshot.
    softening
        Plummer-equivalent gravitational softening [proper kpc].
    name
        Identity of the galaxy.

    Raises
    ------
    ValueError
        If there are no particles, or numbers are not finite.
    """

    position: FloatArray
    mass: FloatArray
    kind: NDArray[np.integer]
    redshift: float
    softening: float
    name: str

    def __post_init__(self) -> None:
        n = len(self.mass)
        if n == 0 or self.position.shape != (n, 3) or self.kind.shape != (n,):
            raise ValueError(f"Particles needs n > 0 masses, n x 3 positions and n kinds, got {self.position.shape}")
        if not (np.isfinite(self.position).all() and np.isfinite(self.mass).all() and self.mass.min() >= 0):
            raise ValueError("Particles needs finite positions and masses, none below zero")

    def __len__(self) -> int:
        return len(self.mass)

    @cached_property
    def masses(self) -> dict[int, float]:
        """Total mass [Msun] of each kind that there is."""
        totals = np.bincount(self.kind, self.mass, minlength=max(KINDS) + 1)
        return {kind: float(totals[kind]) for kind in KINDS if np.any(self.kind == kind)}

    def centred(self, centre: FloatArray | None = None) -> Particles:
        """The same particles relative to `centre` [kpc], shape (3,); by default to that of a shrinking sphere."""
        return replace(self, position=self.position - (self.centre() if centre is None else centre))

    def centre(self, enough: int = 100) -> FloatArray:
        """Centre of mass [kpc], shape (3,), of a shrinking sphere of stars, or of all particles if there are fewer than `enough` stars."""
        stars = self.kind == STARS
        chosen = stars if stars.sum() >= enough else np.ones(len(self), bool)
        return shrinking_sphere(self.position[chosen], self.mass[chosen], enough)


def shrinking_sphere(position: FloatArray, mass: FloatArray, enough: int = 100, shrink: float = 0.7) -> FloatArray:
    """Centre of mass of ever smaller spheres around the last centre of mass, until `enough` particles or one per cent are left.

    Parameters
    ----------
    position
        Positions in any unit of length, shape (n, 3).
    mass
        Masses, shape (n,), not all zero.
    enough
        Number of particles in the last sphere.
    shrink
        Ratio of the radii of successive spheres.
    """
    enough = max(enough, len(mass) // 100)
    centre = mass @ position / mass.sum()
    radius = np.inf
    while len(mass) > enough:
        offset = position - centre
        square = np.einsum("ij,ij->i", offset, offset)
        radius = shrink * min(radius, np.sqrt(square.max()))
        inside = square < radius**2
        if inside.sum() < enough:
            break
        weight = mass * inside
        centre = weight @ position / weight.sum()
        # particles so far outside do not return, unless the centre moves by half a radius
        near = square < (1.5 * radius) ** 2
        if near.mean() < 0.8:
            position, mass = position[near], mass[near]
    return centre
