"""Information in the header of an image: pixel scale, position, zero point, unit, filter, lens light.

Headers of other programs are not always written by people who use them, so a value counts only if it can mean what its keyword promises:
a step of exactly 1 degree is the default of a program that did not know it, and a step without a unit and without a projection is in
degrees only if it is as small as a pixel is.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from lenssbi.arrays import FloatArray

Header = Mapping[str, Any]

ARCSEC = {
    **dict.fromkeys(("deg", "degree", "degrees"), 3600.0),
    **dict.fromkeys(("arcsec", "arcsecond", "arcseconds", "arcsecs", "asec"), 1.0),
    **dict.fromkeys(("arcmin", "arcminute", "arcminutes"), 60.0),
    **dict.fromkeys(("rad", "radian", "radians"), 206264.80624709636),
    "mas": 1e-3,
}
SCALE_KEYWORDS = (
    *("PIXSCALE", "PIXELSCL", "PIX_SCALE", "PIXSCAL", "PIXSCL", "PIXELSCALE", "PIXEL_SCALE", "PXSCALE", "SECPIX"),
    *("PIXSCAL1", "PIXSCAX", "PIXSCALX", "PIXSCLX", "SECPIX1", "D001SCAL"),
)  # [arcsec]
SECOND_KEYWORDS = {"PIXSCAL1": "PIXSCAL2", "PIXSCAX": "PIXSCAY", "PIXSCALX": "PIXSCALY", "PIXSCLX": "PIXSCLY"}
SECOND_KEYWORDS |= {"SECPIX1": "SECPIX2"}
"""Keywords of the other axis."""
CELESTIAL = ("RA", "DEC", "GLON", "GLAT", "ELON", "ELAT")
LENS_LIGHT = "LENSLGHT"
ZERO_POINTS = ("MAGZERO", "MAGZPT", "ZEROPNT", "PHOTZP", "ZP")
SANE_SCALES = (1e-4, 60.0)  # [arcsec]
UNNAMED_SCALES = (1e-3, 10.0)  # [arcsec]: of a step without unit and projection, taken as degrees
SQUARE = 0.02  # share by which the sides of a pixel may differ
WORDS = ("", "COMMENT", "HISTORY")  # may hold line breaks, which a WCS does not take


def pixel_scale(header: Header) -> float | None:
    """Side of a pixel [arcsec] by CD, PC and CDELT, or by a keyword of its own; None if the header does not give it.

    Raises
    ------
    ValueError
        The pixels are not square, with their sides.
    """
    readers = (_of_matrix, _of_steps, _of_keyword) if _is_named(header) else (_of_keyword, _of_matrix, _of_steps)
    sides = next(filter(None, (reader(header) for reader in readers)), None)
    if sides is None:
        return None
    if abs(sides[0] - sides[1]) > SQUARE * max(sides):
        raise ValueError(f"its pixels are {sides[0]:.4g}x{sides[1]:.4g} arcsec")
    # Headers give a pixel to about ten digits; without rounding 0.1 arcsec comes out as 0.10000000000000793.
    return round(float(np.sqrt(sides[0] * sides[1])), 9)


def celestial_wcs(header: Header) -> Any:
    """The celestial WCS of a header as an `astropy.wcs.WCS`, None if the header has none that can be used."""
    if not str(header.get("CTYPE1", "")).startswith(CELESTIAL):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from astropy.wcs import WCS

            # The axes in their order: `celestial` would sort them.
            return WCS({key: value for key, value in header.items() if key not in WORDS}, naxis=2)
    except Exception:  # wcslib's errors share no base; a broken position is no reason to refuse the pixels
        return None


def sky_position(wcs: Any, shape: tuple[int, ...]) -> tuple[float, float] | None:
    """ICRS right ascension and declination [deg] of the centre of an image of `shape` by its `celestial_wcs`, None if there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ny, nx = shape[-2:]
            centre = wcs.pixel_to_world((nx - 1) / 2, (ny - 1) / 2).icrs
            ra, dec = float(centre.ra.deg), float(centre.dec.deg)
    except Exception:  # as above, and for None
        return None
    return (ra, dec) if np.isfinite([ra, dec]).all() else None


