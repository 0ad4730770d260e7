"""The page of a catalogue: summary, every lens, distributions, coverage, and how it was made.

The page is a single HTML file with text, figures and JSON data. The information on the catalogue as a whole needs no script; the
table of lenses needs one, which the policy of the page permits by its hash and which draws only the rows in view.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lenssbi.calibration.catalogues import Coverage, coverages
from lenssbi.calibration.scores import LEVELS
from lenssbi.catalogue.arrays import parameters, texts
from lenssbi.pipelines import pages
from lenssbi.pipelines.pages import Section
from lenssbi.pipelines.report import summary
from lenssbi.pipelines.report.figures import Drawn, draw
from lenssbi.pipelines.report.lenses import lens_data, thumbnail_blocks

if TYPE_CHECKING:
    from astropy.table import Table

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = (
    "cells.js",
    "table.js",
    "panels.js",
    "lens.js",
    "review.js",
    "start.js",
)  # joined in this order to one script
TITLE = "catalogue of strong lenses"
MOST_THUMBNAILS = 20_000  # browsers are slow with more
MOST_INPUTS = 20  # largest number of listed inputs


def build(
    table: Table,
    card: Mapping[str, Any],
    thumbnails: Mapping[str, bytes],
    prefix: str | None = "",
    pictures: Mapping[str, bytes] | None = None,
) -> str:
    """The text of the page.

    Parameters
    ----------
    table
        Catalogue, one row for each lens.
    card
        Description of the run: version, estimator, inputs, configuration, seconds, whether it is finished; the folder's name, or a
        title; `catalogue`, `fits` and `views` (:func:`~lenssbi.pipelines.report.lenses.lens_data`).
    thumbnails
        Mapping of the name of a lens to one WebP image with four square panels: data, model, residual, source.
    prefix
        Relative path from the page to the catalogue's folder; None for no links.
    pictures
        Mapping of the name of a lens to the figure of its fit, WebP.
    """
    known = parameters(table)
    covered = coverages(texts(table, "method"), known)
    pictures = pictures or {}
    lenses = lens_data(table, thumbnails, prefix, pictures, card)
    with TemporaryDirectory() as folder:
        figures = list(draw(table, known, covered, Path(folder)))
        return pages.render(
            TEMPLATES,
            "report.html.j2",
            title=_title(card),
            sections=list(_sections(covered, figures)),
            script="".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS),
            lenses=lenses,
            blocks=thumbnail_blocks(lenses["name"], thumbnails),
            pictures=[base64.b64encode(pictures[name]).decode() for name in lenses["name"] if name in pictures],
            drawn_fits=len(pictures),
            fits=sum(bool(name) for name in texts(table, "figure")),
            shown=sum(place >= 0 for place in lenses["thumbnails"]),
            linked=prefix is not None,
            finished=card.get("finished", True),
            tiles=summary.tiles(table, card),
            statuses=summary.status_counts(table),
            flags=summary.flag_counts(table),
            costs=list(summary.costs(table)),
            figures=figures,
            levels=list(LEVELS),
            covered=covered,
            about=_about(card),
            inputs=_inputs(card),
            settings=list(summary.settings(card.get("config", {}))),
        )


def _title(card: Mapping[str, Any]) -> str:
    if card.get("title"):
        return str(card["title"])
    return f"{card['name']}: {TITLE}" if card.get("name") else TITLE.capitalize()


def _sections(covered: list[Coverage], figures: list[Drawn]) -> Iterator[Section]:
    yield Section("summary", "Summary")
    yield Section("lenses", "Every lens")
    if any(figure.section == "distributions" for figure in figures):
        yield Section("distributions", "Distributions")
    if covered:
        yield Section("coverage", "Against the truth")
    yield Section("run", "How it was made")


def _about(card: Mapping[str, Any]) -> dict[str, str]:
    """Short entries of the card."""
    found = {"lenssbi": card.get("version"), "command": card.get("command"), "estimator": card.get("estimator")}
    return {name: str(value) for name, value in found.items() if value}


def _inputs(card: Mapping[str, Any]) -> list[str]:
    inputs = card.get("inputs") or []
    more = [f"and {len(inputs) - MOST_INPUTS:,} more"] if len(inputs) > MOST_INPUTS else []
    return [str(name) for name in inputs[:MOST_INPUTS]] + more
