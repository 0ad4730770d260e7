"""Haloes gathered into planes, and each plane's deflection in a table.

The line of sight is cut into shells: as many in front of the lens as behind it, on either side equally thick in comoving
distance, and a thin one around the lens for its group. A shell's haloes have the deflections of their own
redshift, but all act at one redshift: that of the lens, or the mean comoving distance of the shell's volume
within a cone, (3/4) (far^4 - near^4) / (far^3 - near^3). The deflection on the axis is subtracted: it moves everything
behind it, lens and source alike, and cannot be observed.

Distances are those of a universe in which the haloes' mass is distributed uniformly. Each plane therefore gets a sheet of
negative mass, alpha = -kappa theta, that compensates the mean convergence of its haloes in the middle of the
aperture (McCully et al. 2014, MNRAS 443, 3631; Birrer et al. 2017, JCAP 04, 049; Gilman et al. 2019, MNRAS 487, 5721). On average
a cone then focuses as much as an empty one, and only the scatter remains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.lensing.deflector import Deflector
from lenssbi.lensing.field import DeflectionField
from lenssbi.populations.cosmology import Z_MAX, comoving_distance, critical_surface_density
from lenssbi.populations.light_cones.haloes import Haloes

SMOOTH = ((1.25, 24), (2.0, 12), (4.0, 8))
"""(distance, nodes): for a halo farther than this number of half widths of a square, this number of Chebyshev nodes per side is exact to
1e-7, half of them to 3e-4."""
TILE = 80
"""Nodes along the side of the smallest squares."""
GROUP = 0.005
"""Half the thickness of the lens' own shell, in redshift over 1 + z: 1500 km/s, more than the galaxies of a group move."""
LEAST_SEPARATION = 1e-4
"""Least difference in redshift between a halo and the source: there the deflection vanishes, and the convergence is 0 / 0."""


def shell_edges(z_lens: float, z_source: float, n: int) -> FloatArray:
    """Redshifts of the edges of `n` shells in front of the lens, one around it, and `n` behind it, shape (2 n + 2,)."""
    half = min(GROUP * (1 + z_lens), z_lens / 2, (z_source - z_lens) / 2)
    own = np.array([z_lens - half, z_lens + half])
    near, far = comoving_distance(own)
    in_front = _redshift_at(np.linspace(0, near, n + 1)[:-1])
    behind = _redshift_at(np.linspace(far, comoving_distance(z_source), n + 1)[1:])
    return np.concatenate([in_front, own, behind[:-1], [z_source]])


