"""The posterior of one lens: three marginals and the plane of the ellipticity.

Filled: the result. Lines: the same with the learned prior still in it, and the network's own belief before the fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lenssbi.plots.style import INK, NETWORK, PRIOR, RESULT, TRUTH, label, value_with_errors
from lenssbi.posteriors import derive_ellipse

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from lenssbi.posteriors import Samples, Summary
    from lenssbi.refinement.result import FitResult

PANELS = ("einstein_radius", "q", "phi")
BINS = 48
NETWORK_DRAWS = 8000
NETWORK_NAME = "network"


class Belief(NamedTuple):
    """Draws with a name and a look."""

    name: str
    samples: Samples
    colour: str
    filled: bool


def posterior_row(figure: SubFigure, fit: FitResult, truth: Mapping[str, float] | None) -> None:
    """Fill `figure` with the marginals of `PANELS` and the plane of e1 and e2."""
    beliefs, truth = _beliefs(fit), _with_ellipse(truth or {})
    params = fit.params()
    shown = [name for name in PANELS if name in params]
    *axes, plane = np.atleast_1d(figure.subplots(1, len(shown) + 1))
    for panel, name in zip(axes, shown, strict=True):
        _marginal(panel, name, params[name], beliefs, truth.get(name))
    _ellipticity(plane, beliefs, truth)
    handles, names = plane.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))


def _with_ellipse(truth: Mapping[str, float]) -> Mapping[str, float]:
    if not {"e1", "e2"} <= set(truth) or "q" in truth:
        return truth
    ellipse = derive_ellipse(np.asarray(truth["e1"]), np.asarray(truth["e2"]))
    return {**truth, **{name: float(value) for name, value in ellipse.items()}}


def _beliefs(fit: FitResult) -> list[Belief]:
    label = "fit" if fit.learned is None else "fit, broad prior"
    if fit.mode.startswith("cnn"):
        label = "fit, prior divided out"
    beliefs = [Belief(label, fit.samples.derived(), RESULT, True)]
    if fit.samples_with_prior is not None:
        beliefs.append(Belief("fit with the network's prior", fit.samples_with_prior.derived(), PRIOR, False))
    if fit.network is not None:
        # fixed seed: the same result gives the same picture
        draws = fit.network.sample(NETWORK_DRAWS, np.random.default_rng(0))
        name = NETWORK_NAME if fit.learned is not None else f"{NETWORK_NAME}, not used by the fit"
        beliefs.append(Belief(name, draws.derived(), NETWORK, False))
    return beliefs


def _marginal(axes: Axes, name: str, summary: Summary, beliefs: list[Belief], truth: float | None) -> None:
    limits = _limits([b for b in beliefs if name in b.samples.names], name, summary, truth)
    edges = np.linspace(*limits, BINS + 1)
    for belief in beliefs:
        if name in belief.samples.names:
            values = near(belief.samples.column(name), name, summary.median)
            density, _ = np.histogram(values, edges, weights=belief.samples.weights)
            # scaled to the peak: a wide prior beside a narrow result would vanish
            steps = axes.stairs(density / max(density.max(), 1e-300), edges, color=belief.colour, fill=belief.filled)
            steps.set(alpha=0.85) if belief.filled else steps.set(linewidth=1.6)
    if truth is not None:
        axes.axvline(float(near(np.asarray(truth), name, summary.median)), color=TRUTH, lw=1.4)
    axes.set_xlim(*limits)
    axes.set_ylim(0, 1.12)
    axes.set_yticks([])
    axes.set_xlabel(label(name, summary.unit))
    numbers = value_with_errors(summary.median, summary.lower, summary.upper)
    axes.set_title(f"{label(name)} = {numbers}")
    _say_network(axes, name, beliefs)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)


def _say_network(axes: Axes, name: str, beliefs: list[Belief]) -> None:
    """Write the network's answer into the panel: where it is far from the fit its marginal lies outside."""
    for belief in beliefs:
        if belief.colour == NETWORK and name in belief.samples.names:
            found = belief.samples.summary()[name]
            text = f"network {value_with_errors(found.median, found.lower, found.upper)}"
            place: dict[str, Any] = {"transform": axes.transAxes, "ha": "left", "va": "top"}
            axes.text(0.02, 0.99, text, color=NETWORK, fontsize=8, **place)


