"""Coordinates of the panels of a thumbnail [arcsec], for axes, a scale bar, critical curves and caustics in the report."""

from __future__ import annotations

from typing import Any

import numpy as np

from lenssbi.arrays import ComplexArray
from lenssbi.dataset.stamp import Stamp
from lenssbi.lensing.curves import caustics, critical_curves
from lenssbi.plots.thumbnails import half_sides
from lenssbi.refinement.own_model import OwnModel
from lenssbi.systems import deflectors

GRID = 64  # number of points along the side of the grid on which curves are found
POINTS = 72  # largest number of points of a curve, sufficient for a thumbnail
DIGITS = 3


def view_of(stamp: Stamp, model: OwnModel) -> dict[str, Any]:
    """Coordinates of the panels of a thumbnail, and the curves on them.

    Parameters
    ----------
    stamp
        Stamp that is shown.
    model
        Lens model of the network's posterior.

    Returns
    -------
    dict
        ``half``, half sides (x, y) of data, model and residual about the stamp's centre; ``source``, left, right, bottom and top of the
        source; ``critical`` and ``caustics``, a list of curves of alternating x and y each. All in arcsec, in types of JSON.
    """
    half = half_sides(stamp.shape, model.mask, stamp.pixel_scale)
    lens = deflectors(model.params)
    critical = critical_curves(lens, max(half), GRID)
    return {
        "half": [round(float(side), DIGITS) for side in half],
        "source": [round(float(edge), DIGITS) for edge in model.extent],
        "critical": [_flat(curve) for curve in critical],
        "caustics": [_flat(curve) for curve in caustics(lens, critical)],
    }


def _flat(curve: ComplexArray) -> list[float]:
    chosen = curve[np.unique(np.linspace(0, len(curve) - 1, min(POINTS, len(curve))).astype(int))]
    return [float(value) for value in np.round(np.stack([chosen.real, chosen.imag], 1), DIGITS).ravel()]
