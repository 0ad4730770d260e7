"""Estimators of posteriors from images: the dropout network, its training, its folder on disk, the shipped weights."""
