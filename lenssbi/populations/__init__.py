"""Populations of lenses: the paper's training set and its test suites, with light cones and hydrodynamical lenses."""

from lenssbi.populations.draws import Draw, PopulationDraws, join_draws
from lenssbi.populations.population import Population

__all__ = ["Draw", "PopulationDraws", "Population", "join_draws"]
