"""A set of small stamps, quick to draw: a Gaussian ring whose radius and ellipticity are the parameters."""

from pathlib import Path

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.config import parse
from lenssbi.dataset.hdf5 import write_set
from lenssbi.estimators.plan import TrainConfig
from lenssbi.instrument import PSF

SHAPE = (24, 24)
TINY = {
    "name": "tiny",
    "network": {"widths": [8, 16], "blocks": [0, 0], "squeeze": 8, "dense": 32},
    "schedule": {"warmup_steps": 10, "learning_rate": 3e-3},
    "batch_size": 32,
    "max_epochs": 3,
    "validation_fraction": 0.2,
    "passes": 20,
    "threads": 1,
}


def write_rings(path: Path, count: int, seed: int = 1, pixel_scale: float = 0.3) -> Path:
    """Write a set of noisy elliptical rings."""
    rng = np.random.default_rng(seed)
    radius, e1, e2 = rng.uniform(0.8, 2.4, count), *rng.uniform(-0.4, 0.4, (2, count))
    theta = pixel_grid(SHAPE, pixel_scale)[None]
    phase = (e1 - 1j * e2)[:, None, None] * np.exp(2j * np.angle(theta))
    edge = radius[:, None, None] * (1 + 0.5 * phase.real)
    images = 20 * np.exp(-0.5 * ((np.abs(theta) - edge) / 0.3) ** 2) + rng.normal(0, 2, (count, *SHAPE))
    block = {
        "images": images.astype(np.float32),
        "noise": np.full(images.shape, 2, np.float32),
        "params": {"einstein_radius": radius, "e1": e1, "e2": e2},
        "info": {"signal_to_noise": np.full(count, 50.0)},
    }
    attributes = {"seed": seed, "config": "rings: true\n", "lenssbi_version": "0.1.0", "pixel_scale": pixel_scale}
    attributes |= {"zero_point": 25.5, "band": "VIS", "unit": "electron", "psf": PSF.gaussian(0.4)}
    write_set(path, [block], count, {"einstein_radius": "arcsec", "e1": "", "e2": ""}, attributes)
    return path


def tiny(**changes) -> TrainConfig:
    """A plan of seconds."""
    return parse({**TINY, **changes}, TrainConfig, "tiny")


@pytest.fixture(scope="session")
def make_rings():
    """`write_rings`."""
    return write_rings


@pytest.fixture(scope="session")
def plan():
    """`tiny`."""
    return tiny


@pytest.fixture(scope="session")
def rings(tmp_path_factory) -> Path:
    """A set of 500 rings."""
    return write_rings(tmp_path_factory.mktemp("rings") / "set.h5", 500)


@pytest.fixture(scope="session")
def trained(rings, tmp_path_factory) -> Path:
    """An estimator trained on the rings."""
    from lenssbi.pipelines.train import run

    out = tmp_path_factory.mktemp("trained") / "run"
    run(tiny(max_epochs=12), rings, out)
    return out
