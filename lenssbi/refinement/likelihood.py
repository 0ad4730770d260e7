"""Log likelihood of a mass model: trace the image's angles, and ask how well any smooth source explains the image.

    parameters -> deflectors -> beta = theta - alpha(theta) -> evidence of the pixelised source

The source is marginalised analytically (:mod:`lenssbi.reconstruction`); the strength of its regularisation is one of the
parameters. A model that cannot be evaluated is very unlikely, never an error, so that a sampler walks past it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.inversion import Inversion
from lenssbi.reconstruction.mesh import Mesh
from lenssbi.reconstruction.rectangular import Rectangular
from lenssbi.reconstruction.regularisation import Adaptive, Constant, Curvature, Gradient, Regularisation
from lenssbi.reconstruction.smooth import SmoothPart
from lenssbi.refinement.basins import SeveralImages, basin
from lenssbi.refinement.config import MeshConfig
from lenssbi.refinement.result import SOURCE_SIDE, LensModel, SourceImage, square, worst_residual
from lenssbi.systems import deflectors

IMPOSSIBLE = -1e100  # finite: the sampler's arithmetic knows no infinities
PSF_SHARE = 0.995
BRIGHT = 0.3  # of the brightest pixels: from there on the sub-grid may be finer
DEPARTURES_RIDGE = 1e-2  # departures from a smooth source have no mean
MAX_PSF_PIXELS = 5  # the cost grows with the square; PyAutoLens cuts Euclid's PSF there as well


class VectorLikelihood(ABC):
    """Log likelihoods of parameter vectors, one after the other or several at a time."""

    names: tuple[str, ...]
    threads: int

    @property
    @abstractmethod
    def imaging(self) -> Imaging:
        """The stamp as it is fitted."""

    @abstractmethod
    def one(self, row: FloatArray) -> float:
        """Log likelihood of one parameter vector (parameter,)."""

    @abstractmethod
    def model(self, row: FloatArray) -> LensModel:
        """The model of one parameter vector (parameter,), with its source and images."""

    def __call__(self, values: FloatArray) -> FloatArray:
        """Log likelihoods (n,) of parameter vectors (n, parameter)."""
        if self.threads == 1:
            return np.array([self.one(row) for row in values])
        with ThreadPoolExecutor(self.threads) as pool:
            return np.array(list(pool.map(self.one, values)))

    def params(self, row: FloatArray) -> dict[str, float]:
        """Name to value of one parameter vector (parameter,)."""
        return {name: float(value) for name, value in zip(self.names, row, strict=True)}


@dataclass(frozen=True)
class LensLikelihood(VectorLikelihood):
    """Log likelihood of parameter vectors, with the source and its errors marginalised.

    Parameters
    ----------
    inversion
        Image, its mask and the mesh.
    names
        Parameters of a vector, in order: einstein_radius, e1, e2, centre_x, centre_y [arcsec], log10_strength, and
        possibly slope, shear1, shear2, those of companions, log10_noise (of a factor on the noise; the strength then is in units of the
        noise so changed).
    threads
        Vectors evaluated at a time; the results do not depend on it.
    images
        Images that a lens model must produce; None if there is no such condition.
    """

    inversion: Inversion
    names: tuple[str, ...]
    threads: int = 1
    images: SeveralImages | None = None

    def one(self, row: FloatArray) -> float:
        """Log likelihood of one parameter vector (parameter,)."""
        params = self.params(row)
        try:
            lens = deflectors(params)
        except ValueError:  # |e| >= 1, or a slope that no halo has
            return IMPOSSIBLE
        imaging = self.inversion.imaging
        beta = lens.source_angle(imaging.theta)
        if self.images is not None and not self.images.shown(beta, imaging):
            return IMPOSSIBLE
        found = self.inversion.evidence(beta, 10 ** params["log10_strength"])
        value = found.with_noise(10 ** params.get("log10_noise", 0.0), imaging.n_pixels).log_evidence
        return float(value) if np.isfinite(value) else IMPOSSIBLE

    @property
    def imaging(self) -> Imaging:
        """The stamp as it is fitted."""
        return self.inversion.imaging

    def model(self, row: FloatArray) -> LensModel:
        """The model of one parameter vector (parameter,), with its source and images."""
        params, imaging = self.params(row), self.imaging
        lens = deflectors(params)
        beta = lens.source_angle(imaging.theta)
        found = self.inversion.reconstruct(beta, 10 ** params["log10_strength"])
        x0, x1, y0, y1 = found.source_on_grid(2)[1]  # what stands out of the source's noise
        # Twice as wide, and never narrower than the lens would show it.
        half = max(x1 - x0, 0.3 * params["einstein_radius"])
        source = SourceImage(*found.source_on_grid(SOURCE_SIDE, square((x0 + x1) / 2, (y0 + y1) / 2, half)))
        image, light = found.model_image, found.columns_image
        return LensModel(
            params=params,
            lens=lens,
            image=image,
            lens_light=light,
            source=source,
            pixel_scale=imaging.pixel_scale,
            chi2=found.evidence.misfit / imaging.n_pixels,
            worst=worst_residual(imaging, image, light),
            **asdict(basin(found, imaging, beta)),
        )


def build_imaging(stamp: Stamp, mask: np.ndarray, mesh: MeshConfig, follow: FloatArray | None = None) -> Imaging:
    """A stamp prepared for the inversion.

    Parameters
    ----------
    stamp
        Image without the lens light, unless that is fitted too, and the noise to be used.
    mask
        True for fitted pixels, shape (y, x).
    mesh
        Sub-grid and extent of the PSF.
    follow
        Image of the source's light that mesh and regularisation follow, shape (y, x); None for that of the data.
    """
    radius = _psf_radius(stamp.psf, stamp.pixel_scale) if mesh.psf_radius == "auto" else mesh.psf_radius
    fine, fine_response = None, None
    if mesh.fine and follow is not None:
        light = np.where(mask & stamp.mask, follow, 0.0)
        fine = light > BRIGHT * np.quantile(light[mask & stamp.mask], 0.99)
        fine_response = stamp.psf.response(stamp.pixel_scale, 2 * mesh.subgrid, radius)
    return Imaging(
        data=stamp.image,
        noise=stamp.noise,
        mask=mask & stamp.mask,
        response=stamp.psf.response(stamp.pixel_scale, mesh.subgrid, radius),
        pixel_scale=stamp.pixel_scale,
        subgrid=mesh.subgrid,
        follow=follow,
        fine=fine,
        fine_response=fine_response,
    )


def build_likelihood(
    imaging: Imaging,
    mesh: MeshConfig,
    names: tuple[str, ...],
    columns: FloatArray | None = None,
    smooth: SmoothPart | None = None,
    threads: int = 1,
) -> LensLikelihood:
    """The likelihood of a stamp.

    Parameters
    ----------
    imaging
        Stamp.
    mesh
        Mesh of the source, its regularisation and solver.
    names
        Parameters of a vector.
    columns
        Blurred images of the lens light that are fitted with the source, shape (m, y, x).
    smooth
        Gaussians under the pixels.
    threads
        Vectors evaluated at a time.
    """
    solver: Literal["linear", "positive"] = "linear"
    if mesh.solver == "positive" or (mesh.solver == "auto" and columns is not None and smooth is None):
        solver = (
            "positive"  # a source that may be negative takes the lens' light over; departures are too small for that
        )
    inversion = Inversion(imaging, _mesh(mesh), _regularisation(mesh, smooth is not None), columns, solver, smooth)
    return LensLikelihood(inversion, names, threads)


def _psf_radius(psf: PSF, pixel_scale: float) -> float:
    """Half the side [arcsec] of the square, in whole image pixels, that holds nearly all of the PSF's light."""
    centre = np.array(psf.image.shape) // 2
    y, x = np.indices(psf.image.shape)
    reach = np.maximum(abs(y - centre[0]), abs(x - centre[1])) * psf.pixel_scale
    order = np.argsort(reach, axis=None, kind="stable")
    within = np.cumsum(psf.image.ravel()[order])
    radius = reach.ravel()[order][np.searchsorted(within, PSF_SHARE)]
    return float(np.clip(np.ceil(radius / pixel_scale), 1, MAX_PSF_PIXELS) * pixel_scale)


def _mesh(mesh: MeshConfig) -> Mesh:
    if mesh.cells == "delaunay":
        from lenssbi.reconstruction.delaunay import Delaunay

        return Delaunay(mesh.pixels, mesh.brightness)
    if mesh.cells == "voronoi":
        from lenssbi.reconstruction.voronoi import Voronoi

        return Voronoi(mesh.pixels, mesh.brightness)
    return Rectangular(round(np.sqrt(mesh.pixels)), mesh.brightness)


def _regularisation(mesh: MeshConfig, departures: bool) -> Regularisation:
    """Smoothness of a source, or of its departures from a smooth one."""
    if mesh.regularisation == "adaptive":
        return Adaptive(ridge=DEPARTURES_RIDGE) if departures else Adaptive()
    kinds: dict[str, Callable[[], Regularisation]] = {
        "constant": Constant,
        "gradient": Gradient,
        "curvature": Curvature,
    }
    return kinds[mesh.regularisation]()
