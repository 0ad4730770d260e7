"""The posterior of one lens: three marginals and the plane of the ellipticity.

Filled: the result. Lines: the result with the learned prior, and the network's posterior before the fit. Each is binned and
smoothed on its own scale, however much wider another is, and no axis extends beyond the possible values of its parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lenssbi.plots.style import INK, NETWORK, PRIOR, RESULT, TRUTH, label, value_with_errors
from lenssbi.posteriors import derive_ellipse
from lenssbi.posteriors.regions import credible_regions
from lenssbi.posteriors.samples import weighted_quantiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

    from lenssbi.posteriors import Samples, Summary
    from lenssbi.refinement.result import FitResult

PANELS = ("einstein_radius", "q", "phi")
BINS = (3, 200)  # fewest and most in the range of a panel
NETWORK_DRAWS = 20_000
MANY = 64  # components of a mixture that are kernels
SHARES = (0.95, 0.68)  # probabilities of the regions
POSSIBLE = {"einstein_radius": (0.0, np.inf), "q": (0.0, 1.0), "e1": (-1.0, 1.0), "e2": (-1.0, 1.0)}
SMALL = 6.0  # a region this many times smaller than its panel gets an enlarged inset
NETWORK_NAME = "network"


class PlottedPosterior(NamedTuple):
    """Draws with a name, a style, and the least smoothing of their regions [standard deviations]."""

    name: str
    samples: Samples
    colour: str
    filled: bool
    smoothing: float = 0.0


def posterior_row(figure: SubFigure, fit: FitResult, truth: Mapping[str, float] | None) -> None:
    """Fill `figure` with the marginals of `PANELS` and the plane of e1 and e2."""
    posteriors, truth = _posteriors(fit), _with_ellipse(truth or {})
    params = fit.params()
    shown = [name for name in PANELS if name in params]
    *axes, plane = np.atleast_1d(figure.subplots(1, len(shown) + 1))
    for panel, name in zip(axes, shown, strict=True):
        _marginal(panel, name, params[name], posteriors, truth.get(name))
    _ellipticity(plane, posteriors, truth)
    handles, names = plane.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names))


def _with_ellipse(truth: Mapping[str, float]) -> Mapping[str, float]:
    if not {"e1", "e2"} <= set(truth) or "q" in truth:
        return truth
    ellipse = derive_ellipse(np.asarray(truth["e1"]), np.asarray(truth["e2"]))
    return {**truth, **{name: float(value) for name, value in ellipse.items()}}


def _posteriors(fit: FitResult) -> list[PlottedPosterior]:
    label = "fit" if fit.learned is None else "fit, broad prior"
    if fit.mode.startswith("cnn"):
        label = "fit, prior divided out"
    posteriors = [PlottedPosterior(label, fit.samples.derived(), RESULT, True)]
    if fit.samples_with_prior is not None:
        posteriors.append(
            PlottedPosterior("fit with the network's prior", fit.samples_with_prior.derived(), PRIOR, False)
        )
    if fit.network is not None:
        # fixed seed: the same result gives the same picture
        draws = fit.network.sample(NETWORK_DRAWS, np.random.default_rng(0))
        name = NETWORK_NAME if fit.learned is not None else f"{NETWORK_NAME}, not used by the fit"
        # a flow's posterior is a sum of kernels about few draws: Scott's width for this number hides the single ones
        kernels = len(fit.network.means)
        smoothing = kernels ** (-1 / 6) if kernels >= MANY else 0.0
        posteriors.append(PlottedPosterior(name, draws.derived(), NETWORK, False, smoothing))
    return posteriors


def _marginal(axes: Axes, name: str, summary: Summary, posteriors: list[PlottedPosterior], truth: float | None) -> None:
    posteriors = [b for b in posteriors if name in b.samples.names]
    limits = _limits(posteriors, name, summary, truth)
    for posterior in posteriors:
        values, weights = near(posterior.samples.column(name), name, summary.median), posterior.samples.weights
        edges = _edges(values, weights, posterior.samples.n_eff, limits)
        masses, _ = np.histogram(values, edges, weights=weights)
        # scaled to the peak: a wide prior would vanish next to a narrow result, and a tail could be taken for a result
        peak = max(masses.max(), _peak(values, weights, edges[1] - edges[0]))
        steps = axes.stairs(masses / peak, edges, color=posterior.colour, fill=posterior.filled)
        steps.set(alpha=0.85) if posterior.filled else steps.set(linewidth=1.6)
    if truth is not None:
        axes.axvline(float(near(np.asarray(truth), name, summary.median)), color=TRUTH, lw=1.4)
    axes.set_xlim(*limits)
    axes.set_ylim(0, 1.12)
    axes.set_yticks([])
    axes.set_xlabel(label(name, summary.unit))
    numbers = value_with_errors(summary.median, summary.lower, summary.upper)
    axes.set_title(f"{label(name)} = {numbers}")
    _annotate_network(axes, name, posteriors)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)


def _edges(values: np.ndarray, weights: np.ndarray, n_eff: float, limits: tuple[float, float]) -> np.ndarray:
    """Edges of bins of the posterior's own width (Freedman & Diaconis 1981), over the part of the panel that it fills."""
    lowest, lower, upper, highest = weighted_quantiles(values, weights, (0.0005, 0.25, 0.75, 0.9995))
    width = max(2.0 * (upper - lower) / np.cbrt(n_eff), (limits[1] - limits[0]) / BINS[1])
    low, high = max(lowest - width, limits[0]), min(highest + width, limits[1])
    if not low < high:  # all of it is beyond the panel
        low, high = limits
    return np.linspace(low, high, max(BINS[0], round((high - low) / width)) + 1)


