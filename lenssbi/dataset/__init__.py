"""Stamps on disk: HDF5 sets, FITS stamps such as Euclid MER cut-outs, and the torch loader."""

from lenssbi.dataset.hdf5 import StampSet, check_set
from lenssbi.dataset.stamp import Stamp

__all__ = ["Stamp", "StampSet", "check_set"]
