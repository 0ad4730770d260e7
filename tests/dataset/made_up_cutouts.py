"""FITS stamps like the cut-outs of Euclid, made up."""

import numpy as np
from astropy.io import fits

SHAPE = (31, 33)


def image():
    return np.random.default_rng(1).normal(size=SHAPE)


def psf(n=7):
    x = np.arange(n) - n // 2
    return 0.9 * np.exp(-(x[:, None] ** 2 + x**2) / 4) / (4 * np.pi)


def wcs(header):
    """What SWarp and the archive's cut-out service leave together: CD, and the same as PC with CDELT = 1."""
    step = 0.1 / 3600
    for key, value in {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 57.0, "CRVAL2": -51.0}.items():
        header[key] = value
    header.update({"CRPIX1": 17, "CRPIX2": 16, "CD1_1": -step, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": step})
    header.update({"PC1_1": -step, "PC2_2": step, "CDELT1": 1.0, "CDELT2": 1.0, "MAGZERO": 24.6})
    return header


def write(path, *planes, primary=None):
    """Planes are (name, data), the first with a WCS."""
    hdus = [fits.PrimaryHDU(primary)]
    for k, (name, data) in enumerate(planes):
        hdus.append(fits.ImageHDU(data, name=name))
        if k == 0:
            wcs(hdus[-1].header)
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


def euclid(path, image=None, noise=None, kernel=None, suffix="BGSUB", band="VIS"):
    image = np.ones(SHAPE) * np.arange(SHAPE[1]) if image is None else image
    noise = np.full(image.shape, 0.5) if noise is None else noise
    kernel = psf() if kernel is None else kernel
    return write(path, (f"{band}_{suffix}", image), (f"{band}_PSF", kernel), (f"{band}_RMS", noise))
