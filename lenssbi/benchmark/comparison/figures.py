"""The figures of a comparison: their names and captions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lenssbi.benchmark.comparison.errors import ALL

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lenssbi.benchmark.comparison.compare import Comparison

COLOURS = 256  # of a figure, since all figures are embedded in the page


class Shown(NamedTuple):
    """A figure: the section of the page and the suite that it belongs to ("" for all of them), its file, and its caption."""

    section: str
    suite: str
    path: Path
    text: str


class Drawing(NamedTuple):
    """A figure to be made."""

    section: str
    suite: str
    name: str
    text: str
    draw: Callable[[], Figure]


def draw_all(comparison: Comparison, folder: Path) -> list[Shown]:
    """Draw and save every figure with data.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    from lenssbi.plots.style import save

    drawings = list(_of_all(comparison))
    for suite in comparison.plan.suites:
        drawings += _of_suite(comparison, suite)
    return [
        Shown(d.section, d.suite, save(d.draw(), folder / f"{d.name}.png", colours=COLOURS), d.text) for d in drawings
    ]


def file_name(text: str) -> str:
    """A name as part of the name of a file, or of the address of a part of the page."""
    return re.sub(r"[^\w.+-]", "_", text)


def _of_all(comparison: Comparison) -> Iterator[Drawing]:
    from lenssbi.plots.comparison import cost_and_error, coverage, summary, times

    tables, titles = comparison.tables, {row: comparison.plan.title(row) for row in comparison.plan.rows}
    errors, clocks, covered = tables["errors"], tables["times"], tables["coverage"]
    if any(row["of_paper"] is not None for row in errors):
        text = "Errors over the paper's, with their intervals: left of the line at 1 ours are smaller."
        yield Drawing("errors", "", "summary", text, lambda: summary(errors, titles))
    if any(row["share"] is not None for row in covered):
        text, within = "Coverage minus nominal; the band is what is wanted.", comparison.plan.coverage.within
        yield Drawing("coverage", "", "coverage", text, lambda: coverage(covered, titles, within))
    if any(row["seconds_50"] is not None for row in clocks):
        text = "Time per lens against the error of the Einstein radius."
        yield Drawing("times", "", "cost_and_error", text, lambda: cost_and_error(errors, clocks, titles))
        text = "Time and evaluations per lens (the paper's figure 19)."
        yield Drawing("times", "", "times", text, lambda: times(clocks, comparison.timed, titles))


def _of_suite(comparison: Comparison, suite: str) -> Iterator[Drawing]:
    from lenssbi.plots.comparison import error_distributions, scatter, splits

    plan, name = comparison.plan, file_name(suite)
    titles = {row: plan.title(row) for row in plan.rows}
    points = [found for found in comparison.of(suite) if len(found)]
    if points:
        published = {row: {str(name): error for name, error in plan.paper(suite, row).items()} for row in plan.rows}
        text = "Predicted minus true, with the 68 per cent interval, and the paper's where it gives one."
        draw = lambda: error_distributions(points, published, titles)  # noqa: E731
        yield Drawing("suites", suite, f"distributions-{name}", text, draw)
        text = "Predicted against true, with the error bars of each answer."
        yield Drawing("suites", suite, f"scatter-{name}", text, lambda: scatter(points, titles))
    errors = [row for row in comparison.tables["errors"] if row["suite"] == suite]
    if any(row["split"] != ALL and row["error"] is not None for row in errors):
        text = "Errors of doubles and of other lenses, against signal to noise, and against the Einstein radius."
        yield Drawing("splits", suite, f"splits-{name}", text, lambda: splits(errors, titles))
