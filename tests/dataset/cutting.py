"""Cut-outs of made-up mosaics."""

import numpy as np

from lenssbi.dataset.cutouts.cut import OpenTile, cut
from lenssbi.dataset.cutouts.stamp_file import write_stamp
from lenssbi.dataset.cutouts.targets import CutoutTarget
from lenssbi.dataset.cutouts.tiles import Layers, find_tiles
from lenssbi.dataset.fits import read_stamp


def open_one(**layers):
    (tile,) = find_tiles(Layers(**layers))
    return OpenTile.open(tile)


def cut_at(opened, x, y, side=40):
    place = opened.footprint.sky(np.array([float(x)]), np.array([float(y)]))
    return cut(opened, (x, y), (place[0][0], place[1][0]), side)


def stamp_at(opened, x, y, path, side=40, name="a"):
    found = cut_at(opened, x, y, side)
    place = opened.footprint.sky(np.array([float(x)]), np.array([float(y)]))
    write_stamp(path, found, opened, CutoutTarget(name, place[0][0], place[1][0]), "key")
    return read_stamp(path)
