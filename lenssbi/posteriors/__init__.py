"""Posteriors: weighted samples with names and units, the network's Gaussian mixtures, and their file."""

from lenssbi.posteriors.hdf5 import load_learned, load_network, load_samples, load_with_prior
from lenssbi.posteriors.mixtures import DiagonalMixture
from lenssbi.posteriors.samples import Samples, Summary, derive_ellipse
from lenssbi.posteriors.writing import save_samples

__all__ = [
    "DiagonalMixture",
    "Samples",
    "Summary",
    "load_learned",
    "load_network",
    "load_samples",
    "load_with_prior",
    "derive_ellipse",
    "save_samples",
]
