"""Small FITS stamps in any layout."""

import numpy as np
from astropy.io import fits

from lenssbi.arrays import pixel_grid

SHAPE = (41, 43)
PSF = np.exp(-0.5 * (np.abs(pixel_grid((7, 7), 1.0)) / 0.8) ** 2)


def image(shape=SHAPE, sigma=1.0, seed=1):
    """A source of 30 sigma in the middle of noise."""
    noise = np.random.default_rng(seed).normal(size=shape)
    return sigma * (noise + 30 * np.exp(-0.5 * (np.abs(pixel_grid(shape, 0.1)) / 0.3) ** 2))


def write(path, planes, **keywords):
    """Planes are {name: data}; the first one gets the keywords, and a pixel scale unless one is among them."""
    units = [fits.PrimaryHDU()]
    for name, data in planes.items():
        units.append(fits.ImageHDU(data, name=name))
    units[1].header.update(keywords or {"PIXSCALE": 0.1})
    fits.HDUList(units).writeto(path, overwrite=True)
    return path


def stamp(path, extra=None, data=None, noise=1.0, **keywords):
    """A whole stamp, with further planes."""
    data = image() if data is None else data
    planes = {"SCI": data, "ERR": np.broadcast_to(noise, data.shape).astype(float), "PSF": PSF, **(extra or {})}
    return write(path, planes, **keywords)
