"""`lenssbi review`: merging of the verdicts that reviewers saved in the report into the catalogue.

All merged verdicts are stored in `review.json` in the folder of the catalogue, so that the files of reviewers can be merged one after the
other, and again after they have continued. The table gets the columns of :data:`lenssbi.catalogue.reviewed.COLUMNS`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lenssbi import catalogue
from lenssbi.catalogue.agreement import Agreement, agreement_of
from lenssbi.catalogue.reviewed import with_verdicts
from lenssbi.catalogue.verdicts import VERDICTS, consensus, merge, of_lenses, read_kept, read_verdicts
from lenssbi.catalogue.verdicts import write_verdicts as keep
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.catalogue.job import REVIEW, TABLE
from lenssbi.pipelines.catalogue.lock import locked


@dataclass(frozen=True)
class ReviewResult:
    """A reviewed catalogue.

    Parameters
    ----------
    path
        Folder of the catalogue.
    lenses, reviewed
        Number of its lenses, and of those with a verdict.
    counts
        Number of lenses with each verdict.
    reviewers
        Number of verdicts of each reviewer that count.
    replaced
        Number of verdicts in the files that a later one of the same reviewer on the same lens replaced.
    outdated
        Number of verdicts on results that are no longer in the catalogue.
    agreement
        Agreement of the reviewers; None if there is a single one, or no lens that all of them judged.
    """

    path: Path
    lenses: int
    reviewed: int
    counts: Mapping[str, int]
    reviewers: Mapping[str, int]
    replaced: int
    outdated: int
    agreement: Agreement | None

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        found = None if self.agreement is None else self.agreement._asdict()
        return {**vars(self), "path": str(self.path), "agreement": found}


def run(folder: Path, files: Sequence[Path] = ()) -> ReviewResult:
    """Merge files of verdicts into a catalogue.

    Parameters
    ----------
    folder
        Folder that `lenssbi catalogue` has written.
    files
        Files that reviewers saved in the report; if empty, the merged verdicts are counted again.

    Raises
    ------
    InputError
        If it is not the folder of a catalogue, has no table, or a run works in it; or if a file is not one of verdicts on it.
    """
    found = CatalogueFolder.open(folder)
    with locked(folder):
        table, fits = found.table(), found.fits()
        given = [one for path in files for one in read_verdicts(path, found.identity, fits)]
        verdicts, replaced = merge([*read_kept(folder / REVIEW, found.identity, fits), *given])
        counted = of_lenses(verdicts, fits)
        if files:
            keep(folder / REVIEW, found.identity, verdicts)
        table = with_verdicts(table, counted)
        for kind in found.config.tables:
            catalogue.write(table, folder / f"{TABLE}.{kind}")
    lenses = Counter(consensus(one).verdict for one in counted.values())
    by = Counter(one.reviewer for several in counted.values() for one in several)
    outdated = len(verdicts) - by.total()
    counts = {name: lenses[name] for name in VERDICTS}
    return ReviewResult(folder, len(table), len(counted), counts, dict(by), replaced, outdated, agreement_of(counted))
