"""Results with published values and targets: one line for each target, one cell for each method."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lenssbi.benchmark.config import JUDGED, BenchmarkConfig
from lenssbi.benchmark.lines import ALL, JudgedValue, Line
from lenssbi.benchmark.measures.speed import COMMAND, NETWORK

Row = Mapping[str, Any]
Rows = Sequence[Row]


def lines(config: BenchmarkConfig, tables: Mapping[str, Rows]) -> list[Line]:
    """All lines of the table.

    Parameters
    ----------
    config
        Configuration with the targets.
    tables
        "accuracy", "coverage", "log_score", "misspecification", "speed" -> rows.
    """
    return [
        *_errors(config, tables["accuracy"]),
        *_coverage(config, tables["coverage"]),
        *_log_scores(tables["log_score"]),
        *_radii(tables["radii"]),
        *_misspecification(config, tables["misspecification"]),
        *_areas(tables["roc"]),
        *_speed(config, tables["speed"]),
    ]


def _errors(config: BenchmarkConfig, rows: Rows) -> Iterator[Line]:
    for name, suite in config.suites.items():
        if suite.paper is None:
            continue
        published, share = suite.paper.errors, suite.paper.wanted
        whole = [r for r in rows if r["suite"] == name and r["split"] == ALL and r["parameter"] in published]
        order = list(published)
        whole.sort(key=lambda row: order.index(row["parameter"]))
        yield Line(
            f"68 per cent error, {name}: " + ", ".join(_with_unit(parameter) for parameter in published),
            ", ".join(f"{value:.3g}" for value in published.values()),
            ", ".join(f"{value * share:.3g}" for value in published.values()),
            _by_method(whole, lambda row: JudgedValue(f"{row['error']:.3g}", row["error"] <= row["wanted"])),
        )


def _coverage(config: BenchmarkConfig, rows: Rows) -> Iterator[Line]:
    for name, suite in config.suites.items():
        if suite.coverage is None:
            continue
        kinds = [("all stamps", suite.coverage.overall, True), ("splits", suite.coverage.splits, False)]
        for what, wanted, overall in kinds:
            if wanted is None:
                continue
            those = [row for row in rows if row["suite"] == name and (row["split"] == ALL) == overall]
            yield Line(
                f"coverage, {name}, {what}: largest deviation [points]",
                "",
                f"{100 * wanted:g}",
                {method: [_worst(found, wanted)] for method, found in _grouped(those).items()},
            )


def _worst(rows: Rows, wanted: float) -> JudgedValue:
    row = max(rows, key=lambda r: abs(r["largest_deviation"]))
    where = "" if row["split"] == ALL else f", {row['split']}"
    place = f"{row['parameter']} at {row['at']}{where}"
    return JudgedValue(
        f"{100 * row['largest_deviation']:+.1f} +- {100 * row['scatter']:.1f} ({place})",
        abs(row["largest_deviation"]) <= wanted,
    )


def _log_scores(rows: Rows) -> Iterator[Line]:
    for suite in dict.fromkeys(row["suite"] for row in rows):
        whole = [row for row in rows if row["suite"] == suite and row["split"] == ALL]
        cells = _by_method(whole, lambda row: JudgedValue(f"{row['log_score']:.2f} +- {row['scatter']:.2f}"))
        yield Line(f"log score before recalibration, {suite} [nats]", "", "", cells)


def _misspecification(config: BenchmarkConfig, rows: Rows) -> Iterator[Line]:
    for name in config.references:
        alarms = [row for row in rows if row["suite"] == name]
        if alarms:
            cells = _by_method(alarms, lambda row: JudgedValue(f"{100 * row['flagged']:.1f}"))
            yield Line(f"false alarms, {name} [per cent]", "", "5", cells)
            cells = _by_method(alarms, lambda row: JudgedValue(f"{100 * row['warned']:.1f}"))
            yield Line(f"any flag, `network_imprecise` included, {name} [per cent]", "", "", cells)
    misspecified = [name for name, suite in config.suites.items() if suite.misspecified]
    for suites in [*([name] for name in misspecified), misspecified]:
        those = [row for row in rows if row["suite"] in suites]
        if those:
            who = suites[0] if len(suites) == 1 else "all these suites"
            what = f"flagged where an error is above 3 sigma, {who} [per cent]"
            cells = {method: [_flagged(found, config.flagged)] for method, found in _grouped(those).items()}
            yield Line(what, "not done", f"{100 * config.flagged:g}", cells)
    those = [row for row in rows if row["suite"] in misspecified]
    if those:
        what = "any flag, `network_imprecise` included, where an error is above 3 sigma, all these suites [per cent]"
        cells = {
            method: [_flagged(found, config.flagged, "warned_of_far")] for method, found in _grouped(those).items()
        }
        yield Line(what, "not done", "", cells)


def _radii(rows: Rows) -> Iterator[Line]:
    for suite in dict.fromkeys(row["suite"] for row in rows):
        those = [row for row in rows if row["suite"] == suite]
        cells = _by_method(those, lambda row: JudgedValue(f"{row['nmad']:.3f}, {row['rms']:.3f}"))
        yield Line(f"einstein_radius, {suite}: NMAD, rms [arcsec]", "", "", cells)
        cells = _by_method(those, lambda row: JudgedValue(f"{100 * row['gross']:.1f}, {100 * row['unflagged']:.1f}"))
        yield Line(f"einstein_radius off by more than 15 per cent, {suite}: all, unflagged [per cent]", "", "", cells)
        known = [row for row in those if row["rms_e1"] is not None and row["rms_e2"] is not None]
        cells = _by_method(
            known, lambda row: JudgedValue(f"{row['rms_e1']:.3f}, {row['rms_e2']:.3f} (of {row['bright']:,})")
        )
        if known:
            yield Line(f"rms of e1, e2, {suite}, S/N > 50", "", "", cells)


def _areas(rows: Rows) -> Iterator[Line]:
    for suite in dict.fromkeys(row["suite"] for row in rows):
        those = [row for row in rows if row["suite"] == suite]
        cells = _by_method(those, lambda row: JudgedValue(f"{row['area']:.3f} +- {row['scatter']:.3f}"))
        yield Line(f"area under the ROC curve of the score, {suite}", "", "", cells)


def _flagged(rows: Rows, wanted: float, key: str = "flagged_of_far") -> JudgedValue:
    far = sum(row["far"] for row in rows)
    if not far:
        return JudgedValue("none is")
    share = sum(row["far"] * row[key] for row in rows if row["far"]) / far
    return JudgedValue(f"{100 * share:.0f} (of {far:,})", share >= wanted)


def _speed(config: BenchmarkConfig, rows: Rows) -> Iterator[Line]:
    if config.speed is None:
        return
    targets = [(NETWORK, "CPU", config.speed.wanted_cpu), (NETWORK, "GPU", config.speed.wanted_gpu)]
    for what, device, wanted in [*targets, (COMMAND, "CPU", config.speed.wanted_cpu)]:
        those = [row for row in rows if row["what"] == what and (row["device"] == device or what == COMMAND)]
        cells = {row["name"]: [_rate(row, wanted)] for row in those}
        title = f"the network alone, {device}" if what == NETWORK else f"all of `{what}`"
        yield Line(f"prediction, {title} [stamps/s]", "", "" if wanted is None else f"{wanted:.3g}", cells)


def _rate(row: Row, wanted: float | None) -> JudgedValue:
    rate = row["stamps_per_second"]
    if rate is None:
        return JudgedValue("not measured")
    return JudgedValue(f"{rate:.3g}", None if wanted is None else rate >= wanted)


def _by_method(rows: Rows, cell: Callable[[Row], JudgedValue]) -> dict[str, list[JudgedValue]]:
    return {method: [cell(row) for row in found] for method, found in _grouped(rows).items()}


def _grouped(rows: Rows) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["method"], []).append(row)
    return found


def _with_unit(parameter: str) -> str:
    unit = JUDGED[parameter]
    return f"{parameter} [{unit}]" if unit else parameter
