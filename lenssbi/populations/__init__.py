"""WHICH LENSES: the paper's training set and, later, its test suites, light cones and hydrodynamical lenses."""

from lenssbi.populations.training import Draw, TrainingPopulation

__all__ = ["Draw", "TrainingPopulation"]
