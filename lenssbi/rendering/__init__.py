"""Rendering of stamps: the GalSim renderer (a lensing transform), the batched renderer, and the selection of detectable lenses.

Only this package imports GalSim.
"""
