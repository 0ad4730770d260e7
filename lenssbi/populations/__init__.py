"""WHICH LENSES: the paper's training set and its test suites, light cones and hydrodynamical lenses among them."""

from lenssbi.populations.draws import Draw, Draws, join_draws
from lenssbi.populations.population import Population

__all__ = ["Draw", "Draws", "Population", "join_draws"]
