"""Results of fits compared with targets: one line for each target, with PyAutoLens's value in the same run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lenssbi.benchmark import fit_targets as t
from lenssbi.benchmark.config import BenchmarkConfig
from lenssbi.benchmark.lines import ALL, COLUMN, JudgedValue, Line
from lenssbi.benchmark.measures.evaluation import OURS, WHOLE
from lenssbi.benchmark.measures.evaluation_peers import BATCHED, PEER
from lenssbi.benchmark.methods import WITH_PRIOR

Row = Mapping[str, Any]
Rows = Sequence[Row]
Tables = Mapping[str, Rows]
MISSING = JudgedValue("not measured")


def target_lines(config: BenchmarkConfig, tables: Tables) -> list[Line]:
    """A line for each target.

    Parameters
    ----------
    config
        Configuration with the targets.
    tables
        "evaluation", "memory", "fits", "lenses", "coverage", "accuracy" -> rows.
    """
    kinds: dict[type, Callable[[Any, Tables], Line]] = {
        t.EvaluationTarget: _evaluation,
        t.TimeTarget: _time,
        t.SameTarget: _same,
        t.MemoryTarget: _memory,
        t.WrongTarget: _wrong,
        t.CoverageTarget: _coverage,
        t.RatioTarget: _ratio,
    }
    return [kinds[type(target)](target, tables) for target in config.wanted]


def _line(what: str, peer: str, wanted: str, cell: JudgedValue) -> Line:
    return Line(what, peer, wanted, {COLUMN: [cell]})


def _evaluation(target: t.EvaluationTarget, tables: Tables) -> Line:
    def found(code: str) -> Row | None:
        query = {"code": code, "mesh": target.mesh, "solver": target.solver, "part": WHOLE}
        rows = [r for r in tables["evaluation"] if all(r[k] == v for k, v in query.items())]
        return next((r for r in rows if bool(r["columns"]) == target.columns), None)

    row, peer = found(f"{BATCHED}, GPU" if target.batched else OURS), found(PEER)
    cell, peer_text = _milliseconds(row), "" if target.batched else _milliseconds(peer).text
    if row is not None and row["ms"] is not None:
        cell = JudgedValue(cell.text, row["ms"] <= target.ms)
    light = f", {_count(row)} lens-light columns" if target.columns else ""
    where = "batched on a GPU" if target.batched else "one core"
    return _line(
        f"one evaluation, {target.mesh}, {target.solver}{light}, {where} [ms]", peer_text, f"{target.ms:g}", cell
    )


def _milliseconds(row: Row | None) -> JudgedValue:
    if row is None:
        return MISSING
    return (
        JudgedValue(row["status"])
        if row["ms"] is None
        else JudgedValue(f"{row['ms']:.3g} ({row['source_pixels']} source pixels)")
    )


def _count(row: Row | None) -> str:
    return "with" if row is None else str(row["columns"])


def _fit(tables: Tables, name: str | None, suite: str) -> Row | None:
    return next((r for r in tables["fits"] if (r["method"], r["suite"]) == (name, suite)), None)


def _time(target: t.TimeTarget, tables: Tables) -> Line:
    def cell(row: Row | None) -> JudgedValue:
        if row is None or row["seconds_50"] is None:
            return MISSING
        many = f", {row['seconds_16']:.3g}-{row['seconds_84']:.3g}" if row["lenses"] > 1 else ""
        failed = "" if row["done"] == row["lenses"] else f"; {row['lenses'] - row['done']} of {row['lenses']} not done"
        drawn = f", {row['n_eff_50']:.0f} effective draws" if row["n_eff_50"] is not None else ""
        evaluations = 0 if row["evaluations_50"] is None else row["evaluations_50"]
        text = f"{row['seconds_50']:.3g}{many} ({evaluations:,.0f} evaluations{drawn}{failed})"
        return JudgedValue(text, row["done"] > 0 and row["seconds_50"] <= target.seconds)

    what = f"a fit, {target.method}, {target.suite} [s]"
    peer_text = "" if target.peer is None else cell(_fit(tables, target.peer, target.suite)).text
    return _line(what, peer_text, f"{target.seconds:g}", cell(_fit(tables, target.method, target.suite)))


def _same(target: t.SameTarget, tables: Tables) -> Line:
    def of(method: str) -> dict[tuple[int, str], Row]:
        rows = [r for r in tables["lenses"] if r["suite"] == target.suite and r["method"] == method and r["parameter"]]
        return {(r["lens"], r["parameter"]): r for r in rows}

    one, other = of(target.method), of(target.peer)
    both = [(one[key], other[key]) for key in one if key in other]
    what = f"the same posterior, {target.method} and {target.peer}, {target.suite}: largest distance of medians [sigma], ratio of widths"
    wanted = f"{target.medians:g}, within {100 * target.widths:g} per cent"
    if not both:
        return _line(what, "", wanted, MISSING)
    moved = max(abs(a["median"] - b["median"]) / max(a["sigma"], b["sigma"]) for a, b in both)
    ratio = max((a["sigma"] / b["sigma"] for a, b in both), key=lambda r: abs(np.log(r)))
    met = moved <= target.medians and abs(ratio - 1) <= target.widths
    return _line(what, "", wanted, JudgedValue(f"{moved:.2g}, {ratio:.3g}", met))


def _memory(target: t.MemoryTarget, tables: Tables) -> Line:
    def cell(name: str | None) -> JudgedValue:
        row = next((r for r in tables["memory"] if r["method"] == name), None)
        if row is None or row["peak_memory_mb"] is None:
            return MISSING
        return JudgedValue(f"{row['peak_memory_mb']:.0f}", row["peak_memory_mb"] <= target.megabytes)

    peer_text = "" if target.peer is None else cell(target.peer).text
    return _line(f"peak memory of a fit, {target.method} [MB]", peer_text, f"{target.megabytes:g}", cell(target.method))


def _wrong(target: t.WrongTarget, tables: Tables) -> Line:
    def cell(row: Row | None) -> JudgedValue:
        if row is None or row["wrong"] is None:
            return MISSING
        low, share, high = (100 * row[f"wrong_unflagged{end}"] for end in ("_low", "", "_high"))
        more = f"{100 * row['wrong']:.2g} with the flagged; false alarms {100 * row['false_alarms']:.2g}"
        return JudgedValue(
            f"{share:.2g} ({low:.2g}-{high:.2g}, of {row['with_posterior']}; {more})", share <= 100 * target.share
        )

    what = f"wrong basins, unflagged, {target.method}, {target.suite} [per cent]"
    peer_text = "" if target.peer is None else cell(_fit(tables, target.peer, target.suite)).text
    return _line(what, peer_text, f"{100 * target.share:g}", cell(_fit(tables, target.method, target.suite)))


def _coverage(target: t.CoverageTarget, tables: Tables) -> Line:
    def cell(method: str | None) -> JudgedValue:
        query = {"method": method, "suite": target.suite, "split": ALL}
        rows = [r for r in tables["coverage"] if all(r[k] == v for k, v in query.items())]
        if not rows:
            return MISSING
        row = max(rows, key=lambda r: abs(r["largest_deviation"]))
        place = f"{row['parameter']} at {row['at']}, {row['stamps']} lenses"
        text = f"{100 * row['largest_deviation']:+.1f} +- {100 * row['scatter']:.1f} ({place})"
        return JudgedValue(text, abs(row["largest_deviation"]) <= target.within)

    what = f"coverage, {target.method}, {target.suite}: largest deviation [points]"
    peer_text = "" if target.peer is None else cell(target.peer).text
    return _line(what, peer_text, f"{100 * target.within:g}", cell(target.method))


def _ratio(target: t.RatioTarget, tables: Tables) -> Line:
    ratios = [r for suite in target.suites for r in _ratios(target, suite, tables)]
    what = f"{target.what} of {target.method} over those of {target.to}, mean of {', '.join(target.suites)}"
    if not ratios:
        return _line(what, "", f"{target.ratio:g}", MISSING)
    mean = float(np.mean(ratios))
    return _line(what, "", f"{target.ratio:g}", JudgedValue(f"{mean:.3g}", mean <= target.ratio))


def _ratios(target: t.RatioTarget, suite: str, tables: Tables) -> list[float]:
    if target.what == "seconds":
        pair = [_fit(tables, name.removesuffix(WITH_PRIOR), suite) for name in (target.method, target.to)]
        seconds = [None if row is None else row["seconds_50"] for row in pair]
        return [] if None in seconds else [seconds[0] / seconds[1]]  # type: ignore[operator]
    query = {"suite": suite, "split": ALL}
    rows = [r for r in tables["accuracy"] if all(r[k] == v for k, v in query.items())]
    found = {(r["method"], r["parameter"]): r["error"] for r in rows}
    parameters = [p for method, p in found if method == target.method and (target.to, p) in found]
    return [found[target.method, p] / found[target.to, p] for p in parameters]
