"""Multi-Gaussian expansion of the lens's own light (Cappellari 2002).

    S(theta) = sum_jk a_jk N(theta; centre, sigma_j, q_k, phi_k) + sky,   a_jk >= 0

The widths sigma_j are fixed, equally spaced in their logarithm; every ellipse k carries all of them, so that a second
ellipse lets axis ratio and position angle run with radius. The amplitudes a_jk are the non-negative least-squares answer for
given centre and ellipses, and only those few numbers are searched for. A sum of concentric non-negative Gaussians falls
monotonically outwards along every ray: it cannot make a ring.

Arcs and neighbours are only ever brighter than the lens's light, so the first rounds weight pixels above the model down, and
the later ones clip what stands out of the noise, and refit, until the clipped pixels stay the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from scipy import ndimage, optimize

from lenssbi.arrays import FloatArray, pixel_grid
from lenssbi.light.blurred import GaussianBlur

NARROWEST = 0.2  # [pixels]: narrower Gaussians look the same behind the PSF
WIDEST = 0.4  # [sides of the field]: wider ones are sky
CORE = 2.5  # [pixels]: nearer to the centre no pixel is called an arc
RIM = 2  # [pixels] around what stands out that the PSF has brightened as well
ROBUST_ROUNDS = 4
STEPS = 3  # of the search in a round; the rounds repeat it
Mask = np.ndarray


@dataclass(frozen=True)
class LensLightOptions:
    """How the lens's light is fitted.

    Parameters
    ----------
    gaussians
        Number of widths.
    ellipses
        Number of ellipses that share the centre.
    field
        Side [arcsec] of the central square that is fitted.
    clip
        Mean of 3 x 3 residuals, in units of its own scatter, above which a pixel is an arc or a neighbour; what is connected to it
        is clipped down to half of that.
    model_error
        Error of the model as a fraction of its brightness: keeps the few brightest pixels from ruling the fit.
    rounds
        Most rounds of clipping.
    """

    gaussians: int = 16
    ellipses: int = 2
    field: float = 10.0
    clip: float = 3.0
    model_error: float = 0.01
    rounds: int = 8

    def __post_init__(self) -> None:
        if self.gaussians < 2 or self.ellipses < 1 or self.rounds < 1:
            raise ValueError(f"a lens light needs two Gaussians, one ellipse and one round, got {self}")
        if not (self.field > 0 and self.clip > 0 and self.model_error >= 0):
            raise ValueError(f"field and clip are positive and model_error is not negative, got {self}")


@dataclass(frozen=True)
class LensLightFit:
    """The lens's light, fitted.

    Parameters
    ----------
    model_image
        Light of the lens behind the PSF, without the sky, shape (y, x) [flux per pixel].
    amplitudes
        Flux of every Gaussian, shape (ellipse, gaussian).
    sigmas
        Widths on the intermediate axis [arcsec], shape (gaussian,).
    q, phi
        Axis ratio and position angle [rad] of each ellipse, shape (ellipse,).
    centre
        Centre of the light [arcsec], complex.
    sky
        Constant that was fitted beside the light [flux per pixel].
    arc_mask
        True where a pixel was clipped as arc or neighbour, shape (y, x); False outside the field.
    chi2
        Mean square of residual over noise, of the pixels that were fitted.
    extra_noise
        One sigma of what the model cannot follow, shape (y, x) [flux per pixel], to be added in quadrature; 0 outside the core.
    core_radius
        Radius [arcsec] inside which the residuals are larger than the noise allows; 0 where the model follows everywhere.
    """

    model_image: FloatArray = field(repr=False)
    amplitudes: FloatArray
    sigmas: FloatArray
    q: FloatArray
    phi: FloatArray
    centre: complex
    sky: float
    arc_mask: Mask = field(repr=False)
    chi2: float
    extra_noise: FloatArray = field(repr=False)
    core_radius: float


def fit_lens_light(
    image: FloatArray,
    noise: FloatArray,
    mask: Mask,
    blur: GaussianBlur,
    options: LensLightOptions | None = None,
) -> LensLightFit:
    """Fit the lens's light and clip what is not part of it.

    Parameters
    ----------
    image, noise
        Data and their one sigma [flux per pixel], shape (y, x); an overall factor in `noise` changes nothing but `chi2`.
    mask
        True where a pixel is usable, shape (y, x).
    blur
        The PSF; its own shape does not matter.
    options
        Widths, ellipses and clipping.

    Raises
    ------
    ValueError
        Where fewer usable pixels are left than there are amplitudes.
    """
    problem = _Problem.central(image, noise, mask, blur, options or LensLightOptions())
    solution, clipped = problem.clip(problem.robust(problem.start()))
    core_radius, profile = problem.misfit(solution, clipped)
    best = replace(problem, blur=replace(blur, shape=image.shape))
    distance = np.abs(pixel_grid(image.shape, blur.pixel_scale) - solution.centre)
    trims = [((n - m) // 2, (n - m) // 2) for n, m in zip(image.shape, clipped.shape, strict=True)]
    q, phi = np.transpose([_axes(e) for e in solution.ellipses])
    residual = (problem.image - solution.light - solution.sky) / problem.noise
    return LensLightFit(
        model_image=np.tensordot(solution.amplitudes.ravel(), best.columns(solution.shape), 1),
        amplitudes=solution.amplitudes,
        sigmas=problem.sigmas,
        q=q,
        phi=phi % np.pi,
        centre=solution.centre,
        sky=solution.sky,
        arc_mask=np.pad(clipped, trims),
        chi2=float(np.mean(residual[problem.mask & ~clipped] ** 2)),
        extra_noise=np.interp(distance, *profile, right=0.0),
        core_radius=core_radius,
    )


class _Solution(NamedTuple):
    """Linear answer at a `shape`: x, y of the centre [arcsec], then e1, e2 of every ellipse."""

    shape: FloatArray
    amplitudes: FloatArray  # (ellipse, gaussian) [flux]
    sky: float
    light: FloatArray  # (y, x), without the sky
    residuals: FloatArray  # (usable pixel,), weighted

    @property
    def centre(self) -> complex:
        return complex(*self.shape[:2])

    @property
    def ellipses(self) -> np.ndarray:
        return self.shape[2::2] + 1j * self.shape[3::2]


@dataclass(frozen=True)
class _Problem:
    """The pixels that are fitted, shape (y, x), all of them finite."""

    image: FloatArray
    noise: FloatArray
    mask: Mask
    blur: GaussianBlur
    options: LensLightOptions

    @staticmethod
    def central(
        image: FloatArray, noise: FloatArray, mask: Mask, blur: GaussianBlur, options: LensLightOptions
    ) -> _Problem:
        """Cut to the field, with the stamp's centre still at 0."""
        wanted = round(options.field / blur.pixel_scale)
        cut = tuple(slice(t := max(0, (n - wanted) // 2), n - t) for n in image.shape)
        usable = mask[cut] & np.isfinite(image[cut]) & np.isfinite(noise[cut])
        if usable.sum() <= options.gaussians * options.ellipses:
            raise ValueError(f"{usable.sum()} usable pixels are too few for the light of the lens")
        typical = np.median(noise[cut][usable])
        clean = np.where(usable, image[cut], 0.0), np.where(usable, noise[cut], typical)
        return _Problem(*clean, usable, replace(blur, shape=usable.shape), options)

    @property
    def sigmas(self) -> FloatArray:
        """Widths on the intermediate axis [arcsec], shape (gaussian,)."""
        scale = self.blur.pixel_scale
        return np.geomspace(NARROWEST, WIDEST * max(self.image.shape), self.options.gaussians) * scale

    def distance(self, centre: complex) -> FloatArray:
        """Radius of every pixel [arcsec]."""
        return np.abs(pixel_grid(self.image.shape, self.blur.pixel_scale) - centre)

    def sigma(self, light: FloatArray) -> FloatArray:
        """Noise with the model's own error, shape (y, x)."""
        return np.hypot(self.noise, self.options.model_error * light)

    def start(self) -> FloatArray:
        """One almost round ellipse on the brightest place within an arcsecond of the stamp's centre."""
        smooth = np.where(self.distance(0) < 1.0, ndimage.gaussian_filter(self.image, 1.5), -np.inf)
        place = pixel_grid(self.image.shape, self.blur.pixel_scale).ravel()[smooth.argmax()]
        return np.array([place.real, place.imag, 0.05, 0.05])

    def robust(self, shape: FloatArray) -> _Solution:
        """Search with pixels above the model weighted down: what is too bright is arc rather than lens."""
        weight = self.mask / self.noise
        for _ in range(ROBUST_ROUNDS):
            solution = self.search(shape, weight)
            shape, sigma = solution.shape, self.sigma(solution.light)
            excess = np.clip((self.image - solution.light - solution.sky) / sigma, 0, None)
            weight = self.mask / sigma / np.sqrt(1 + (excess / 2) ** 2)
        # Further ellipses start turned and rounder, so that the search can tell them apart.
        others = [part for k in range(1, self.options.ellipses) for part in (0.05 * (-1) ** k, 0.05 * k)]
        return solution._replace(shape=np.concatenate([shape, others]))

    def clip(self, solution: _Solution) -> tuple[_Solution, Mask]:
        """Clip and search in turns until the same pixels are clipped; the mask is True where they are."""
        clipped = self.outliers(solution)
        for _ in range(self.options.rounds):
            solution = self.search(solution.shape, (self.mask & ~clipped) / self.sigma(solution.light))
            found = self.outliers(solution)
            if (found != clipped).sum() <= 3:
                break
            clipped = found
        return solution, clipped

    def outliers(self, solution: _Solution) -> Mask:
        """Connected pixels above the noise, with a rim; never the core, where all light has to be the lens's."""
        residual = (self.image - solution.light - solution.sky) / self.sigma(solution.light)
        mean = ndimage.uniform_filter(np.where(self.mask, residual, 0.0), 3)
        # Its own scatter is the measure, so that neither the noise map's scale nor the correlation of neighbours matters.
        z = mean / _scatter(mean[self.mask])
        bright = ndimage.binary_propagation(z > self.options.clip, mask=z > self.options.clip / 2)
        wide = ndimage.binary_dilation(bright, iterations=RIM)
        return wide & self.mask & (self.distance(solution.centre) > CORE * self.blur.pixel_scale)

    def search(self, shape: FloatArray, weight: FloatArray) -> _Solution:
        """Improve centre and ellipses; the amplitudes follow from them at every step (variable projection)."""
        bound = np.concatenate([np.abs(shape[:2]) + 0.3, np.full(shape.size - 2, 0.8)])
        steps = np.concatenate([np.full(2, 0.01), np.full(shape.size - 2, 0.1)])
        fit = optimize.least_squares(
            lambda s: self.solve(s, weight).residuals,
            np.clip(shape, -0.99 * bound, 0.99 * bound),
            bounds=(-bound, bound),
            x_scale=steps,
            diff_step=1e-4,
            ftol=1e-5,
            xtol=1e-4,
            max_nfev=STEPS,
        )
        return self.solve(fit.x, weight)

    def solve(self, shape: FloatArray, weight: FloatArray) -> _Solution:
        """Non-negative amplitudes, and a sky of either sign, for given centre and ellipses."""
        columns = self.columns(shape)
        used = weight > 0
        sky = np.ones((1, int(used.sum())))
        design = np.concatenate([columns[:, used], sky, -sky]) * weight[used]
        norm = np.sqrt(np.einsum("ij,ij->i", design, design)) + np.finfo(float).tiny
        design /= norm[:, None]
        data = self.image[used] * weight[used]
        # The same minimum from the small triangular system as from all pixels, in a hundredth of the time.
        lower = np.linalg.cholesky(design @ design.T + 1e-10 * np.eye(len(design)))
        scaled, _ = optimize.nnls(lower.T, np.linalg.solve(lower, design @ data))
        answer = scaled / norm
        light = np.tensordot(answer[:-2], columns, 1)
        amplitudes = answer[:-2].reshape(-1, self.options.gaussians)
        return _Solution(shape, amplitudes, float(answer[-2] - answer[-1]), light, scaled @ design - data)

    def columns(self, shape: FloatArray) -> FloatArray:
        """Images of unit flux, shape (ellipse * gaussian, y, x)."""
        ellipses = shape[2::2] + 1j * shape[3::2]
        parts = [self.blur.columns(self.sigmas, *_axes(e), complex(*shape[:2])) for e in ellipses]
        return np.concatenate(parts)

    def misfit(self, solution: _Solution, clipped: Mask) -> tuple[float, tuple[FloatArray, FloatArray]]:
        """Radius of the core that the model cannot follow, and what it misses there: (radius [arcsec], one sigma)."""
        residual = self.image - solution.light - solution.sky
        good = self.mask & ~clipped
        noise = self.noise * _scatter((residual / self.noise)[good])
        ring = (self.distance(solution.centre) / self.blur.pixel_scale).astype(int)
        excess = []
        for r in range(ring.max()):
            here = good & (abs(ring - r) <= 1)  # the inner rings hold few pixels: each with its neighbours
            if not here.any():
                break
            expected = np.mean(noise[here] ** 2)
            missed = np.mean(residual[here] ** 2) - expected
            if missed <= 2 * np.sqrt(2 / here.sum()) * expected:
                break
            excess.append(np.sqrt(missed))
        radius = (np.arange(len(excess) + 1) + 0.5) * self.blur.pixel_scale
        return len(excess) * self.blur.pixel_scale, (radius, np.array([*excess, 0.0]))


def _scatter(values: FloatArray) -> float:
    """Standard deviation from the median absolute deviation, of the lower half only: light is an excess."""
    return float(1.4826 * np.median(np.abs(values - np.median(values)))) or 1.0


def _axes(e: complex) -> tuple[float, float]:
    """Axis ratio and position angle [rad] of an ellipticity (1 - q^2) / (1 + q^2) exp(2 i phi), no flatter than q = 0.2."""
    size = min(abs(e), 0.92)
    return float(np.sqrt((1 - size) / (1 + size))), float(np.angle(e) / 2)
