"""Components of a source of `profiles.py`: Gaussians, or Sersic profiles as sums of Gaussians."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.light import Sersic

PER_DECADE = 8  # Gaussians that represent a Sersic profile: its light to a few parts in a thousand
INNER, OUTER = 0.02, 8.0  # effective radii between which it is matched


@dataclass(frozen=True, eq=False)
class Profiles:
    """Concentric profiles of unit flux as sums of Gaussians.

    Parameters
    ----------
    sigmas
        Widths of the Gaussians on the intermediate axis [arcsec], descending, shape (gaussian,).
    mixture
        Flux of each Gaussian in each profile, shape (profile, gaussian).
    """

    sigmas: FloatArray
    mixture: FloatArray

    def __post_init__(self) -> None:
        if not ((self.sigmas > 0).all() and (np.diff(self.sigmas) < 0).all()):
            raise ValueError(f"widths are positive and descend, got {self.sigmas}")

    @staticmethod
    def gaussians(count: int = 12, narrowest: float = 0.01, widest: float = 1.0) -> Profiles:
        """`count` Gaussians with widths [arcsec] equally spaced in their logarithm."""
        return Profiles(np.geomspace(widest, narrowest, count), np.eye(count))

    @staticmethod
    def sersics(indices: Sequence[float], radii: Sequence[float]) -> Profiles:
        """Sersic profiles of all these indices and effective radii [arcsec], index by index."""
        widest, narrowest = 3.0 * max(radii), INNER / 2 * min(radii)
        count = 1 + round(PER_DECADE * np.log10(widest / narrowest))
        sigmas = np.geomspace(widest, narrowest, count)
        mixture = [_expand(Sersic(1.0, radius, index), radius, sigmas) for index in indices for radius in radii]
        return Profiles(sigmas, np.array(mixture))

    def select(self, which: NDArray[np.bool_]) -> Profiles:
        """The profiles for which `which` is True, shape (profile,), each a Gaussian."""
        if not self.plain:
            raise ValueError("only Gaussians can be selected one by one")
        return Profiles(self.sigmas[which], np.eye(int(np.count_nonzero(which))))

    @property
    def count(self) -> int:
        """Number of profiles."""
        return len(self.mixture)

    @property
    def plain(self) -> bool:
        """Whether every profile is one Gaussian."""
        return self.mixture.shape[0] == self.mixture.shape[1] and bool((self.mixture == np.eye(self.count)).all())

    def brightness(self, beta: ComplexArray, centre: complex, stretch: complex, fluxes: FloatArray) -> FloatArray:
        """Surface brightness [flux/arcsec^2] of such fluxes, shape (profile,), at any places.

        Parameters
        ----------
        beta
            Places [arcsec], complex, any shape.
        centre, stretch
            Parameters of `profiles.SourceEllipse`: the squared radius on the intermediate axis is sqrt(1 + |t|^2) |z|^2 - Re(z^2 conj(t)).
        fluxes
            Fluxes of the profiles, shape (profile,).
        """
        z = beta - centre
        square = np.sqrt(1 + abs(stretch) ** 2) * np.abs(z) ** 2 - (z**2 * np.conj(stretch)).real
        peaks = (fluxes @ self.mixture) / (2 * np.pi * self.sigmas**2)
        return np.sum(peaks * np.exp(-0.5 * square[..., None] / self.sigmas**2), axis=-1)

    def half_light_radius(self, fluxes: FloatArray) -> float:
        """Circularised radius [arcsec] that holds half of the light of such fluxes, shape (n * profile,); NaN for none."""
        weights = (fluxes.reshape(-1, self.count) @ self.mixture).sum(axis=0)
        if not weights.sum() > 0:
            return float("nan")
        radii = np.geomspace(0.1 * self.sigmas[-1], 5 * self.sigmas[0], 400)
        within = -np.expm1(-0.5 * (radii[:, None] / self.sigmas) ** 2) @ weights / weights.sum()
        return float(np.interp(0.5, within, radii))


def _expand(sersic: Sersic, radius: float, sigmas: FloatArray) -> FloatArray:
    """Non-negative fluxes of round Gaussians that give a profile's light per ring, sum 1, shape (gaussian,)."""
    r = np.geomspace(INNER, OUTER, 200) * radius
    wanted = r**2 * sersic.surface_brightness(r + 0j)
    columns = (r[:, None] / sigmas) ** 2 / (2 * np.pi) * np.exp(-0.5 * (r[:, None] / sigmas) ** 2)
    fluxes, _ = nnls(columns, wanted)
    return fluxes / fluxes.sum()
