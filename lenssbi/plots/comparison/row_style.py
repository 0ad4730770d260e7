"""Common parts of the figures of the comparison: the style of a row, the order of suites and rows, a ridge for a distribution.

A row of the tables has the same colour and marker in every figure, whichever other rows have results, if the figures are
given the same titles. Rows without results keep their place and get a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from lenssbi.plots.style import COLOURS, INK, NETWORK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

Row = Mapping[str, Any]
Titles = Mapping[str, str]
"""Name of a row -> its title, in the order of the tables."""
MARKERS = "osD^vPX*p"  # one more than colours: the pair identifies the row
UNITS = {"einstein_radius": "arcsec", "phi": "deg"}
EDGES = (15.865, 84.135)  # percentiles of the 68 per cent interval
FEWEST = 12  # values for which a ridge is drawn; fewer are drawn one by one
ALL = "all"


class RowEstimates(Protocol):
    """Estimates and true values of one row for the lenses of one suite; mappings hold arrays of shape (lens,)."""

    @property
    def suite(self) -> str: ...
    @property
    def row(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def lens(self) -> NDArray[np.integer]: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def predicted(self) -> Mapping[str, NDArray[np.floating]]: ...
    @property
    def true(self) -> Mapping[str, NDArray[np.floating]]: ...
    @property
    def sigma(self) -> Mapping[str, NDArray[np.floating]]: ...
    @property
    def flagged(self) -> NDArray[np.bool_]: ...
    @property
    def attempted(self) -> int: ...
    def difference(self, name: str) -> NDArray[np.floating]: ...
    def spent(self, name: str) -> tuple[NDArray[np.integer], NDArray[np.floating]]: ...


class RowStyle(NamedTuple):
    """Title, colour and marker of a row."""

    title: str
    colour: str
    marker: str


def row_styles(names: Iterable[str], titles: Titles | None = None) -> dict[str, RowStyle]:
    """Name of a row -> its style: those of `titles` first and in their order, whether or not they are in `names`.

    Examples
    --------
    >>> list(row_styles(["other", "blind"], {"network": "the network", "blind": "blind"}))
    ['network', 'blind', 'other']
    """
    known = dict(titles or {})
    known |= {name: name for name in names if name not in known}
    return {
        name: RowStyle(title, COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)])
        for i, (name, title) in enumerate(known.items())
    }


def unique(rows: Iterable[Row], key: str) -> list[str]:
    """Values of a column in the order in which they first appear."""
    return list(dict.fromkeys(str(row[key]) for row in rows))


def known(row: Row, *keys: str) -> bool:
    """Whether a row of a table has a finite number in each of its columns `keys`."""
    return all(row.get(key) is not None and bool(np.isfinite(row[key])) for key in keys)


def bars(rows: Sequence[Row], value: str, low: str = "low", high: str = "high", scale: float = 1.0) -> NDArray[Any]:
    """Lengths of error bars below and above `value`, shape (2, row), none of them negative; zero where unknown."""
    ends = [[row[value] if not known(row, end) else row[end] for end in (low, high)] for row in rows]
    values = np.array([row[value] for row in rows], float)
    below, above = np.array(ends, float).reshape(-1, 2).T
    return scale * np.maximum([values - below, above - values], 0.0)


def ridge(
    axes: Axes,
    values: NDArray[np.floating],
    place: float,
    style: RowStyle,
    limits: tuple[float, float],
    log: bool = False,
) -> None:
    """Draw a distribution as a ridge of height 0.62 above `place`, by a Gaussian kernel; few values one by one.

    Parameters
    ----------
    values
        Values in the units of the axis.
    limits
        Limits of the axis. The kernel's width follows from the values inside, so that outliers do not blur the peak.
    log
        Whether the kernel is applied to logarithms, for a logarithmic axis.
    """
    from scipy.stats import gaussian_kde

    inside = values[(values >= limits[0]) & (values <= limits[1])]
    if inside.size < FEWEST or np.ptp(inside) == 0:
        axes.plot(inside, np.full(inside.size, place + 0.12), style.marker, ms=2.8, color=style.colour, alpha=0.7)
        return
    x = np.geomspace(*limits, 400) if log else np.linspace(*limits, 400)
    density = gaussian_kde(np.log(inside))(np.log(x)) if log else gaussian_kde(inside)(x)
    there = density > 1e-3 * density.max()
    height = place + 0.62 * density / density.max()
    axes.fill_between(x, place, height, where=there, color=style.colour, alpha=0.45, lw=0)


def interval(axes: Axes, ends: Sequence[float], place: float, colour: str) -> None:
    """Draw an interval and its middle [16th, 50th, 84th percentile] as a bar with a dot."""
    axes.plot([ends[0], ends[2]], [place, place], color=colour, lw=2.6, solid_capstyle="butt")
    axes.plot(ends[1], place, "o", ms=3.2, mfc="white", mec=colour, mew=1.0)


def name_rows(axes: Axes, places: Mapping[str, float], texts: Mapping[str, str]) -> None:
    """Label a vertical axis with names [name -> text] at their places."""
    axes.set_yticks(list(places.values()), [texts[name] for name in places])
    axes.tick_params(axis="y", length=0)


def note_empty(axes: Axes, text: str) -> None:
    """Write the reason into the middle of empty axes."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=NETWORK, fontsize=7.5)


def note_at(axes: Axes, place: float, text: str) -> None:
    """Write at a height of the axes, on the left, the reason why nothing is drawn there."""
    keywords: dict[str, Any] = {"va": "center", "color": NETWORK, "fontsize": 7}
    axes.text(0.02, place, text, transform=axes.get_yaxis_transform(), **keywords)


def bare(axes: Axes, *sides: str) -> None:
    """Remove the spines of `sides`, or those on the right and at the top."""
    for side in sides or ("right", "top"):
        axes.spines[side].set_visible(False)


def plain_log(axes: Axes, which: str) -> None:
    """Make an axis logarithmic with plain numbers (0.5, 1, 2), or powers of ten over many decades."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    decades = np.log10(high / low)
    subs = (1.0,) if decades > 2 else (1.0, 2.0, 5.0) if decades > 0.5 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    axis.set_major_locator(LogLocator(subs=subs))
    axis.set_major_formatter(_number)
    axis.set_minor_formatter(NullFormatter())


def _number(value: float, _: float = 0.0) -> str:
    """The text of a tick: plain, or a power of ten for very large and small numbers."""
    exponent = float(np.log10(value))
    if 0.99e-3 < value < 9e3 or abs(exponent - round(exponent)) > 1e-6:
        return f"{value:g}"
    return f"$10^{{{exponent:.0f}}}$"


def legend(figure: Figure, shown: Iterable[RowStyle], extra: Sequence[Any] = (), columns: int = 5) -> None:
    """Name rows above a figure by their markers, and after them what `extra` handles draw."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=style.colour, marker=style.marker, ls="", ms=5, label=style.title) for style in shown
    ] + list(extra)
    if handles:
        figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), columns), labelcolor=INK)
