"""Figures of fits that are contained in the page, so that it can be sent alone."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lenssbi.catalogue.arrays import texts, truths
from lenssbi.pipelines.report.links import link

if TYPE_CHECKING:
    from astropy.table import Table

MOST_FIGURES = 200  # default: about 20 MB, small enough for an e-mail
WIDTH = 1800  # pixels
QUALITY = 80


def kept_figures(table: Table, folder: Path, most: int = MOST_FIGURES) -> dict[str, bytes]:
    """Figures of a catalogue's fits as WebP, by the name of the lens; missing and invalid files are left out.

    Parameters
    ----------
    table
        Catalogue, one row per lens.
    folder
        Folder of the catalogue; paths to files outside it are not followed.
    most
        Largest number of figures, those of flagged lenses first.
    """
    names, paths = texts(table, "name"), texts(table, "figure")
    found: dict[str, bytes] = {}
    for row in np.argsort(~truths(table, "needs_human"), kind="stable"):
        if len(found) >= most:
            break
        inside = link(paths[row]) is not None and (folder / paths[row]).resolve().is_relative_to(folder.resolve())
        picture = _picture(folder / paths[row]) if inside else b""
        if picture:
            found[names[row]] = picture
    return found


def _picture(path: Path) -> bytes:
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as image:
            size = min(WIDTH, image.width), round(image.height * min(WIDTH / image.width, 1.0))
            small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    except (OSError, ValueError, Image.DecompressionBombError):
        return b""
    held = io.BytesIO()
    small.save(held, "WEBP", quality=QUALITY, method=4)
    return held.getvalue()
