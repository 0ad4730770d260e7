"""Files of the results of a benchmark: tables for programs, one page for readers, figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi import __version__
from lenssbi.benchmark.lines import JudgedValue, Line
from lenssbi.benchmark.measures.speed import STAMP_PASSES, TRAINING, machine
from lenssbi.benchmark.output.report_fits import tables_of_fits
from lenssbi.config import config_hash, dump_yaml
from lenssbi.files import atomic, write_csv

if TYPE_CHECKING:
    from lenssbi.benchmark.comparison.compare import Comparison
    from lenssbi.benchmark.session import Benchmark
    from lenssbi.estimators.estimator import Estimator

Row = Mapping[str, Any]
DIGITS = 5


def write_report(bench: Benchmark, lines: Sequence[Line], wanted: Sequence[Line], command: str) -> None:
    """Write all tables and figures of a run.

    Parameters
    ----------
    bench
        State of the run.
    lines
        Results and targets, method by method.
    wanted
        Results and targets of fits.
    command
        Command line.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    from lenssbi.plots.benchmark import coverage_by_split, errors_by_snr
    from lenssbi.plots.fits import fits_figure
    from lenssbi.plots.style import save

    for name, rows in bench.tables.items():
        if rows:
            write_rows(rows, bench.out / f"{name}.csv")
        else:
            (bench.out / f"{name}.csv").unlink(missing_ok=True)  # from an older run
    texts = {"table.md": "\n".join(page(bench, lines, wanted, command)) + "\n", "config.yaml": dump_yaml(bench.config)}
    for name, text in texts.items():
        with atomic(bench.out / name) as temporary:
            temporary.write_text(text)
    accuracy, coverage = bench.tables["accuracy"], bench.tables["coverage"]
    with_paper = {row["suite"] for row in accuracy if row["paper"] is not None}
    if with_paper:
        save(errors_by_snr([row for row in accuracy if row["suite"] in with_paper]), bench.out / "errors.png")
    for suite, plan in bench.config.suites.items():
        rows = [row for row in coverage if row["suite"] == suite]
        if rows and plan.coverage is not None and plan.coverage.splits is not None:
            figure = coverage_by_split(rows, plan.coverage.overall, plan.coverage.splits)
            save(figure, bench.out / f"coverage-{suite}.png")
    if any(row["parameter"] for row in bench.tables["lenses"]):
        save(fits_figure(bench.tables["lenses"], coverage), bench.out / "fits.png")


def write_page(bench: Benchmark, comparison: Comparison, command: str) -> Path:
    """Write the page of the paper's comparison, its tables and figures; return the path of the page.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    from lenssbi.benchmark.comparison.page import write_comparison

    return write_comparison(comparison, bench.out, about(bench, command))


def about(bench: Benchmark, command: str) -> dict[str, str]:
    """Description of the run: command, date, versions, machine, and the lenses of each suite."""
    entries = {"command": command, "date": datetime.now(UTC).date().isoformat(), "lenssbi": __version__, **machine()}
    entries["configuration"] = config_hash(bench.config)
    for name in bench.compared:
        suite = bench.config.suites[name]
        entries[name] = (
            f"{bench.count(name)} lenses of {suite.population or 'the default population'}, seed {suite.seed}"
        )
    for name, method in bench.config.methods.items():
        limit = getattr(method, "count", None)
        entries[f"method {name}"] = method.kind + ("" if limit is None else f", at most {limit} lenses of a suite")
    return entries


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write rows of equal keys, numbers to five digits."""
    write_csv([{key: _short(value) for key, value in row.items()} for row in rows], path)


def page(bench: Benchmark, lines: Sequence[Line], wanted: Sequence[Line], command: str) -> Iterator[str]:
    """`table.md`, line by line."""
    methods = bench.columns
    yield f"# Benchmark ({datetime.now(UTC).date().isoformat()})"
    yield ""
    yield "Bold: as good as wanted. Errors are half the 68 per cent interval of predicted minus true; coverage is that of the central"
    yield "credible intervals at 68.3, 95.5 and 99.7 per cent, splits are those of at least 200 stamps."
    yield ""
    for headings, rows in tables_of_fits(bench, wanted):
        yield from _table(headings, iter(rows))
    if lines:
        yield from _table(["what", "paper", "wanted", *methods], (_cells(line, methods) for line in lines))
    trainings = [row for row in bench.tables["speed"] if row["what"] == TRAINING]
    if trainings:
        minutes = bench.config.speed.wanted_training if bench.config.speed else None
        yield from _table(TRAININGS, (_training(row, minutes) for row in trainings))
    if bench.estimators:
        yield from _table(METHODS, (_method(name, e) for name, e in bench.estimators.items()))
    yield from _table(
        SUITES, ((n, s.population, str(bench.count(n)), str(s.seed)) for n, s in bench.config.suites.items())
    )
    failed = [outcome for outcome in bench.outcomes if outcome.failed]
    if failed:
        yield from _table(["not done", "method", "why"], ((o.suite, o.method, o.status) for o in failed))
    if command:
        yield f"- Command: `{command}`"
    yield "- Machine: " + ", ".join(f"{name} {value}" for name, value in machine().items())


TRAININGS = ("training", "device", "stamp passes/s", "15 million take [min]", "wanted on a GPU [min]")
METHODS = ("method", "estimator", "kind", "members", "parameters", "recalibrated", "trained for [min]")
SUITES = ("suite", "population", "stamps", "seed")


def _table(headings: Sequence[str], rows: Iterator[Sequence[Any]]) -> Iterator[str]:
    yield "| " + " | ".join(headings) + " |"
    yield "|" + "---|" * len(headings)
    for row in rows:
        yield "| " + " | ".join(str(value).replace("|", "/") for value in row) + " |"
    yield ""


def _cells(line: Line, methods: Sequence[str]) -> list[str]:
    found = [", ".join(_mark(cell) for cell in line.cells.get(method, ())) for method in methods]
    return [line.what, line.paper, line.wanted, *found]


def _mark(cell: JudgedValue) -> str:
    return f"**{cell.text}**" if cell.met else cell.text


def _training(row: Row, wanted: float | None) -> list[str]:
    minutes = STAMP_PASSES / row["stamps_per_second"] / 60
    on_gpu = row["device"] == "GPU"
    text = f"**{minutes:.3g}**" if on_gpu and wanted is not None and minutes <= wanted else f"{minutes:.3g}"
    shown = "" if wanted is None else f"{wanted:g}" + ("" if on_gpu else " (not measured: this machine has no GPU)")
    return [row["name"], row["device"], f"{row['stamps_per_second']:.3g}", text, shown]


def _method(name: str, estimator: Estimator) -> list[str]:
    card = estimator.card
    seconds = sum(member.get("seconds", 0.0) for member in card.training.get("members", [card.training]))
    minutes = f"{seconds / 60:.0f}" if seconds else ""
    recalibrated = "no" if card.calibration is None else "yes"
    kind, parameters = card.density.kind, ", ".join(estimator.space.names)
    return [name, estimator.name, kind, str(card.members), parameters, recalibrated, minutes]


def _short(value: Any) -> Any:
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else value
