"""One lens on one page: data, model, residuals, source and posterior."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.plots import marginals
from lenssbi.plots.style import INK, LIGHT, SIGNED, house_style, scale_bar
from lenssbi.status import Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure, SubFigure

    from lenssbi.refinement.result import FitResult

RESIDUAL_LIMIT = 5.0  # [sigma]


def lens_figure(fit: FitResult, truth: Mapping[str, float] | None = None) -> Figure:
    """Draw a finished fit.

    Parameters
    ----------
    fit
        The result of the refinement.
    truth
        True or published values by parameter name, drawn if there is a panel for them.

    Returns
    -------
    A figure with two rows: images (the observed image if lens light was subtracted, data, model, residual, source) and posterior.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    observed = fit.lens_light is not None
    with house_style():
        layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
        figure = Figure(figsize=(3.05 * (4 + observed), 6.5), layout=layout)
        upper, lower = np.asarray(figure.subfigures(2, 1, height_ratios=(1.12, 1.0)))
        _image_row(upper, fit, observed)
        marginals.posterior_row(lower, fit, truth)
        figure.suptitle(_headline(fit), fontsize=11, color=INK, x=0.01, ha="left")
    return figure


def _headline(fit: FitResult) -> str:
    parts = [fit.stamp.name]
    if fit.samples.log_evidence is not None:
        parts.append(f"ln E = {fit.samples.log_evidence:.1f}")
    if "chi2_per_pixel" in fit.info:
        parts.append(f"$\\chi^2$/pixel = {fit.info['chi2_per_pixel']:.2f}")
    parts.append(f"{fit.evaluations:,} evaluations in {fit.seconds:.0f} s")
    if fit.status is Status.WRONG:
        parts.insert(1, "WRONG: shows the source only once")
    elif fit.status is not Status.DONE:
        parts.insert(1, "NOT CONVERGED: stopped at its limit")
    if fit.flags:
        parts.append("look at: " + ", ".join(flag.replace("_", " ") for flag in fit.flags))
    return "  ·  ".join(parts)


def _image_row(figure: SubFigure, fit: FitResult, observed: bool) -> None:
    window = _window(fit.arcs_mask, fit.stamp.pixel_scale)
    norm = _stretch(fit)
    panels = list(figure.subplots(1, 4 + observed))
    axes = panels[observed:]
    if fit.lens_light is not None:
        _image(panels[0], fit.stamp.image + fit.lens_light, fit, window, norm, "observed")
    title = "data, lens light subtracted" if observed else "data"
    _image(axes[0], fit.stamp.image, fit, window, norm, title)
    axes[0].contour(
        fit.arcs_mask, levels=[0.5], colors="white", linewidths=0.6, linestyles=":", extent=fit.stamp.extent
    )
    _image(axes[1], fit.best.image, fit, window, norm, "model")
    _curves(axes[1], fit.best.critical_curves)
    _residual(axes[2], fit, window)
    _source(axes[3], fit)
    for panel in panels:
        panel.set_xlabel("x [arcsec]")
    panels[0].set_ylabel("y [arcsec]")


def _window(mask: np.ndarray, pixel_scale: float) -> tuple[float, float]:
    """Half sides (x, y) [arcsec] of the field that shows the mask and a margin around it."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return mask.shape[1] * pixel_scale / 2, mask.shape[0] * pixel_scale / 2
    reach = max(np.abs(rows - (mask.shape[0] - 1) / 2).max(), np.abs(columns - (mask.shape[1] - 1) / 2).max())
    half = float(1.12 * (reach + 0.5) * pixel_scale)
    return min(half, mask.shape[1] * pixel_scale / 2), min(half, mask.shape[0] * pixel_scale / 2)


def _stretch(fit: FitResult) -> Normalize:
    """One arcsinh stretch for data and model: linear within the noise, so that faint and bright arcs are both visible."""
    from matplotlib.colors import AsinhNorm

    inside = fit.mask & fit.stamp.mask
    sigma = float(np.median(fit.stamp.noise[inside]))
    brightest = float(np.nanmax(fit.best.image)) if np.isfinite(fit.best.image).any() else 0.0
    return AsinhNorm(linear_width=4 * sigma, vmin=-2 * sigma, vmax=max(brightest, 10 * sigma))


def _image(
    axes: Axes, image: np.ndarray, fit: FitResult, window: tuple[float, float], norm: Normalize, title: str
) -> None:
    axes.set_facecolor("black")
    axes.imshow(image, extent=fit.stamp.extent, cmap=LIGHT, norm=norm)
    _frame(axes, window, title)
    scale_bar(axes)


def _residual(axes: Axes, fit: FitResult, window: tuple[float, float]) -> None:
    limit = RESIDUAL_LIMIT
    axes.set_facecolor("0.93")
    image = axes.imshow(fit.residual, extent=fit.stamp.extent, cmap=SIGNED, vmin=-limit, vmax=limit)
    _frame(axes, window, "residual / noise")
    _inset_bar(axes, image)


def _inset_bar(axes: Axes, image: Any) -> None:
    """A small colour bar inside the panel, so that all panels keep one size."""
    inset = axes.inset_axes((0.6, 0.06, 0.34, 0.03))
    bar = axes.figure.colorbar(image, cax=inset, orientation="horizontal", ticks=[-4, 0, 4])
    bar.ax.tick_params(labelsize=7, length=2, pad=1, top=True, bottom=False, labeltop=True, labelbottom=False)
    bar.outline.set_linewidth(0.5)


def _source(axes: Axes, fit: FitResult) -> None:
    image = fit.best.source.image
    axes.set_facecolor("black")
    bright = float(np.nanmax(image)) if np.isfinite(image).any() else 1.0
    axes.imshow(image, extent=fit.best.source.extent, cmap=LIGHT, vmin=min(0.0, -0.02 * bright), vmax=bright)
    _curves(axes, fit.best.caustics)
    left, right, bottom, top = fit.best.source.extent
    centre = ((left + right) / 2, (bottom + top) / 2)
    half = max(right - left, top - bottom) / 2
    axes.set_xlim(centre[0] - half, centre[0] + half)
    axes.set_ylim(centre[1] - half, centre[1] + half)
    axes.set_aspect("equal")
    axes.set_title("source and caustics")
    scale_bar(axes, length=_round_length(half))


def _round_length(half: float) -> float:
    """The longest of a few round lengths [arcsec] that fits into a quarter of the panel."""
    return max((length for length in (0.1, 0.2, 0.5, 1.0, 2.0) if length <= half / 2), default=0.05)


def _curves(axes: Axes, curves: Iterable[np.ndarray]) -> None:
    for curve in curves:
        axes.plot(curve.real, curve.imag, color="white", lw=0.9, alpha=0.85)


def _frame(axes: Axes, window: tuple[float, float], title: str) -> None:
    axes.set_xlim(-window[0], window[0])
    axes.set_ylim(-window[1], window[1])
    axes.set_title(title)
