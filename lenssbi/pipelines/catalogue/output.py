"""Output of a catalogue: the description of its run, and the table in every selected format."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lenssbi import catalogue
from lenssbi.catalogue.reviewed import with_verdicts
from lenssbi.catalogue.verdicts import of_lenses, read_kept
from lenssbi.files import atomic
from lenssbi.parameters.conventions import CONVENTIONS
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.catalogue.job import REVIEW, RUN, TABLE


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write `run.json`."""
    with atomic(folder / RUN) as temporary:
        temporary.write_text(json.dumps(card, indent=1))


def write_tables(folder: CatalogueFolder) -> dict[str, int]:
    """Write the table in every selected format, with the verdicts of reviewers if there are any, and return the counts.

    Raises
    ------
    InputError
        If the folder cannot be written, or its verdicts cannot be read.
    """
    meta = {"command": "catalogue", "config": folder.card["config"], "estimator": folder.card["estimator"]}
    meta |= {"cosmology": folder.card.get("cosmology", "")}
    places = [row["place"] for row in folder.rows()]
    table = catalogue.build(folder.rows(), meta | {"conventions": CONVENTIONS})
    table = table[sorted(range(len(places)), key=places.__getitem__)]
    fits = folder.fits()
    verdicts = of_lenses(read_kept(folder.path / REVIEW, folder.identity, fits), fits)
    table = with_verdicts(table, verdicts)
    for kind in folder.config.tables:
        catalogue.write(table, folder.path / f"{TABLE}.{kind}")
    done = int((table["status"] == "done").sum())
    return {
        "done": done,
        "failed": len(table) - done,
        "refined": int((table["method"] == "refined").sum()),
        "flagged": int(table["needs_human"].sum()),
    }
