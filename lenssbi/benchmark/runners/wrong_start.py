"""Wrong starts: lens models of too little or too much mass, for which the source is a copy of the image."""

import numpy as np

from lenssbi.refinement.first_stage import best_strength, first_stage
from lenssbi.refinement.problem import Problem
from lenssbi.refinement.sampling.mixtures import Mixture

SIGMA, STRENGTH_SIGMA = 0.05, 0.45  # of the start's parameters, and of log10 strengths


def wrong_start(problem: Problem, factor: float) -> Mixture:
    """One component at a round lens of `factor` times the Einstein radius of the circle through the arcs."""
    names = problem.priors.sampled.names
    values = np.zeros(len(names))
    values[names.index("einstein_radius")] = factor * problem.observation.circle.radius
    _, centre = best_strength(names, values, first_stage(problem).likelihood)
    sigma = np.array([STRENGTH_SIGMA if name.startswith("log10_") else SIGMA for name in names])
    return Mixture(np.ones(1), centre[None], np.diag(sigma**2)[None])
