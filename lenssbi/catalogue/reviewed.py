"""The columns that a review adds to a catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lenssbi.catalogue.verdicts import Consensus, Verdict, consensus

if TYPE_CHECKING:
    from astropy.table import Table

# name -> description
COLUMNS = {
    "verdict": "verdict of most reviewers, unsure if there is no such one, empty if nobody reviewed the lens",
    "failed_step": "of a failure: the earliest step that went wrong, as most reviewers say",
    "note": "notes of the reviewers",
    "reviewers": "number of reviewers with a verdict on this lens",
    "reviewers_agree": "number of them whose verdict is the one in `verdict`",
}
NOBODY = Consensus("", "", "", 0, 0)


def with_verdicts(table: Table, verdicts: Mapping[str, Sequence[Verdict]]) -> Table:
    """A catalogue with the columns of its review, those of an earlier one replaced; without them if there are no verdicts.

    Parameters
    ----------
    table
        Catalogue, one row per lens; it is not changed.
    verdicts
        Mapping of the name of a lens to the verdicts that count.
    """
    from astropy.table import Column

    table = table.copy()
    table.remove_columns([name for name in COLUMNS if name in table.colnames])
    if not verdicts:
        return table
    found = [consensus(verdicts[name]) if name in verdicts else NOBODY for name in map(str, table["name"])]
    for place, (name, text) in enumerate(COLUMNS.items()):
        values: list[Any] = [one[place] for one in found]
        table[name] = Column(values, dtype=int if isinstance(values[0], int) else str, description=text)
    return table
