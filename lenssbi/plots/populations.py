"""Origin of stamps: a lens in its two planes, and the effect of the selection on a population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.plots.style import LIGHT, NETWORK, RESULT, TRUTH, house_style, label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STRETCH = 30.0  # light is shown linearly up to this part of the brightest
BINS = 20


class PanelPlane(NamedTuple):
    """The source plane, or the image plane.

    `light` (y, x), any unit, fills the square of side 2 `half_width` [arcsec] about 0; `curves` are closed lines (caustics or critical
    curves) and `points` positions (the source's centre or its images), all complex [arcsec].
    """

    title: str
    light: FloatArray
    half_width: float
    curves: Sequence[ComplexArray]
    points: ComplexArray


def planes_figure(planes: Sequence[PanelPlane]) -> Figure:
    """Draw planes side by side, without noise.

    Parameters
    ----------
    planes
        Planes from left to right.
    """
    from matplotlib.figure import Figure

    with house_style():
        figure = Figure(figsize=(3.6 * len(planes), 3.9), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(planes)))
        for axes, plane in zip(panels, planes, strict=True):
            _plane(axes, plane)
        panels[0].set_ylabel("y [arcsec]")
    return figure


def selection_figure(
    drawn: Mapping[str, FloatArray], kept: Mapping[str, FloatArray], units: Mapping[str, str]
) -> Figure:
    """Draw how quantities are distributed among the systems drawn, and among those that passed the selection.

    Parameters
    ----------
    drawn, kept
        Name -> values, of any length; each name in `drawn` has a panel.
    units
        Units of those that have one.
    """
    from matplotlib.figure import Figure

    with house_style():
        figure = Figure(figsize=(2.5 * len(drawn) + 0.2, 2.7), layout="constrained")
        panels = np.atleast_1d(figure.subplots(1, len(drawn)))
        for axes, (name, values) in zip(panels, drawn.items(), strict=True):
            edges = np.linspace(np.min(values), np.max(values), BINS + 1)
            axes.hist(values, edges, density=True, color=NETWORK, alpha=0.45, label="drawn")
            axes.hist(
                kept[name], edges, density=True, histtype="step", lw=1.6, color=RESULT, label="passed the selection"
            )
            axes.set_xlabel(label(name, units.get(name, "")))
            axes.set_xlim(edges[0], edges[-1])
            axes.set_yticks([])
            for side in ("left", "right", "top"):
                axes.spines[side].set_visible(False)
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure


def _plane(axes: Axes, plane: PanelPlane) -> None:
    half = plane.half_width
    shown = np.arcsinh(STRETCH * plane.light / np.max(plane.light))
    axes.imshow(shown, cmap=LIGHT, extent=(-half, half, -half, half))
    for curve in plane.curves:
        axes.plot(curve.real, curve.imag, color="white", lw=1.0)
    axes.plot(plane.points.real, plane.points.imag, "+", ms=11, mew=1.6, color=TRUTH)
    axes.set(xlim=(-half, half), ylim=(-half, half), xlabel="x [arcsec]")
    axes.set_title(plane.title)
