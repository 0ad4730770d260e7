"""Results as tables for the terminal."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from lenssbi.calibration.result import CalibrateResult
    from lenssbi.pipelines.catalogue.result import CatalogueResult
    from lenssbi.pipelines.catalogue.status import RunStatus
    from lenssbi.pipelines.cutout import CutoutResult
    from lenssbi.pipelines.results import ItemResult, RunResult
    from lenssbi.pipelines.sweep import SweepResult
    from lenssbi.posteriors import Summary

Coverage = Mapping[str, Mapping[str, float]]
SHOWN = ("einstein_radius", "q", "phi")
HEADINGS = {"einstein_radius": "θ_E / arcsec", "q": "q", "phi": "φ / deg", "e1": "e1", "e2": "e2"}
DIGITS = {"phi": 1}
MOST_ROWS = 20  # longer tables are in their files


def run_table(result: "RunResult | CatalogueResult") -> Table:
    """One row for each stamp, the first `MOST_ROWS` of them."""
    with_truth = any(item.truth for item in result.items)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("stamp", no_wrap=True)
    for name in SHOWN:
        table.add_column(HEADINGS[name], justify="right", no_wrap=True)
        if with_truth:
            table.add_column("truth", justify="right", style="green", no_wrap=True)
    table.add_column("status", overflow="fold")
    for item in result.items[:MOST_ROWS]:
        table.add_row(*_cells(item, with_truth))
    hidden = result.count - MOST_ROWS
    if hidden > 0:
        table.caption = f"... and {hidden:,} more"
    return table


def cutout_table(result: "CutoutResult") -> Table:
    """One row for each target without a stamp, the first `MOST_ROWS` of them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("target", no_wrap=True)
    table.add_column("status", overflow="fold")
    wrong = [row for row in result.rows if row["status"] != "done"]
    for row in wrong[:MOST_ROWS]:
        table.add_row(row["id"], row["reason"])
    if len(wrong) > MOST_ROWS:
        table.caption = f"... and {len(wrong) - MOST_ROWS:,} more"
    return table


def status_table(found: "RunStatus") -> Table:
    """Progress of a run, one row for each step."""
    table = Table(box=None, pad_edge=False, header_style="bold", title=str(found.path), title_justify="left")
    for heading in ("step", "done", "of", "rate", "left"):
        table.add_column(heading, justify="left" if heading == "step" else "right", no_wrap=True)
    predicting = found.asked < found.stamps
    left = "" if found.seconds_left is None else duration(found.seconds_left)
    predicted = f"{found.asked:,}" + (f" ({found.failed:,} failed)" if found.failed else "")
    table.add_row("network", predicted, f"{found.stamps:,}", rate(found.asked_per_second), left if predicting else "")
    wanted = "?" if found.to_refine is None else f"{found.to_refine:,}"
    table.add_row("fits", f"{found.refined:,}", wanted, rate(found.refined_per_second), "" if predicting else left)
    table.add_row("table", "written" if found.finished else "not yet", "", "", "")
    who = found.holder
    table.caption = f"process {who['process']} on {who['host']} works on it" if who else "no process works on it"
    table.caption_justify = "left"
    return table


def rate(per_second: float) -> str:
    """Text of a rate, in items per second or seconds per item."""
    if per_second == 0:
        return ""
    return f"{per_second:.3g}/s" if per_second >= 1 else f"{1 / per_second:.3g} s each"


def duration(seconds: float) -> str:
    """Text of a time, in seconds, minutes or hours."""
    minutes, hours = seconds / 60, seconds / 3600
    return f"{seconds:.0f} s" if seconds < 90 else (f"{minutes:.0f} min" if minutes < 90 else f"{hours:.1f} h")


def comparison_table(truth: Mapping[str, float], columns: Mapping[str, Mapping[str, "Summary"]]) -> Table:
    """One row for each parameter: its true value, and every column's median with errors."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("parameter")
    table.add_column("truth", justify="right", style="green")
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, heading in HEADINGS.items():
        if name in truth:
            cells = [with_errors(summaries.get(name)) for summaries in columns.values()]
            table.add_row(heading, f"{truth[name]:.{DIGITS.get(name, 3)}f}", *cells)
    return table


def coverage_table(before: "Coverage", after: "Coverage") -> Table:
    """One row for each parameter: per cent of the truths inside each interval, as trained and recalibrated."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("parameter")
    levels = list(next(iter(after.values())))
    for level in levels:
        table.add_column(f"{100 * float(level):.1f}% interval", justify="right", no_wrap=True)
    for name, shares in after.items():
        cells = (f"{100 * before[name][level]:.1f} -> {100 * shares[level]:.1f}" for level in levels)
        table.add_row(name, *cells)
    return table


