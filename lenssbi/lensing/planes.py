"""Mass at several distances: full multi-plane ray tracing (Blandford & Narayan 1986; Schneider, Ehlers & Falco 1992, section 9.1).

Every deflection is scaled to the source. On its way to plane j a ray has been deflected by

    beta_j = theta - sum_{i < j} ratio_ji alpha_i(beta_i),   ratio_ji = D_ij D_s / (D_j D_is),

and in the source plane, where all ratios are 1, by alpha = sum_i alpha_i(beta_i). The Jacobian follows the ray (Petkova, Metcalf &
Giocoli 2014): with a = dbeta/dz and b = dbeta/dz*, the chain rule for f(beta(z)) is

    df/dz = f_z a + f_z* conj(b),   df/dz* = f_z b + f_z* conj(a)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lenssbi.arrays import Array, array_namespace
from lenssbi.lensing.deflector import Deflector
from lenssbi.lensing.jacobian import derivatives

Pair = tuple[Array, Array]


@dataclass(frozen=True)
class Together:
    """Several deflectors in one plane: their deflections add.

    Parameters
    ----------
    deflectors
        Any number of deflectors; without any the deflection is zero.

    In every method `theta` is complex [arcsec], shape (*batch, y, x), the shape of the answer too.
    """

    deflectors: tuple[Deflector, ...]

    def deflection(self, theta: Array) -> Array:
        """Deflection angle alpha [arcsec], complex."""
        return _total([lens.deflection(theta) for lens in self.deflectors], theta)

    def convergence(self, theta: Array) -> Array:
        """Convergence, real."""
        return array_namespace(theta).real(_total([lens.convergence(theta) + 0j for lens in self.deflectors], theta))

    def shear(self, theta: Array) -> Array:
        """Shear gamma1 + i gamma2, complex."""
        return _total([lens.shear(theta) for lens in self.deflectors], theta)

    def derivatives(self, theta: Array) -> Pair:
        """dalpha/dz and dalpha/dz*, complex."""
        parts = [derivatives(lens, theta) for lens in self.deflectors]
        return _total([part[0] for part in parts], theta), _total([part[1] for part in parts], theta)


@dataclass(frozen=True)
class MultiPlane:
    """Deflectors one behind the other.

    Parameters
    ----------
    deflectors
        One deflector per plane, nearest first; each plane's deflection is scaled to the source. `Together` puts several into one.
    ratios
        ratios[j][i] = D_ij D_s / (D_j D_is) for i < j, so that ratios[0] is empty; numbers or arrays of shape (*batch, 1, 1).

    Raises
    ------
    ValueError
        If there is not one ratio for each pair of planes.

    In every method `theta` is complex [arcsec], shape (*batch, y, x), the shape of the answer too.

    Examples
    --------
    >>> import numpy as np
    >>> from lenssbi.lensing import EllipticalPowerLaw
    >>> near, far = EllipticalPowerLaw(1.0, 0.0, 0.0), EllipticalPowerLaw(0.5, 0.0, 0.0)
    >>> MultiPlane((near, far), ((), (0.4,))).deflection(np.array([2.0, 0.2 + 0j])).real  # 0.2 crosses the axis
    array([1.5, 0.5])
    """

    deflectors: tuple[Deflector, ...]
    ratios: tuple[tuple[Array, ...], ...]

    def __post_init__(self) -> None:
        found = [len(row) for row in self.ratios]
        if found != list(range(len(self.deflectors))):
            raise ValueError(f"{len(self.deflectors)} planes need 0, 1, 2, ... ratios, one row per plane, got {found}")

    def deflection(self, theta: Array) -> Array:
        """Deflection angle alpha [arcsec], complex, in the source plane."""
        bent: list[Array] = []
        for lens, row in zip(self.deflectors, self.ratios, strict=True):
            beta = theta
            for ratio, alpha in zip(row, bent, strict=True):
                beta = beta - ratio * alpha
            bent.append(lens.deflection(beta))
        return _total(bent, theta)

    def convergence(self, theta: Array) -> Array:
        """Effective convergence: half the divergence of the deflection, real."""
        return array_namespace(theta).real(self.derivatives(theta)[0])

    def shear(self, theta: Array) -> Array:
        """Effective shear dalpha/dz*, complex."""
        return self.derivatives(theta)[1]

    def derivatives(self, theta: Array) -> Pair:
        """dalpha/dz (its imaginary part the rotation) and dalpha/dz*, complex."""
        along, across = zip(*self._jacobians(theta), strict=True) if self.deflectors else ((), ())
        return _total(list(along), theta), _total(list(across), theta)

    def _jacobians(self, theta: Array) -> Iterator[Pair]:
        """The derivatives of each plane's contribution to the deflection, plane by plane."""
        xp = array_namespace(theta)
        bent: list[tuple[Array, Array, Array]] = []
        for lens, row in zip(self.deflectors, self.ratios, strict=True):
            beta, a, b = theta, 1.0, 0.0
            for ratio, (alpha, along, across) in zip(row, bent, strict=True):
                beta, a, b = beta - ratio * alpha, a - ratio * along, b - ratio * across
            along, across = derivatives(lens, beta)
            if bent:
                along, across = along * a + across * xp.conj(b), along * b + across * xp.conj(a)
            bent.append((lens.deflection(beta), along, across))
            yield along, across


def _total(parts: list[Array], theta: Array) -> Array:
    """Their sum; a complex zero if there are none."""
    return sum(parts[1:], start=parts[0]) if parts else array_namespace(theta).zeros_like(theta)
