"""Observed stamps, composed of noiseless arcs, noiseless galaxies and noise."""
