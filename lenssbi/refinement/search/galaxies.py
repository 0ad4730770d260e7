"""Galaxies beside the lens galaxy that are near enough to be taken for images of the source.

A bright piece that may be an image of the source (:mod:`lenssbi.refinement.neighbours`) is offered round Gaussians of its own, and the
lens is fitted on from where the search has ended. An image of the source has no use for them: the source that explains its
counter-images explains it as well. The light of a galaxy goes over to them, and the image is explained better by more than they cost.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.dataset.stamp import Stamp
from lenssbi.light.blurred import GaussianBlur
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.profiles import ProfileInversion, Profiles
from lenssbi.refinement.neighbours import Pieces, of_the_source
from lenssbi.refinement.priors.blocks import JointPrior
from lenssbi.refinement.search.fit import Fitter
from lenssbi.refinement.search.light import PSF_RADIUS, SUBGRID
from lenssbi.refinement.search.modes import Mode, describe
from lenssbi.refinement.search.space import SearchSpace
from lenssbi.refinement.search.start import Candidate

SIGMAS = np.geomspace(0.03, 0.6, 6)  # [arcsec]
BRIGHT = 0.08  # of the lens galaxy's flux
MOST = 4  # pieces that are offered Gaussians
STEPS = 12  # of least squares with them
TAKEN = 0.6  # of a piece's flux
GAIN = 30.0  # log evidence


class Galaxy(NamedTuple):
    """A galaxy beside the lens.

    Parameters
    ----------
    place
        Centre [arcsec], complex.
    flux
        Of its Gaussians [flux].
    columns
        Their blurred images [flux per pixel for unit flux], shape (gaussian, ny, nx).
    gain
        Log evidence that they bring.
    """

    place: complex
    flux: float
    columns: FloatArray
    gain: float


def light_of(galaxies: tuple[Galaxy, ...], fluxes: FloatArray) -> FloatArray | float:
    """Blurred light of galaxies [flux/pixel], shape (ny, nx), from the fluxes of all their Gaussians in order; 0 without any."""
    parts = np.split(fluxes, len(galaxies)) if galaxies else []
    return sum((np.tensordot(part, one.columns, 1) for part, one in zip(parts, galaxies, strict=True)), 0.0)


def galaxies_beside(
    imaging: Imaging,
    stamp: Stamp,
    prior: JointPrior,
    columns: FloatArray,
    mode: Mode,
    pieces: Pieces,
    lens_flux: float,
) -> tuple[tuple[Galaxy, ...], Mode]:
    """Galaxies among the pieces near the ring, and the lens fitted beside them.

    Parameters
    ----------
    imaging, stamp
        The stamp as it is fitted, with the light of the lens.
    prior
        Of the mass parameters.
    columns
        Blurred images of the lens' light, shape (m, ny, nx).
    mode
        The best lens without them.
    pieces
        Of the stamp without the lens' light.
    lens_flux
        Of the lens galaxy [flux].
    """
    blur = GaussianBlur(
        stamp.psf.response(stamp.pixel_scale, SUBGRID, PSF_RADIUS), SUBGRID, stamp.pixel_scale, stamp.shape
    )
    # not by the mode's Einstein radius, which may be far off: a galaxy that was taken for an image misleads the search
    near = of_the_source(pieces) & (pieces.flux > BRIGHT * lens_flux)
    found: tuple[Galaxy, ...] = ()
    for i in [i for i in np.argsort(-pieces.flux) if near[i]][:MOST]:
        own = blur.columns(SIGMAS, 1.0, 0.0, complex(pieces.places[i]))
        light = np.concatenate([columns, *(galaxy.columns for galaxy in found), own])
        fitter = Fitter(ProfileInversion(imaging, Profiles.gaussians(), light), SearchSpace(prior, len(mode.ellipses)))
        fitted = describe(fitter, fitter.fit(Candidate(np.inf, mode.vector), STEPS))
        gain, flux = fitted.total_evidence - mode.total_evidence, float(fitted.columns[-len(own) :].sum())
        if gain > GAIN and flux > TAKEN * pieces.flux[i]:
            found, mode = (*found, Galaxy(complex(pieces.places[i]), flux, own, gain)), fitted
    return found, mode
