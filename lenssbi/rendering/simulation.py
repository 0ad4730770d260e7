"""Simulation of stamps from a population, a camera and a selection, many at a time.

Each stamp has its own stream of random numbers and draws systems from it, TRIES at a time, until one passes the selection: it depends
neither on the process nor, except for the rounding of vectorised functions, on other stamps. The criteria are applied in the order of
their cost, to all pending stamps at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from lenssbi.arrays import FloatArray
from lenssbi.config import Config
from lenssbi.instrument import PSF, Camera, Variation
from lenssbi.instrument.signal import signal_to_noise
from lenssbi.populations import Population, PopulationDraws
from lenssbi.populations.truth import true_params
from lenssbi.rendering.batched import BatchedRenderer, Light
from lenssbi.rendering.composition.config import CompositionConfig
from lenssbi.rendering.selection import Selection, unblended_signal_to_noise
from lenssbi.rendering.stamps import MAX_TRIES, TRIES, Stamps, alike, columns
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.rendering.renderer import Renderer

PSF_REACH = 0.6  # [arcsec]: least half side of the PSF images written into sets: 8 sigma of Euclid's Gaussian
PSF_WIDTHS = 3.0  # half side of the image of a wider PSF over its FWHM, 7 sigma
Row = tuple[PopulationDraws, int]


class RenderingConfig(Config):
    """Resolution of the rays, and the program that convolves."""

    oversampling: int = Field(
        3, ge=1, le=16, description="rays along the side of a pixel, before the cusps are refined"
    )
    engine: Literal["galsim", "batched"] = Field(
        "galsim", description="galsim: stamp by stamp; batched: many at once by torch, to half a per cent the same"
    )


class SimulateConfig(Config):
    """Configuration of a simulation: population, instrument and selection."""

    population: Population = Population()
    instrument: Camera = Camera()
    variation: Variation = Variation()
    selection: Selection = Selection()
    rendering: RenderingConfig = RenderingConfig()
    composition: CompositionConfig | None = Field(
        None, description="what else an observed stamp shows: galaxy, neighbours, a mosaic's noise"
    )

    @model_validator(mode="after")
    def _check(self) -> SimulateConfig:
        if self.variation.blurs and self.instrument.psf_file is not None:
            raise ValueError("variation.psf_fwhm widens a Gaussian PSF: it does not go with instrument.psf_file")
        return self


@dataclass(frozen=True)
class Passed:
    """A system that passed the selection, with its expected light [electrons], shape (y, x)."""

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
        Configuration of the simulation.
    device
        Device of torch: "cpu", "cuda", ...

    Raises
    ------
    InputError
        If the camera's PSF file cannot be read, or GalSim is required and not installed.
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
        """The PSF, if it does not vary."""
        return self.psf_of(self.config.instrument)

    def psf_of(self, camera: Camera) -> PSF:
        """The PSF of one exposure."""
        reach = max(PSF_REACH, PSF_WIDTHS * self.config.instrument.psf_fwhm)  # one size for all exposures
        return self.psf_image or PSF.gaussian(camera.psf_fwhm, camera.pixel_scale / 4, reach)

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
            If MAX_TRIES systems in a row fail the selection.
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
            for draws, owner in alike(drawn, waiting):
                for i, (order, found) in self._first_passing(draws, owner, cameras).items():
                    passed[i] = replace(found, info={**found.info, "tried": tried + order + 1})
            tried += TRIES
        return self._expose([passed[i] for i in range(len(streams))], streams, cameras)

    def _first_passing(
        self, draws: PopulationDraws, owner: np.ndarray, cameras: Sequence[Camera]
    ) -> dict[int, tuple[int, Passed]]:
        """For each owner its first draw that passes, and the index of this draw."""
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

    def _passing(self, draws: PopulationDraws, cameras: Sequence[Camera]) -> Iterator[tuple[int, Passed]]:
        """The draws, each with its own camera, that pass all criteria, which are applied in the order of their cost."""
        selection = self.config.selection
        light = self.batched.lensed(draws.system, len(draws))
        magnification = light.flux / draws.flux
        kept = np.flatnonzero(selection.magnifies(draws, magnification, self.config.instrument))
        if not len(kept):
            return
        arcs = self._electrons(light.take(kept), cameras, kept)
        # the lens' light can only lower it
        snr = unblended_signal_to_noise(arcs, np.array([cameras[i].background_variance for i in kept.tolist()]))
        arcs, kept = arcs[snr > selection.min_snr], kept[snr > selection.min_snr]
        if not len(kept):
            return
        images = selection.images(draws.take(kept))
        several = np.flatnonzero(images.multiplicity >= selection.min_images)
        arcs, kept = arcs[several], kept[several]
        if not len(kept):
            return
        draws = draws.take(kept)
        lens_light: FloatArray = np.zeros((1, 1, 1))
        residual = lens_light
        if draws.system.lens_residual:
            residual = self._electrons(self.batched.lens_residual(draws.system, len(kept)), cameras, kept)
        if draws.system.lens_light:
            lens_light = self._electrons(self.batched.lens_light(draws.system, len(kept)), cameras, kept)
        snr = signal_to_noise(arcs, self._noise(arcs + lens_light, cameras, kept))
        lens_light, residual = (np.broadcast_to(light, arcs.shape) for light in (lens_light, residual))
        for k, i in enumerate(kept.tolist()):
            if snr[k] > selection.min_snr:
                info = {"magnification": magnification[i], "snr": snr[k], **images.info(int(several[k]))}
                yield i, Passed((draws, k), arcs[k], lens_light[k], residual[k], info)

    def _electrons(self, light: Light, cameras: Sequence[Camera], rows: np.ndarray) -> FloatArray:
        """Expected electrons of light in the cameras of `rows`, shape (n, y, x)."""
        seen = [cameras[i] for i in rows.tolist()]
        width = np.array([camera.psf_fwhm for camera in seen]) if self.config.variation.blurs else None
        return self.batched.draw(light, width) * np.array([camera.electrons(0.0) for camera in seen])[:, None, None]

    def _noise(self, signal: FloatArray, cameras: Sequence[Camera], rows: np.ndarray) -> FloatArray:
        """One sigma [electrons] for the expected `signal` in the cameras of `rows`, shape (n, y, x)."""
        return np.stack([cameras[i].noise_map(one) for i, one in zip(rows.tolist(), signal, strict=True)])

    def _expose(
        self, passed: Sequence[Passed], streams: Sequence[np.random.Generator], cameras: tuple[Camera, ...]
    ) -> Stamps:
        """Noise, and the truth."""
        exposures = [self._exposure(*one) for one in zip(passed, streams, cameras, strict=True)]
        images, noise, arcs, params = zip(*exposures, strict=True)
        info = [{**_row(p.row[0].info, p.row[1]), **p.info} for p in passed]
        return Stamps(np.stack(images), np.stack(noise), np.stack(arcs), cameras, columns(params), columns(info))

    def _exposure(
        self, passed: Passed, stream: np.random.Generator, camera: Camera
    ) -> tuple[FloatArray, FloatArray, FloatArray, Mapping[str, float]]:
        """Noisy image, noise map, noiseless arcs [electrons], and true parameters of one stamp."""
        draws, row = passed.row
        arcs, lens_light, residual = passed.arcs, passed.lens_light, passed.residual
        params = true_params(draws, row)
        if self.config.rendering.engine == "galsim":
            renderer, system = self.renderer(camera), draws[row].system
            arcs, lens_light = renderer.source(system), renderer.lens_light(system)
            image = renderer.observe(arcs, lens_light, stream)
            return image + residual, camera.noise_map(arcs + lens_light), arcs, params
        light = arcs + lens_light
        read_noise = stream.normal(0.0, camera.total_read_noise, camera.shape)
        image = (
            stream.poisson(np.clip(light, 0, None) + camera.background)
            - camera.background
            + read_noise
            - lens_light
            + residual
        )
        return image, camera.noise_map(light), arcs, params


def _row(columns: Mapping[str, np.ndarray], row: int) -> dict[str, Any]:
    return {name: values[row] for name, values in columns.items()}
