"""Stamps for training without a disk: new ones for every step, made on the device of the network.

Systems are drawn many at a time, traced and blurred together, and those that pass the selection get their noise on the device. Only the
draws, and the fits that give the true parameters of a light cone, are computed on the CPU. Multiplicity is counted by the degree of the
lens map: of the triangles between the centres of the stamp's pixels, mapped into the source plane, one contains the source's centre if it
has one image, and at least three if it has more (one of them at the centre of a singular lens, or around the central image
of another one), so that images closer together than a pixel are one.

Rendering costs more than noise. With `reuse` systems are therefore kept in a pool: a round exposes every system of it once, each time
with other noise, then a share 1 / reuse of the pool is replaced by new systems.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch

from lenssbi.instrument.signal import signal_to_noise
from lenssbi.lensing import Together
from lenssbi.lensing.images import hits
from lenssbi.populations import PopulationDraws
from lenssbi.populations.truth import true_params
from lenssbi.rendering.batched import Light
from lenssbi.rendering.brightness import ray_image
from lenssbi.rendering.device_batch import Batch
from lenssbi.rendering.scene import rays, scene
from lenssbi.rendering.selection import MARGIN_SNR
from lenssbi.rendering.simulation import SimulateConfig, Simulation
from lenssbi.rendering.stamps import TRIES, alike

POOL = 512
TOGETHER = {"cpu": 64}
TOGETHER_ON_GPU = 2048
PER_CALL = 16


@dataclass(frozen=True)
class Cameras:
    """Cameras of the stamps: electrons of a maggie, of sky and dark current, sigma of the read-out, each of shape (n, 1, 1), and the
    widths of the PSF [arcsec], shape (n,)."""

    electrons: torch.Tensor
    sky: torch.Tensor
    read: torch.Tensor
    psf_fwhm: torch.Tensor


@dataclass(frozen=True)
class Expected:
    """What systems show on average.

    Parameters
    ----------
    arcs, others
        Electrons of the arcs, and of the lens light, which is subtracted again, shape (n, y, x).
    residual
        What the subtraction of the lens light leaves [electrons], shape (n, y, x).
    cameras
        Camera of each.
    params
        True parameters, each of shape (n,).
    """

    arcs: torch.Tensor
    others: torch.Tensor
    residual: torch.Tensor
    cameras: Cameras
    params: dict[str, torch.Tensor]

    @property
    def total(self) -> torch.Tensor:
        """All electrons, those of the sky included, shape (n, y, x)."""
        return (self.arcs + self.others).clamp(min=0) + self.cameras.sky

    @property
    def noise(self) -> torch.Tensor:
        """Noise of one sigma [electrons], shape (n, y, x)."""
        return (self.total + self.cameras.read**2).sqrt()

    def __len__(self) -> int:
        return len(self.arcs)

    def some(self, rows: torch.Tensor | slice) -> Expected:
        """The systems `rows`."""
        params = {name: values[rows] for name, values in self.params.items()}
        cameras = Cameras(*(getattr(self.cameras, field.name)[rows] for field in fields(Cameras)))
        return Expected(self.arcs[rows], self.others[rows], self.residual[rows], cameras, params)

    @staticmethod
    def joined(parts: Sequence[Expected]) -> Expected:
        """Several as one."""
        params = {name: torch.cat([part.params[name] for part in parts]) for name in parts[0].params}
        cameras = Cameras(
            *(torch.cat([getattr(part.cameras, field.name) for part in parts]) for field in fields(Cameras))
        )
        arcs, others, residual = (
            torch.cat([getattr(part, name) for part in parts]) for name in ("arcs", "others", "residual")
        )
        return Expected(arcs, others, residual, cameras, params)


class FreshStamps:
    """An unlimited supply of different stamps.

    Parameters
    ----------
    config
        Configuration of the simulation; the batched renderer is always used.
    device
        Device of torch: "cpu", "cuda", ...
    seed
        Seed of draws and noise: it reproduces the batches on the same device.
    reuse
        Number of stamps that show one system.

    Raises
    ------
    InputError
        If the camera's PSF file cannot be read.
    """

    def __init__(
        self, config: SimulateConfig, device: str | torch.device = "cpu", seed: int = 1, reuse: int = 1
    ) -> None:
        rendering = config.rendering.model_copy(update={"engine": "batched"})
        self.config, self.device = config.model_copy(update={"rendering": rendering}), torch.device(device)
        self.renderer = Simulation(self.config, device).batched
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.together, self.reuse = TOGETHER.get(self.device.type, TOGETHER_ON_GPU), reuse
        self.waiting: list[Expected] = []

    def batches(self, size: int) -> Iterator[Batch]:
        """Batches of `size` stamps, without end."""
        for some in self._reused(size) if self.reuse > 1 else self._new(size):
            yield self._exposed(some)

    def _reused(self, size: int) -> Iterator[Expected]:
        """`size` systems of the pool at a time, without end."""
        pool, order = self._stock(POOL), self.rng.permutation(POOL)
        while True:
            parts, missing = [], size
            while missing:
                if not len(order):
                    new = self._stock(max(1, POOL // self.reuse))
                    pool, order = Expected.joined([pool.some(slice(len(new), None)), new]), self.rng.permutation(POOL)
                rows, order = order[:missing], order[missing:]
                parts.append(pool.some(torch.from_numpy(rows).to(self.device)))
                missing -= len(rows)
            yield Expected.joined(parts)

    def _new(self, size: int) -> Iterator[Expected]:
        """`size` new systems at a time, without end."""
        while True:
            yield self._stock(size)

    def _stock(self, count: int) -> Expected:
        """New systems."""
        while sum(map(len, self.waiting)) < count:
            self.waiting += self._some()
        whole = Expected.joined(self.waiting)
        self.waiting = [whole.some(slice(count, None))]
        return whole.some(slice(count))

    def _some(self) -> list[Expected]:
        """Those that pass among `together` systems, a part for each structure."""
        # the draws of one call share the structure along the line of sight
        per_call = PER_CALL if self.config.population.line_of_sight is None else TRIES
        drawn = [self.config.population.draw(self.rng, per_call) for _ in range(self.together // per_call)]
        groups = alike(drawn, range(len(drawn)))
        return [found for draws, _ in groups if (found := self._expected(draws)) is not None]

    def _exposed(self, some: Expected) -> Batch:
        """Stamps of systems, with new noise."""
        sky, read = some.cameras.sky, some.cameras.read
        image = torch.poisson(some.total, generator=self.generator) - sky - some.others + some.residual
        image += read * torch.randn(image.shape, generator=self.generator, device=self.device)
        return Batch(image, some.noise, some.params, some.cameras.psf_fwhm)

    def _expected(self, draws: PopulationDraws) -> Expected | None:
        """Those of the draws that pass."""
        camera, selection = self.config.instrument, self.config.selection
        draws = draws.take(np.flatnonzero(selection.resolves(draws, camera)))
        draws = draws.take(self._hopeful(draws))
        if not len(draws):
            return None
        light = self.renderer.lensed(draws.system, len(draws))
        passed = np.flatnonzero(selection.magnifies(draws, light.flux / draws.flux, camera))
        if not len(passed):
            return None
        draws, cameras = draws.take(passed), self._cameras(len(passed))
        arcs = self._electrons(light.take(passed), cameras)
        lens_light = residual = torch.zeros_like(arcs)
        if draws.system.lens_light:
            lens_light = self._electrons(self.renderer.lens_light(draws.system, len(draws)), cameras)
        if draws.system.lens_residual:
            residual = self._electrons(self.renderer.lens_residual(draws.system, len(draws)), cameras)
        every = Expected(arcs, lens_light, residual, cameras, {})
        kept = (signal_to_noise(arcs, every.noise) > selection.min_snr).nonzero()[:, 0]
        if not len(kept):
            return None
        return replace(every.some(kept), params=self._truth(draws, kept.cpu().numpy()))

    def _cameras(self, n: int) -> Cameras:
        """The cameras of `n` stamps."""
        cameras = [self.config.variation.draw(self.rng, self.config.instrument) for _ in range(n)]
        electrons, sky, read = (
            self._tensor(values)[:, None, None]
            for values in (
                [float(c.electrons(0.0)) for c in cameras],
                [c.background for c in cameras],
                [c.total_read_noise for c in cameras],
            )
        )
        return Cameras(electrons, sky, read, self._tensor([c.psf_fwhm for c in cameras]))

    def _electrons(self, light: Light, cameras: Cameras) -> torch.Tensor:
        """Expected electrons, shape (n, y, x)."""
        width = cameras.psf_fwhm if self.config.variation.blurs else None
        return self.renderer.expected(light, width) * cameras.electrons

    def _truth(self, draws: PopulationDraws, rows: np.ndarray) -> dict[str, torch.Tensor]:
        """True parameters of the draws `rows`."""
        params = {name: values[rows] for name, values in draws.params.items()}
        if draws.fit is not None:
            truths = [true_params(draws, row) for row in rows.tolist()]
            params = {name: np.array([truth[name] for truth in truths]) for name in truths[0]}
        return {name: torch.as_tensor(values, device=self.device) for name, values in params.items()}

    def _hopeful(self, draws: PopulationDraws) -> np.ndarray:
        """The draws that are multiply imaged and may pass according to one ray per pixel."""
        camera, selection = self.config.instrument, self.config.selection
        seen = scene(draws.system.source, Together(draws.system.deflectors), len(draws), self.device)
        grid = rays(camera.shape, camera.pixel_scale, self.device)
        beta = self._tensor(draws.info["source_x"]) + 1j * self._tensor(draws.info["source_y"])
        lower, upper = hits(seen.trace(grid[None]) - beta[:, None, None])
        times = lower.sum((1, 2)) + upper.sum((1, 2))
        flux = ray_image(seen, camera.shape, camera.pixel_scale) * camera.pixel_scale**2
        hopeful = (times >= selection.min_images + 1) | (selection.min_images < 2)
        hopeful &= flux.sum(dim=(1, 2)) > self._tensor(selection.least_magnification(draws, camera) * draws.flux)
        signal = flux * float(camera.electrons(0.0))
        noise = (signal + camera.background_variance).sqrt()
        hopeful &= signal_to_noise(signal, noise) > MARGIN_SNR * selection.min_snr
        return hopeful.nonzero()[:, 0].cpu().numpy()

    def _tensor(self, values: object) -> torch.Tensor:
        return torch.as_tensor(np.asarray(values), dtype=torch.float32, device=self.device)
