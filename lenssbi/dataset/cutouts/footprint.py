"""Positions of the pixels of a tile on the sky.

Any celestial WCS that astropy reads: rotated and flipped, CD or PC, with SIP or other distortions, equatorial, galactic or ecliptic. A
position counts only if the sky position of the pixel that is found for it is the position itself: projections such as TAN have two
points of the sky for some of their pixels, and a distortion is true nowhere beyond the tile.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.dataset import header
from lenssbi.dataset.planes import Plane
from lenssbi.status import InputError, ItemError, Status

CLOSED = 0.01  # [pixels]: largest difference after a conversion to the sky and back


@dataclass(frozen=True)
class Footprint:
    """Pixels of a tile and their places on the sky.

    Parameters
    ----------
    wcs
        The celestial axes.
    frame
        Their frame.
    shape
        Pixels (y, x).
    pixel_scale
        Side of a pixel, as the header says [arcsec].
    """

    wcs: Any
    frame: Any
    shape: tuple[int, int]
    pixel_scale: float

    @staticmethod
    def of(image: Plane, path: str, hdus: Any = None) -> Footprint:
        """The footprint of an image; `hdus` are its file, which may hold tables of distortions.

        Raises
        ------
        InputError
            No celestial WCS, no pixel scale, or pixels that are not square.
        """
        from astropy.wcs import WCS
        from astropy.wcs.utils import wcs_to_celestial_frame

        keywords = {key: value for key, value in image.header.items() if key not in header.WORDS}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                wcs = WCS(
                    _as_header(keywords), fobj=hdus, naxis=2
                )  # `celestial` would swap axes that begin with the declination
                if not wcs.has_celestial:
                    raise ValueError
                frame = wcs_to_celestial_frame(wcs)
        except Exception:  # wcslib's errors have no common base class
            raise InputError(
                f"{path}: its header does not say where it is on the sky (WCS): give a mosaic with CTYPE, CRVAL, CRPIX and CD or CDELT"
            ) from None
        try:
            scale = header.pixel_scale(image.header)
        except ValueError as error:
            raise ItemError(Status.NOT_SQUARE, path, str(error)) from None
        if scale is None:
            raise ItemError(Status.NO_PIXEL_SCALE, path, "a cut-out takes it from the WCS")
        return Footprint(wcs, frame, (image.data.shape[0], image.data.shape[1]), scale)

    def pixels(self, ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Places x and y [pixels, 0 in the middle of the first] of ICRS positions [deg]; NaN beyond the tile's pixels, shapes as `ra`."""
        x, y = np.full((2, ra.size), np.nan)
        near = self._near(ra, dec)
        if near.any():
            x[near], y[near] = self._to_pixels(ra[near], dec[near])
        ny, nx = self.shape
        with np.errstate(invalid="ignore"):
            inside = (x >= -0.5) & (x < nx - 0.5) & (y >= -0.5) & (y < ny - 0.5)
        if inside.any():
            there = _separation(*self.sky(x[inside], y[inside]), ra[inside], dec[inside])
            inside[inside] = there < CLOSED * self.pixel_scale
        return np.where(inside, x, np.nan), np.where(inside, y, np.nan)

    def sky(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """ICRS positions [deg] of pixels; NaN if there is no sky."""
        from astropy import units
        from astropy.coordinates import ICRS, SkyCoord

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            world = self.wcs.all_pix2world(x, y, 0)
        lon, lat = world[self.wcs.wcs.lng], world[self.wcs.wcs.lat]
        if isinstance(self.frame, ICRS):
            return np.asarray(lon), np.asarray(lat)
        found = SkyCoord(lon * units.deg, np.clip(lat, -90, 90) * units.deg, frame=self.frame).icrs
        return np.asarray(found.ra.deg), np.asarray(found.dec.deg)

    def sides(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Sides of pixels at places [arcsec], along x and y, shape (2, n)."""
        across = [self.sky(x + sign * 0.5, y) for sign in (-1, 1)]
        along = [self.sky(x, y + sign * 0.5) for sign in (-1, 1)]
        return np.array([_separation(*across[0], *across[1]), _separation(*along[0], *along[1])])

    def share(self, x: float, y: float, side: int) -> tuple[float, float]:
        """Share of a square of `side` pixels about a place that lies on the tile, and the distance to its nearest edge [pixels]."""
        reach = [
            min(place + side / 2, n - 0.5) - max(place - side / 2, -0.5)
            for place, n in zip((y, x), self.shape, strict=True)
        ]
        edge = min(min(place + 0.5, n - 0.5 - place) for place, n in zip((y, x), self.shape, strict=True))
        return reach[0] * reach[1] / side**2, edge

    def _near(self, ra: FloatArray, dec: FloatArray) -> Any:
        """Which positions are not farther from the tile's middle than its edges."""
        ny, nx = self.shape
        steps = np.linspace(-0.5, 0.5, 9)
        zero = np.zeros_like(steps)
        x = np.concatenate([[0.0], steps, steps, zero - 0.5, zero + 0.5]) * nx + (nx - 1) / 2
        y = np.concatenate([[0.0], zero - 0.5, zero + 0.5, steps, steps]) * ny + (ny - 1) / 2
        edge = self.sky(x, y)
        reach = _separation(*edge, edge[0][0], edge[1][0])
        if not np.isfinite(reach).all() or reach.max() > 90 * 3600:  # the tile covers a hemisphere
            return np.isfinite(ra)
        with np.errstate(invalid="ignore"):
            return _separation(ra, dec, edge[0][0], edge[1][0]) < 1.05 * reach.max() + 2 * self.pixel_scale

    def _to_pixels(self, ra: FloatArray, dec: FloatArray) -> tuple[FloatArray, FloatArray]:
        from astropy import units
        from astropy.coordinates import ICRS, SkyCoord

        lon, lat = ra, dec
        if not isinstance(self.frame, ICRS):
            there = SkyCoord(ra * units.deg, dec * units.deg).transform_to(self.frame).spherical
            lon, lat = there.lon.deg, there.lat.deg
        world = (lon, lat) if self.wcs.wcs.lng < self.wcs.wcs.lat else (lat, lon)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            x, y = self.wcs.all_world2pix(*world, 0, tolerance=1e-5, quiet=True)
        return np.asarray(x), np.asarray(y)


def _separation(ra: FloatArray, dec: FloatArray, other_ra: Any, other_dec: Any) -> FloatArray:
    """Angle between positions [deg], in arcsec, exact at small angles too."""
    a, b = np.radians(dec), np.radians(other_dec)
    half = np.sin((a - b) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(np.subtract(ra, other_ra)) / 2) ** 2
    return np.degrees(2 * np.arcsin(np.sqrt(np.clip(half, 0, 1)))) * 3600


def _as_header(keywords: dict[str, Any]) -> Any:
    from astropy.io import fits

    found = fits.Header()
    for key, value in keywords.items():
        if isinstance(value, str | int | float | bool | np.generic):
            found[key] = value
    return found
