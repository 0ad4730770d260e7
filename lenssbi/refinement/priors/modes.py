"""The prior of a fit: blind, or learned from the network's answer (Pearson et al. 2021, section 3.3).

    broad         einstein_radius, axis ratio and angle of the population
    blind         the same, einstein_radius within a window about the circle estimate
    cnn-uniform   einstein_radius, axis ratio, angle (slope, shear, centre) within fixed half-widths of the network's answer
    cnn-gaussian  Gaussians with the network's mean and one sigma, in the network's own parameters
    cnn-joint     all of the network's posterior, its correlations and its modes

What the network says nothing about (in most cases the centre and the shear, always the strength of the regularisation) has the
same prior in every mode; what it says about parameters that the fit does not have is left aside.
A learned prior has already seen the image, so each fit also carries the broad prior by which it is to be replaced. A fit under the
broad prior that knows a network's answer carries `belief`, by which its posterior is multiplied to give the other one.

What the user knows of a parameter (`PriorConfig.gaussian`) has not seen the image: it is part of the broad prior, and of every other, in
the place of what they say of that parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lenssbi.parameters import Normal, Uniform, axis_ratio, position_angle
from lenssbi.posteriors import DiagonalMixture
from lenssbi.refinement.circle import Circle
from lenssbi.refinement.config import MAX_ELLIPTICITY, MAX_SHEAR, PINNED, PriorConfig, RefineConfig
from lenssbi.refinement.priors.blocks import Block, Ellipse, JointPrior, Single
from lenssbi.refinement.priors.joint_belief import joint_belief
from lenssbi.refinement.priors.source_prior import source_blocks

UNITS = {"einstein_radius": "arcsec", "centre_x": "arcsec", "centre_y": "arcsec"}
RADIUS_WINDOW = 0.2  # [arcsec], the paper's

Answer = dict[str, tuple[float, float]]  # the network's mean and one sigma by name


class Priors(NamedTuple):
    """The prior that is sampled and the broad one of the result (the same object unless the sampled one is learned), and the learned
    prior of a network that was asked, if one was.
    """

    mode: str
    sampled: JointPrior
    broad: JointPrior
    belief: JointPrior | None = None

    @property
    def learned(self) -> bool:
        """Whether the sampled prior has seen the image."""
        return self.sampled is not self.broad


def resolve(config: RefineConfig, has_answer: bool) -> str:
    """The mode that "auto" stands for."""
    if config.prior.mode != "auto":
        return config.prior.mode
    if config.sampler.method == "nautilus":
        return "cnn-gaussian" if has_answer else "blind"
    return "broad"


def build_priors(
    config: RefineConfig,
    circle: Circle,
    learned: DiagonalMixture | None,
    centre: complex = 0j,
    masses: Sequence[Single] = (),
) -> Priors:
    """Priors of a fit.

    Parameters
    ----------
    config
        Configuration of the fit.
    circle
        Circle estimate.
    learned
        Posterior of the network.
    centre
        Expected centre of the mass [arcsec]: the centre of the lens light, if it was detected.
    masses
        Priors of the Einstein radius and of further lens galaxies, if there are any.

    Raises
    ------
    ValueError
        If the mode is a learned one and ``learned`` is missing.
    """
    mode = resolve(config, learned is not None)
    nuisance = _nuisance(config, centre)
    window = _window(config.prior, circle) if mode == "blind" else config.prior.einstein_radius
    blocks = _broad(config, window)
    if masses:
        blocks = [masses[0], *blocks[1:], *masses[1:]]
    broad = _with_knowledge(config.prior, [*blocks, *nuisance])
    prior = JointPrior(tuple(broad))
    if mode in ("broad", "blind"):
        return Priors(mode, prior, prior, None if learned is None else network_belief(config.prior, prior, learned))
    if learned is None:
        raise ValueError(f"the prior {mode} needs the network's answer")
    if mode == "cnn-joint":
        narrow = network_belief(config.prior, prior, learned)
    else:
        answer = {name: said for name, said in _rounded(learned).items() if name not in config.prior.gaussian}
        narrow = JointPrior((_uniform if mode == "cnn-uniform" else _gaussian)(config.prior, broad, answer))
    return Priors(mode, narrow, prior, narrow)


def _window(prior: PriorConfig, circle: Circle) -> tuple[float, float]:
    window = max(RADIUS_WINDOW, 2 * circle.error) if prior.radius_window == "auto" else prior.radius_window
    low = prior.einstein_radius[0]
    return max(low, circle.radius - window), max(circle.radius, low) + window


def _broad(config: RefineConfig, radius: tuple[float, float]) -> list[Block]:
    blocks: list[Block] = [Single("einstein_radius", Uniform(*radius)), Ellipse(*config.prior.axis_ratio)]
    if config.mass.model == "power_law":
        blocks.append(Single("slope", Uniform(*config.prior.slope)))
    return blocks


def _with_knowledge(prior: PriorConfig, blocks: list[Block]) -> list[Block]:
    """The blocks, with the user's in the place of those of the same parameters."""
    found: list[Block] = []
    for block in blocks:
        said = [name for name in block.names if name in prior.gaussian]
        found += [_known(prior, name) for name in said] or [block]
    return found


