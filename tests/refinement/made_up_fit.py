"""A finished fit whose every number is known: a Gaussian source behind an isothermal lens, seen without noise, nothing fitted."""

import numpy as np
from astropy.io import fits

from lenssbi.arrays import pixel_grid
from lenssbi.dataset.header import celestial_wcs, wcs_keywords
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.posteriors import Samples
from lenssbi.refinement.result import FitResult, LensModel, SourceImage
from lenssbi.systems import deflectors

PIXEL, SHAPE = 0.1, (48, 52)
PARAMS = {"einstein_radius": 1.1, "e1": 0.12, "e2": -0.07, "centre_x": 0.04, "centre_y": -0.03, "log10_strength": 0.5}
SIGMA, FLUX, PLACE = 0.08, 300.0, 0.12 - 0.05j
EXTENT = (-0.4, 0.6, -0.55, 0.45)


def header(**changes):
    """A rotated and sheared gnomonic projection with SIP."""
    step, angle = PIXEL / 3600, np.radians(31)
    cards = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "CRVAL1": 150.1163, "CRVAL2": 2.2058}
    cards |= {"CRPIX1": -210.25, "CRPIX2": 77.5, "RADESYS": "ICRS", "CUNIT1": "deg", "CUNIT2": "deg"}
    cards |= {"CD1_1": -step * np.cos(angle), "CD1_2": step * np.sin(angle)}
    cards |= {"CD2_1": step * np.sin(angle), "CD2_2": step * np.cos(angle)}
    cards |= {"A_ORDER": 2, "B_ORDER": 2, "A_2_0": 3e-6, "A_1_1": -1e-6, "B_0_2": 2e-6}
    return fits.Header(list((cards | changes).items()))


def gaussian(beta, flux=FLUX, sigma=SIGMA, place=PLACE):
    """Surface brightness at places of the source plane."""
    return flux / (2 * np.pi * sigma**2) * np.exp(-(np.abs(beta - place) ** 2) / (2 * sigma**2))


def source_image(side=100, extent=EXTENT, **changes):
    x, y = (a + (np.arange(side) + 0.5) * (b - a) / side for a, b in (extent[:2], extent[2:]))
    return SourceImage(gaussian(x[None, :] + 1j * y[:, None], **changes), extent)


def made_up_fit(
    params=PARAMS, celestial=None, lens_light=True, shape=SHAPE, zero_point=24.6, unit="electron", **source
):
    """A fit; `source` changes the Gaussian and the square that holds it."""
    theta = pixel_grid(shape, PIXEL)
    shown = source_image(**source)
    bright = {name: value for name, value in source.items() if name in ("flux", "sigma", "place")}
    arcs = gaussian(deflectors(params).source_angle(theta), **bright) * PIXEL**2
    rng = np.random.default_rng(5)
    noise = rng.uniform(0.8, 1.2, shape)
    usable = rng.random(shape) > 0.01
    mask = (np.abs(theta) < 2.0) & (np.abs(theta) > 0.3) & usable
    stamp = Stamp(
        image=np.where(usable, arcs + noise * rng.normal(size=shape), 0.0),
        noise=noise,
        mask=usable,
        psf=PSF.gaussian(0.17),
        pixel_scale=PIXEL,
        name="made-up",
        unit=unit,
        zero_point=zero_point,
        info={} if celestial is None else {"wcs": wcs_keywords(celestial_wcs(celestial))},
    )
    image = np.where(mask, arcs, np.nan)
    residual = ((stamp.image - image) / noise)[mask]
    values = np.array(list(params.values())) + 0.01 * rng.normal(size=(200, len(params)))
    units = tuple("arcsec" if "centre" in name or "radius" in name else "" for name in params)
    chi2, lens = float(np.mean(residual**2)), deflectors(params)
    best = LensModel(params, lens, image, None, shown, PIXEL, 7.0, 0.2, 0.4, chi2, 1.1, log_likelihood=-120.25)
    light = 40 * np.exp(-np.abs(theta) / 0.4) if lens_light else None
    flags = ("prior_conflict", "noise_doubtful")
    info = {"key": "0123456789abcdef", "sampler": "importance", "observation": {"read": {"input": "/data/ä\n.fits"}}}
    info |= {"status": "DONE", "prior": "broad", "flags": list(flags), "evaluations": 4321, "seconds": 1.5}
    samples = Samples(values, tuple(params), units, rng.normal(0, 0.5, 200), -123.5, info=info)
    return FitResult(stamp, light, best, samples)
