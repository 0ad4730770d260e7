"""The search behind `light/mge.py`: amplitudes by non-negative least squares, centre and ellipses around them.

A galaxy's amplitudes change slowly from width to width. In addition to the misfit the least squares therefore contain the second
differences of each ellipse's amplitudes, in units of SMOOTHNESS times the neighbouring amplitudes: a few units of chi^2 compared with the
pixels, but if a whole ring is clipped, nothing else keeps the Gaussians of that radius from filling the gap with the wings of the ring. On
made-up lenses with Einstein rings it takes the mean loss of the arcs' flux from 9 to 2 per cent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from lenssbi.arrays import ComplexArray, FloatArray, pixel_grid
from lenssbi.light.blurred import BlurredGaussians
from lenssbi.light.lens_light_options import LensLightOptions

NARROWEST = 0.2  # [pixels]: narrower Gaussians look the same behind the PSF
WIDEST = 0.4  # [sides of the field]: wider ones are sky
SMOOTHNESS = (
    0.4  # a few tenths suit broad galaxies, about 1 compact ones; the arcs of both keep their flux to some 4 per cent
)
GROW = 0.67  # of the clipping threshold: lowest value of a pixel that is connected to a clipped one
CORE = 2.5  # [pixels]: pixels nearer to the centre are never taken for arcs
RIM = 2  # [pixels] around the outliers that the PSF has brightened as well
LENS = 2.0  # [arcsec]: radius that holds most of a lens's light
CENTRAL = 0.3  # [arcsec]: scatter of lens galaxies about the middle of their stamps
DRIFT = 0.4  # [arcsec]: from the brightest place; a brighter neighbour would draw the centre to itself, step by step
ROBUST_ROUNDS = 4
STEPS = 3  # of the search in a round; the rounds repeat it
Mask = NDArray[np.bool_]


class Solution(NamedTuple):
    """Linear answer at a `shape`: x, y of the centre [arcsec], then e1, e2 of every ellipse."""

    shape: FloatArray
    amplitudes: FloatArray  # (ellipse, gaussian) [flux]
    sky: float
    light: FloatArray  # (y, x), without the sky
    residuals: FloatArray  # weighted pixels, then the smoothness terms

    @property
    def centre(self) -> complex:
        """Centre [arcsec]."""
        return complex(*self.shape[:2])

    @property
    def ellipses(self) -> ComplexArray:
        """Complex ellipticities, shape (ellipse,)."""
        return self.shape[2::2] + 1j * self.shape[3::2]


@dataclass(frozen=True)
class Expansion:
    """The pixels that are fitted, all arrays of shape (y, x) and finite, and the model that is fitted to them.

    `level` has been subtracted from the image: smoothness is measured in units of the light, which excludes the sky.
    """

    image: FloatArray
    noise: FloatArray
    mask: Mask
    blur: BlurredGaussians
    options: LensLightOptions
    level: float = 0.0

    @staticmethod
    def central(
        image: FloatArray, noise: FloatArray, mask: Mask, blur: BlurredGaussians, options: LensLightOptions
    ) -> Expansion:
        """Cut to the field, with the stamp's centre still at 0."""
        wanted = round(options.field / blur.pixel_scale)
        trims = [max(0, (n - wanted) // 2) for n in image.shape]
        cut = tuple(slice(t, n - t) for t, n in zip(trims, image.shape, strict=True))
        usable = mask[cut] & np.isfinite(image[cut]) & np.isfinite(noise[cut])
        if usable.sum() <= options.gaussians * options.ellipses:
            raise ValueError(f"{usable.sum()} usable pixels are too few for the light of the lens")
        typical = np.median(noise[cut][usable])
        level = float(np.median(image[cut][usable]))
        clean = np.where(usable, image[cut] - level, 0.0), np.where(usable, noise[cut], typical)
        return Expansion(*clean, usable, replace(blur, shape=usable.shape), options, level)

    @cached_property
    def sigmas(self) -> FloatArray:
        """Widths on the intermediate axis [arcsec], shape (gaussian,)."""
        scale = self.blur.pixel_scale
        return np.geomspace(NARROWEST, WIDEST * max(self.image.shape), self.options.gaussians) * scale

    def smoothness(self, amplitudes: FloatArray | None) -> FloatArray:
        """Additional residuals per flux of each Gaussian, shape (ellipse * gaussian, ellipse * gaussian).

        The scale is the largest of three neighbouring amplitudes, so that a compact galaxy may be as compact as it is.
        """
        n = self.options.gaussians
        near = self.image[self.mask & (self.distance(0) < LENS)]
        share = max(near.sum(), np.abs(near).max(initial=0.0), float(np.median(self.noise))) / n
        if amplitudes is None:
            amplitudes = np.full((1, n), 3 * share)
        scale = SMOOTHNESS * np.maximum(ndimage.maximum_filter1d(amplitudes, 3, mode="constant"), 0.1 * share)
        differences = np.eye(n, k=-1) - 2 * np.eye(n) + np.eye(n, k=1)
        blocks = differences / scale[:, :, None]
        whole = np.zeros((len(scale), n, len(scale), n))
        for k, block in enumerate(blocks):
            whole[k, :, k, :] = block
        return whole.reshape(scale.size, scale.size)

    def distance(self, centre: complex) -> FloatArray:
        """Radius of every pixel [arcsec]."""
        return np.abs(pixel_grid(self.image.shape, self.blur.pixel_scale) - centre)

    def sigma(self, light: FloatArray) -> FloatArray:
        """Noise with the model's own error, shape (y, x)."""
        return np.hypot(self.noise, self.options.model_error * light)

    def start(self) -> FloatArray:
        """One almost round ellipse on the brightest place near the stamp's centre: farther out an arc may outshine the galaxy."""
        near = np.exp(-0.5 * (self.distance(0) / CENTRAL) ** 2)
        smooth = near * np.maximum(ndimage.gaussian_filter(self.image, 1.5), 0.0)
        place = pixel_grid(self.image.shape, self.blur.pixel_scale).ravel()[smooth.argmax()]
        return np.array([place.real, place.imag, 0.05, 0.05])

    def robust(self, shape: FloatArray) -> Solution:
        """Search with pixels above the model weighted down: an excess is more likely an arc than the lens."""
        weight, smooth, origin = self.mask / self.noise, self.smoothness(None), shape[:2]
        for _ in range(ROBUST_ROUNDS):
            solution = self.search(shape, weight, smooth, origin)
            shape, sigma = solution.shape, self.sigma(solution.light)
            smooth = self.smoothness(solution.amplitudes)
            excess = np.clip((self.image - solution.light - solution.sky) / sigma, 0, None)
            weight = self.mask / sigma / np.sqrt(1 + (excess / 2) ** 2)
        # Further ellipses start almost round and turned, so that the search can distinguish them.
        others = [part for k in range(1, self.options.ellipses) for part in (0.05 * (-1) ** k, 0.05 * k)]
        shares = np.repeat(solution.amplitudes, self.options.ellipses, axis=0) / self.options.ellipses
        return solution._replace(shape=np.concatenate([shape, others]), amplitudes=shares)

    def clip(self, solution: Solution) -> tuple[Solution, Mask]:
        """Clip and search in turns until the same pixels are clipped; the mask is True where they are."""
        clipped, origin = self.outliers(solution), solution.shape[:2]
        for _ in range(self.options.rounds):
            weight = (self.mask & ~clipped) / self.sigma(solution.light)
            solution = self.search(solution.shape, weight, self.smoothness(solution.amplitudes), origin)
            found = self.outliers(solution)
            if (found != clipped).sum() <= 3:
                break
            clipped = found
        return solution, clipped

    def outliers(self, solution: Solution) -> Mask:
        """Connected pixels above the noise, with a rim; never the core, where all light has to be the lens's."""
        residual = (self.image - solution.light - solution.sky) / self.sigma(solution.light)
        mean = ndimage.uniform_filter(np.where(self.mask, residual, 0.0), 3)
        # Its own scatter is the measure, so that neither the noise map's scale nor the correlation of neighbours matters.
        z = mean / scatter(mean[self.mask])
        bright = ndimage.binary_propagation(z > self.options.clip, mask=z > GROW * self.options.clip)
        wide = ndimage.binary_dilation(bright, iterations=RIM)
        return wide & self.mask & (self.distance(solution.centre) > CORE * self.blur.pixel_scale)

    def search(self, shape: FloatArray, weight: FloatArray, smooth: FloatArray, origin: FloatArray) -> Solution:
        """Improve centre, within `DRIFT` of `origin`, and ellipses; the amplitudes follow from them (variable projection)."""
        middle = np.concatenate([origin, np.zeros(shape.size - 2)])
        bound = np.concatenate([np.full(2, DRIFT), np.full(shape.size - 2, 0.8)])
        fit = optimize.least_squares(
            lambda s: self.solve(s, weight, smooth).residuals,
            np.clip(shape, middle - 0.99 * bound, middle + 0.99 * bound),
            bounds=(middle - bound, middle + bound),
            x_scale=np.concatenate([np.full(2, 0.01), np.full(shape.size - 2, 0.1)]),
            diff_step=1e-4,
            ftol=1e-5,
            xtol=1e-4,
            max_nfev=STEPS,
        )
        return self.solve(fit.x, weight, smooth)

    def solve(self, shape: FloatArray, weight: FloatArray, smooth: FloatArray) -> Solution:
        """Non-negative amplitudes, and a sky of either sign, for given centre and ellipses."""
        columns, used = self.columns(shape), weight > 0
        sky = np.ones((1, int(used.sum())))
        pixels = np.concatenate([columns[:, used], sky, -sky]) * weight[used]
        design = np.hstack([pixels, np.vstack([smooth.T, np.zeros((2, len(smooth)))])])
        data = np.concatenate([self.image[used] * weight[used], np.zeros(len(smooth))])
        norm = np.sqrt(np.einsum("ij,ij->i", design, design)) + np.finfo(float).tiny
        design /= norm[:, None]
        # The same minimum from the small triangular system as from all pixels, in a hundredth of the time.
        lower = np.linalg.cholesky(design @ design.T + 1e-10 * np.eye(len(design)))
        scaled, _ = optimize.nnls(lower.T, np.linalg.solve(lower, design @ data))
        answer = scaled / norm
        light = np.tensordot(answer[:-2], columns, 1)
        amplitudes = answer[:-2].reshape(-1, self.options.gaussians)
        return Solution(shape, amplitudes, float(answer[-2] - answer[-1]), light, scaled @ design - data)

    def columns(self, shape: FloatArray) -> FloatArray:
        """Images of unit flux, shape (ellipse * gaussian, y, x)."""
        ellipses = shape[2::2] + 1j * shape[3::2]
        parts = [self.blur.columns(self.sigmas, *axes(e), complex(*shape[:2])) for e in ellipses]
        return np.concatenate(parts)

    def misfit(self, solution: Solution, clipped: Mask) -> tuple[float, tuple[FloatArray, FloatArray]]:
        """Radius of the core that the model cannot fit [arcsec], and its error there: (radius, one sigma)."""
        residual = self.image - solution.light - solution.sky
        good = self.mask & ~clipped
        noise = self.noise * scatter((residual / self.noise)[good])
        ring = (self.distance(solution.centre) / self.blur.pixel_scale).astype(int)
        excess: list[float] = []
        for r in range(ring.max()):
            here = good & (abs(ring - r) <= 1)  # the inner rings hold few pixels: each with its neighbours
            if not here.any():
                break
            expected = np.mean(noise[here] ** 2)
            missed = np.mean(residual[here] ** 2) - expected
            if missed <= 2 * np.sqrt(2 / here.sum()) * expected:
                break
            excess.append(float(np.sqrt(missed)))
        radius: FloatArray = (np.arange(len(excess) + 1) + 0.5) * self.blur.pixel_scale
        return len(excess) * self.blur.pixel_scale, (radius, np.array([*excess, 0.0]))


def scatter(values: FloatArray) -> float:
    """Standard deviation from the median absolute deviation; 1 if all values are the same."""
    return float(1.4826 * np.median(np.abs(values - np.median(values)))) or 1.0


def axes(e: complex) -> tuple[float, float]:
    """Axis ratio and position angle [rad] of an ellipticity (1 - q^2) / (1 + q^2) exp(2 i phi), no flatter than q = 0.2."""
    size = min(abs(e), 0.92)
    return float(np.sqrt((1 - size) / (1 + size))), float(np.angle(e) / 2)
