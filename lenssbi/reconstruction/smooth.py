"""A smooth source under the pixels: Gaussians describe the smooth light of a galaxy, and the pixels the rest.

    s(beta) = sum_j a_j N_j(beta_0) + pixels,    a_j >= 0

A prior of pixels alone assumes that every source is equally rough, and may prefer a wrong lens model with a mesh that suits the
source. Gaussians (Cappellari 2002; behind lenses He et al. 2024, MNRAS 532, 2441) fit most of a galaxy without a choice of scale, so
that the pixels' prior is one of small departures from them.

The Gaussians are those of positive flux in a fit with Gaussians alone and their neighbours in width, with its ellipses, in the source plane
of its lens model. Another lens model traces the same light to other places, moved, rotated and stretched; the Gaussians are transformed
accordingly, by the best affine map of one source plane to the other for the traced light,

    beta = c + a (beta_0 - c_0) + b conj(beta_0 - c_0),    minimise sum_i w_i |beta_i - beta(beta_0i)|^2,

w the squared light of that fit's image. Fixed Gaussians would bias the lens model towards that of the fit. They add no parameter:
their fluxes belong to the linear system, with the weak prior of `profiles` (each as bright as the whole image, about), and count in its
determinants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.ndimage import binary_dilation

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction.columns import ScaledColumns, of_rows
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.profiles import ProfileInversion, Profiles, SourceEllipse

FLATTENED = 0.05  # a map that shrinks areas by more than this factor is rejected


class _Affine(NamedTuple):
    """beta = to + a (beta_0 - origin) + b conj(beta_0 - origin)."""

    origin: complex
    to: complex
    a: complex
    b: complex

    def back(self, beta: ComplexArray) -> ComplexArray:
        """beta_0."""
        d = beta - self.to
        return self.origin + (np.conj(self.a) * d - self.b * np.conj(d)) / (abs(self.a) ** 2 - abs(self.b) ** 2)


@dataclass(frozen=True, eq=False)
class SmoothPart:
    """The Gaussians of one stamp.

    Parameters
    ----------
    imaging
        The stamp.
    parts
        Gaussians and their ellipses behind the lens model of the fit.
    shares
        Weights w of the mask's pixels, sum 1, shape (n_pixels,).
    traced
        Angles beta_0 of the mask's pixels [arcsec], shape (n_pixels,).
    """

    imaging: Imaging
    parts: tuple[tuple[ProfileInversion, SourceEllipse], ...]
    shares: FloatArray
    traced: ComplexArray

    @classmethod
    def found(
        cls,
        imaging: Imaging,
        profiles: Profiles,
        ellipses: Sequence[SourceEllipse],
        fluxes: FloatArray,
        beta: ComplexArray,
        image: FloatArray,
    ) -> SmoothPart:
        """The smooth part of a fit with Gaussians alone.

        Parameters
        ----------
        imaging
            The stamp.
        profiles
            Gaussians of the fit.
        ellipses, fluxes
            Result of the fit, shape (ellipse,) and (ellipse * gaussian,).
        beta
            `imaging.theta` traced by its lens model [arcsec], shape (n_sub,).
        image
            Light of the source in the fit [flux/pixel], shape (ny, nx).
        """
        shares = np.maximum(np.nan_to_num(image[imaging.mask]), 0.0) ** 2
        shares = shares / shares.sum() if shares.any() else np.full(shares.size, 1 / shares.size)
        shining = np.split(np.asarray(fluxes) > 0, len(ellipses))
        parts = [
            (ProfileInversion(imaging, profiles.select(binary_dilation(bright))), ellipse)
            for ellipse, bright in zip(ellipses, shining, strict=True)
            if bright.any()
        ]
        return cls(imaging, tuple(parts), shares, _of_pixels(imaging, beta))

    @property
    def count(self) -> int:
        """Number of Gaussians."""
        return sum(inversion.profiles.count for inversion, _ in self.parts)

    def columns(self, beta: ComplexArray) -> ScaledColumns:
        """Their blurred images behind a lens model that traces to `beta` [arcsec], shape (n_sub,)."""
        tiles, back = self.imaging.tiles, self._map(beta).back(beta)
        traced = self.parts[0][0].traced(back)
        rows = np.concatenate([inversion.rows_of(traced, ellipse) for inversion, ellipse in self.parts])
        ridge = 1 / float(np.sum(tiles.data**2))
        return of_rows(np.moveaxis(rows.reshape(self.count, *tiles.place.shape), 0, -1), tiles, ridge)

    def brightness(self, beta: ComplexArray, fluxes: FloatArray, places: ComplexArray) -> FloatArray:
        """Surface brightness [flux/arcsec^2] of fluxes (count,) at places of that source plane [arcsec], any shape."""
        places, light = self._map(beta).back(places), np.zeros(np.shape(places))
        ends = np.cumsum([inversion.profiles.count for inversion, _ in self.parts])
        for (inversion, ellipse), part in zip(self.parts, np.split(fluxes, ends[:-1]), strict=True):
            light += inversion.profiles.brightness(places, *ellipse, part)
        return light

    def _map(self, beta: ComplexArray) -> _Affine:
        there = _of_pixels(self.imaging, beta)
        origin, to = (complex(np.sum(self.shares * x)) for x in (self.traced, there))
        x, y = self.traced - origin, there - to
        # Normal equations of y = a x + b conj(x).
        xx, xc = float(np.sum(self.shares * np.abs(x) ** 2)), complex(np.sum(self.shares * x**2))
        ya, yb = complex(np.sum(self.shares * y * np.conj(x))), complex(np.sum(self.shares * y * x))
        det = xx**2 - abs(xc) ** 2
        if not det > 0:  # all light on one line, or in one point
            return _Affine(origin, to, 1.0, 0.0)
        a, b = (xx * ya - np.conj(xc) * yb) / det, (xx * yb - xc * ya) / det
        if abs(abs(a) ** 2 - abs(b) ** 2) < FLATTENED:
            return _Affine(origin, to, 1.0, 0.0)
        return _Affine(origin, to, a, b)


def _of_pixels(imaging: Imaging, beta: ComplexArray) -> ComplexArray:
    """Traced angles of the mask's pixels, shape (n_pixels,)."""
    traced: ComplexArray = beta.reshape(-1, imaging.subgrid**2)[imaging.fitted].mean(axis=1)
    return traced
