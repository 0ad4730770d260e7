"""Hierarchical inference: from the posteriors of many lenses to the distribution of a parameter over them.

quantities     which parameters, and on which scale: q, slope, log10 of einstein_radius
interim        the prior that each posterior carries, which is divided out; `training` finds that of a catalogue's posteriors
beliefs        many posteriors over their priors, in bins: all that the data say
population     Gaussian over the lenses: the posterior of its mean and its scatter
"""

from lenssbi.population_inference.beliefs import FEW_DRAWS, Beliefs, gather
from lenssbi.population_inference.interim import Interim, common_support, density_of_truths, on_scale
from lenssbi.population_inference.population import PopulationPosterior, cautions, infer
from lenssbi.population_inference.quantities import QUANTITIES, Quantity, quantity

__all__ = [
    "FEW_DRAWS",
    "QUANTITIES",
    "Beliefs",
    "Interim",
    "PopulationPosterior",
    "Quantity",
    "cautions",
    "common_support",
    "density_of_truths",
    "gather",
    "infer",
    "on_scale",
    "quantity",
]
