"""A population, a camera and a selection make stamps, many at a time.

Each stamp has a stream of random numbers of its own and draws systems from it, TRIES at a time, until one passes the selection: it depends
neither on the stamps beside it nor on who makes it. The criteria are applied in the order of their cost, to all stamps that wait at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from lenssbi.arrays import FloatArray
from lenssbi.batching import structure
from lenssbi.config import Config
from lenssbi.instrument import PSF, Camera, Variation
from lenssbi.populations import Draws, Population, join_draws
from lenssbi.populations.truth import fit_convergence
from lenssbi.rendering.batched import BatchedRenderer
from lenssbi.rendering.selection import Selection, signal_to_noise
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.rendering.renderer import Renderer

PSF_REACH = 0.6  # [arcsec] half side of the PSF images written into sets: 8 sigma of Euclid's Gaussian
TRIES = 4
MAX_TRIES = 10_000
Row = tuple[Draws, int]


class RenderingConfig(Config):
    """How finely to trace, and who convolves."""

    oversampling: int = Field(
        3, ge=1, le=16, description="rays along the side of a pixel, before the cusps are refined"
    )
    engine: Literal["galsim", "batched"] = Field(
        "galsim", description="galsim: stamp by stamp; batched: many at once by torch, to half a per cent the same"
    )


class SimulateConfig(Config):
    """What to simulate: who is out there, who looks, and what counts."""

    population: Population = Population()
    instrument: Camera = Camera()
    variation: Variation = Variation()
    selection: Selection = Selection()
    rendering: RenderingConfig = RenderingConfig()

    @model_validator(mode="after")
    def _check(self) -> SimulateConfig:
        if self.variation.blurs and self.instrument.psf_file is not None:
            raise ValueError("variation.psf_fwhm widens a Gaussian PSF: it does not go with instrument.psf_file")
        return self


@dataclass(frozen=True)
class Stamps:
    """Simulated stamps.

    Parameters
    ----------
    images
        Noisy images, background and lens light subtracted [electrons], shape (n, y, x).
    noise
        One sigma [electrons], shape (n, y, x).
    arcs
        What the lensed sources are expected to give [electrons], shape (n, y, x).
    cameras
        What each was seen with.
    params
        True parameters, each (n,).
    info
        What else is known, each (n,), image positions (n, k).
    """

    images: FloatArray
    noise: FloatArray
    arcs: FloatArray
    cameras: tuple[Camera, ...]
    params: Mapping[str, FloatArray]
    info: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Passed:
    """A system that passed the selection, with what it is expected to give [electrons], shape (y, x)."""

    row: Row
    arcs: FloatArray
    lens_light: FloatArray
    residual: FloatArray
    info: Mapping[str, Any]


class Simulation:
    """Makes stamps.

    Parameters
    ----------
    config
        What to simulate.
    device
        Where torch renders: "cpu", "cuda", ...

    Raises
    ------
    InputError
        Where the camera's PSF file cannot be read, or GalSim is asked for and not installed.
    """

    def __init__(self, config: SimulateConfig, device: str = "cpu") -> None:
        self.config = config
        camera, rendering = config.instrument, config.rendering
        image = None
        if camera.psf_file is not None:
            image = PSF.read(camera.psf_file, camera.psf_pixel_scale or camera.pixel_scale, camera.psf_kind)
        self.batched = BatchedRenderer(camera, image, rendering.oversampling, device)
        self.psf_image = image
        if rendering.engine == "galsim":
            self.renderer(camera)

    @cached_property
    def psf(self) -> PSF:
        """The PSF where it does not vary."""
        return self.psf_of(self.config.instrument)

    def psf_of(self, camera: Camera) -> PSF:
        """The PSF of one exposure."""
        return self.psf_image or PSF.gaussian(camera.psf_fwhm, camera.pixel_scale / 4, PSF_REACH)

    def renderer(self, camera: Camera) -> Renderer:
        """GalSim's renderer, for one exposure."""
        try:
            from lenssbi.rendering.renderer import Renderer
        except ModuleNotFoundError as error:
            if error.name != "galsim":
                raise
            raise InputError(
                "GalSim is not installed: pip install 'lenssbi[simulate]', or --set rendering.engine=batched"
            ) from None
        return Renderer(camera, self.psf_image, self.config.rendering.oversampling)

    def stamps(self, streams: Sequence[np.random.Generator]) -> Stamps:
        """One stamp from each stream of random numbers.

        Raises
        ------
        InputError
            Where MAX_TRIES systems in a row fail the selection.
        """
        cameras = tuple(self.config.variation.draw(stream, self.config.instrument) for stream in streams)
        passed: dict[int, Passed] = {}
        tried = 0
        while waiting := [i for i in range(len(streams)) if i not in passed]:
            if tried >= MAX_TRIES:
                raise InputError(
                    f"{MAX_TRIES} systems in a row failed the selection: widen the population or lower the thresholds"
                )
            drawn = [self.config.population.draw(streams[i], TRIES) for i in waiting]
            for draws, owner in _alike(drawn, waiting):
                for i, (order, found) in self._first_passing(draws, owner, cameras).items():
                    passed[i] = replace(found, info={**found.info, "tried": tried + order + 1})
            tried += TRIES
        return self._expose([passed[i] for i in range(len(streams))], streams, cameras)

    def _first_passing(
        self, draws: Draws, owner: np.ndarray, cameras: Sequence[Camera]
    ) -> dict[int, tuple[int, Passed]]:
        """For each owner the first of its draws that passes, and which of its draws that is."""
        order = np.arange(len(draws)) % TRIES
        hopeful = self.config.selection.promising(draws, self.config.instrument)
        found: dict[int, tuple[int, Passed]] = {}
        while hopeful.any():
            _, first = np.unique(np.where(hopeful, owner, -1), return_index=True)
            first = first[hopeful[first]]
            hopeful[first] = False
            for index, passed in self._passing(draws.take(first), [cameras[i] for i in owner[first]]):
                i = first[index]
                found[int(owner[i])] = int(order[i]), passed
                hopeful &= owner != owner[i]
        return found

    def _passing(self, draws: Draws, cameras: Sequence[Camera]) -> Iterator[tuple[int, Passed]]:
        """Those of the draws, each seen by its own camera, that pass everything."""
        selection = self.config.selection
        images = selection.images(draws)
        kept = np.flatnonzero(images.multiplicity >= selection.min_images)
        if not len(kept):
            return
        draws, cameras = draws.take(kept), [cameras[i] for i in kept.tolist()]
        light = self.batched.lensed(draws.system, len(draws))
        magnification = light.flux / draws.flux
        scale = np.array([camera.electrons(0.0) for camera in cameras])[:, None, None]
        width = np.array([camera.psf_fwhm for camera in cameras]) if self.config.variation.blurs else None
        arcs = self.batched.draw(light, width) * scale
        lens_light = self.batched.lens_light(draws.system, len(draws), width) * scale
        residual = self.batched.lens_residual(draws.system, len(draws), width) * scale
        noise = np.stack([c.noise_map(a + b) for c, a, b in zip(cameras, arcs, lens_light, strict=True)])
        snr = signal_to_noise(arcs, noise)
        good = selection.magnifies(draws, magnification, self.config.instrument) & (snr > selection.min_snr)
        for i in np.flatnonzero(good).tolist():
            info = {"magnification": magnification[i], "snr": snr[i], **images.info(int(kept[i]))}
            yield int(kept[i]), Passed((draws, i), arcs[i], lens_light[i], residual[i], info)

    def _expose(
        self, passed: Sequence[Passed], streams: Sequence[np.random.Generator], cameras: tuple[Camera, ...]
    ) -> Stamps:
        """Noise, and the truth."""
        exposures = [self._exposure(*one) for one in zip(passed, streams, cameras, strict=True)]
        images, noise, arcs, params = zip(*exposures, strict=True)
        info = [{**_row(p.row[0].info, p.row[1]), **p.info} for p in passed]
        return Stamps(np.stack(images), np.stack(noise), np.stack(arcs), cameras, _columns(params), _columns(info))

    def _exposure(
        self, passed: Passed, stream: np.random.Generator, camera: Camera
    ) -> tuple[FloatArray, FloatArray, FloatArray, Mapping[str, float]]:
        """Noisy image, noise map, noiseless arcs [electrons], and true parameters of one stamp."""
        draws, row = passed.row
        arcs, lens_light, residual = passed.arcs, passed.lens_light, passed.residual
        params = _row(draws.params, row)
        if self.config.rendering.engine == "galsim" or draws.fit is not None:
            draw = draws[row]
            if draw.fit is not None:
                centre = complex(params["centre_x"], params["centre_y"])
                params = fit_convergence(draw.system, draw.fit, params["einstein_radius"], centre)
            if self.config.rendering.engine == "galsim":
                renderer = self.renderer(camera)
                arcs, lens_light = renderer.source(draw.system), renderer.lens_light(draw.system)
                image = renderer.observe(arcs, lens_light, stream)
                return image + residual, camera.noise_map(arcs + lens_light), arcs, params
        background = camera.sky_electrons + camera.dark_current * camera.exposure_time
        light = arcs + lens_light
        read_noise = stream.normal(0.0, camera.read_noise * np.sqrt(camera.n_exposures), camera.shape)
        image = stream.poisson(np.clip(light, 0, None) + background) - background + read_noise - lens_light + residual
        return image, camera.noise_map(light), arcs, params


def _alike(drawn: Sequence[Draws], waiting: Sequence[int]) -> Iterator[tuple[Draws, np.ndarray]]:
    """The draws in batches of one structure, and for each draw the stamp that waits for it."""
    groups: dict[Any, list[int]] = {}
    for k, draws in enumerate(drawn):
        groups.setdefault(structure(draws.system), []).append(k)
    for members in groups.values():
        owner = np.concatenate([np.full(len(drawn[k]), waiting[k]) for k in members])
        yield join_draws([drawn[k] for k in members]), owner


def _row(columns: Mapping[str, np.ndarray], row: int) -> dict[str, Any]:
    return {name: values[row] for name, values in columns.items()}


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
