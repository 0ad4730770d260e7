"""A deflection interpolated in a table: simulated galaxies, line-of-sight structure, anything without a fast formula.

The table holds alpha on a regular grid with a cubic spline through it. It may be turned, mirrored, rescaled and moved:

    alpha(theta) = turn scale mirror(A(mirror(w))),   w = conj(turn) (theta - centre) / scale

A map of convergence is a sum of uniform squares, one per pixel, whose deflection has a closed form (`squares`); the sum over pixels

    alpha(theta) = (1 / pi) int kappa(theta') (theta - theta') / |theta - theta'|^2 d^2 theta'

(Schneider, Ehlers & Falco 1992, section 5.1) is a convolution, done by FFT on a grid so wide that the periodic images of the map do not
overlap it.

Outside the table, with t the factor that brings w back to its edge and M / conj(w) the deflection of the mass M as a point,

    A(w) = P(w) + t^decay (A(t w) - P(t w)),   P(w) = middle + M / conj(w)

For a map of mass middle is 0 and decay 3: everything but the monopole is treated as a quadrupole. For other tables M is 0, middle is A(0)
and decay -1: the tide at the edge grows on linearly. Both are continuous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lenssbi.arrays import Array, ComplexArray, array_namespace, every, pixel_grid
from lenssbi.lensing.deflector import CORE, Deflector
from lenssbi.lensing.squares import deflections_of_maps
from lenssbi.splines import SplineTable

MARGIN = 16
"""Cells around the table with which its spline is computed and which are then cut off: errors at their edge decay by 0.27 per cell."""


@dataclass(frozen=True)
class DeflectionField:
    """A tabulated deflection, or a batch of them in one table; made by `tabulate`, `from_convergence` or `from_convergences`.

    Parameters
    ----------
    table
        Deflection [arcsec] at the nodes, complex; its middle is at w = 0.
    step
        Side of the table's cells [arcsec].
    mass
        Integral of the convergence over pi [arcsec^2], the square of the Einstein radius of a point of that mass; 0 if unknown.
    middle
        Deflection at w = 0 that goes on unchanged outside the table [arcsec], complex.
    decay
        Exponent of the rest outside the table.
    turn
        exp(i angle): the field is turned anticlockwise by the angle.
    mirror
        Sign: -1 reflects the field, before it is turned, across its x axis; 1 does not.
    scale
        Factor that stretches the field: alpha -> scale alpha(theta / scale), the convergence unchanged.
    centre
        Position of the middle of the table, x + iy [arcsec].

    Each but the table is a number or an array of shape (*batch, 1, 1); so is the table's `row`.

    Examples
    --------
    >>> import numpy as np
    >>> from lenssbi.lensing import ExternalShear
    >>> field = DeflectionField.tabulate(ExternalShear(0.1), 2.0, 0.5)
    >>> field.deflection(np.array([1 + 1j, 10 + 0j])).round(6)
    array([0.1-0.1j, 1. +0.j ])
    """

    table: SplineTable
    step: Array
    mass: Array = 0.0
    middle: Array = 0j
    decay: Array = -1
    turn: Array = 1.0
    mirror: Array = 1
    scale: Array = 1.0
    centre: Array = 0j

    def __post_init__(self) -> None:
        if not (every(self.step > 0) and every(self.scale > 0)):
            raise ValueError(f"DeflectionField needs step > 0 and scale > 0, got {self.step} and {self.scale}")
        if not every(abs(abs(self.turn) - 1) < 1e-5):
            raise ValueError(f"DeflectionField needs |turn| = 1, got {self.turn}")
        if not every(abs(self.mirror) == 1):
            raise ValueError(f"DeflectionField needs mirror 1 or -1, got {self.mirror}")

    @classmethod
    def tabulate(cls, deflector: Deflector, half_width: float, step: float) -> DeflectionField:
        """Table of a deflector without a singularity within |x|, |y| <= `half_width` [arcsec], in cells of `step` [arcsec].

        A deflector with parameters of shape (n, 1, 1) gives a batch of n fields.
        """
        if not half_width >= 3 * step > 0:
            raise ValueError(f"a table needs half_width >= 3 step > 0, got {half_width} and {step}")
        nodes = 2 * int(np.ceil(half_width / step - 1e-9)) + 1
        alpha = np.asarray(deflector.deflection(pixel_grid((nodes, nodes), step)))
        if not np.isfinite(alpha).all():
            raise ValueError("the deflector to tabulate is not finite everywhere")
        middle = alpha[..., nodes // 2, nodes // 2]
        if alpha.ndim == 2:
            return cls(_spline([_continued(alpha)]), float(step), middle=middle.item())
        table = _rows(_spline([_continued(one) for one in alpha]))
        return cls(table, float(step), middle=middle[:, None, None])

    @classmethod
    def from_convergence(cls, kappa: Array, pixel_scale: float) -> DeflectionField:
        """Deflection of a map of convergence of shape (ny, nx), row 0 at the bottom, pixels of `pixel_scale` [arcsec]."""
        alpha, mass = deflections_of_maps([kappa], [pixel_scale], 1 + MARGIN)
        return cls(_spline(alpha), float(pixel_scale), mass[0].item(), decay=3)

    @classmethod
    def from_convergences(cls, kappas: Sequence[Array], pixel_scales: Sequence[float]) -> DeflectionField:
        """The same for n maps of one shape: a batch of n fields that share one table; `batching.take` chooses among them."""
        alpha, mass = deflections_of_maps(kappas, pixel_scales, 1 + MARGIN)
        step = np.asarray(pixel_scales, float)[:, None, None]
        return cls(_rows(_spline(alpha)), step, mass[:, None, None], decay=3)

    def deflection(self, theta: Array) -> Array:
        """Deflection angle alpha [arcsec], complex, shape (*batch, y, x) like `theta` [arcsec]."""
        cells = self._inward(theta)
        t = self._edge(cells)
        power = t**self.decay
        alpha = self.table.value(*self._place(t * cells)) * power
        if not _is(self.middle, 0):
            alpha = alpha + self.middle * (1 - power)
        if not _is(self.mass, 0):
            alpha = alpha + self._point(cells) * (1 - t ** (self.decay - 1))
        alpha = self._reflect(alpha)
        turn = self.turn * self.scale
        return alpha if _is(turn, 1) else alpha * turn

    def convergence(self, theta: Array) -> Array:
        """Half the divergence of the deflection, shape of `theta`."""
        return array_namespace(theta).real(self.derivatives(theta)[0])

    def shear(self, theta: Array) -> Array:
        """Shear gamma1 + i gamma2, shape of `theta`."""
        return self.derivatives(theta)[1]

    def derivatives(self, theta: Array) -> tuple[Array, Array]:
        """dalpha/dz and dalpha/dz* of the spline, complex, shape of `theta`; the rotation is the error of the spline."""
        cells = self._inward(theta)
        t = self._edge(cells)
        place = self._place(t * cells)
        along_u, along_v = self.table.gradient(*place)
        along, across = (along_u - 1j * along_v) / 2, (along_u + 1j * along_v) / 2
        if not every(t == 1):
            along, across = self._beyond(cells, t, self.table.value(*place), along, across)
        return self._reflect(along) / self.step, self._reflect(across) * (self.turn * self.turn / self.step)

    def _inward(self, theta: Array) -> Array:
        """w / step: the place in the table, in cells from its middle."""
        z = theta if _is(self.centre, 0) else theta - self.centre
        return self._reflect(z * (1 / (self.turn * self.scale * self.step)))

    def _reflect(self, z: Array) -> Array:
        """The complex conjugate if the field is mirrored."""
        if _is(self.mirror, 1):
            return z
        xp = array_namespace(z)
        return xp.real(z) + 1j * (self.mirror * xp.imag(z))

    def _place(self, cells: Array) -> tuple[Array, Array]:
        """Column and row of the table."""
        xp = array_namespace(cells)
        ny, nx = self.table.shape
        return xp.real(cells) + (nx - 1) / 2, xp.imag(cells) + (ny - 1) / 2

    def _excess(self, cells: Array) -> tuple[Array, Array]:
        """x and y over those of the table's edges."""
        xp = array_namespace(cells)
        ny, nx = self.table.shape
        return xp.real(cells) * (2 / (nx - 1)), xp.imag(cells) * (2 / (ny - 1))

    def _edge(self, cells: Array) -> Array:
        """t: the largest factor up to 1 that brings a place into the table."""
        xp = array_namespace(cells)
        x, y = self._excess(cells)
        return 1 / xp.clip(xp.maximum(xp.abs(x), xp.abs(y)), 1, None)

    def _point(self, cells: Array) -> Array:
        """M / conj(w)."""
        xp = array_namespace(cells)
        return cells * (self.mass / self.step) / (xp.real(cells) ** 2 + xp.imag(cells) ** 2 + CORE**2)

    def _beyond(self, cells: Array, t: Array, alpha: Array, along: Array, across: Array) -> tuple[Array, Array]:
        """Derivatives per cell of A(w) outside the table, from the table's at t w."""
        xp = array_namespace(cells)
        x, y = self._excess(cells)
        real, imag = xp.real(cells), xp.imag(cells)
        wide = xp.abs(x) > xp.abs(y)
        slope = xp.where(wide, -1 / xp.where(wide, real, 1), 0) + 1j * xp.where(wide, 0, 1 / xp.where(wide, 1, imag))
        slope = xp.where(t < 1, slope, 0) * t / 2  # dt/dw
        power, point = t**self.decay, self._point(cells)
        inner, outer = t + cells * slope, xp.conj(cells) * slope  # d(t w)/dw and the conjugate of d(t w)/dw*
        change = (
            self.decay * t ** (self.decay - 1) * (alpha - self.middle)
            - (self.decay - 1) * t ** (self.decay - 2) * point
        )
        bare = -(1 - t ** (self.decay - 1)) * point / xp.where(t < 1, xp.conj(cells), 1)
        return (
            change * slope + power * (along * inner + across * outer),
            change * xp.conj(slope) + power * (along * xp.conj(outer) + across * xp.conj(inner)) + bare,
        )


def _is(value: Array, number: float) -> bool:
    """Whether a parameter is this number, for all of a batch."""
    return isinstance(value, int | float | complex) and value == number


def _rows(table: SplineTable) -> SplineTable:
    """Its grids as a batch."""
    return table.of_row(np.arange(len(table.coefficients))[:, None, None])


def _spline(values: Sequence[ComplexArray]) -> SplineTable:
    """Splines through grids that are MARGIN wider on each side than the table."""
    table = SplineTable.through(values)
    return SplineTable(np.ascontiguousarray(table.coefficients[:, MARGIN:-MARGIN, MARGIN:-MARGIN]))


def _continued(values: ComplexArray) -> ComplexArray:
    """A grid with MARGIN more nodes on each side, on the cubic through its outermost four."""
    for _ in range(2):
        for _ in range(2):
            rows = list(values[:4][::-1])
            for _ in range(MARGIN):
                rows.append(4 * rows[-1] - 6 * rows[-2] + 4 * rows[-3] - rows[-4])
            values = np.concatenate([rows[4:][::-1], values])[::-1]
        values = values.T
    return values
