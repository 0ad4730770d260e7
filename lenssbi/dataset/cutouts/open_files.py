"""FITS files that are opened without reading their pixels until some of them are cut out.

Plain images are mapped into memory; tile-compressed ones and integers with a scale are read a section at a time. Only what lies in a
compressed file (.gz) must be held as a whole.
"""

from __future__ import annotations

import os
import warnings
from typing import Any

from lenssbi.dataset.planes import Plane, data_end, extension_name
from lenssbi.status import ItemError, Status


class OpenFiles:
    """FITS files that are open, each once."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Any, list[Plane]]] = {}

    def planes(self, path: str) -> list[Plane]:
        """The images of a file, in order.

        Raises
        ------
        ItemError
            NOT_FOUND, NOT_FITS or TRUNCATED.
        """
        if path not in self._open:
            hdus = _open(path)
            self._open[path] = hdus, _planes(hdus, path)
        return self._open[path][1]

    def hdus(self, path: str) -> Any:
        """The file as astropy opened it."""
        self.planes(path)
        return self._open[path][0]

    def close(self) -> None:
        """Close them all."""
        for hdus, _ in self._open.values():
            hdus.close()
        self._open.clear()


def _open(path: str) -> Any:
    from astropy.io import fits

    if not os.path.isfile(path):
        raise ItemError(Status.NOT_FOUND, path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            hdus = fits.open(path, mode="denywrite", memmap=True)
            len(hdus)  # reads all headers
            if any(hdu.is_image and _is_scaled(hdu) for hdu in hdus):  # cannot be mapped
                hdus.close()
                hdus = fits.open(path, memmap=False)
                len(hdus)
            whole = path.lower().endswith(".gz") or data_end(hdus[-1], hdus[-1].fileinfo()) <= os.path.getsize(path)
        if not whole:
            raise ItemError(Status.TRUNCATED, path)
    except ItemError:
        raise
    except Exception:  # astropy raises a dozen kinds for a damaged file
        raise ItemError(Status.NOT_FITS, path) from None
    return hdus


def _planes(hdus: Any, path: str) -> list[Plane]:
    in_parts = not path.lower().endswith(".gz") and any(hdu.is_image and _is_scaled(hdu) for hdu in hdus)
    return [
        Plane(extension_name(hdu), _pixels(hdu, in_parts), dict(hdu.header))
        for hdu in hdus
        if hdu.is_image and hdu.header.get("NAXIS", 0) > 1
    ]


def _is_scaled(hdu: Any) -> bool:
    """Whether the numbers in a file are not yet the pixels' values."""
    return any(hdu.header.get(key, usual) != usual for key, usual in (("BSCALE", 1), ("BZERO", 0), ("BLANK", None)))


def _pixels(hdu: Any, in_parts: bool) -> Any:
    """The pixels as something that can be sliced and has a shape: read section by section, or mapped into memory."""
    from astropy.io import fits

    return hdu.section if len(hdu.shape) == 2 and (in_parts or isinstance(hdu, fits.CompImageHDU)) else hdu.data
