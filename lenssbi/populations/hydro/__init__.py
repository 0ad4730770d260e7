"""Simulated galaxies as lenses: convergence maps, snapshots of particles, and mock galaxies."""

from lenssbi.populations.hydro.mass import MapMass

__all__ = ["MapMass"]
