"""Data for the script of the page: columns of the catalogue in JSON, flagged lenses first, and thumbnails in blocks.

The page reads a block only when one of its lenses comes into view, so that it opens fast. The script shows all values as text; addresses
are checked by `links.link`.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.catalogue import FLAGS
from lenssbi.catalogue.arrays import Parameter, numbers, parameters, texts, truths
from lenssbi.catalogue.verdicts import SCHEMA, STEPS, VERDICTS
from lenssbi.pipelines.report.links import link
from lenssbi.pipelines.report.summary import kinds

if TYPE_CHECKING:
    from astropy.table import Table

BLOCK = 128  # number of thumbnails in a block
DIGITS = 6  # significant digits of a number
PLACE = 10  # significant digits of a coordinate [deg], for a thousandth of an arcsecond
TEXTS = ("name", "input", "method", "status", "refined_because", "look_because", "network_flags")
REFINED = "refined"
OF_NETWORK = ("network", "network_lower", "network_upper")
SUMMARY = ("median", "lower", "upper")
# name -> title
NUMBERS = {
    "snr": "S/N",
    "chi2_per_pixel": "χ² per pixel",
    "misspecification": "misspecification",
    "log_evidence": "ln evidence",
    "seconds": "seconds",
    "evaluations": "evaluations",
    "ra": "right ascension",
    "dec": "declination",
}


def lens_data(
    table: Table,
    thumbnails: Mapping[str, bytes],
    prefix: str | None,
    figures: Collection[str] = (),
    review: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Columns of the catalogue, flagged lenses first and otherwise in the order of the table.

    Parameters
    ----------
    table
        Catalogue, one row per lens.
    thumbnails
        Mapping of the name of a lens to its image, WebP.
    prefix
        Relative path from the page to the catalogue's folder; None for no links.
    figures
        Names of the lenses with a figure in the page, in the order of their rows there.
    review
        Data for verdicts: `catalogue`, its identity; `fits`, a mapping of the name of a lens to the identity of its result; `views`, a
        mapping of the name of a lens to the coordinates of its thumbnail (:func:`lenssbi.pipelines.catalogue.view.view_of`).
    """
    table = table[np.argsort(~truths(table, "needs_human"), kind="stable")]
    data: dict[str, Any] = {name: texts(table, name) for name in TEXTS}
    place = {name: number for number, name in enumerate(name for name in data["name"] if name in thumbnails)}
    words, flags = _flags(table)
    drawn = {name: number for number, name in enumerate(name for name in data["name"] if name in figures)}
    known = review or {}
    refined = np.array([method == REFINED for method in data["method"]], bool)
    return {
        **data,
        "kind": kinds(data["status"]),
        "flag_words": words,
        "flags": flags,
        "parameters": [_parameter(parameter, refined) for parameter in parameters(table)],
        "numbers": list(_numbers(table)),
        "links": {key: [link(path, prefix) for path in texts(table, key)] for key in ("posterior", "figure")},
        "thumbnails": [place.get(name, -1) for name in data["name"]],
        "block": BLOCK,
        "figures": [drawn.get(name, -1) for name in data["name"]],
        "fit": [str(known.get("fits", {}).get(name, "")) for name in data["name"]],
        "review": {"schema": SCHEMA, "catalogue": known.get("catalogue", ""), "verdicts": VERDICTS, "steps": STEPS},
        "merged": _merged(table),
        "views": [known.get("views", {}).get(name) for name in data["name"]],
    }


def _merged(table: Table) -> dict[str, list[Any]] | None:
    """Merged verdicts; None if the catalogue was not reviewed."""
    if "verdict" not in table.colnames:
        return None
    counts = {"reviewers": numbers(table, "reviewers"), "agree": numbers(table, "reviewers_agree")}
    merged = {name: texts(table, name) for name in ("verdict", "failed_step", "note")}
    return merged | {name: [int(one) for one in np.nan_to_num(values)] for name, values in counts.items()}


def thumbnail_blocks(names: Sequence[str], thumbnails: Mapping[str, bytes]) -> list[list[str]]:
    """Thumbnails of `names` in this order, in base 64, in blocks of `BLOCK`."""
    images = [base64.b64encode(thumbnails[name]).decode("ascii") for name in names if name in thumbnails]
    return [images[first : first + BLOCK] for first in range(0, len(images), BLOCK)]


def _flags(table: Table) -> tuple[list[str], list[list[int]]]:
    """All flags, and for each lens the indices of its flags."""
    found: list[list[str]] = [other.split() for other in texts(table, "flags")]
    for flag in reversed(FLAGS):
        for row in np.flatnonzero(truths(table, flag)):
            found[row].insert(0, flag)
    words = list(dict.fromkeys([*FLAGS, *(word for row in found for word in row)]))
    number = {word: place for place, word in enumerate(words)}
    return words, [[number[word] for word in row] for row in found]


def _parameter(parameter: Parameter, refined: NDArray[np.bool_]) -> dict[str, Any]:
    """Data of one parameter; `network` is given for fits only, because other rows are results of the network."""
    known = bool(np.isfinite(parameter.truth).any())
    of_network = [np.where(refined, getattr(parameter, key), np.nan) for key in OF_NETWORK]
    return {
        "name": parameter.name,
        "title": parameter.title,
        "unit": parameter.unit,
        "text": parameter.text,
        "median": _short(parameter.median),
        "lower": _short(parameter.lower),
        "upper": _short(parameter.upper),
        "truth": _short(parameter.truth) if known else None,
        "network": dict(zip(SUMMARY, map(_short, of_network), strict=True))
        if np.isfinite(of_network[0]).any()
        else None,
    }


def _numbers(table: Table) -> Iterator[dict[str, Any]]:
    for name, title in NUMBERS.items():
        values = numbers(table, name)
        if np.nan_to_num(values).any():
            column = table[name]
            words = {"unit": str(column.unit or ""), "text": str(column.description or "")}
            yield {
                "name": name,
                "title": title,
                **words,
                "values": _short(values, PLACE if name in ("ra", "dec") else DIGITS),
            }


def _short(values: NDArray[np.float64], digits: int = DIGITS) -> list[float | None]:
    """Numbers rounded to `digits` significant digits; None for non-finite ones."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values.tolist()]
