"""Rows of the tables: of networks (`network`, `radii`) and of fits (`fits`); the formulae are those of `lenssbi.calibration.scores`."""
