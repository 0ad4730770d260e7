"""A catalogue's folder as its readers see it, without a run: posteriors of q that are known."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lenssbi import catalogue
from lenssbi.parameters import ellipticity
from lenssbi.pipelines.catalogue.config import CatalogueConfig
from lenssbi.posteriors import Samples

ERROR = 0.05
TRAINING = (0.4, 1.0)


@dataclass
class MadeUp:
    """Stands for `CatalogueFolder`; the rows are those of `lenssbi.catalogue`."""

    rows: list
    posteriors: dict
    config: CatalogueConfig = field(default_factory=CatalogueConfig)
    card: dict = field(default_factory=lambda: {"estimator": "euclid-vis-sie"})

    def table(self):
        return catalogue.build(self.rows)

    def all_samples(self):
        yield from self.posteriors.items()

    def samples(self, name):
        return self.posteriors.get(name)


def posterior_of_q(rng, truth, draws=1000):
    """Under a prior uniform in q: Gaussian about a measurement, cut off at the prior's ends."""
    measured = truth + ERROR * rng.normal()
    q = measured + ERROR * rng.normal(size=20 * draws)
    q = q[(q > TRAINING[0]) & (q < TRAINING[1])][:draws]
    e = ellipticity(q, rng.uniform(0, np.pi, len(q)))
    radius = 1.2 + 0.02 * rng.normal(size=len(q))
    return Samples(np.stack([radius, e.real, e.imag], 1), ("einstein_radius", "e1", "e2"), ("arcsec", "", ""))


def made_up(mean=0.72, scatter=0.06, lenses=80, methods=("network",), seed=0):
    """A catalogue of lenses whose q are Gaussian, and three that are of no use."""
    rng = np.random.default_rng(seed)
    rows, posteriors = [], {}
    for number in range(lenses):
        name = f"lens-{number}"
        rows.append({"name": name, "input": "gone.h5:1", "method": methods[number % len(methods)], "status": "done"})
        posteriors[name] = posterior_of_q(rng, rng.normal(mean, scatter))
    for name, flags in (("flagged-1", ["needs_human"]), ("flagged-2", ["needs_human"])):
        rows.append({"name": name, "input": "", "method": methods[0], "status": "done", "flags": flags})
        posteriors[name] = posterior_of_q(rng, 0.42)
    rows.append({"name": "broken", "input": "", "method": "network", "status": "the file has no PSF"})
    return MadeUp(rows, posteriors)


def write_training(path: Path, count=3000, suite="euclid_observed", **params):
    """A set of stamps of two pixels, of which only the truths matter."""
    from lenssbi.dataset.hdf5 import write_set
    from lenssbi.instrument import PSF

    rng = np.random.default_rng(9)
    e = ellipticity(rng.uniform(*TRAINING, count), rng.uniform(0, np.pi, count))
    params = {"einstein_radius": rng.uniform(0.2, 3.2, count), "e1": e.real, "e2": e.imag, **params}
    pixels = np.ones((count, 2, 2), np.float32)
    attributes = {
        "psf": PSF(np.ones((1, 1)), 0.1, "effective"),
        "seed": 1,
        "config": json.dumps({"population": {"suite": suite}}),
        "lenssbi_version": "0.1.0",
        "pixel_scale": 0.1,
        "zero_point": 25.0,
        "band": "VIS",
        "unit": "electron",
    }
    block = {"images": pixels, "noise": pixels, "params": params, "info": {"snr": np.full(count, 30.0)}}
    write_set(path, [block], count, {}, attributes)
    return path
