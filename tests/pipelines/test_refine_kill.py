"""A fit that is killed at a random moment, by the signal that no program can catch, and begun again."""

import json
import random
import signal
import time

import numpy as np
import pytest
from astropy.io import fits
from scipy.signal import fftconvolve

from lenssbi.arrays import pixel_grid
from lenssbi.instrument import PSF
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.light import Sersic
from lenssbi.posteriors import load_samples
from lenssbi.systems import LensSystem

from .made_up_rings import command, in_process

CHOICES = (
    "mass.shear=false",
    "mesh.pixels=100",
    "start.candidates=64",
    "sampler.importance_n_eff=300",
    "prior.mode=broad",
)


@pytest.fixture
def stamp(tmp_path):
    """A FITS file with a ring."""
    system = LensSystem((EllipticalPowerLaw(0.9, 0.1, 0.0),), (Sersic(80.0, 0.2, 1.0, 0.8, 0.5, 0.1 + 0.05j),))
    light = system.surface_brightness(pixel_grid((50, 50), 0.1, 5)) * 0.02**2
    image = fftconvolve(light, PSF.gaussian(0.17, 0.02).image, mode="same").reshape(50, 5, 50, 5).sum(axis=(1, 3))
    image += np.random.default_rng(0).normal(size=image.shape)
    psf = PSF.gaussian(0.17, 0.1 / 3)
    header = fits.Header({"CD1_1": -0.1 / 3600, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 0.1 / 3600})
    parts = [
        fits.PrimaryHDU(),
        fits.ImageHDU(image, header, "IMAGE"),
        fits.ImageHDU(np.ones_like(image), None, "NOISE"),
    ]
    fits.HDUList(parts).writeto(tmp_path / "ring.fits")
    fits.writeto(tmp_path / "psf.fits", psf.image, fits.Header({"PIXSCALE": 0.1 / 3}))
    return tmp_path / "ring.fits", tmp_path / "psf.fits"


def test_a_killed_fit_gives_the_same_posterior(stamp, tmp_path):
    path, psf = stamp
    options = [part for choice in CHOICES for part in ("--set", choice)]
    arguments = ("refine", path, "--psf", psf, *options, "--pixel-scale", 0.1, "--no-figures", "--json", "--quiet")
    code, whole, error = in_process(*arguments, "--out", tmp_path / "straight")
    assert code == 0, error
    out = tmp_path / "killed"
    running = command(*arguments, "--out", out)
    for _ in range(1200):  # until there is something to lose
        if list(out.glob("work/*.h5")) or running.poll() is not None:
            break
        time.sleep(0.05)
    time.sleep(random.random())
    running.send_signal(signal.SIGKILL)
    running.communicate()
    code, text, error = in_process(*arguments, "--out", out)
    assert code == 0, error
    first, second = (json.loads(answer)["items"][0] for answer in (whole, text))
    assert second["params"] == first["params"]
    assert second["evaluations"] == first["evaluations"]
    old, new = load_samples(first["posterior"]), load_samples(second["posterior"])
    np.testing.assert_array_equal(new.values, old.values)
    assert not list(out.glob("work/*.h5"))
