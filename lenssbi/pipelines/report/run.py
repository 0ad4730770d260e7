"""`lenssbi report`: page of a catalogue from its folder."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lenssbi.pipelines import pages
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.report.drawn import MOST_FIGURES, kept_figures
from lenssbi.pipelines.report.page import MOST_THUMBNAILS, build
from lenssbi.pipelines.results import Progress, silent

EVERY = 256  # thumbnails between two calls of `progress`


@dataclass(frozen=True)
class ReportResult:
    """Path and content of the page.

    Parameters
    ----------
    path
        Path of the page.
    lenses, flagged
        Number of lenses that it shows, and of those that need a human.
    seconds
        Wall-clock time [s].
    """

    path: Path
    lenses: int
    flagged: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {
            "path": str(self.path),
            "lenses": self.lenses,
            "flagged": self.flagged,
            "seconds": round(self.seconds, 3),
        }


def run(
    folder: Path,
    out: Path | None = None,
    progress: Progress = silent,
    title: str | None = None,
    figures: int = MOST_FIGURES,
) -> ReportResult:
    """Write the page of a catalogue.

    Parameters
    ----------
    folder
        Folder that `lenssbi catalogue` has written.
    out
        File of the page; None for report.html in `folder`.
    progress
        Function that is called with (thumbnails read, lenses, text).
    title
        Title of the page; None for the folder's name.
    figures
        Maximum number of figures of fits in the page, flagged lenses first.

    Raises
    ------
    InputError
        If `folder` is not a catalogue, or the page cannot be written.
    """
    start = time.perf_counter()
    found = CatalogueFolder.open(folder)
    table, card = found.table(), found.card
    out = folder / "report.html" if out is None else out
    wanted = _wanted(table)
    thumbnails: dict[str, bytes] = {}
    for name, image in found.thumbnails():
        if name in wanted:
            thumbnails[name] = image
            if len(thumbnails) % EVERY == 0:
                progress(len(thumbnails), len(wanted), "reading thumbnails")
    progress(len(wanted), len(wanted), "writing the page")
    card = card | {"name": folder.resolve().name, "title": title, "catalogue": found.identity, "fits": {}, "views": {}}
    for row in found.rows():
        card["fits"][row["name"]] = row["fit"]
        card["views"][row["name"]] = row.get("view")
    pictures = kept_figures(table, folder, figures)
    text = build(table, card, thumbnails, _from_page(folder, out), pictures)
    pages.write(text, out)
    flagged = int(np.count_nonzero(np.asarray(table["needs_human"])))
    return ReportResult(out, len(table), flagged, time.perf_counter() - start)


def _wanted(table: Any) -> set[str]:
    """Names of the lenses with a thumbnail in the page: the first `MOST_THUMBNAILS`, flagged ones first."""
    flagged_first = np.argsort(~np.asarray(table["needs_human"], bool), kind="stable")
    return {str(name) for name in np.asarray(table["name"])[flagged_first[:MOST_THUMBNAILS]]}


def _from_page(folder: Path, out: Path) -> str | None:
    """Relative path from the page to the catalogue's folder; None if it is not below the folder of the page."""
    try:
        return folder.resolve().relative_to(out.resolve().parent).as_posix()
    except ValueError:
        return None
