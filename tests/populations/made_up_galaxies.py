"""Cut-outs with a galaxy of known light, some noise and a neighbour."""

import numpy as np

from lenssbi.arrays import pixel_grid
from lenssbi.light import Sersic

NOISE = 0.002


def cut_out(side=101, radius=6.0, flux=40.0, *, centre=0.3 - 0.4j, q=0.6, neighbour=0.0, noise=NOISE, sky=0.1, seed=0):
    """Shape (side, side + 2), pixels of side 1; `neighbour` is the flux of a small one."""
    grid = pixel_grid((side, side + 2), 1.0)
    image = Sersic(flux, radius, 1.0, q, 0.5, centre).surface_brightness(grid)
    if neighbour:
        image = image + Sersic(neighbour, 2.0, 1.0, 0.8, 0.5, 16 + 14j).surface_brightness(grid)
    return image + sky + np.random.default_rng(seed).normal(0, noise, image.shape)
