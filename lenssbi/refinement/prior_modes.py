"""The prior of a fit: blind, or learned from the network's answer (Pearson et al. 2021, section 3.3).

    blind         einstein_radius within a window about the circle estimate, axis ratio and angle of the population
    cnn-uniform   einstein_radius, axis ratio, angle (and slope) within fixed half-widths of the network's answer
    cnn-gaussian  Gaussians with the network's mean and one sigma, in the network's own parameters

The nuisance parameters (the centre, the shear, the strength of the regularisation) have the same prior in every mode.
A learned prior has already seen the image, so each fit also carries the broad prior by which it is to be replaced.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lenssbi.parameters import Normal, Uniform, axis_ratio, position_angle
from lenssbi.posteriors import GaussianMixture
from lenssbi.refinement.blocks import Block, Ellipse, JointPrior, Single
from lenssbi.refinement.circle import Circle
from lenssbi.refinement.config import PriorConfig, RefineConfig

UNITS = {"einstein_radius": "arcsec", "centre_x": "arcsec", "centre_y": "arcsec"}
MAX_ELLIPTICITY = 0.95
MAX_SHEAR = 0.3
RADIUS_WINDOW = 0.2  # [arcsec], the paper's


class Priors(NamedTuple):
    """The prior that is sampled and the broad one of the result; the same object for a blind fit."""

    mode: str
    sampled: JointPrior
    broad: JointPrior

    @property
    def learned(self) -> bool:
        """Whether the sampled prior has seen the image."""
        return self.sampled is not self.broad


def build_priors(config: RefineConfig, circle: Circle, learned: GaussianMixture | None, centre: complex = 0j) -> Priors:
    """Priors of a fit.

    Parameters
    ----------
    config
        The fit; ``prior.mode`` "auto" is cnn-gaussian with a network's answer and blind without.
    circle
        The circle estimate.
    learned
        The network's answer.
    centre
        Where the mass is expected [arcsec]: the centre of the lens' light, where it was seen.

    Raises
    ------
    ValueError
        A learned mode without ``learned``.
    """
    mode = config.prior.mode
    if mode == "auto":
        mode = "blind" if learned is None else "cnn-gaussian"
    nuisance = _nuisance(config, centre)
    if mode == "blind":
        prior = JointPrior((*_broad(config, _window(config.prior, circle)), *nuisance))
        return Priors(mode, prior, prior)
    if learned is None:
        raise ValueError(f"the prior {mode} needs the network's answer")
    blocks = (_uniform if mode == "cnn-uniform" else _gaussian)(config, learned)
    broad = _broad(config, config.prior.einstein_radius)
    return Priors(mode, JointPrior((*blocks, *nuisance)), JointPrior((*broad, *nuisance)))


def _window(prior: PriorConfig, circle: Circle) -> tuple[float, float]:
    window = max(RADIUS_WINDOW, 2 * circle.error) if prior.radius_window == "auto" else prior.radius_window
    low = prior.einstein_radius[0]
    return max(low, circle.radius - window), max(circle.radius, low) + window


def _broad(config: RefineConfig, radius: tuple[float, float]) -> list[Block]:
    blocks: list[Block] = [Single("einstein_radius", Uniform(*radius)), Ellipse(*config.prior.axis_ratio)]
    if config.mass.model == "power-law":
        blocks.append(Single("slope", Uniform(*config.prior.slope)))
    return blocks


def _uniform(config: RefineConfig, learned: GaussianMixture) -> list[Block]:
    prior, answer = config.prior, dict(zip(learned.names, _rounded(learned.mean), strict=True))
    e = np.asarray(complex(answer["e1"], answer["e2"]))
    q = float(np.clip(axis_ratio(e), *prior.axis_ratio))
    q_low = max(q - prior.uniform_axis_ratio, 0.5 * prior.axis_ratio[0])
    angle = np.radians(prior.uniform_angle)
    radius = _around(answer["einstein_radius"], prior.uniform_einstein_radius, prior.einstein_radius)
    blocks: list[Block] = [
        Single("einstein_radius", radius),
        Ellipse(q_low, min(q + prior.uniform_axis_ratio, 1.0), float(position_angle(e)), angle),
    ]
    if config.mass.model == "power-law":
        middle = answer.get("slope", 2.0)
        blocks.append(Single("slope", _around(middle, prior.uniform_slope, prior.slope)))
    return blocks


def _around(middle: float, half_width: float, limits: tuple[float, float]) -> Uniform:
    middle = float(np.clip(middle, *limits))
    return Uniform(max(middle - half_width, limits[0]), min(middle + half_width, limits[1]))


def _gaussian(config: RefineConfig, learned: GaussianMixture) -> list[Block]:
    prior = config.prior
    limits = {"einstein_radius": prior.einstein_radius, "slope": prior.slope}
    names = ["einstein_radius", "e1", "e2"] + ["slope"] * (config.mass.model == "power-law")
    answer = dict(zip(learned.names, zip(_rounded(learned.mean), _rounded(learned.sigma), strict=True), strict=True))
    blocks: list[Block] = []
    for name in names:
        low, high = limits.get(name, (-MAX_ELLIPTICITY, MAX_ELLIPTICITY))
        if name not in answer:  # an SIE network says nothing about the slope
            blocks.append(Single(name, Uniform(low, high)))
            continue
        mean, sigma = answer[name]
        blocks.append(Single(name, Normal(float(np.clip(mean, low, high)), prior.widen * sigma, low, high)))
    return blocks


def _rounded(values: np.ndarray) -> list[float]:
    # The last digits of a network's answer depend on the batch and the machine; the checkpoint's key must not.
    return [float(f"{value:.4g}") for value in values]


def _nuisance(config: RefineConfig, centre: complex) -> list[Block]:
    prior = config.prior
    reach = 5 * prior.centre_sigma
    blocks: list[Block] = [
        Single(name, Normal(middle, prior.centre_sigma, middle - reach, middle + reach))
        for name, middle in (("centre_x", centre.real), ("centre_y", centre.imag))
    ]
    if config.mass.shear is not False:
        shear = Normal(0.0, prior.shear_sigma, -MAX_SHEAR, MAX_SHEAR)
        blocks += [Single(name, shear) for name in ("shear1", "shear2")]
    return [*blocks, Single("log10_strength", Uniform(*prior.log10_strength))]
