"""Posteriors of lenses, made up."""

import numpy as np

from lenssbi.parameters import ellipticity
from lenssbi.posteriors import Samples

NAMES = ("einstein_radius", "e1", "e2", "slope", "shear1", "shear2", "centre_x", "centre_y")
UNITS = ("arcsec", "", "", "", "", "", "arcsec", "arcsec")
SPREAD = np.array([0.01, 0.02, 0.02, 0.05, 0.01, 0.01, 0.01, 0.01])


def lens(q=0.7, phi=20.0, slope=2.1, shear=0.05 - 0.03j):
    """One lens in the order of NAMES; phi in degrees."""
    e = complex(ellipticity(np.asarray(q), np.radians(phi)))
    return np.array([1.3, e.real, e.imag, slope, shear.real, shear.imag, 0.04, -0.07])


def cloud(middle, count=2000, spread=SPREAD, weighted=False):
    rng = np.random.default_rng(3)
    values = middle + spread * rng.normal(size=(count, len(middle)))
    return Samples(values, NAMES, UNITS, log_weights=rng.normal(size=count) if weighted else None, log_evidence=-12.5)