def splits_table(result: "CalibrateResult") -> Table:
    """One row for each split: its stamps, and the parameter with the coverage furthest from nominal; small splits are dim."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("split", no_wrap=True)
    table.add_column("stamps", justify="right")
    levels = list(next(iter(result.coverage.values())))
    for level in levels:
        table.add_column(f"furthest from {100 * float(level):.1f}%", justify="right", no_wrap=True)
    for judged in result.judged[1:]:
        shares = judged.after["credible"]
        names = [max(shares, key=lambda name, at=level: abs(shares[name][at] - float(at))) for level in levels]  # type: ignore[misc]
        cells = (f"{name} {100 * shares[name][level]:.1f}" for name, level in zip(names, levels, strict=True))
        style = "dim" if judged.split.small else ("red" if judged.misses else None)
        table.add_row(judged.split.name, f"{judged.stamps:,}", *cells, style=style)
    return table


def findings_table(result: "CalibrateResult") -> Table:
    """Results of sbi's tests for all stamps; those for splits are in the file."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("test", "parameter", "quantity"):
        table.add_column(heading)
    table.add_column("value", justify="right")
    whole = result.judged[0].split.name
    for found in result.findings:
        if found.split == whole:
            table.add_row(found.test, found.parameter, found.quantity, f"{found.value:.3f}")
    return table


def sweep_table(result: "SweepResult") -> Table:
    """One row for each dropout rate: per cent of the truths within 1, 2, 3 sigma, averaged over the parameters."""
    table = Table(box=None, pad_edge=False, header_style="bold", title=result.how, title_justify="left")
    levels = list(next(iter(result.tried[0].coverage.values())))
    table.add_column("run", no_wrap=True)
    for heading in ("dropout", *(f"{i} sigma" for i in range(1, len(levels) + 1)), "mean miss"):
        table.add_column(heading, justify="right")
    for tried in result.tried:
        rows = tried.coverage.values()
        cells = [f"{100 * sum(row[level] for row in rows) / len(rows):.1f}" for level in levels]
        style = "bold" if tried is result.best else None
        table.add_row(tried.run.name, f"{tried.rate:g}", *cells, f"{100 * tried.miss:.1f}", style=style)
    return table


def with_errors(summary: "Summary | None") -> str:
    """Median and errors, rounded; empty if there is no summary.

    Examples
    --------
    >>> from lenssbi.posteriors import Summary
    >>> with_errors(Summary(1.2345, 1.2211, 1.2502, 1.2, 0.01, "arcsec"))
    '1.234 +0.016 -0.013'
    """
    if summary is None:
        return ""
    above, below = summary.upper - summary.median, summary.median - summary.lower
    digits = 1 if summary.unit == "deg" else 3
    return f"{summary.median:.{digits}f} +{above:.{digits}f} -{below:.{digits}f}"


def _cells(item: "ItemResult", with_truth: bool) -> Sequence[str]:
    cells, truth = [PurePath(item.input).name], _with_ellipse(item.truth or {})
    for name in SHOWN:
        cells.append(with_errors(item.params.get(name)))
        if with_truth:
            cells.append("" if name not in truth else f"{truth[name]:.{DIGITS.get(name, 3)}f}")
    flags = f" ({', '.join(item.flags)})" if item.flags else ""
    return [*cells, item.status + flags]


def _with_ellipse(truth: Mapping[str, float]) -> Mapping[str, float]:
    """True values, with q and phi [deg] if e1 and e2 are known."""
    if not {"e1", "e2"} <= set(truth):
        return truth
    from lenssbi.posteriors import derive_ellipse

    return {**truth, **derive_ellipse(truth["e1"], truth["e2"])}  # type: ignore[arg-type, dict-item]