def plane_redshifts(edges: FloatArray, z_lens: float) -> FloatArray:
    """Redshifts of the planes of the shells between `edges`, the one in the middle the lens'."""
    chi = comoving_distance(edges)
    z = _redshift_at(0.75 * np.diff(chi**4) / np.diff(chi**3))
    z[len(z) // 2] = z_lens
    return z


def _redshift_at(chi: FloatArray) -> FloatArray:
    """Redshift at comoving distance `chi` [Mpc]."""
    z = np.linspace(0, Z_MAX, 4001)
    return np.interp(chi, comoving_distance(z), z)


def mean_convergence(z: FloatArray, mass: FloatArray, edges: FloatArray, z_source: float) -> FloatArray:
    """Mean convergence of each shell.

    Parameters
    ----------
    z, mass
        Mean mass [Msun / arcsec^2] between redshift 0 and each of the ascending `z`, shape (n,).
    edges
        Redshifts of the shells' edges, the last at most `z_source`.
    z_source
        Redshift of the source.
    """
    middle = np.minimum((z[1:] + z[:-1]) / 2, z_source - LEAST_SEPARATION)
    upto = np.concatenate([[0.0], np.cumsum(np.diff(mass) / critical_surface_density(middle, z_source))])
    return np.diff(np.interp(edges, z, upto))


def tabulated(
    haloes: Haloes, sheet: float, z_source: float, half_width: float, step: float, nodes: float = 1.0
) -> DeflectionField:
    """The deflection of the haloes of a plane, scaled to the source, with that of a sheet of convergence -`sheet`.

    Parameters
    ----------
    haloes
        Haloes of one plane, in front of `z_source`.
    sheet
        Mean convergence to subtract.
    z_source
        Redshift of the source.
    half_width, step
        Half width and cell size of the table around the axis [arcsec].
    nodes
        Ratio of the number of nodes to that of `SMOOTH`.
    """
    plane = cast(Deflector, _Plane(haloes, sheet, z_source, nodes))  # only its deflection is used
    return DeflectionField.tabulate(plane, half_width, step)


@dataclass(frozen=True)
class _Plane:
    """Haloes and a sheet; `deflection` on a regular grid only."""

    haloes: Haloes
    sheet: float
    z_source: float
    nodes: float

    def deflection(self, theta: ComplexArray) -> ComplexArray:
        x, y = theta[0].real, theta[:, 0].imag
        alpha = _on_grid(self.haloes, x, y, self.z_source, self.nodes)
        return alpha - alpha[len(y) // 2, len(x) // 2] - self.sheet * theta


def _on_grid(haloes: Haloes, x: FloatArray, y: FloatArray, z_source: float, share: float) -> ComplexArray:
    """Deflection on the square grid `x` by `y`: interpolated for distant haloes, evaluated in ever smaller squares for near ones."""
    middle, half_width = complex(x[0] + x[-1], y[0] + y[-1]) / 2, (x[-1] - x[0]) / 2
    offset = haloes.theta - middle
    distance = np.maximum(np.abs(offset.real), np.abs(offset.imag)) / half_width
    tier = np.searchsorted([limit for limit, _ in SMOOTH], distance, side="right")
    alpha = np.zeros((len(y), len(x)), complex)
    for k, (_, n) in enumerate(SMOOTH, start=1):
        if (tier == k).any():
            n = max(2, round(share * n))
            nodes = half_width * np.cos(np.pi * (np.arange(n) + 0.5) / n)
            smooth = haloes_deflection(haloes.take(tier == k), middle + nodes[None, :] + 1j * nodes[:, None], z_source)
            alpha += _interpolation(nodes, y - middle.imag) @ smooth @ _interpolation(nodes, x - middle.real).T
    near = haloes.take(tier == 0)
    if len(near) and len(x) <= TILE:
        alpha += haloes_deflection(near, x[None, :] + 1j * y[:, None], z_source)
    elif len(near):
        half = len(x) // 2
        for rows in (slice(half), slice(half, None)):
            for columns in (slice(half), slice(half, None)):
                alpha[rows, columns] += _on_grid(near, x[columns], y[rows], z_source, share)
    return alpha


def haloes_deflection(haloes: Haloes, theta: ComplexArray, z_source: float) -> ComplexArray:
    """Sum of the deflections [arcsec] of `haloes` at `theta` [arcsec], shape (y, x), scaled to `z_source`; no multi-plane effects."""
    bright = haloes.take(haloes.stellar_mass > 0)
    alpha = np.zeros(theta.shape, complex)
    if len(haloes):
        alpha += haloes.dark_matter(z_source).deflection(theta[None]).sum(axis=0)
    if len(bright):
        alpha += bright.galaxies(z_source).deflection(theta[None]).sum(axis=0)
    return alpha


def _interpolation(nodes: FloatArray, x: FloatArray) -> FloatArray:
    """Matrix from values at `nodes` to values at `x` of the polynomial through them (Berrut & Trefethen 2004), shape (x, nodes)."""
    n = len(nodes)
    weights = (-1.0) ** np.arange(n) * np.sin(np.pi * (np.arange(n) + 0.5) / n)
    offset = x[:, None] - nodes
    offset[offset == 0] = 1e-300
    terms = weights / offset
    return terms / terms.sum(axis=1, keepdims=True)
