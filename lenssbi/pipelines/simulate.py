"""`lenssbi simulate`: a set of stamps from a population, a camera and a selection.

Stamp i has its own stream of random numbers, seeded by (seed, i), from which systems are drawn until one passes the selection. It depends
neither on the number of workers nor on interruptions of the run: the same command makes the same bytes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lenssbi import __version__
from lenssbi.batch.engine import run as run_batch
from lenssbi.config import config_hash, dump_yaml
from lenssbi.dataset.hdf5 import StampSet, write_set
from lenssbi.dataset.shards import Shards
from lenssbi.instrument import Camera
from lenssbi.pipelines.results import Progress, silent
from lenssbi.rendering.composition.sets import ObservedSimulation
from lenssbi.rendering.simulation import SimulateConfig, Simulation
from lenssbi.status import InputError

UNITS = {"einstein_radius": "arcsec", "centre_x": "arcsec", "centre_y": "arcsec"}
NAME_LENGTH = 64  # bytes of text columns, the same in every shard
Span = tuple[int, int]


@dataclass(frozen=True)
class SimulateResult:
    """Path of the set, number of its stamps, number of systems drawn for them, and wall-clock time [s]."""

    path: Path
    count: int
    tried: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {"path": str(self.path), "count": self.count, "tried": self.tried, "seconds": round(self.seconds, 3)}


def run(
    config: SimulateConfig,
    out: str | Path,
    count: int,
    *,
    seed: int = 1,
    workers: int = 1,
    scheduler: str | None = None,
    progress: Progress = silent,
) -> SimulateResult:
    """Simulate a set; the same call again continues a killed one.

    Parameters
    ----------
    config
        Configuration of the simulation.
    out
        HDF5 file to write.
    count
        Number of stamps.
    seed
        Seed of the whole set.
    workers, scheduler
        Number of processes of this machine, or address of a Dask scheduler.
    progress
        Function that is called with (stamps done, count, text).

    Raises
    ------
    InputError
        If `out` cannot be written or contains something else, or nothing passes the selection.
    """
    start = time.perf_counter()
    out = Path(out)
    if count < 1:
        raise InputError(f"--count {count}: a set has at least one stamp")
    identity = {"config": config_hash(config), "seed": seed, "version": __version__}
    if out.exists():
        return _finished(out, count, config, seed, start)
    shards = Shards(out, count, identity)
    missing = shards.missing
    done = count - sum(stop - first for first, stop in missing)
    work = partial(simulate_shard, config=config, seed=seed, shards=shards)
    for index, outcome in run_batch(work, missing, workers=workers, scheduler=scheduler):
        if isinstance(outcome, Exception):
            raise outcome
        done += missing[index][1] - missing[index][0]
        progress(done, count, "simulating")
    simulation = _simulation(config)
    attributes = {
        "seed": seed,
        "config": dump_yaml(config),
        "lenssbi_version": __version__,
        "pixel_scale": config.instrument.pixel_scale,
        "zero_point": _zero_point(config.instrument),
        "band": config.instrument.band,
        "unit": "electron",
        "lens_light_subtracted": True,
        **_of_mosaic(config),
        "psf": simulation.psf,
    }
    write_set(out, shards.blocks(), count, UNITS, attributes)
    shards.remove()
    return _result(out, start)


def simulate_shard(span: Span, *, config: SimulateConfig, seed: int, shards: Shards) -> Span:
    """Simulate and write the stamps from span[0] up to span[1]."""
    simulation = _simulation(config)
    stamps = simulation.stamps([stream(seed, index) for index in range(*span)])
    block: dict[str, Any] = {
        "images": stamps.images.astype(np.float32),
        "noise": stamps.noise.astype(np.float32),
        "params": stamps.params,
        "info": {name: _text(values) for name, values in stamps.info.items()},
    }
    if config.variation.varies:
        for name in ("psf_fwhm", "exposure_time", "sky_brightness"):
            block["info"][name] = np.array([getattr(camera, name) for camera in stamps.cameras])
        block["info"]["zero_point"] = np.array([_zero_point(camera) for camera in stamps.cameras])
    if config.variation.blurs and isinstance(simulation, Simulation):
        block["psf"] = np.stack([simulation.psf_of(c).image for c in stamps.cameras]).astype(np.float32)
    if stamps.psf is not None:
        block["psf"] = stamps.psf.astype(np.float32)
    shards.write(span, block)
    return span


def stream(seed: int, index: int) -> np.random.Generator:
    """Random-number generator of item `index`."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))


def _simulation(config: SimulateConfig) -> Simulation | ObservedSimulation:
    """Simulation of a configuration, one per process, so that galaxies and maps are read once."""
    key = config_hash(config)
    if key not in _SIMULATIONS:
        _SIMULATIONS.clear()
        _SIMULATIONS[key] = simulation_of(config)
    return _SIMULATIONS[key]


_SIMULATIONS: dict[str, Simulation | ObservedSimulation] = {}


def simulation_of(config: SimulateConfig) -> Simulation | ObservedSimulation:
    """Simulation for a configuration: of exposures, or of composed observed stamps."""
    if config.composition is None:
        return Simulation(config)
    return ObservedSimulation(config.population, config.instrument, config.selection, config.composition)


def _of_mosaic(config: SimulateConfig) -> dict[str, Any]:
    """Attributes of a set of composed stamps that differ from those of exposures."""
    if config.composition is None:
        return {}
    mosaic = config.composition.mosaic
    return {"zero_point": mosaic.zero_point, "unit": mosaic.unit, "lens_light_subtracted": False}


def _zero_point(camera: Camera) -> float:
    """AB magnitude of one electron."""
    return camera.zero_point + 2.5 * float(np.log10(camera.exposure_time))


def _text(values: np.ndarray) -> np.ndarray:
    return values.astype(f"S{NAME_LENGTH}") if values.dtype.kind == "U" else values


def _finished(out: Path, count: int, config: SimulateConfig, seed: int, start: float) -> SimulateResult:
    with StampSet(out) as stamps:
        attributes = stamps.attributes
        same = attributes["config"] == dump_yaml(config) and int(attributes["seed"]) == seed and len(stamps) == count
    if not same:
        raise InputError(f"{out}: exists already, with other stamps: remove it or choose another --out")
    return _result(out, start)


def _result(out: Path, start: float) -> SimulateResult:
    with StampSet(out) as stamps:
        return SimulateResult(out, len(stamps), int(stamps.info["tried"].sum()), time.perf_counter() - start)
