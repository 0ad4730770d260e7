"""Simulated galaxies as lenses: convergence maps, snapshots of particles, and a mock for where there is neither."""

from lenssbi.populations.hydro.mass import MapMass

__all__ = ["MapMass"]