def _known(prior: PriorConfig, name: str) -> Single:
    mean, sigma = prior.gaussian[name]
    return Single(name, Normal(mean, max(sigma, PINNED), *prior.limits(name)))


def _rounded(learned: DiagonalMixture) -> Answer:
    # The last digits of a network's answer depend on the batch and the machine; the checkpoint's key must not.
    moments = zip(learned.names, learned.mean, learned.sigma, strict=True)
    return {name: (float(f"{mean:.4g}"), float(f"{sigma:.4g}")) for name, mean, sigma in moments}


def _uniform(prior: PriorConfig, broad: list[Block], answer: Answer) -> tuple[Block, ...]:
    half_widths = {"einstein_radius": prior.uniform_einstein_radius, "slope": prior.uniform_slope}
    half_widths |= dict.fromkeys(("shear1", "shear2"), prior.uniform_shear)
    half_widths |= dict.fromkeys(("centre_x", "centre_y"), prior.uniform_centre)
    if "slope" not in prior.gaussian:
        answer = {"slope": (2.0, 0.0), **answer}  # an SIE network means isothermal
    blocks: list[Block] = []
    for block in broad:
        if isinstance(block, Ellipse):
            e = np.asarray(complex(answer["e1"][0], answer["e2"][0]))
            q = float(np.clip(axis_ratio(e), *prior.axis_ratio))
            q_low = max(q - prior.uniform_axis_ratio, 0.5 * prior.axis_ratio[0])
            q_high = min(q + prior.uniform_axis_ratio, 1.0)
            block = Ellipse(q_low, q_high, float(position_angle(e)), np.radians(prior.uniform_angle))
        elif isinstance(block, Single) and block.name in answer:
            low, high = block.marginal.support()
            middle, width = float(np.clip(answer[block.name][0], low, high)), half_widths[block.name]
            block = Single(block.name, Uniform(max(middle - width, low), min(middle + width, high)))
        blocks.append(block)
    return tuple(blocks)


def _gaussian(prior: PriorConfig, broad: list[Block], answer: Answer) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for block in broad:
        limits = block.marginal.support() if isinstance(block, Single) else (-MAX_ELLIPTICITY, MAX_ELLIPTICITY)
        for name in block.names:
            if name not in answer:
                blocks.append(block)
                continue
            mean, sigma = answer[name]
            blocks.append(Single(name, Normal(float(np.clip(mean, *limits)), prior.widen * sigma, *limits)))
    return tuple(blocks)


def network_belief(prior: PriorConfig, broad: JointPrior, learned: DiagonalMixture) -> JointPrior:
    """All that the network says about the fit's parameters as one block; the others keep those of the broad prior.

    Raises
    ------
    ValueError
        If the network knows one of several parameters that have one prior together.
    """
    known = tuple(name for name in broad.names if name in learned.names and name not in prior.gaussian)
    if not known:
        return broad
    kept = [block for block in broad.blocks if not set(block.names) & set(known)]
    order = [block for block in broad.blocks if set(block.names) & set(known)]
    if set(known) != {name for block in order for name in block.names}:
        raise ValueError(f"the network's {', '.join(known)} are only part of what the fit takes together")
    return JointPrior((joint_belief(learned, known, prior.widen), *kept))


def _nuisance(config: RefineConfig, centre: complex) -> list[Block]:
    prior = config.prior
    sigma = max(prior.centre_sigma, PINNED)
    blocks: list[Block] = [
        Single(name, Normal(middle, sigma, middle - 5 * sigma, middle + 5 * sigma))
        for name, middle in (("centre_x", centre.real), ("centre_y", centre.imag))
    ]
    if config.mass.shear is not False:
        shear = Normal(0.0, prior.shear_sigma, -MAX_SHEAR, MAX_SHEAR)
        blocks += [Single(name, shear) for name in ("shear1", "shear2")]
    if prior.noise_factor is not None:
        blocks.append(Single("log10_noise", Uniform(*np.log10(prior.noise_factor))))
    if config.source != "pixels":
        return [*blocks, *source_blocks()]
    return [*blocks, Single("log10_strength", Uniform(*prior.log10_strength))]
