"""`lenssbi simulate`: a population, a camera and a selection make a set of stamps.

Stamp i is drawn from its own stream of random numbers, seeded by (seed, i), until a system passes the selection: it does not depend on how
many workers there are, nor on where a killed run went on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from lenssbi import __version__
from lenssbi.batch.engine import run as run_batch
from lenssbi.config import Config, config_hash, dump_yaml
from lenssbi.dataset.hdf5 import StampSet, write_set
from lenssbi.dataset.shards import Shards
from lenssbi.instrument import PSF, Camera
from lenssbi.pipelines.results import Progress, silent
from lenssbi.populations import Draw, TrainingPopulation
from lenssbi.rendering.selection import Selection, signal_to_noise
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.rendering.renderer import Renderer

UNITS = {"einstein_radius": "arcsec", "centre_x": "arcsec", "centre_y": "arcsec"}
MAX_TRIES = 10_000
Span = tuple[int, int]


class RenderingConfig(Config):
    """How finely to trace, and who convolves (see `rendering.renderer.Renderer`)."""

    oversampling: int = Field(
        4, ge=1, le=16, description="rays along the side of a pixel, before the cusps are refined"
    )
    engine: Literal["galsim", "fourier"] = Field(
        "galsim", description="fourier: Gaussian PSFs only, four times as fast"
    )


class SimulateConfig(Config):
    """What to simulate: who is out there, who looks, and what counts."""

    population: TrainingPopulation = TrainingPopulation()
    instrument: Camera = Camera()
    selection: Selection = Selection()
    rendering: RenderingConfig = RenderingConfig()


@dataclass(frozen=True)
class SimulateResult:
    """Where the set is, how many stamps it holds, and how many systems were drawn to get them."""

    path: Path
    count: int
    tried: int
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The command's JSON object."""
        return {"path": str(self.path), "count": self.count, "tried": self.tried, "seconds": round(self.seconds, 3)}


@dataclass(frozen=True)
class Rendered:
    """One simulated stamp: noisy image and noise map [electrons], noiseless arcs, the draw, and what was measured of it."""

    image: np.ndarray
    noise: np.ndarray
    source: np.ndarray
    draw: Draw
    info: dict[str, Any]


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
        What to simulate.
    out
        The HDF5 file.
    count
        Stamps.
    seed
        Seed of the whole set.
    workers, scheduler
        Processes of this machine, or the address of a Dask scheduler.
    progress
        Called with (stamps done, count, text).

    Raises
    ------
    InputError
        Where `out` cannot be written, holds something else, or nothing passes the selection.
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
    renderer = renderer_of(config.instrument, config.rendering)
    attributes = {
        "seed": seed,
        "config": dump_yaml(config),
        "lenssbi_version": __version__,
        "pixel_scale": config.instrument.pixel_scale,
        "zero_point": config.instrument.zero_point + 2.5 * np.log10(config.instrument.exposure_time),
        "band": config.instrument.band,
        "unit": "electron",
        "lens_light_subtracted": True,
        "psf": renderer.psf,
    }
    write_set(out, shards.blocks(), count, {name: UNITS.get(name, "") for name in _PARAMS}, attributes)
    shards.remove()
    return _result(out, start)


def simulate_shard(span: Span, *, config: SimulateConfig, seed: int, shards: Shards) -> Span:
    """Simulate and write the stamps from span[0] up to span[1]."""
    stamps = [simulate_stamp(config, stream(seed, index)) for index in range(*span)]
    block = {
        "images": np.stack([s.image for s in stamps]).astype(np.float32),
        "noise": np.stack([s.noise for s in stamps]).astype(np.float32),
        "params": {name: np.array([s.draw.params[name] for s in stamps]) for name in _PARAMS},
        "info": {name: _column([s.info[name] for s in stamps]) for name in stamps[0].info},
    }
    shards.write(span, block)
    return span


def simulate_stamp(config: SimulateConfig, rng: np.random.Generator) -> Rendered:
    """Draw systems until one passes the selection, and render it.

    Raises
    ------
    InputError
        Where MAX_TRIES systems in a row fail.
    """
    renderer, camera, selection = renderer_of(config.instrument, config.rendering), config.instrument, config.selection
    for tried in range(1, MAX_TRIES + 1):
        draw = config.population.draw(rng)
        # the criteria in the order of their cost
        if not selection.resolves(draw, camera) or not selection.promising(draw, camera):
            continue
        lensed = renderer.lensed(draw.system)
        magnification = lensed.flux / sum(c.flux for c in draw.system.source)
        if not selection.magnifies(draw, magnification, camera):
            continue
        images = selection.images(draw)
        if images < selection.min_images:
            continue
        source, lens_light = renderer.draw(lensed), renderer.lens_light(draw.system)
        noise = camera.noise_map(source + lens_light)
        snr = signal_to_noise(source, noise)
        if snr <= selection.min_snr:
            continue
        info = {**draw.info, "magnification": magnification, "snr": snr, "multiplicity": images, "tried": tried}
        return Rendered(renderer.observe(source, lens_light, rng), noise, source, draw, info)
    raise InputError(f"{MAX_TRIES} systems in a row failed the selection: widen the population or lower the thresholds")


def stream(seed: int, index: int) -> np.random.Generator:
    """The random numbers of item `index`, whoever works on it."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))


@cache
def renderer_of(camera: Camera, rendering: RenderingConfig) -> Renderer:
    """The renderer of a configuration (GalSim is imported here).

    Raises
    ------
    InputError
        Where GalSim is not installed, or the camera's PSF file cannot be read.
    """
    try:
        from lenssbi.rendering.renderer import Renderer
    except ModuleNotFoundError as error:
        if error.name != "galsim":
            raise
        raise InputError("GalSim is not installed, and simulating needs it: pip install 'lenssbi[simulate]'") from None

    image = None
    if camera.psf_file is not None:
        image = PSF.read(camera.psf_file, camera.psf_pixel_scale or camera.pixel_scale, camera.psf_kind)
    return Renderer(camera, image, rendering.oversampling, rendering.engine)


_PARAMS = ("einstein_radius", "e1", "e2", "slope", "centre_x", "centre_y", "shear1", "shear2")


def _column(values: list[Any]) -> np.ndarray:
    column = np.array(values)
    return column.astype("S16") if column.dtype.kind == "U" else column


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
