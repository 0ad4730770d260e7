"""Summary of a catalogue: numbers of lenses, their statuses, lenses that need a human, and computing time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lenssbi.calibration.catalogues import METHODS
from lenssbi.catalogue import FLAGS
from lenssbi.catalogue.arrays import numbers, texts, truths
from lenssbi.status import Status

if TYPE_CHECKING:
    from astropy.table import Table

MOST_KINDS = 24  # largest number of distinct statuses, and of flags without a column
OTHER = "something else"
SECONDS_PER_HOUR = 3600.0


class Tile(NamedTuple):
    """A number at the head of the page; `look` is the CSS class of its rating."""

    name: str
    text: str
    value: str
    look: str = ""


class Count(NamedTuple):
    """Number of lenses with a status or a flag."""

    name: str
    text: str
    lenses: int


class Cost(NamedTuple):
    """Times of the lenses of one method on one core each, and number of likelihood evaluations, as text."""

    method: str
    lenses: int
    median: str
    slow: str
    total: str
    evaluations: str


def tiles(table: Table, card: Mapping[str, Any]) -> list[Tile]:
    """The numbers at the head of the page."""
    status, flagged = texts(table, "status"), truths(table, "needs_human")
    done = sum(one == Status.DONE.value for one in status)
    refined = texts(table, "method").count("refined")
    spent = numbers(table, "seconds")
    looks = ("short" if done < len(table) else "", "look" if flagged.any() else "")
    made = [
        Tile("lenses", "rows of the catalogue", f"{len(table):,}"),
        Tile("done", "have a posterior", f"{done:,}", "met"),
        Tile("failed", "the status says why", f"{len(table) - done:,}", looks[0]),
        Tile("refined", "fitted with a pixelised source", f"{refined:,}"),
        Tile("to look at", "flagged, with the reason", f"{np.count_nonzero(flagged):,}", looks[1]),
    ]
    if np.isfinite(spent).any():
        made.append(Tile("per lens", "mean time of one core", duration(float(spent[np.isfinite(spent)].mean()))))
    wall = card.get("seconds")
    if isinstance(wall, int | float) and np.isfinite(wall):
        made.append(Tile("in all", "from start to end", duration(wall)))
    return made


def kinds(statuses: Sequence[str]) -> list[str]:
    """Each status without details; all but the `MOST_KINDS` most frequent are replaced by `OTHER`."""
    heads = [_head(status) for status in statuses]
    frequent = {head for head, _ in Counter(heads).most_common(MOST_KINDS)}
    return [head if head in frequent else OTHER for head in heads]


def status_counts(table: Table) -> list[Count]:
    """Number of lenses with each status, the most frequent first."""
    found = Counter(kinds(texts(table, "status"))).most_common()
    return [Count(kind, "", lenses) for kind, lenses in found]


def flag_counts(table: Table) -> list[Count]:
    """Number of lenses with each flag; flags without a column are last."""
    known = [Count(flag.value, flag.sentence, int(np.count_nonzero(truths(table, flag.value)))) for flag in FLAGS]
    others = Counter(word for row in texts(table, "flags") for word in set(row.split()))
    return known + [Count(word, "", lenses) for word, lenses in others.most_common(MOST_KINDS)]


def costs(table: Table) -> Iterator[Cost]:
    """Computing time of each method."""
    spent, methods, evaluations = (
        numbers(table, "seconds"),
        np.array(texts(table, "method")),
        numbers(table, "evaluations"),
    )
    for method in METHODS:
        mine = (methods == method) & np.isfinite(spent)
        if mine.any():
            seconds, counted = spent[mine], evaluations[mine]
            yield Cost(
                method,
                int(mine.sum()),
                duration(float(np.median(seconds))),
                duration(float(np.quantile(seconds, 0.95))),
                duration(float(seconds.sum())),
                f"{np.median(counted[counted > 0]):,.0f}" if (counted > 0).any() else "",
            )


def settings(config: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """A nested configuration as (a.b.c, value)."""
    if isinstance(config, Mapping) and config:
        for key, value in config.items():
            yield from settings(value, f"{name}.{key}" if name else str(key))
    else:
        yield name, "" if config is None else str(config)


def duration(seconds: float) -> str:
    """Text of a time with at least two significant digits.

    Examples
    --------
    >>> [duration(seconds) for seconds in (0.0123, 3.21, 250.0, 20000.0)]
    ['12 ms', '3.2 s', '4.2 min', '5.6 h']
    """
    scales = (
        (1.0, "ms", 1e-3),
        (100.0, "s", 1.0),
        (SECONDS_PER_HOUR, "min", 60.0),
        (float("inf"), "h", SECONDS_PER_HOUR),
    )
    unit, value = next((unit, seconds / scale) for limit, unit, scale in scales if seconds < limit)
    return f"{value:.2g} {unit}" if value < 99.5 else f"{value:,.0f} {unit}"


def _head(status: str) -> str:
    known = (one.value for one in Status if status.startswith(one.value))
    return next(known, status.partition(" (")[0][:120])
