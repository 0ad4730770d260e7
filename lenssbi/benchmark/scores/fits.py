"""Rows from the records of fits: one for each lens, and one for each suite and method with shares, times and evaluations.

A fit is in a wrong basin if the difference of the median of einstein_radius from the truth exceeds all limits of `WrongBasin`, in arcsec,
in sigma and as a share of the truth. A wide posterior that contains the truth is therefore not in a wrong basin, nor is a narrow one with
a small error. A wrong fit is unflagged if no flag warns of it and its status is done. Shares are of the fits with a posterior,
with Wilson's 68.3 per cent interval.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lenssbi.benchmark.methods import WrongBasin
from lenssbi.benchmark.runners.records import PosteriorSummary, Record
from lenssbi.benchmark.scores.shares import Row, share_columns
from lenssbi.status import Status

SHARES = ("flagged", "wrong", "wrong_unflagged", "false_alarms")
NOT_DONE, ANY = "(not done)", "(any)"  # rows in addition to those of the flags
QUANTILES = {"16": 16, "50": 50, "84": 84}


def lens_rows(records: Sequence[Record], which: str) -> Iterator[Row]:
    """A row for each lens and parameter with the result and the truth; a single one without a parameter if a fit has no posterior."""
    for record in records:
        row = {"lens": record.index, "status": record.status, "flags": " ".join(record.flags)}
        row |= {"evaluations": record.evaluations, "seconds": record.seconds, "cpu": record.cpu}
        belief = record.posteriors.get(which)
        nothing = dict.fromkeys(("median", "lower", "upper", "mean", "sigma", "below", "true"))
        row |= {"n_eff": None if belief is None else belief.n_eff, "log_evidence": record.log_evidence}
        for name in [""] if belief is None else belief.names:
            numbers = nothing if belief is None else belief.at(name)
            yield {**row, "parameter": name, **{key: numbers[key] for key in nothing}}


def summary(records: Sequence[Record], which: str, wrong: WrongBasin) -> Row:
    """Shares, times and evaluations of the fits of a suite."""
    found = [(record, record.posteriors[which]) for record in records if which in record.posteriors]
    row: Row = {"lenses": len(records), "with_posterior": len(found)}
    row["done"] = sum(record.status == Status.DONE.value for record in records)
    row |= _shares(found, wrong)
    row |= _quantiles("seconds", [record.seconds for record in records])
    row |= _quantiles("cpu", [record.cpu for record in records])
    row |= _quantiles("evaluations", [record.evaluations for record in records])
    row |= _quantiles("n_eff", [belief.n_eff for _, belief in found])
    row["flags"] = _counted(flag for record in records for flag in record.flags)
    row["not_done"] = _counted(record.status for record in records if record.status != Status.DONE.value)
    return row


def in_wrong_basin(belief: PosteriorSummary, wrong: WrongBasin) -> bool:
    """Whether the median einstein_radius is catastrophically far from the truth."""
    if "einstein_radius" not in belief.names:
        return False
    found = belief.at("einstein_radius")
    away = abs(found["median"] - found["true"])
    return bool(away > max(wrong.arcsec, wrong.sigma * found["sigma"], wrong.share * found["true"]))


def flag_rows(records: Sequence[Record], which: str, wrong: WrongBasin) -> Iterator[Row]:
    """A row for each flag, for a status that is not done, and for any of these: the shares of right and of wrong fits that have it.

    The share of the right fits is the rate of false alarms. Each share has Wilson's interval; fits without a posterior are left out.
    """
    found = [
        (record, in_wrong_basin(record.posteriors[which], wrong)) for record in records if which in record.posteriors
    ]
    names = sorted({flag for record, _ in found for flag in record.flags})
    raised = {flag: [flag in record.flags for record, _ in found] for flag in names}
    raised[NOT_DONE] = [record.status != Status.DONE.value for record, _ in found]
    raised[ANY] = [record.warned for record, _ in found]
    lost = np.array([is_lost for _, is_lost in found], bool)
    for flag, rows in raised.items():
        row: Row = {"flag": flag}
        for kind, part in (("right", np.array(rows, bool)[~lost]), ("wrong", np.array(rows, bool)[lost])):
            row |= {kind: part.size} | share_columns(f"{kind}_raised", part, f"{kind}_low", f"{kind}_high")
        yield row


def _shares(found: Sequence[tuple[Record, PosteriorSummary]], wrong: WrongBasin) -> Row:
    warned = np.array([record.warned for record, _ in found], bool)
    lost = np.array([in_wrong_basin(belief, wrong) for _, belief in found], bool)
    row: Row = {}
    for name, rows in zip(SHARES, (warned, lost, lost & ~warned, warned & ~lost), strict=True):
        row |= share_columns(name, rows)
    return row


def _quantiles(name: str, values: Sequence[float | None]) -> Row:
    known = [value for value in values if value is not None]
    return {f"{name}_{k}": float(np.percentile(known, q)) if known else None for k, q in QUANTILES.items()}


def _counted(words: Iterator[str] | Any) -> str:
    return "; ".join(f"{word}: {count}" for word, count in Counter(words).most_common())
