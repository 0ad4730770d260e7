"""`lenssbi cutout`: stamps from the tiles of a mosaic, at given positions."""

from lenssbi.pipelines.cutout.first import cut_first
from lenssbi.pipelines.cutout.options import CutoutOptions
from lenssbi.pipelines.cutout.run import CutoutResult, run

__all__ = ["CutoutOptions", "CutoutResult", "cut_first", "run"]