def wcs_keywords(wcs: Any) -> dict[str, Any]:
    """The keywords of a `celestial_wcs`, in astropy's spelling and with SIP; none if it is None or cannot be used."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return {} if wcs is None else dict(wcs.to_header(relax=True))
    except Exception:  # as above
        return {}


def as_ascii(text: str) -> str:
    """A text in the characters that a FITS header can hold."""
    return "".join(c if c.isprintable() else " " for c in text).encode("ascii", "backslashreplace").decode()


def zero_point(header: Header) -> float | None:
    """AB magnitude of one unit, None if the header does not give it."""
    return next((value for key in ZERO_POINTS if (value := number(header.get(key))) is not None), None)


def unit(header: Header) -> str:
    """Unit of the pixels, empty if the header does not give it."""
    return str(header.get("BUNIT") or ("ADU/s" if "MAGZERO" in header else "")).strip()


def filter_name(header: Header) -> str:
    """Name of the filter, empty if the header does not give it."""
    values = (str(header.get(key) or "").strip() for key in ("FILTER", "BAND"))
    return next(filter(None, values), "")


def lens_light(header: Header) -> str | None:
    """The header's statement on the light of the lens galaxy, in lower case; None if there is none."""
    return str(header.get(LENS_LIGHT) or "").strip().lower() or None


def number(value: object) -> float | None:
    """A finite number, also one that was written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if np.isfinite(found) else None


def _of_matrix(header: Header) -> tuple[float, float] | None:
    """Sides by CD or, if there is none, PC and CDELT [arcsec]."""
    for prefix in ("CD", "PC"):
        if not any(f"{prefix}{i}_{j}" in header for i in (1, 2) for j in (1, 2)):
            continue
        # SWarp's cut-outs carry a CD matrix and, with CDELT = 1, the same numbers as PC: CD goes first.
        steps = (1.0, 1.0) if prefix == "CD" else _steps(header)
        found = _in_arcsec(header, np.linalg.norm(_matrix(header, prefix) * np.reshape(steps, (2, 1)), axis=0))
        if found is not None:
            return found
    return None


def _of_steps(header: Header) -> tuple[float, float] | None:
    return _in_arcsec(header, np.abs(_steps(header))) if "CDELT1" in header and "CDELT2" in header else None


def _of_keyword(header: Header) -> tuple[float, float] | None:
    for key in SCALE_KEYWORDS:
        side = number(header.get(key))
        if side is not None and SANE_SCALES[0] < side < SANE_SCALES[1]:
            other = number(header.get(SECOND_KEYWORDS.get(key, key)))
            return side, abs(other) if other else side
    return None


def _steps(header: Header) -> tuple[float, float]:
    found = [number(header.get(key, 1.0)) for key in ("CDELT1", "CDELT2")]
    return found[0] or 1.0, found[1] or 1.0


def _matrix(header: Header, prefix: str) -> FloatArray:
    default = 0.0 if prefix == "CD" else 1.0
    entries = [[header.get(f"{prefix}{i}_{j}", default * (i == j)) for j in (1, 2)] for i in (1, 2)]
    return np.array([[number(entry) or 0.0 for entry in row] for row in entries])


def _in_arcsec(header: Header, sides: FloatArray) -> tuple[float, float] | None:
    """Sides [arcsec] of steps in the header's unit; None if they cannot be a pixel's."""
    step = _unit_of_steps(header)
    if step and step not in ARCSEC:
        return None
    low, high = SANE_SCALES if _is_named(header) else UNNAMED_SCALES
    x, y = (float(side) * ARCSEC[step or "deg"] for side in sides)
    return (x, y) if low < x < high and low < y < high else None


def _is_named(header: Header) -> bool:
    """Whether the steps from pixel to pixel have a unit, or a projection that implies it."""
    return bool(_unit_of_steps(header)) or str(header.get("CTYPE1") or "").strip().upper().startswith(CELESTIAL)


def _unit_of_steps(header: Header) -> str:
    return str(header.get("CUNIT1") or "").strip().lower()
