"""Where the search looks: the lens models that show the arcs as several images, and those that the network says."""

from __future__ import annotations

from lenssbi.arrays import FloatArray
from lenssbi.parameters import Uniform
from lenssbi.refinement.priors.blocks import Block, JointPrior, Single
from lenssbi.refinement.problem import Problem, network_draws
from lenssbi.refinement.search.space import SearchSpace

NETWORK_STARTS = 64


def where_to_search(problem: Problem) -> tuple[JointPrior, FloatArray]:
    """The prior for lenses that show the arcs as several images of one source, and the network's starts (start, mass parameter)."""
    prior, window = problem.priors.sampled, problem.observation.circle.window
    mass = [prior.names.index(name) for name in SearchSpace(prior).names]
    starts = network_draws(problem, NETWORK_STARTS)[:, mass]
    if problem.config.mass.companions:  # the circle is that of all lens galaxies together
        return prior, starts
    if len(starts):  # a neighbour may mislead the circle
        radii = starts[:, prior.names.index("einstein_radius")]
        middle, spread = float(radii.mean()), float(radii.std())
        window = min(window[0], middle - spread), max(window[1], middle + spread)

    def narrowed(block: Block) -> Block:
        if not (isinstance(block, Single) and block.name == "einstein_radius" and isinstance(block.marginal, Uniform)):
            return block
        ends = block.marginal.support()
        low, high = max(ends[0], window[0]), min(ends[1], window[1])
        return Single(block.name, Uniform(low, high)) if low < high else block

    return JointPrior(tuple(narrowed(block) for block in prior.blocks)), starts
