"""The part of `table.md` about fits: targets, results of each method on each suite, and the time of an evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lenssbi.benchmark.lines import COLUMN, Line
from lenssbi.benchmark.measures.evaluation import OURS, WHOLE

if TYPE_CHECKING:
    from lenssbi.benchmark.session import Benchmark

Row = Mapping[str, Any]
Table = tuple[Sequence[str], list[list[str]]]
MET = {True: "yes", False: "no", None: ""}
FITS = (
    "suite",
    "method",
    "lenses",
    "done",
    "wrong, unflagged [%]",
    "wrong [%]",
    "flagged, right [%]",
    "seconds",
    "evaluations",
    "effective draws",
)
FLAGS = ("suite", "method", "flag", "right fits", "raised [%]", "wrong fits", "raised [%]")


def tables_of_fits(bench: Benchmark, wanted: Sequence[Line]) -> Iterator[Table]:
    """Headings and rows of each table; none if nothing was fitted or timed."""
    if wanted:
        rows = [[line.what, line.paper, *_cell(line), line.wanted, MET[_met(line)]] for line in wanted]
        yield ("what", "PyAutoLens in the same run", "lenssbi", "wanted", "met"), rows
    if bench.tables["fits"]:
        yield FITS, [_fit(row) for row in bench.tables["fits"]]
    if bench.tables["flags"]:
        yield FLAGS, [_flag(row) for row in bench.tables["flags"]]
    whole = [row for row in bench.tables["evaluation"] if row["part"] == WHOLE]
    if whole:
        yield (
            ("one evaluation", "mesh", "solver", "columns", "ms", "source pixels", "log evidence"),
            [_whole(r) for r in whole],
        )
        yield _parts(bench.tables["evaluation"])
    if bench.tables["memory"]:
        rows = [[row["method"], _number(row["peak_memory_mb"]), row["status"]] for row in bench.tables["memory"]]
        yield ("peak memory of a fit", "MB", "status"), rows


def _cell(line: Line) -> list[str]:
    return [", ".join(cell.text for cell in line.cells[COLUMN])]


def _met(line: Line) -> bool | None:
    (cell,) = line.cells[COLUMN]
    return cell.met


def _fit(row: Row) -> list[str]:
    shares = [_interval(row, name) for name in ("wrong_unflagged", "wrong", "false_alarms")]
    spread = [_spread(row, name) for name in ("seconds", "evaluations", "n_eff")]
    return [row["suite"], row["method"], str(row["lenses"]), str(row["done"]), *shares, *spread]


def _flag(row: Row) -> list[str]:
    of = [
        (str(row[kind]), _shares(row, f"{kind}_raised", f"{kind}_low", f"{kind}_high")) for kind in ("right", "wrong")
    ]
    return [row["suite"], row["method"], row["flag"], *of[0], *of[1]]


def _interval(row: Row, name: str) -> str:
    return _shares(row, name, f"{name}_low", f"{name}_high")


def _shares(row: Row, *names: str) -> str:
    if row[names[0]] is None:
        return ""
    share, low, high = (100 * row[name] for name in names)
    return f"{share:.2g} ({low:.2g}-{high:.2g})"


def _spread(row: Row, name: str) -> str:
    if row[f"{name}_50"] is None:
        return ""
    return f"{row[f'{name}_50']:.4g} ({row[f'{name}_16']:.4g}-{row[f'{name}_84']:.4g})"


def _whole(row: Row) -> list[str]:
    code = row["code"] if row["status"] == "done" else f"{row['code']}: {row['status']}"
    numbers = [_number(row[key]) for key in ("ms", "source_pixels")]
    evidence = "" if row["log_evidence"] is None else f"{row['log_evidence']:.2f}"
    return [code, row["mesh"], row["solver"], str(row["columns"]), *numbers, evidence]


def _parts(rows: Sequence[Row]) -> Table:
    """Times of the parts of a linear evaluation, mesh by mesh."""
    ours = [row for row in rows if row["code"] == OURS and row["solver"] == "linear" and not row["columns"]]
    meshes, parts = (list(dict.fromkeys(row[key] for row in ours)) for key in ("mesh", "part"))
    found = {(row["part"], row["mesh"]): _number(row["ms"]) for row in ours}
    order = [*(part for part in parts if part != WHOLE), WHOLE]
    return ("ms of a linear evaluation", *meshes), [
        [part, *(found.get((part, mesh), "") for mesh in meshes)] for part in order
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
