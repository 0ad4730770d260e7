"""The comparison as rows for CSV and as tables of text: over the stamps of a kind, and stamp by stamp."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lenssbi.benchmark.comparison.bootstrap import Row
from lenssbi.benchmark.comparison.text_tables import Cell, DisplayTable, Part, number, per_cent, three
from lenssbi.benchmark.real.compare import (
    COMPARED,
    EFFECTIVE,
    EINSTEIN,
    RADIUS,
    MethodResult,
    StampComparison,
)
from lenssbi.benchmark.real.config import Method, RealConfig
from lenssbi.benchmark.real.published import KINDS, Value
from lenssbi.status import Status

TITLE = "Real stamps against published values"
REFEREE = (
    "The published values are fits of the same stamps by PyAutoLens: a referee, not the truth. A difference says that one of the",
    "two is wrong or that errors are too small, not which; another code has other priors, another source and another treatment of",
    "light and noise. The Einstein radius is that of the mass model in lenssbi's definition. If only the radius of the circle with",
    "the area of the tangential critical curve was published (effective radius), it is compared with the same of ours. Intervals",
    "are of the bootstrap over stamps (Wilson's for shares of none or all), 68.3 per cent; a pull is a difference over both errors",
    "in quadrature.",
)
HEADINGS = (
    "",
    "method",
    "compared",
    "flagged",
    "bias",
    "rms",
    "NMAD",
    "R²",
    "outliers [%]",
    "pull, rms",
    "within 2 sigma [%]",
    "our error",
)


def lens_rows(stamps: Sequence[StampComparison], config: RealConfig) -> Iterator[Row]:
    """A row for each stamp: every value with its error, flags and seconds; None if there is none."""
    for stamp in stamps:
        row: Row = {"id": stamp.published.id, "kind": stamp.published.kind, "quantity": stamp.quantity}
        for name in COMPARED:
            row |= _two(name, stamp.published.values.get(stamp.quantity if name == RADIUS else name))
        for method in config.methods:
            answer = stamp.answers[method]
            for name in COMPARED:
                row |= _two(f"{method}_{name}", answer.values.get(_quantity(stamp) if name == RADIUS else name))
            row |= {f"{method}_flags": " ".join(answer.flags), f"{method}_flagged": answer.flagged}
            row |= {f"{method}_status": answer.status, f"{method}_seconds": answer.seconds}
        yield row


def text_tables(stamps: Sequence[StampComparison], summary: Sequence[Row], config: RealConfig) -> list[DisplayTable]:
    """Both tables, separately for the kinds of stamps."""
    kinds = [kind for kind in KINDS if any(stamp.published.kind == kind for stamp in stamps)]
    parts = [Part(_title(kind, stamps), [_summary(row) for row in summary if row["kind"] == kind]) for kind in kinds]
    each = [Part(kind, [_stamp(one, config.methods) for one in stamps if one.published.kind == kind]) for kind in kinds]
    headings = [heading for method in config.methods for heading in (method, f"flags of the {method}", f"{method} [s]")]
    outlier = f"Outliers are radii that are off by more than {100 * config.outlier:g} per cent."
    radii = "Radii in arcsec, medians with half of the 68 per cent interval; (eff.): of the critical curve's area."
    return [
        DisplayTable("Over the stamps of a kind", HEADINGS, parts, outlier),
        DisplayTable("Stamp by stamp", ("stamp", "published", *headings), each, radii),
    ]


def _two(name: str, found: Value | None) -> Row:
    value, sigma = (None, None) if found is None else found
    return {name: value, f"{name}_error": sigma}


def _quantity(stamp: StampComparison) -> str:
    """Radius that is shown for a stamp: the published one, or that of the model if nothing was published."""
    return stamp.quantity or EINSTEIN


def _title(kind: str, stamps: Sequence[StampComparison]) -> str:
    return f"{kind}: {sum(stamp.published.kind == kind for stamp in stamps)}"


def _summary(row: Row) -> list[Cell]:
    name = row["quantity"].replace("_", " ") if row["parameter"] == RADIUS else row["parameter"].replace("_", " ")
    unit = f" [{row['unit']}]" if row["unit"] else ""
    quiet = {**row, "reason": ""}  # given once
    counts = [Cell(row["method"]), Cell(f"{row['compared']} of {row['stamps']}"), Cell(str(row["flagged"]))]
    numbers = [number(row, "bias", "bias"), *(number(quiet, key, key) for key in ("rms", "nmad", "r2"))]
    outliers = per_cent(row, "outliers", "outliers") if row["outliers"] is not None else Cell("")
    shares = [number(quiet, "pull", "pull"), per_cent(quiet, "within", "within")]
    return [Cell(name + unit), *counts, *numbers, outliers, *shares, Cell(three(row["error"]))]


def _stamp(stamp: StampComparison, methods: Sequence[Method]) -> list[Cell]:
    published = stamp.published.values.get(stamp.quantity)
    cells = [Cell(stamp.published.id), Cell(_text(published) + (" (eff.)" if stamp.quantity == EFFECTIVE else ""))]
    for method in methods:
        answer = stamp.answers[method]
        cells += [Cell(_text(answer.values.get(_quantity(stamp)))), Cell(_flags(answer)), Cell(f"{answer.seconds:.3g}")]
    return cells


def _text(found: Value | None) -> str:
    return "" if found is None else f"{found.value:.3f} ± {found.sigma:.3f}"


def _flags(answer: MethodResult) -> str:
    parts = [] if answer.status == Status.DONE.value else [answer.status]
    return ", ".join([*parts, *(flag.replace("_", " ") for flag in answer.flags)])
