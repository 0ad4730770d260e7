"""Log likelihood of a mass model: trace the image's angles, and ask how well any smooth source explains the image.

    parameters -> deflectors -> beta = theta - alpha(theta) -> evidence of the pixelised source

The source is marginalised analytically (:mod:`lenssbi.reconstruction`); the strength of its regularisation is one of the
parameters. A model that cannot be evaluated is very unlikely, never an error, so that a sampler walks past it.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.lensing import Deflector, EllipticalPowerLaw, ExternalShear
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.inversion import Inversion, Reconstruction
from lenssbi.reconstruction.mesh import Mesh
from lenssbi.refinement.config import MeshConfig
from lenssbi.systems import LensSystem

IMPOSSIBLE = -1e100  # finite: the sampler's arithmetic knows no infinities
PSF_SHARE = 0.995
MAX_PSF_PIXELS = 5  # the cost grows with the square; PyAutoLens cuts Euclid's PSF there as well


@dataclass(frozen=True)
class LensLikelihood:
    """Log likelihood of parameter vectors, with the source and its errors marginalised.

    Parameters
    ----------
    inversion
        The image, its mask and the mesh.
    names
        Parameters of a vector, in order: einstein_radius, e1, e2, centre_x, centre_y [arcsec], log10_strength, and
        possibly slope, shear1, shear2.
    threads
        Vectors evaluated at a time; the answers do not depend on it.
    """

    inversion: Inversion
    names: tuple[str, ...]
    threads: int = 1

    def __call__(self, values: FloatArray) -> FloatArray:
        """Log likelihoods (n,) of parameter vectors (n, parameter)."""
        if self.threads == 1:
            return np.array([self.one(row) for row in values])
        with ThreadPoolExecutor(self.threads) as pool:
            return np.array(list(pool.map(self.one, values)))

    def one(self, row: FloatArray) -> float:
        """Log likelihood of one parameter vector (parameter,)."""
        params = self.params(row)
        try:
            lens = deflectors(params)
        except ValueError:  # |e| >= 1, or a slope that no halo has
            return IMPOSSIBLE
        beta = lens.source_angle(self.inversion.imaging.theta)
        value = self.inversion.evidence(beta, 10 ** params["log10_strength"]).log_evidence
        return float(value) if np.isfinite(value) else IMPOSSIBLE

    def reconstruct(self, row: FloatArray) -> tuple[LensSystem, Reconstruction]:
        """The deflectors of one parameter vector (parameter,), and the best source behind them."""
        params = self.params(row)
        lens = deflectors(params)
        beta = lens.source_angle(self.inversion.imaging.theta)
        return lens, self.inversion.reconstruct(beta, 10 ** params["log10_strength"])

    def params(self, row: FloatArray) -> dict[str, float]:
        """Name to value of one parameter vector (parameter,)."""
        return {name: float(value) for name, value in zip(self.names, row, strict=True)}


def build_likelihood(
    stamp: Stamp, mask: np.ndarray, mesh: MeshConfig, names: tuple[str, ...], threads: int = 1
) -> LensLikelihood:
    """The likelihood of a stamp.

    Parameters
    ----------
    stamp
        Image without the lens' light, and the noise to be used.
    mask
        True where a pixel is fitted, shape (y, x).
    mesh
        The source's mesh and the sub-grid.
    names
        Parameters of a vector.
    threads
        Vectors evaluated at a time.
    """
    radius = _psf_radius(stamp.psf, stamp.pixel_scale) if mesh.psf_radius == "auto" else mesh.psf_radius
    response = stamp.psf.response(stamp.pixel_scale, mesh.subgrid, radius)
    imaging = Imaging(
        data=stamp.image,
        noise=stamp.noise,
        mask=mask & stamp.mask,
        response=response,
        pixel_scale=stamp.pixel_scale,
        subgrid=mesh.subgrid,
    )
    return LensLikelihood(Inversion(imaging, _mesh(mesh)), names, threads)


def deflectors(params: Mapping[str, float]) -> LensSystem:
    """The mass model of named parameters.

    Raises
    ------
    ValueError
        Parameters that describe no lens, such as an ellipticity of 1.
    """
    centre = complex(params["centre_x"], params["centre_y"])
    halo = EllipticalPowerLaw(
        params["einstein_radius"], params["e1"], params["e2"], slope=params.get("slope", 2.0), centre=centre
    )
    parts: tuple[Deflector, ...] = (halo,)
    if "shear1" in params:
        parts += (ExternalShear(complex(params["shear1"], params["shear2"])),)
    return LensSystem(parts)


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
    if mesh.kind == "delaunay":
        from lenssbi.reconstruction.delaunay import Delaunay

        return Delaunay(mesh.pixels)
    from lenssbi.reconstruction.rectangular import Rectangular

    return Rectangular(round(np.sqrt(mesh.pixels)), mesh.brightness)
