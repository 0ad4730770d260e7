"""What the search found: lenses that explain the image, with errors and with the looks of their sources."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.reconstruction.profiles import ProfileInversion, SourceEllipse
from lenssbi.refinement.basins import counter
from lenssbi.refinement.priors.blocks import JointPrior
from lenssbi.refinement.search.fit import Fitter
from lenssbi.refinement.search.space import SearchSpace
from lenssbi.refinement.search.start import Candidate

SAME = 3.0  # sigma: nearer ends of the search are one mode
RIDGE = 1e-8  # in the scales of the parameters: what the data do not fix at all
COUNTER = (
    0.02  # of the light, in the fainter of the two parities; an isothermal sphere of magnification 2.1 has as much
)


@dataclass(frozen=True, eq=False)
class Mode:
    """One lens that explains the image.

    Parameters
    ----------
    names, values, covariance
        Mass parameters, shape (parameter,), and the covariance of these and of position and stretch of every ellipse of the source: the
        effect of the noise, times chi^2 per pixel if that is above 1.
    ellipses
        Positions and shapes of the source's ellipses, the main one first.
    misfit, charge
        chi^2 of the pixels, and the contribution of the prior.
    pixels
        Number of pixels.
    log_evidence
        Log evidence over the fluxes of the source.
    fluxes, columns
        Fluxes of the source's profiles [flux], ellipse by ellipse, and of the light columns.
    source_image, light_image
        Blurred light of the source and of the lens [flux/pixel], shape (ny, nx), NaN outside the mask.
    magnification
        Flux of the source image within the mask over that of the source.
    source_radius
        Radius that contains half of the source's light, if all ellipses had one centre [arcsec].
    counter
        Share of the image's light in images of one parity, the lesser of the two: a source that is multiply imaged has both.
    vector
        Mass parameters and ellipses in the coordinates of the search.
    """

    names: tuple[str, ...]
    values: FloatArray
    covariance: FloatArray
    ellipses: tuple[SourceEllipse, ...]
    misfit: float
    charge: float
    pixels: int
    log_evidence: float
    fluxes: FloatArray
    columns: FloatArray
    source_image: FloatArray = field(repr=False)
    light_image: FloatArray = field(repr=False)
    magnification: float
    source_radius: float
    counter: float
    vector: FloatArray = field(repr=False)

    @property
    def multiply_imaged(self) -> bool:
        """Whether the source is seen more than once."""
        return self.counter >= COUNTER

    @property
    def params(self) -> dict[str, float]:
        """Name to value."""
        return dict(zip(self.names, map(float, self.values), strict=True))

    @property
    def mass_covariance(self) -> FloatArray:
        """Covariance of the mass parameters, whatever the source."""
        return self.covariance[: len(self.names), : len(self.names)]

    @property
    def source_vector(self) -> FloatArray:
        """Place [arcsec] and stretch of the first ellipse, shape (4,): the entries of `covariance` after those of the mass."""
        centre, stretch = self.ellipses[0]
        return np.array([centre.real, centre.imag, stretch.real, stretch.imag])

    @property
    def total_evidence(self) -> float:
        """With the prior's share: it tells sources of few ellipses from those of many, which chi^2 does not."""
        return self.log_evidence - 0.5 * self.charge

    @property
    def cost(self) -> float:
        """chi^2 and the prior's share."""
        return self.misfit + self.charge


def describe(fitter: Fitter, end: Candidate) -> Mode:
    """Everything about an end of the search."""
    _, fit = fitter.evaluate(end.vector)
    slopes, scale = fitter.slopes(end.vector), fitter.space.scale
    inversion, size = fitter.inversion, len(fitter.space.names)
    inverse = np.linalg.inv((slopes * scale).T @ (slopes * scale) + RIDGE * np.eye(scale.size))
    covariance = inverse * np.outer(scale, scale) * max(fit.misfit / inversion.imaging.n_pixels, 1.0)
    image, total = inversion.image(fit), float(fit.fluxes.sum())
    return Mode(
        names=fitter.space.names,
        values=end.vector[:size],
        covariance=covariance,
        ellipses=tuple(fitter.space.ellipses(end.vector)),
        misfit=fit.misfit,
        charge=end.misfit - fit.misfit,
        pixels=inversion.imaging.n_pixels,
        log_evidence=fit.log_evidence,
        fluxes=fit.fluxes,
        columns=fit.columns,
        source_image=image,
        light_image=inversion.light_image(fit),
        magnification=float(np.nansum(image)) / total if total > 0 else float("nan"),
        source_radius=inversion.profiles.half_light_radius(fit.fluxes),
        counter=_counter(fitter, end.vector, fit.fluxes),
        vector=end.vector,
    )


def mode_at(vector: FloatArray, inversion: ProfileInversion, prior: JointPrior) -> Mode:
    """The mode at a vector that an earlier search ended with.

    Parameters
    ----------
    vector
        Mass parameters and ellipses in the coordinates of the search, shape (parameter + 4 ellipses,).
    inversion
        Stamp, profiles of the source and lens light of that search.
    prior
        Its prior.
    """
    sources = (vector.size - len(SearchSpace(prior).names)) // 4
    fitter = Fitter(inversion, SearchSpace(prior, sources))
    return describe(fitter, Candidate(fitter.cost(vector), vector))


def _counter(fitter: Fitter, vector: FloatArray, fluxes: FloatArray) -> float:
    """Share of the light in images of the rarer parity, as it would be without a PSF."""
    imaging, profiles = fitter.inversion.imaging, fitter.inversion.profiles
    beta, _ = fitter.evaluate(vector)
    light, ellipses = np.zeros(beta.size), fitter.space.ellipses(vector)
    for ellipse, part in zip(ellipses, np.split(fluxes, len(ellipses)), strict=True):
        light += profiles.brightness(beta, *ellipse, part)
    return counter(beta, light, imaging.subgrid)


def distinct(modes: list[Mode], within: float) -> tuple[Mode, ...]:
    """The best of every group of modes that are the same within their errors, as long as the best of all is not far better.

    Parameters
    ----------
    modes
        Modes in any order.
    within
        Largest difference in cost, in units of the best mode's chi^2 per pixel if that is above 1.
    """
    chosen: list[Mode] = []
    for mode in sorted(modes, key=lambda m: m.cost):
        gaps = [mode.values - other.values for other in chosen]
        far = all(
            gap @ np.linalg.solve(other.mass_covariance, gap) > SAME**2 for gap, other in zip(gaps, chosen, strict=True)
        )
        best = chosen[0] if chosen else mode
        if far and mode.cost - best.cost <= within * max(best.misfit / best.pixels, 1.0):
            chosen.append(mode)
    return tuple(chosen)
