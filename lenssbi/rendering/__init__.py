"""SYSTEM -> STAMP: the GalSim renderer (a lensing transform), and the selection of detectable lenses. The one door to GalSim."""
