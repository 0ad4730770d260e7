"""STAMPS ON DISK: HDF5 sets; FITS stamps, Euclid MER cut-outs among them; the torch loader."""

from lenssbi.dataset.hdf5 import StampSet, check_set
from lenssbi.dataset.stamp import Stamp

__all__ = ["Stamp", "StampSet", "check_set"]
