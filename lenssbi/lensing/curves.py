"""Critical curves and caustics: points of infinite magnification, in the image plane and in the source plane.

A contour of det A = 0 on a grid gives the curves to a fraction of a cell; Newton steps along the gradient put each of
their points on the curve. Curves are closed complex arrays [arcsec], the first point repeated at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

import contourpy
import numpy as np

from lenssbi.arrays import ComplexArray
from lenssbi.lensing.deflector import Deflector
from lenssbi.lensing.jacobian import inverse_magnification


def critical_curves(lens: Deflector, half_width: float, n: int = 200) -> list[ComplexArray]:
    """Curves of infinite magnification within |x|, |y| < half_width.

    Parameters
    ----------
    lens
        Deflector with scalar parameters.
    half_width
        Half the side of the square searched, centred on 0 [arcsec].
    n
        Number of grid points along the side; a curve smaller than a cell is missed.

    Returns
    -------
    One complex array per curve [arcsec].
    """
    n += n % 2  # an even grid has no point on the singular centre of an undisturbed lens
    axis = np.linspace(-half_width, half_width, n)
    values = inverse_magnification(lens, axis[None, :] + 1j * axis[:, None])
    contours = contourpy.contour_generator(axis, axis, values, name="serial").lines(0.0)
    step = axis[1] - axis[0]
    points = [np.asarray(line, dtype=float) for line in contours]
    return [_onto_curve(lens, xy[:, 0] + 1j * xy[:, 1], step) for xy in points]


def caustics(lens: Deflector, curves: Sequence[ComplexArray]) -> list[ComplexArray]:
    """The critical `curves` of `lens` traced to the source plane."""
    return [curve - lens.deflection(curve) for curve in curves]


def cut(lens: Deflector, centre: complex = 0j, n: int = 360) -> ComplexArray:
    """Pseudo-caustic: the curve at which an image disappears into the centre of a singular isothermal mass.

    Parameters
    ----------
    lens
        Deflector that is isothermal at `centre`.
    centre
        Position of the singularity [arcsec].
    n
        Number of directions in which the centre is approached.

    Returns
    -------
    Closed curve in the source plane [arcsec], complex, shape (n + 1,).
    """
    around = 1e-6 * np.exp(2j * np.pi * np.arange(n + 1) / n)
    return centre - lens.deflection(centre + around)


def equivalent_einstein_radius(curves: Sequence[ComplexArray]) -> float:
    """Radius [arcsec] of the circle with the area of the largest of `curves`: the model-independent Einstein radius.

    Raises
    ------
    ValueError
        If there are no curves.
    """
    if not curves:
        raise ValueError("there is no critical curve: search a wider field")
    return float(np.sqrt(max(_area(curve) for curve in curves) / np.pi))


def _onto_curve(lens: Deflector, theta: ComplexArray, cell: float, h: float = 1e-6) -> ComplexArray:
    """Move points near a critical curve onto it; steps longer than a cell are not taken."""
    for _ in range(3):
        value, right, left, up, down = (
            inverse_magnification(lens, theta + offset) for offset in (0, h, -h, 1j * h, -1j * h)
        )
        gradient = (right - left + 1j * (up - down)) / (2 * h)
        step = value * gradient / np.maximum(np.abs(gradient) ** 2, 1e-300)
        theta = theta - np.where(np.abs(step) < cell, step, 0)
    return theta


def _area(curve: ComplexArray) -> float:
    """Area inside a closed polygon (the shoelace formula)."""
    return abs(float(np.sum(np.imag(np.conj(curve) * np.roll(curve, -1))))) / 2
