"""Hierarchical inference: from the posteriors of many lenses to the distribution of a parameter over them.

quantities     which parameters, and on which scale: q, slope, log10 of einstein_radius
interim        the prior that each posterior carries, which is divided out; `training` finds that of a catalogue's posteriors
binned_posteriors  posteriors of many lenses divided by their priors, in bins
population     Gaussian over the lenses: the posterior of its mean and its scatter
"""

from lenssbi.population_inference.binned_posteriors import FEW_DRAWS, BinnedPosteriors, bin_posteriors
from lenssbi.population_inference.interim import InterimPrior, common_support, density_of_truths, on_scale
from lenssbi.population_inference.population import PopulationPosterior, cautions, infer
from lenssbi.population_inference.quantities import QUANTITIES, Quantity, quantity

__all__ = [
    "FEW_DRAWS",
    "QUANTITIES",
    "BinnedPosteriors",
    "InterimPrior",
    "PopulationPosterior",
    "Quantity",
    "cautions",
    "common_support",
    "density_of_truths",
    "bin_posteriors",
    "infer",
    "on_scale",
    "quantity",
]
