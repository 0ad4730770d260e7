"""Sources that consist of a few smooth profiles with non-negative fluxes, which are solved for linearly.

    model = sum_j a_j B_j + sum_l c_l C_l,   a_j, c_l >= 0,     minimise  |(d - model) / sigma|^2

B_j is the blurred image of profile j of unit flux behind the lens, C_l an image of the lens' own light. Profiles share a centre
and an ellipse (several of them, if wanted) and are sums of Gaussians: either each is a Gaussian, widths equally spaced
in their logarithm (Cappellari 2002; behind a lens: He et al. 2024, MNRAS 532, 2441), or a Sersic profile instead
(Hogg & Lang 2013). Such a source cannot be a distorted copy of the image, as a pixelised source is behind a wrong
lens. Its fluxes and the derivatives by all other parameters take ten milliseconds, so a fit starts with it.

A weak prior makes the solution unique and the evidence proper: a_j is a priori normal about 0, as wide as if its image alone had the
norm of the data. This is a statement about images, hence it prefers no magnification. With A the columns over sigma,
scaled to that norm,

    -2 ln E = chi^2 + |a|^2 + ln det(A^T A + 1) + sum ln(2 pi sigma^2)

taken at the best non-negative a; the determinant runs over all profiles, with and without flux, so that ln E is a continuous
function of the lens. The light of the lens is fitted, not marginalised: its columns are in no determinant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction import profiles_kernel as kernel
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.profiles_basis import Profiles

LIGHT_RIDGE = 1e-10  # of the light columns' norm: makes them independent


class SourceEllipse(NamedTuple):
    """Centre and shape of the source.

    Parameters
    ----------
    centre
        Position x + iy [arcsec].
    stretch
        Stretch (1/q - q) / 2 exp(2 i phi) with axis ratio q and position angle phi: any complex number is an ellipse.
    """

    centre: complex
    stretch: complex = 0j


@dataclass(frozen=True, eq=False)
class ProfileFit:
    """The best fluxes behind one lens.

    Parameters
    ----------
    misfit
        Value of chi^2.
    log_evidence
        Natural log of the evidence of the module's equation.
    fluxes
        Unlensed fluxes of the source's profiles [flux], shape (ellipse * profile,).
    columns
        Amplitudes of the light columns, shape (m,).
    residual
        Residuals (model - data) / sigma, shape (rows,), 0 outside the mask.
    design
        All columns of unit flux (or amplitude) over sigma, shape (ellipse * profile + m, rows).
    """

    misfit: float
    log_evidence: float
    fluxes: FloatArray
    columns: FloatArray
    residual: FloatArray
    design: FloatArray = field(repr=False)

    @property
    def active(self) -> FloatArray:
        """The columns of positive flux, shape (., rows)."""
        return self.design[np.concatenate([self.fluxes, self.columns]) > 0]


@dataclass(frozen=True, eq=False)
class ProfileInversion:
    """Evaluates lens models on one stamp, with a source of profiles. Threads may share it.

    Parameters
    ----------
    imaging
        The stamp.
    profiles
        Profiles of the source.
    columns
        Images of the lens' light [any unit per pixel], shape (m, ny, nx), already blurred.

    Examples
    --------
    A lens model is given by the angles that it traces::

        inversion = ProfileInversion(imaging, Profiles.gaussians())
        beta = imaging.theta - system.deflection(imaging.theta)
        inversion.evaluate(beta, [Ellipse(0.1 + 0.05j)]).misfit
    """

    imaging: Imaging
    profiles: Profiles = field(default_factory=lambda: Profiles.gaussians())
    columns: FloatArray | None = None

    def evaluate(self, beta: ComplexArray, ellipses: Sequence[SourceEllipse]) -> ProfileFit:
        """The best fluxes.

        Parameters
        ----------
        beta
            Traced `imaging.theta` [arcsec], complex, shape (n_sub,).
        ellipses
            One ellipse for every group of profiles.
        """
        design = np.concatenate([self.rows(beta, ellipses), self._light])
        return self._solve(design, len(ellipses) * self.profiles.count)

    def rows(self, beta: ComplexArray, ellipses: Sequence[SourceEllipse]) -> FloatArray:
        """Blurred images of the profiles of unit flux over sigma, shape (ellipse * profile, rows); arguments as for `evaluate`."""
        traced = self.traced(beta)
        return np.concatenate([self.rows_of(traced, ellipse) for ellipse in ellipses])

    def derivatives(
        self, beta: ComplexArray, moved: ComplexArray, ellipses: Sequence[SourceEllipse], fit: ProfileFit
    ) -> FloatArray:
        """Derivatives of the residual with the fluxes refitted, to the accuracy of Kaufman (1975).

        The derivative of the model at fixed fluxes, without its part in the span of the columns of positive flux.

        Parameters
        ----------
        beta
            Angles as given to `evaluate`.
        moved
            Derivatives d beta / d parameter, one value per image pixel that `imaging.theta` holds, shape (parameter, n_sub / subgrid^2).
        ellipses, fit
            Ellipses as given to `evaluate`, and its result.

        Returns
        -------
        Shape (parameter + 4 ellipses, rows): by the parameters, then by every ellipse's centre_x, centre_y [arcsec], stretch_1, stretch_2.
        """
        traced = self.traced(beta)
        total: FloatArray = np.zeros((traced.x.size, 4, traced.beta.shape[1]))
        own = []
        ones = np.ones(traced.x.size)
        for ellipse, fluxes in zip(ellipses, np.split(fit.fluxes, len(ellipses)), strict=True):
            slopes = np.empty_like(total)
            weights = self.profiles.mixture.T @ fluxes
            lit = weights > 0
            kernel.gradients(traced, *ellipse, self.profiles.sigmas[lit], weights[lit], slopes)
            # The centre moves against beta.
            own += [self._moved(slopes, np.outer([-1, -1j], ones)), self._moved(slopes[:, 2:], np.outer([1, 1j], ones))]
            total += slopes
        rows = np.concatenate([self._moved(total, np.asarray(moved, complex)), *own])
        basis, _ = np.linalg.qr(fit.active.T)
        return rows - (rows @ basis) @ basis.T

    def image(self, fit: ProfileFit) -> FloatArray:
        """Blurred light of the source [flux/pixel], shape (ny, nx), NaN outside the mask."""
        return self._image(fit.fluxes @ fit.design[: fit.fluxes.size])

    def light_image(self, fit: ProfileFit) -> FloatArray:
        """Light of the lens [flux/pixel], shape (ny, nx), NaN outside the mask."""
        return self._image(fit.columns @ fit.design[fit.fluxes.size :])

    def _image(self, row: FloatArray) -> FloatArray:
        tiles = self.imaging.tiles
        inside = tiles.place >= 0
        image = np.full(self.imaging.mask.shape, np.nan)
        image.ravel()[tiles.place[inside]] = row.reshape(inside.shape)[inside] / tiles.weight[inside]
        image *= self.imaging.flux_scale
        return image

    def traced(self, beta: ComplexArray) -> kernel.Traced:
        """Prepared rays, for any profiles on the same stamp."""
        return kernel.smeared(np.asarray(beta, complex), self.imaging.subgrid, self.imaging.tiles.kernel.shape[1])

    def rows_of(self, traced: kernel.Traced, ellipse: SourceEllipse) -> FloatArray:
        """`rows` of one ellipse for prepared rays."""
        sigmas, padded = self.profiles.sigmas, traced.beta.shape[1]
        light = np.empty((traced.x.size, sigmas.size, padded))
        count = np.empty(traced.x.size, np.int64)
        kernel.gaussians(traced, *ellipse, sigmas, light, count)
        rows = self._observed(light, count)
        return rows if self.profiles.plain else self.profiles.mixture @ rows

    def _moved(self, slopes: FloatArray, moved: ComplexArray) -> FloatArray:
        light = np.empty((moved.shape[1], moved.shape[0], slopes.shape[2]))
        count = np.empty(moved.shape[1], np.int64)
        kernel.turned(slopes, moved, light, count)
        return self._observed(light, count)

    def _observed(self, light: FloatArray, count: NDArray[Any]) -> FloatArray:
        tiles = self.imaging.tiles
        rows = np.empty((light.shape[1], *tiles.place.shape))
        kernel.observed(tiles, light, count, rows)
        return rows.reshape(light.shape[1], -1) * (self.imaging.pixel_scale**2 / self.imaging.flux_scale)

    @cached_property
    def _data(self) -> FloatArray:
        return self.imaging.tiles.data.ravel()

    @cached_property
    def _noise_norm(self) -> float:
        return float(np.sum(np.log(2 * np.pi * self.imaging.noise[self.imaging.mask] ** 2)))

    @cached_property
    def _light(self) -> FloatArray:
        """The light columns over sigma, shape (m, rows)."""
        tiles = self.imaging.tiles
        if self.columns is None:
            return np.empty((0, tiles.place.size))
        flat = np.asarray(self.columns, float).reshape(len(self.columns), -1)[:, tiles.place.clip(0).ravel()]
        return np.where(tiles.place.ravel() >= 0, flat, 0.0) * (tiles.weight.ravel() / self.imaging.flux_scale)

    def _solve(self, design: FloatArray, sources: int) -> ProfileFit:
        norm = np.sqrt(np.einsum("ij,ij->i", design, design))
        norm[norm == 0] = 1.0  # a profile without light in any sub-pixel
        power = max(float(self._data @ self._data), 1.0)
        ridge = np.full(norm.size, LIGHT_RIDGE)
        ridge[:sources] += 1 / power
        upper = cholesky(design @ design.T / np.outer(norm, norm) + np.diag(ridge))
        scaled, _ = nnls(upper, solve_triangular(upper, design @ self._data / norm, trans="T"), maxiter=30 * norm.size)
        residual = (scaled / norm) @ design - self._data
        misfit = float(residual @ residual)
        log_det = 2 * float(np.sum(np.log(np.diagonal(upper)[:sources]))) + sources * np.log(power)
        charge = float(np.sum(scaled[:sources] ** 2)) / power
        fluxes, columns = np.split(scaled / norm, [sources])
        log_evidence = -0.5 * (misfit + charge + log_det + self._noise_norm)
        return ProfileFit(misfit, log_evidence, fluxes, columns, residual, design)
