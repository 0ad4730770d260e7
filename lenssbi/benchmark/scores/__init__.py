"""Rows of the tables: of networks (`network`, `radii`) and of fits (`fits`), with shares as columns (`shares`).

The formulae are those of `lenssbi.calibration.scores`.
"""
