"""A mosaic with simulated lenses in it, its noise map and PSF, the table of targets, and what is true of each lens."""

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from scipy.signal import fftconvolve

from lenssbi.arrays import pixel_grid
from lenssbi.instrument import PSF
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.light import Sersic
from lenssbi.systems import LensSystem

from .made_up_mosaics import cards, write

SCALE, ZERO_POINT, SIGMA = 0.1, 24.6, 0.0024  # [arcsec], AB magnitude of 1 ADU/s, [ADU/s]: a mosaic of Euclid's
SIDE, STEP, SUBGRID = 90, 110, 4  # pixels of a lens's light and between lenses; sub-pixels
COLUMNS = 6
FWHM = 0.17  # [arcsec]
OWN, COMMON = 4, (0.5, 2.0)  # every fourth lens has redshifts of its own in the table; the others have these
TRUE = ("einstein_radius", "magnification", "mag_lens_light", "mag_lensed_source", "mag_source")


def magnitude(flux):
    return ZERO_POINT - 2.5 * np.log10(flux)


def lens(rng, offset):
    """Expected light of one lens whose centre lies `offset` [arcsec] from the middle, shape (SIDE, SIDE), and the truth."""
    radius, angle = rng.uniform(0.8, 1.6), rng.uniform(0, np.pi)
    e = rng.uniform(0.02, 0.25) * np.exp(2j * angle)
    mag_source, mag_lens = rng.uniform(22.5, 23.5), rng.uniform(19.5, 20.5)
    beta = offset + 0.35 * radius * rng.uniform(0.3, 1) * np.exp(2j * np.pi * rng.uniform())
    source = Sersic(10 ** (-0.4 * (mag_source - ZERO_POINT)), rng.uniform(0.12, 0.3), 1.0, 0.8, rng.uniform(0, 3), beta)
    galaxy = Sersic(10 ** (-0.4 * (mag_lens - ZERO_POINT)), rng.uniform(0.4, 0.7), 2.5, 0.85, angle, offset)
    theta, cell = pixel_grid((SIDE, SIDE), SCALE, SUBGRID), (SCALE / SUBGRID) ** 2
    mass = EllipticalPowerLaw(radius, e.real, e.imag, centre=offset)
    arcs = LensSystem((mass,), (source,)).surface_brightness(theta) * cell
    own = LensSystem((), (galaxy,)).surface_brightness(theta) * cell
    lensed = arcs.sum()
    truth = (radius, lensed / source.flux, magnitude(own.sum()), magnitude(lensed), mag_source)
    psf = PSF.gaussian(FWHM, SCALE / SUBGRID).image
    light = fftconvolve(arcs + own, psf, mode="same").reshape(SIDE, SUBGRID, SIDE, SUBGRID).sum(axis=(1, 3))
    return light, dict(zip(TRUE, truth, strict=True))


def survey(folder, count=30, seed=7):
    """Write mosaic.fits, rms.fits, psf.fits and targets.csv; return the truth of each lens by its name, with ra and dec [deg]."""
    rng = np.random.default_rng(seed)
    rows = -(-count // COLUMNS)
    shape = (rows * STEP, COLUMNS * STEP)
    image = rng.normal(0, SIGMA, shape)
    keywords = cards(angle=25, shape=shape, MAGZERO=ZERO_POINT, BUNIT="ADU/s")
    wcs, truths = WCS(fits.Header(keywords)), {}
    for k in range(count):
        row, column = (n * STEP + (STEP - SIDE) // 2 for n in divmod(k, COLUMNS))
        shift = rng.uniform(-0.45, 0.45, 2)  # [pixels] along x and y
        light, truth = lens(rng, complex(*(shift * SCALE)))
        image[row : row + SIDE, column : column + SIDE] += light
        x, y = np.array([column, row]) + (SIDE - 1) / 2 + shift
        ra, dec = map(float, wcs.all_pix2world(x, y, 0))
        z = COMMON if k % OWN else (0.3 + 0.01 * k, 1.2 + 0.05 * k)
        truths[f"lens-{k + 1:02d}"] = truth | {"ra": ra, "dec": dec, "x": x, "y": y, "z_lens": z[0], "z_source": z[1]}
    write(folder / "mosaic.fits", image.astype("f4"), keywords)
    write(folder / "rms.fits", np.full(shape, SIGMA, "f4"))
    psf = PSF.gaussian(FWHM)
    write(folder / "psf.fits", psf.image, {"PIXSCALE": psf.pixel_scale, "PSFKIND": psf.kind})
    lines = ["id,ra,dec,z_lens,z_source"]
    for name, truth in truths.items():
        z = (truth["z_lens"], truth["z_source"])
        lines.append(",".join(map(str, (name, truth["ra"], truth["dec"], *(("", "") if z == COMMON else z)))))
    (folder / "targets.csv").write_text("\n".join(lines))
    return truths