def near(values: np.ndarray, name: str, centre: float) -> np.ndarray:
    """Position angles are moved to within 90 degrees of `centre`; other parameters stay."""
    return centre + (values - centre + 90.0) % 180.0 - 90.0 if name == "phi" else values


def _limits(beliefs: list[Belief], name: str, summary: Summary, truth: float | None) -> tuple[float, float]:
    """A range that holds the result with room around it, the other beliefs as far as that does not dwarf it."""
    centre, width = summary.median, max(summary.upper - summary.lower, 1e-6)
    low, high = centre - 2.5 * width, centre + 2.5 * width
    for belief in beliefs:
        values = near(belief.samples.column(name), name, centre)
        below, above = np.quantile(values, (0.02, 0.98))
        low, high = min(low, max(below, centre - 12 * width)), max(high, min(above, centre + 12 * width))
    if truth is not None:
        value = float(near(np.asarray(truth), name, centre))
        margin = 0.06 * (max(high, value) - min(low, value))
        low, high = min(low, value - margin), max(high, value + margin)
    return float(low), float(high)


def _ellipticity(axes: Axes, beliefs: list[Belief], truth: Mapping[str, float]) -> None:
    beliefs = [b for b in beliefs if {"e1", "e2"} <= set(b.samples.names)]
    if not beliefs:
        axes.set_axis_off()
        return
    middle, half = _square(beliefs, truth)
    edges = [np.linspace(m - half, m + half, BINS + 1) for m in middle]
    for belief in beliefs:
        _contours(axes, belief, edges)
        axes.plot([], [], color=belief.colour, lw=6 if belief.filled else 1.6, label=belief.name)
    if {"e1", "e2"} <= set(truth):
        axes.plot(truth["e1"], truth["e2"], marker="+", ms=12, mew=2, ls="none", color=TRUTH, label="truth")
    axes.axhline(0, color=INK, lw=0.4, zorder=0)
    axes.axvline(0, color=INK, lw=0.4, zorder=0)
    axes.set(xlim=edges[0][[0, -1]], ylim=edges[1][[0, -1]], xlabel=label("e1"), ylabel=label("e2"))
    axes.set_aspect("equal")
    axes.set_title("ellipticity, 68 and 95 per cent")


def _square(beliefs: list[Belief], truth: Mapping[str, float]) -> tuple[tuple[float, float], float]:
    summary = beliefs[0].samples.summary()
    middle = (summary["e1"].median, summary["e2"].median)
    half = 0.0
    for belief in beliefs:
        other = belief.samples.summary()
        for name, centre in zip(("e1", "e2"), middle, strict=True):
            half = max(half, abs(other[name].mean - centre) + 2.6 * other[name].sigma)
    for name, centre in zip(("e1", "e2"), middle, strict=True):
        half = max(half, 1.15 * abs(truth.get(name, centre) - centre))
    return middle, max(half, 1e-4)


def _contours(axes: Axes, belief: Belief, edges: list[np.ndarray]) -> None:
    from scipy.ndimage import gaussian_filter

    samples = belief.samples
    density, _, _ = np.histogram2d(samples.column("e1"), samples.column("e2"), edges, weights=samples.weights)
    density = gaussian_filter(density, 1.8).T
    levels = _levels(density, (0.95, 0.68))
    if len(levels) < 2:
        return
    centres = [(e[1:] + e[:-1]) / 2 for e in edges]
    if belief.filled:
        for level, alpha in zip(levels, (0.35, 0.85), strict=True):
            axes.contourf(*centres, density, levels=[level, density.max()], colors=[belief.colour], alpha=alpha)
    else:
        axes.contour(*centres, density, levels=levels, colors=[belief.colour], linewidths=1.4)


def _levels(density: np.ndarray, shares: tuple[float, ...]) -> list[float]:
    """Densities above which the given shares of the total lie, rising; fewer where they coincide."""
    ordered = np.sort(density.ravel())[::-1]
    inside = np.cumsum(ordered)
    if inside[-1] <= 0:
        return []
    found = {float(ordered[np.searchsorted(inside, share * inside[-1])]) for share in shares}
    return sorted(level for level in found if 0 < level < density.max())
