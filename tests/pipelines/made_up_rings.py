"""Stamps of rings, an untrained network that answers about them, and the command line on both."""

import os
import subprocess
import sys

import numpy as np
import torch
from astropy.io import fits

from lenssbi.dataset.hdf5 import write_set
from lenssbi.estimators.checkpoint import EstimatorCard, ParameterCard, save_estimator
from lenssbi.estimators.network import NetworkConfig, build_network
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.instrument import PSF
from lenssbi.parameters import SIE_SPACE

SIDE = 40
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
PROGRAM = (sys.executable, "-c", "from lenssbi_cli.main import main; main()")


def untrained(folder):
    """Save a network whose answers are nonsense, but always the same."""
    torch.manual_seed(1)
    network = NetworkConfig()
    cards = tuple(ParameterCard(**parameter) for parameter in SIE_SPACE.as_json())
    card = EstimatorCard(
        name="untrained",
        network=network,
        preprocessing=ImagePreprocessing(),
        parameters=cards,
        field=(SIDE, SIDE),
        pixel_scale=0.1,
        band="VIS",
        passes=4,
        seed=0,
    )
    save_estimator(card, build_network(network, (SIDE, SIDE), len(cards)).state_dict(), folder)
    return folder


def rings(count):
    """Images (count, y, x) of a ring in noise of 5."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    ring = 50 * np.exp(-((np.hypot(x, y) - 10) ** 2) / 8)
    return (ring + np.random.default_rng(0).normal(0, 5, (count, SIDE, SIDE))).astype(np.float32)


def ring_set(path, images):
    """Write a set of such images."""
    count = len(images)
    block = {
        "images": images,
        "noise": np.full_like(images, 5.0),
        "params": {name: np.full(count, 0.1) for name in ("einstein_radius", "e1", "e2")},
        "info": {"snr": np.full(count, 33.0)},
    }
    attributes = {
        "seed": 0, "config": "", "lenssbi_version": "0", "pixel_scale": 0.1, "zero_point": 25.0, "band": "VIS",
        "unit": "electron", "lens_light_subtracted": True, "psf": PSF.gaussian(0.17),
    }  # fmt: skip
    write_set(path, [block], count, {"einstein_radius": "arcsec", "e1": "", "e2": ""}, attributes)
    return path


def ring_file(path, *, image=None, noise=5.0, psf=True, scale=0.1, band="VIS"):
    """Write a stamp as a Euclid cut-out."""
    image = rings(1)[0] if image is None else image
    noise = np.full(image.shape, noise) if np.isscalar(noise) else noise
    y, x = np.mgrid[-3:4, -3:4]
    planes = {f"{band}_BGSUB": image, f"{band}_RMS": noise}
    planes |= {f"{band}_PSF": np.exp(-(x**2 + y**2) / 2.0)} if psf else {}
    header = fits.Header({"CD1_1": -scale / 3600, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": scale / 3600})
    units = [fits.ImageHDU(data.astype("f4"), header, name=name) for name, data in planes.items()]
    fits.HDUList([fits.PrimaryHDU(), *units]).writeto(path)
    return path


def command(*arguments, **options):
    """Start `lenssbi` with these arguments."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*PROGRAM, *map(str, arguments)], **pipes, env=os.environ | THREADS, **options)


def in_process(*arguments):
    """Exit code, stdout and stderr of `lenssbi` with these arguments, run here: torch and the rest need not be loaded once more."""
    from typer.testing import CliRunner

    from lenssbi_cli.main import app

    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def outcome(process, timeout=300):
    """Exit code, stdout and stderr of a command."""
    out, error = process.communicate(timeout=timeout)
    return process.returncode, out, error
