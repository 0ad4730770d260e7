"""Common style of all figures, and how they are saved.

Light is shown in `LIGHT` (perceptually even, dark sky), signed quantities in `SIGNED` (white at zero). Figures are made
without pyplot, so that drawing one changes nothing for the caller and works in any process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi.files import atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LIGHT = "inferno"
SIGNED = "RdBu_r"
INK = "#22223b"
RESULT = "#1b6ca8"  # the result
PRIOR = "#d1495b"  # the prior, or the result with it
NETWORK = "#8d99ae"  # the network's posterior
TRUTH = "#2a9d4a"
COLOURS = (RESULT, PRIOR, TRUTH, "#e09f3e", "#6a4c93", "#4aa8b8", "#7f5539", "#5c677d")
"""Colours of series, such as parameters."""

RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.labelsize": 9.0,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.direction": "in",
    "ytick.direction": "in",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "image.interpolation": "nearest",
    "image.origin": "lower",
    "mathtext.fontset": "dejavusans",
}

LABELS = {
    "einstein_radius": r"$\theta_{\rm E}$",
    "e1": r"$e_1$",
    "e2": r"$e_2$",
    "q": r"$q$",
    "phi": r"$\phi$",
    "slope": r"$\gamma$",
    "shear1": r"$\gamma_1$",
    "shear2": r"$\gamma_2$",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Use the style of lenssbi inside the block, and leave the caller's settings unchanged."""
    from matplotlib import rc_context

    with rc_context(RC):
        yield


def label(name: str, unit: str = "") -> str:
    """Symbol of a parameter, with its unit [unit] if it has one."""
    symbol = LABELS.get(name, name.replace("_", " "))
    return f"{symbol} [{unit}]" if unit else symbol


def value_with_errors(median: float, lower: float, upper: float) -> str:
    """A median with its errors, to two digits of the smaller one, as TeX.

    Examples
    --------
    >>> value_with_errors(1.2345, 1.2211, 1.2502)
    '$1.234^{+0.016}_{-0.013}$'
    """
    from math import floor, log10

    below, above = median - lower, upper - median
    smaller = min(error for error in (below, above, 1.0) if error > 0)
    digits = min(max(0, 1 - floor(log10(smaller))), 5)
    return f"${median:.{digits}f}^{{+{above:.{digits}f}}}_{{-{below:.{digits}f}}}$"


def scale_bar(axes: Axes, length: float = 1.0, colour: str = "white") -> None:
    """Draw a bar of `length` [arcsec] in the lower left corner of axes in arcsec."""
    left, right = sorted(axes.get_xlim())
    bottom, top = sorted(axes.get_ylim())
    x, y = left + 0.06 * (right - left), bottom + 0.07 * (top - bottom)
    axes.plot([x, x + length], [y, y], color=colour, lw=2.2, solid_capstyle="butt")
    axes.annotate(
        f"{length:g}″",
        (x + length / 2, y),
        (0, 3),
        textcoords="offset points",
        ha="center",
        va="bottom",
        color=colour,
        fontsize=8,
    )


def save(figure: Figure, path: str | Path, colours: int | None = None) -> Path:
    """Write a figure in the format of the suffix of `path` and return the path.

    Parameters
    ----------
    figure
        Figure to save.
    path
        File to write.
    colours
        Number of colours of a PNG: 256 are enough for lines and markers and make it a third as large; None for all.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    path = Path(path)
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=150, facecolor="white")
        if colours is not None:
            from PIL import Image

            with Image.open(temporary) as image:
                few = image.convert("RGB").quantize(colours, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
            few.save(temporary, optimize=True)
    return path
