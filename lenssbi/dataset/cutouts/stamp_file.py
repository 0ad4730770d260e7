"""The file of a cut-out, which every command reads: SCI, ERR, PSF and MASK, and their provenance in the first header."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lenssbi import __version__
from lenssbi.dataset.cutouts.cut import Cut, OpenTile
from lenssbi.dataset.cutouts.targets import CutoutTarget
from lenssbi.dataset.header import ZERO_POINTS, as_ascii, filter_name

SCHEMA = "lenssbi-cutout-1"
CARRIED = (
    *("BUNIT", *ZERO_POINTS, "FILTER", "BAND", "TELESCOP", "INSTRUME", "DETECTOR", "EXPTIME", "TEXPTIME", "GAIN"),
    *("DATE-OBS", "MJD-OBS", "PHOTFLAM", "PHOTPLAM", "PHOTMODE", "PIXAR_SR", "TILEID", "SOFTNAME", "SOFTVERS"),
)
"""Keywords of a mosaic that are true of a part of it."""
PROVENANCE = {
    "OBJECT": "name of the target",
    "RA_TARG": "[deg] ICRS right ascension that was asked for",
    "DEC_TARG": "[deg] ICRS declination that was asked for",
    "MOSAIC": "file that the image was cut from",
    "MOSAIC_X": "[pixel] target in the mosaic, from 1",
    "MOSAIC_Y": "[pixel] target in the mosaic, from 1",
    "CUTSIZE": "[arcsec] side of the stamp",
    "NOISEFIL": "file or number of the noise",
    "NOISEHOW": "how one sigma follows from it",
    "FLAGFILE": "file of the mask",
    "FLAGBITS": "bits of the mask that count, -1 for all",
    "PSFFILE": "file of the PSF",
    "PSFROW": "row of the PSF in its table, 0: one for all",
    "PSFDIST": "[arcsec] from where the PSF was measured",
    "USABLE": "share of the pixels that can be used",
    "CUTKEY": "identity of target and options",
}


def write_stamp(path: Path, cut: Cut, opened: OpenTile, target: CutoutTarget, key: str) -> dict[str, Any]:
    """Write a cut-out; the same cut makes the same bytes.

    Parameters
    ----------
    path
        The file, which is written in place; the caller renames it.
    cut, opened, target
        The stamp, the tile that it is from, and the target.
    key
        Identity of target and options, by which a later run recognises the file.

    Returns
    -------
    The keywords of its first header, see `PROVENANCE`.
    """
    from astropy.io import fits

    provenance = _provenance(cut, opened, target, key)
    first = fits.PrimaryHDU()
    first.header.extend([("SCHEMA", SCHEMA, ""), ("CREATOR", f"lenssbi {__version__}", "")])
    for name, value in provenance.items():
        first.header[name] = (value, PROVENANCE[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cards whose comment is cut off
        science = fits.ImageHDU(cut.image, _image_header(cut, opened), name="SCI")
        error = fits.ImageHDU(cut.noise, name="ERR")
        mask = fits.ImageHDU(cut.bad.astype(np.uint8), name="MASK")
        psf = fits.ImageHDU(np.asarray(cut.psf.image), fits.Header(cut.psf.keywords), name="PSF")
        fits.HDUList([first, science, error, psf, mask]).writeto(path, output_verify="ignore", overwrite=True)
    return provenance


def read_provenance(path: Path) -> dict[str, Any] | None:
    """The keywords `PROVENANCE` of a cut-out; None for a file that is not a cut-out."""
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = fits.getheader(path, 0)
    except Exception:  # astropy raises a dozen kinds for what is no FITS file
        return None
    return {name: header.get(name) for name in PROVENANCE} if header.get("SCHEMA") == SCHEMA else None


def _provenance(cut: Cut, opened: OpenTile, target: CutoutTarget, key: str) -> dict[str, Any]:
    flag = opened.flag
    return {
        "OBJECT": as_ascii(target.name),
        "RA_TARG": target.ra,
        "DEC_TARG": target.dec,
        "MOSAIC": as_ascii(Path(opened.tile.image).name),
        "MOSAIC_X": round(float(cut.place[0]), 4),
        "MOSAIC_Y": round(float(cut.place[1]), 4),
        "CUTSIZE": round(cut.image.shape[0] * opened.footprint.pixel_scale, 6),
        "NOISEFIL": as_ascii(Path(opened.noise.file).name),
        "NOISEHOW": opened.noise.recipe,
        "FLAGFILE": "none" if flag is None else as_ascii(Path(flag.file).name),
        "FLAGBITS": -1 if flag is None or flag.bits is None else flag.bits,
        "PSFFILE": as_ascii(Path(opened.psf.file).name),
        "PSFROW": cut.psf.number,
        "PSFDIST": round(cut.psf.distance, 3),
        "USABLE": round(cut.usable, 6),
        "CUTKEY": key,
    }


def _image_header(cut: Cut, opened: OpenTile) -> Any:
    """The stamp's own WCS, and the keywords of the mosaic's headers that hold for the stamp."""
    found = cut.wcs.to_header(relax=True)
    own: Mapping[str, Any] = opened.image.header
    for name in CARRIED:
        value = own.get(name, opened.primary.get(name))
        if isinstance(value, str | int | float) and name not in found:
            found[name] = value
    if not filter_name(found):
        found["FILTER"] = opened.tile.band
    return found
