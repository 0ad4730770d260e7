"""The images of a FITS file as arrays, or the reason why there are none.

Everything that can be wrong with a file on a stranger's disk is met here, once, and becomes an `ItemError`.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.status import ItemError, Status

ARCSEC = {"deg": 3600.0, "degree": 3600.0, "degrees": 3600.0, "arcsec": 1.0, "arcmin": 60.0, "rad": 206264.80624709636}
SCALE_KEYWORDS = ("PIXSCALE", "PIXELSCL", "PIXSCAL1", "PIX_SCALE")  # [arcsec]
BLOCK = 2880  # bytes: the unit of a FITS file's length
WORDS = ("", "COMMENT", "HISTORY")  # may hold line breaks, which a WCS does not take
SANE_SCALES = (1e-4, 60.0)  # [arcsec]: a CDELT of 1 that means "none" gives 3600


@dataclass(frozen=True)
class Plane:
    """One image of a file.

    Parameters
    ----------
    name
        Of the extension, in capitals; empty for an unnamed one.
    data
        Pixels, any number of axes.
    header
        FITS keywords.
    """

    name: str
    data: FloatArray
    header: Mapping[str, Any]

    @property
    def pixel_scale(self) -> float | None:
        """Side of a pixel [arcsec] by CD, PC and CDELT, or a keyword; None where the header does not say."""
        unit = ARCSEC.get(str(self.header.get("CUNIT1", "deg")).strip().lower(), 3600.0)
        for prefix, steps in (("CD", (1.0, 1.0)), ("PC", self._steps)):
            if not any(f"{prefix}{i}_{j}" in self.header for i in (1, 2) for j in (1, 2)):
                continue
            # SWarp's cut-outs carry a CD matrix and, with CDELT = 1, the same numbers as PC: CD goes first.
            matrix = self._matrix(prefix) * np.reshape(steps, (2, 1))
            return _sane(np.sqrt(abs(np.linalg.det(matrix))) * unit)
        if "CDELT1" in self.header and "CDELT2" in self.header:
            return _sane(np.sqrt(abs(self._steps[0] * self._steps[1])) * unit)
        return next((_sane(self.header[k]) for k in SCALE_KEYWORDS if k in self.header), None)

    @property
    def sky_position(self) -> tuple[float, float] | None:
        """Right ascension and declination [deg] of the image's centre, None where the header does not say."""
        from astropy.wcs import WCS

        if not str(self.header.get("CTYPE1", "")).startswith("RA"):
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ny, nx = self.data.shape[-2:]
                keywords = {k: v for k, v in self.header.items() if k not in WORDS}
                ra, dec = WCS(keywords).celestial.wcs_pix2world((nx - 1) / 2, (ny - 1) / 2, 0)
        except Exception:  # wcslib's errors share no base; a broken position is no reason to refuse the pixels
            return None
        return (float(ra), float(dec)) if np.isfinite([ra, dec]).all() else None

    @property
    def _steps(self) -> tuple[float, float]:
        return float(self.header.get("CDELT1", 1.0)), float(self.header.get("CDELT2", 1.0))

    def _matrix(self, prefix: str) -> FloatArray:
        default = 0.0 if prefix == "CD" else 1.0
        entries = [[float(self.header.get(f"{prefix}{i}_{j}", default * (i == j))) for j in (1, 2)] for i in (1, 2)]
        return np.array(entries)


def read_planes(path: str | Path) -> list[Plane]:
    """Read all numerical images of a file, in order.

    Raises
    ------
    ItemError
        NOT_FOUND, NOT_FITS or TRUNCATED.
    """
    from astropy.io import fits

    path = Path(path)
    content = _content(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(content), memmap=False, lazy_load_hdus=False) as hdus:
                _check_length(hdus, content, path)
                return [
                    _plane(hdu)
                    for hdu in hdus
                    if hdu.is_image and hdu.header.get("NAXIS", 0) > 0 and hdu.data is not None
                ]
    except ItemError:
        raise
    except Exception:  # astropy raises a dozen kinds for a damaged file
        raise ItemError(Status.NOT_FITS, path) from None


def _content(path: Path) -> bytes:
    """The bytes of a FITS file, decompressed; a stamp has few of them, and whole they tell where they end."""
    if path.is_dir():
        raise ItemError(Status.NOT_FITS, path, "it is a folder")
    if not path.is_file():
        raise ItemError(Status.NOT_FOUND, path)
    try:
        content = path.read_bytes()
        for signature, expand in (
            (b"\x1f\x8b", gzip.decompress),
            (b"BZh", bz2.decompress),
            (b"\xfd7zXZ", lzma.decompress),
        ):
            if content.startswith(signature):
                content = expand(content)
                break
    except (EOFError, ValueError, lzma.LZMAError):  # how the three decompressors say that the end is missing
        raise ItemError(Status.TRUNCATED, path) from None
    except (OSError, zlib.error) as error:
        raise ItemError(
            Status.NOT_FITS, path, f"it cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None
    if len(content) < BLOCK and content[:9] == b"SIMPLE  ="[: len(content)]:
        raise ItemError(Status.TRUNCATED, path, f"after {len(content)} bytes")
    if not content.startswith(b"SIMPLE  ="):
        raise ItemError(Status.NOT_FITS, path)
    return content


def _check_length(hdus: Any, content: bytes, path: Path) -> None:
    """Refuse a file that ends within an extension; astropy only warns, and drops one that ends in its header."""
    last = hdus.fileinfo(len(hdus) - 1)
    end = last["datLoc"] + last["datSpan"]
    if end > len(content) or content[end : end + 8] == b"XTENSION":
        raise ItemError(Status.TRUNCATED, path, f"after {len(content)} bytes")


def _plane(hdu: Any) -> Plane:
    return Plane(hdu.name.strip().upper().replace("PRIMARY", ""), np.asarray(hdu.data, dtype=float), dict(hdu.header))


def _sane(scale: Any) -> float | None:
    try:
        value = float(scale)
    except (TypeError, ValueError):
        return None
    # Headers give a pixel to about ten digits; without rounding 0.1 arcsec comes out as 0.10000000000000793.
    return round(value, 9) if SANE_SCALES[0] < value < SANE_SCALES[1] else None