def _peak(values: np.ndarray, weights: np.ndarray, width: float) -> float:
    """The largest mass in a bin of about this width, inside the panel or beyond it."""
    low, high = weighted_quantiles(values, weights, (0.0005, 0.9995))
    bins = max(1, round((high - low) / width))
    masses, _ = np.histogram(values, np.linspace(low, max(high, low + width), bins + 1), weights=weights)
    return float(masses.max())


def _annotate_network(axes: Axes, name: str, posteriors: list[PlottedPosterior]) -> None:
    """Write the network's result into the panel: if it is far from the fit its marginal lies outside."""
    for posterior in posteriors:
        if posterior.colour == NETWORK and name in posterior.samples.names:
            found = posterior.samples.summary()[name]
            text = f"network {value_with_errors(found.median, found.lower, found.upper)}"
            place: dict[str, Any] = {"transform": axes.transAxes, "ha": "left", "va": "top"}
            axes.text(0.02, 0.99, text, color=NETWORK, fontsize=8, **place)


def near(values: np.ndarray, name: str, centre: float) -> np.ndarray:
    """Position angles are moved to within 90 degrees of `centre`; other parameters stay."""
    return centre + (values - centre + 90.0) % 180.0 - 90.0 if name == "phi" else values


def _limits(
    posteriors: list[PlottedPosterior], name: str, summary: Summary, truth: float | None
) -> tuple[float, float]:
    """A range that holds the result with a margin, and the other posteriors unless they are much wider."""
    centre, width = summary.median, max(summary.upper - summary.lower, 1e-6)
    low, high = centre - 2.5 * width, centre + 2.5 * width
    for posterior in posteriors:
        values = near(posterior.samples.column(name), name, centre)
        below, above = weighted_quantiles(values, posterior.samples.weights, (0.02, 0.98))
        low, high = min(low, max(below, centre - 12 * width)), max(high, min(above, centre + 12 * width))
    if truth is not None:
        value = float(near(np.asarray(truth), name, centre))
        margin = 0.06 * (max(high, value) - min(low, value))
        low, high = min(low, value - margin), max(high, value + margin)
    lowest, highest = (centre - 90.0, centre + 90.0) if name == "phi" else POSSIBLE.get(name, (-np.inf, np.inf))
    return max(float(low), lowest), min(float(high), highest)


def _ellipticity(axes: Axes, posteriors: list[PlottedPosterior], truth: Mapping[str, float]) -> None:
    posteriors = [b for b in posteriors if {"e1", "e2"} <= set(b.samples.names)]
    if not posteriors:
        axes.set_axis_off()
        return
    whole, result = _square(posteriors, truth), _square(posteriors[:1], {})
    _plane(axes, posteriors, truth, whole)
    for posterior in posteriors:
        axes.plot([], [], color=posterior.colour, lw=6 if posterior.filled else 1.6, label=posterior.name)
    if {"e1", "e2"} <= set(truth):
        axes.plot([], [], marker="+", ms=12, mew=2, ls="none", color=TRUTH, label="truth")
    axes.set(xlabel=label("e1"), ylabel=label("e2"))
    axes.set_title("ellipticity, 68 and 95 per cent")
    if np.ptp(whole[0]) > SMALL * np.ptp(result[0]):
        right, above = (np.mean(result[i]) < np.mean(whole[i]) for i in (0, 1))
        inset = axes.inset_axes((0.6 if right else 0.03, 0.6 if above else 0.03, 0.37, 0.37))
        _plane(inset, posteriors, truth, result)
        inset.set(xticks=[], yticks=[])
        axes.indicate_inset_zoom(inset, edgecolor=INK, lw=0.6)


def _plane(
    axes: Axes,
    posteriors: list[PlottedPosterior],
    truth: Mapping[str, float],
    limits: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    for posterior in posteriors:
        _contours(axes, posterior)
    if {"e1", "e2"} <= set(truth):
        axes.plot(truth["e1"], truth["e2"], marker="+", ms=12, mew=2, ls="none", color=TRUTH)
    axes.axhline(0, color=INK, lw=0.4, zorder=0)
    axes.axvline(0, color=INK, lw=0.4, zorder=0)
    axes.set(xlim=limits[0], ylim=limits[1])
    axes.set_aspect("equal")


def _square(
    posteriors: list[PlottedPosterior], truth: Mapping[str, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Limits of e1 and of e2, of equal range, that hold all posteriors and stay within the possible values."""
    summaries = [posterior.samples.summary() for posterior in posteriors]
    middle = [summaries[0][name].median for name in ("e1", "e2")]
    half = 1e-4
    for name, centre in zip(("e1", "e2"), middle, strict=True):
        half = max(half, *(abs(found[name].mean - centre) + 2.8 * found[name].sigma for found in summaries))
        half = max(half, 1.15 * abs(truth.get(name, centre) - centre))
    half = min(half, POSSIBLE["e1"][1])
    low = [min(max(centre - half, -1.0), 1.0 - 2 * half) for centre in middle]
    return (low[0], low[0] + 2 * half), (low[1], low[1] + 2 * half)


def _contours(axes: Axes, posterior: PlottedPosterior) -> None:
    samples = posterior.samples
    found = credible_regions(samples.column("e1"), samples.column("e2"), samples.weights, SHARES, posterior.smoothing)
    if len(found.levels) < len(SHARES):
        return
    if posterior.filled:
        for level, alpha in zip(found.levels, (0.35, 0.85), strict=True):
            levels = [level, found.density.max()]
            axes.contourf(*found[:3], levels=levels, colors=[posterior.colour], alpha=alpha)
    else:
        axes.contour(*found[:3], levels=list(found.levels), colors=[posterior.colour], linewidths=1.4)
