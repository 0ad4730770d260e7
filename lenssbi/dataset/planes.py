"""The images of a FITS file as arrays, or the reason why it cannot be read.

All faults of FITS files are handled here and become an `ItemError`.
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

BLOCK = 2880  # bytes: the unit of a FITS file's length


@dataclass(frozen=True)
class Plane:
    """One image of a file.

    Parameters
    ----------
    name
        Name of the extension in capitals; empty for an unnamed one.
    data
        Pixels, any number of axes.
    header
        FITS keywords, whose values are parsed when they are asked for.
    """

    name: str
    data: FloatArray
    header: Mapping[str, Any]


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
            # A file may lack the padding of its last block, which astropy treats as missing data.
            padded = content + b"\0" * (-len(content) % BLOCK)
            with fits.open(io.BytesIO(padded), memmap=False, lazy_load_hdus=False) as hdus:
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
    """The bytes of a FITS file, decompressed; a stamp is small, and its length can then be checked."""
    try:
        if path.is_dir():
            raise ItemError(Status.NOT_FITS, path, "it is a folder")
        if not path.is_file():
            raise ItemError(Status.NOT_FOUND, path)
        content = path.read_bytes()
        for signature, expand in (
            (b"\x1f\x8b", gzip.decompress),
            (b"BZh", bz2.decompress),
            (b"\xfd7zXZ", lzma.decompress),
        ):
            if content.startswith(signature):
                content = expand(content)
                break
    except ItemError:
        raise
    except (EOFError, ValueError, lzma.LZMAError):  # errors of the three decompressors for a missing end
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
    if data_end(hdus[-1], last) > len(content) or content[end : end + 8] == b"XTENSION":
        raise ItemError(Status.TRUNCATED, path, f"after {len(content)} bytes")


def data_end(hdu: Any, place: Mapping[str, Any]) -> int:
    """End of the data of an extension, without the padding of its last block [byte]."""
    keywords = getattr(hdu, "_bintable", hdu).header  # a compressed image is stored as a table
    axes = [keywords[f"NAXIS{i}"] for i in range(1, keywords.get("NAXIS", 0) + 1)]
    values = keywords.get("GCOUNT", 1) * (keywords.get("PCOUNT", 0) + int(np.prod(axes, dtype=np.int64)))
    return int(place["datLoc"] + (abs(keywords["BITPIX"]) // 8 * values if axes else 0))


def _plane(hdu: Any) -> Plane:
    return Plane(extension_name(hdu), np.asarray(hdu.data, dtype=float), hdu.header)


def extension_name(hdu: Any) -> str:
    """Name of an extension in capitals, empty for those that astropy and fpack give to a nameless one."""
    name = str(hdu.name).strip().upper()
    return "" if name in ("PRIMARY", "COMPRESSED_IMAGE") else name
