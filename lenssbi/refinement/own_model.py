"""Model image of a network's posterior: the source and the residual, from a few inversions without a fit.

The mass is the mean of the answer; where that leaves more than it may, the best of a few draws, each with a shear and a centre of the
training's typical size, for a network that has marginalised them cannot say which they are. The source is pixelised and linear, its
strength of regularisation the best of three.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lenssbi.arrays import FloatArray, pixel_grid
from lenssbi.dataset.stamp import Stamp
from lenssbi.posteriors import DiagonalMixture
from lenssbi.reconstruction.inversion import Reconstruction
from lenssbi.refinement.circle import find_arcs
from lenssbi.refinement.config import MaskConfig, MeshConfig, RefineConfig
from lenssbi.refinement.likelihood import LensLikelihood, build_imaging, build_likelihood
from lenssbi.refinement.observation import outer_radius, search_radius
from lenssbi.refinement.result import square
from lenssbi.status import ItemError, Status
from lenssbi.systems import deflectors

MESH = MeshConfig(pixels=196, subgrid=1, smooth=False, solver="linear")
HIDDEN = ("centre_x", "centre_y", "shear1", "shear2")  # what a network may have marginalised
TYPICAL = {"centre_x": 0.04, "centre_y": 0.04, "shear1": 0.04, "shear2": 0.04}
STRENGTHS = (0.0, 1.0, 2.0)  # log10
DRAWS = 8
SOURCE_SIDE = 56  # pixels of the source's image


class OwnModel(NamedTuple):
    """An answer as an image.

    Parameters
    ----------
    image
        Blurred light of the source [flux/pixel], shape (y, x), NaN outside the mask.
    source
        Surface brightness of the source, on a square around its detected part [flux/arcsec^2], NaN outside the mesh.
    mask
        True for pixels that were compared with the data, shape (y, x).
    chi2
        Mean square of residual over noise in the mask.
    extent
        Left, right, bottom and top of `source` [arcsec].
    params
        Parameters of the mass, by name.
    """

    image: FloatArray
    source: FloatArray
    mask: np.ndarray
    chi2: float
    extent: tuple[float, float, float, float]
    params: dict[str, float]


def own_model(stamp: Stamp, answer: DiagonalMixture, rng: np.random.Generator, enough: float) -> OwnModel:
    """The model image of an answer.

    Parameters
    ----------
    stamp
        Image without the lens light; noise as in the file.
    answer
        Posterior of the network.
    rng
        Random number generator of the draws.
    enough
        Mean square of residual over noise below which the mean of the posterior is sufficient.

    Raises
    ------
    ItemError
        If no arc stands out (``NO_ARCS``).
    """
    mask = _mask(stamp, float(answer.mean[answer.names.index("einstein_radius")]))
    names = (*answer.names, *(name for name in HIDDEN if name not in answer.names), "log10_strength")
    likelihood = build_likelihood(build_imaging(stamp, mask, MESH, follow=stamp.image), MESH, names)
    values = _at_its_best(likelihood, _vector(names, answer))
    found = _reconstruct(likelihood, values)
    if not found.evidence.misfit <= enough * likelihood.imaging.n_pixels:
        other = _best_draw(likelihood, names, answer, rng)
        again = _reconstruct(likelihood, other)
        if again.evidence.misfit < found.evidence.misfit:
            found, values = again, other
    x0, x1, y0, y1 = found.source_on_grid(2)[1]  # what stands out of the source's noise
    half = max(x1 - x0, 0.3 * values[names.index("einstein_radius")])
    source, extent = found.source_on_grid(SOURCE_SIDE, square((x0 + x1) / 2, (y0 + y1) / 2, half))
    misfit = found.evidence.misfit / likelihood.imaging.n_pixels
    params = {name: float(value) for name, value in likelihood.params(values).items()}
    return OwnModel(found.model_image, source, likelihood.imaging.mask, misfit, extent, params)


def _mask(stamp: Stamp, einstein_radius: float) -> np.ndarray:
    """The annulus that a fit would take, about the answer's Einstein radius."""
    config = RefineConfig(mask=MaskConfig(inner=float(stamp.info.get("lens_light_core", 0.0))))
    radius = np.abs(pixel_grid(stamp.shape, stamp.pixel_scale))
    outside = radius >= (config.mask.inner or 0.0)
    arcs = find_arcs(stamp, outside & (radius <= search_radius(config)))
    if not arcs.any():
        raise ItemError(Status.NO_ARCS, stamp.name)
    mask = stamp.mask & outside & (radius <= outer_radius(config.mask, radius[arcs], einstein_radius))
    if not mask.any():  # the lens' core covers all that the answer would show
        raise ItemError(Status.NO_ARCS, stamp.name)
    return mask


def _reconstruct(likelihood: LensLikelihood, values: FloatArray) -> Reconstruction:
    params = likelihood.params(values)
    beta = deflectors(params).source_angle(likelihood.imaging.theta)
    return likelihood.inversion.reconstruct(beta, 10 ** params["log10_strength"])


def _vector(names: tuple[str, ...], answer: DiagonalMixture) -> FloatArray:
    known = dict(zip(answer.names, answer.mean, strict=True))
    return np.array([known.get(name, 0.0) for name in names])


def _at_its_best(likelihood: LensLikelihood, values: FloatArray) -> FloatArray:
    """The vector with the best of a few strengths."""
    tries = np.tile(values, (len(STRENGTHS), 1))
    tries[:, -1] = STRENGTHS
    return tries[int(np.argmax(likelihood(tries)))]


def _best_draw(
    likelihood: LensLikelihood, names: tuple[str, ...], answer: DiagonalMixture, rng: np.random.Generator
) -> FloatArray:
    draws = answer.sample(DRAWS, rng)
    tries = np.zeros((DRAWS, len(names)))
    for i, name in enumerate(names):
        if name in draws.names:
            tries[:, i] = draws.column(name)
        elif name in TYPICAL:
            tries[:, i] = rng.normal(0, TYPICAL[name], DRAWS)
    tries[:, -1] = STRENGTHS[1]
    return _at_its_best(likelihood, tries[int(np.argmax(likelihood(tries)))])
