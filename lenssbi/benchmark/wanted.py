"""What was found of fits beside what is wanted: one line for each wish, with PyAutoLens's number of the same run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lenssbi.benchmark import wishes as w
from lenssbi.benchmark.config import BenchmarkConfig
from lenssbi.benchmark.lines import ALL, COLUMN, Cell, Line
from lenssbi.benchmark.measures.evaluation import OURS, WHOLE
from lenssbi.benchmark.measures.evaluation_peers import BATCHED, PEER
from lenssbi.benchmark.methods import WITH_PRIOR

Row = Mapping[str, Any]
Rows = Sequence[Row]
Tables = Mapping[str, Rows]
MISSING = Cell("not measured")


def wanted_lines(config: BenchmarkConfig, tables: Tables) -> list[Line]:
    """A line for each wish.

    Parameters
    ----------
    config
        What was wanted.
    tables
        "evaluation", "memory", "fits", "lenses", "coverage", "accuracy" -> rows.
    """
    kinds: dict[type, Callable[[Any, Tables], Line]] = {
        w.EvaluationWish: _evaluation,
        w.TimeWish: _time,
        w.SameWish: _same,
        w.MemoryWish: _memory,
        w.WrongWish: _wrong,
        w.CoverageWish: _coverage,
        w.RatioWish: _ratio,
    }
    return [kinds[type(wish)](wish, tables) for wish in config.wanted]


def _line(what: str, peer: str, wanted: str, cell: Cell) -> Line:
    return Line(what, peer, wanted, {COLUMN: [cell]})


def _evaluation(wish: w.EvaluationWish, tables: Tables) -> Line:
    def found(code: str) -> Row | None:
        asked = {"code": code, "mesh": wish.mesh, "solver": wish.solver, "part": WHOLE}
        rows = [r for r in tables["evaluation"] if all(r[k] == v for k, v in asked.items())]
        return next((r for r in rows if bool(r["columns"]) == wish.columns), None)

    row, peer = found(f"{BATCHED}, GPU" if wish.batched else OURS), found(PEER)
    cell, beside = _milliseconds(row), "" if wish.batched else _milliseconds(peer).text
    if row is not None and row["ms"] is not None:
        cell = Cell(cell.text, row["ms"] <= wish.ms)
    light = f", {_count(row)} lens-light columns" if wish.columns else ""
    where = "batched on a GPU" if wish.batched else "one core"
    return _line(f"one evaluation, {wish.mesh}, {wish.solver}{light}, {where} [ms]", beside, f"{wish.ms:g}", cell)


def _milliseconds(row: Row | None) -> Cell:
    if row is None:
        return MISSING
    return Cell(row["status"]) if row["ms"] is None else Cell(f"{row['ms']:.3g} ({row['source_pixels']} source pixels)")


def _count(row: Row | None) -> str:
    return "with" if row is None else str(row["columns"])


def _fit(tables: Tables, name: str | None, suite: str) -> Row | None:
    return next((r for r in tables["fits"] if (r["method"], r["suite"]) == (name, suite)), None)


def _time(wish: w.TimeWish, tables: Tables) -> Line:
    def cell(row: Row | None) -> Cell:
        if row is None or row["seconds_50"] is None:
            return MISSING
        many = f", {row['seconds_16']:.3g}-{row['seconds_84']:.3g}" if row["lenses"] > 1 else ""
        undone = "" if row["done"] == row["lenses"] else f"; {row['lenses'] - row['done']} of {row['lenses']} not done"
        drawn = f", {row['n_eff_50']:.0f} effective draws" if row["n_eff_50"] is not None else ""
        evaluations = 0 if row["evaluations_50"] is None else row["evaluations_50"]
        text = f"{row['seconds_50']:.3g}{many} ({evaluations:,.0f} evaluations{drawn}{undone})"
        return Cell(text, row["done"] > 0 and row["seconds_50"] <= wish.seconds)

    what = f"a fit, {wish.method}, {wish.suite} [s]"
    beside = "" if wish.peer is None else cell(_fit(tables, wish.peer, wish.suite)).text
    return _line(what, beside, f"{wish.seconds:g}", cell(_fit(tables, wish.method, wish.suite)))


def _same(wish: w.SameWish, tables: Tables) -> Line:
    def of(method: str) -> dict[tuple[int, str], Row]:
        rows = [r for r in tables["lenses"] if r["suite"] == wish.suite and r["method"] == method and r["parameter"]]
        return {(r["lens"], r["parameter"]): r for r in rows}

    one, other = of(wish.method), of(wish.peer)
    both = [(one[key], other[key]) for key in one if key in other]
    what = f"the same posterior, {wish.method} and {wish.peer}, {wish.suite}: largest distance of medians [sigma], ratio of widths"
    wanted = f"{wish.medians:g}, within {100 * wish.widths:g} per cent"
    if not both:
        return _line(what, "", wanted, MISSING)
    moved = max(abs(a["median"] - b["median"]) / max(a["sigma"], b["sigma"]) for a, b in both)
    ratio = max((a["sigma"] / b["sigma"] for a, b in both), key=lambda r: abs(np.log(r)))
    met = moved <= wish.medians and abs(ratio - 1) <= wish.widths
    return _line(what, "", wanted, Cell(f"{moved:.2g}, {ratio:.3g}", met))


def _memory(wish: w.MemoryWish, tables: Tables) -> Line:
    def cell(name: str | None) -> Cell:
        row = next((r for r in tables["memory"] if r["method"] == name), None)
        if row is None or row["peak_memory_mb"] is None:
            return MISSING
        return Cell(f"{row['peak_memory_mb']:.0f}", row["peak_memory_mb"] <= wish.megabytes)

    beside = "" if wish.peer is None else cell(wish.peer).text
    return _line(f"peak memory of a fit, {wish.method} [MB]", beside, f"{wish.megabytes:g}", cell(wish.method))


def _wrong(wish: w.WrongWish, tables: Tables) -> Line:
    def cell(row: Row | None) -> Cell:
        if row is None or row["wrong"] is None:
            return MISSING
        low, share, high = (100 * row[f"wrong_unflagged{end}"] for end in ("_low", "", "_high"))
        more = f"{100 * row['wrong']:.2g} with the flagged; false alarms {100 * row['false_alarms']:.2g}"
        return Cell(
            f"{share:.2g} ({low:.2g}-{high:.2g}, of {row['with_posterior']}; {more})", share <= 100 * wish.share
        )

    what = f"wrong basins, unflagged, {wish.method}, {wish.suite} [per cent]"
    beside = "" if wish.peer is None else cell(_fit(tables, wish.peer, wish.suite)).text
    return _line(what, beside, f"{100 * wish.share:g}", cell(_fit(tables, wish.method, wish.suite)))


def _coverage(wish: w.CoverageWish, tables: Tables) -> Line:
    def cell(method: str | None) -> Cell:
        asked = {"method": method, "suite": wish.suite, "split": ALL}
        rows = [r for r in tables["coverage"] if all(r[k] == v for k, v in asked.items())]
        if not rows:
            return MISSING
        row = max(rows, key=lambda r: abs(r["largest_deviation"]))
        place = f"{row['parameter']} at {row['at']}, {row['stamps']} lenses"
        text = f"{100 * row['largest_deviation']:+.1f} +- {100 * row['scatter']:.1f} ({place})"
        return Cell(text, abs(row["largest_deviation"]) <= wish.within)

    what = f"coverage, {wish.method}, {wish.suite}: largest deviation [points]"
    beside = "" if wish.peer is None else cell(wish.peer).text
    return _line(what, beside, f"{100 * wish.within:g}", cell(wish.method))


def _ratio(wish: w.RatioWish, tables: Tables) -> Line:
    ratios = [r for suite in wish.suites for r in _ratios(wish, suite, tables)]
    what = f"{wish.what} of {wish.method} over those of {wish.to}, mean of {', '.join(wish.suites)}"
    if not ratios:
        return _line(what, "", f"{wish.ratio:g}", MISSING)
    mean = float(np.mean(ratios))
    return _line(what, "", f"{wish.ratio:g}", Cell(f"{mean:.3g}", mean <= wish.ratio))


def _ratios(wish: w.RatioWish, suite: str, tables: Tables) -> list[float]:
    if wish.what == "seconds":
        pair = [_fit(tables, name.removesuffix(WITH_PRIOR), suite) for name in (wish.method, wish.to)]
        seconds = [None if row is None else row["seconds_50"] for row in pair]
        return [] if None in seconds else [seconds[0] / seconds[1]]  # type: ignore[operator]
    asked = {"suite": suite, "split": ALL}
    rows = [r for r in tables["accuracy"] if all(r[k] == v for k, v in asked.items())]
    found = {(r["method"], r["parameter"]): r["error"] for r in rows}
    parameters = [p for method, p in found if method == wish.method and (wish.to, p) in found]
    return [found[wish.method, p] / found[wish.to, p] for p in parameters]
