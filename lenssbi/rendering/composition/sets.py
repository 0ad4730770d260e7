"""Composed stamps for sets on disk: stamp i is drawn from its own stream of random numbers, independently of the process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lenssbi.arrays import FloatArray
from lenssbi.batching import join
from lenssbi.instrument import Camera
from lenssbi.instrument.psf import PSF
from lenssbi.instrument.signal import signal_to_noise
from lenssbi.light import LightProfile
from lenssbi.populations import Population, PopulationDraws
from lenssbi.rendering.composition.alterations import altered, spoil
from lenssbi.rendering.composition.compose import Composed, Composer
from lenssbi.rendering.composition.config import CompositionConfig
from lenssbi.rendering.composition.ingredients import IngredientRenderer, NeighbourImages, Systems
from lenssbi.rendering.composition.recipe import Recipes
from lenssbi.rendering.composition.supply import moved_params
from lenssbi.rendering.selection import Selection
from lenssbi.rendering.stamps import MAX_TRIES, TRIES, Stamps, alike, columns
from lenssbi.status import InputError


@dataclass(frozen=True)
class Found:
    """A system that passed the selection, with further properties."""

    system: Systems
    snr: float
    info: dict[str, Any]


class ObservedSimulation:
    """Composes the stamps of sets.

    Parameters
    ----------
    population, camera, selection
        Masses and sources, pixels, and criteria of systems.
    composition
        Configuration of galaxies, neighbours and noise.
    device
        Device of torch.

    Raises
    ------
    InputError
        If the bank of PSFs cannot be read.
    """

    def __init__(
        self,
        population: Population,
        camera: Camera,
        selection: Selection,
        composition: CompositionConfig,
        device: str = "cpu",
    ) -> None:
        self.population, self.camera, self.selection, self.composition = population, camera, selection, composition
        self.renderer = IngredientRenderer(camera, selection, device)
        self.composer = Composer(composition, camera, device)

    @property
    def psf(self) -> PSF:
        """The bank's first PSF; every stamp of a set has its own."""
        return PSF(self.composer.bank.images[0], self.composer.bank.pixel_scale)

    def stamps(self, streams: Sequence[np.random.Generator]) -> Stamps:
        """One stamp from each stream of random numbers.

        Raises
        ------
        InputError
            If MAX_TRIES systems in a row fail the selection.
        """
        found: dict[int, Found] = {}
        tried = 0
        while waiting := [i for i in range(len(streams)) if i not in found]:
            if tried >= MAX_TRIES:
                raise InputError(
                    f"{MAX_TRIES} systems in a row failed the selection: widen the population or lower the thresholds"
                )
            tried += TRIES
            drawn = [self.population.draw(streams[i], TRIES) for i in waiting]
            for draws, owner in alike(drawn, waiting):
                for i, one in self._first_passing(draws, owner, streams).items():
                    found[i] = replace(one, info={**one.info, "tried": tried})
        return self._exposed([found[i] for i in range(len(streams))], streams)

    def _first_passing(
        self, draws: PopulationDraws, owner: np.ndarray, streams: Sequence[np.random.Generator]
    ) -> dict[int, Found]:
        """For each owner its first draw with enough images, if its magnification is sufficient too."""
        passed = self.renderer.passes(draws)
        owners, first = np.unique(np.where(passed, owner, -1), return_index=True)
        first, owners = first[owners >= 0], owners[owners >= 0]
        if not len(first):
            return {}
        draws = draws.take(first)
        systems, kept = self.renderer.systems(draws, self._galaxies(draws, [streams[i] for i in owners]))
        if not len(kept):
            return {}
        snr, images = self.composer.arc_snr(systems.arcs), self.selection.images(draws.take(kept))
        return {
            int(owners[row]): Found(systems.some(slice(k, k + 1)), float(snr[k]), images.info(k))
            for k, row in enumerate(kept.tolist())
        }

    def _galaxies(self, draws: PopulationDraws, streams: Sequence[np.random.Generator]) -> tuple[LightProfile, ...]:
        galaxies = self.composition.lens_galaxies
        if galaxies is None:
            return ()
        light = [galaxies.draw(stream, draws.take([i]).params) for i, stream in enumerate(streams)]
        return join(light, [1] * len(light))

    def _exposed(self, found: Sequence[Found], streams: Sequence[np.random.Generator]) -> Stamps:
        kind = self.composition.alteration
        found = [self._altered(one, stream) for one, stream in zip(found, streams, strict=True)] if kind else found
        systems = Systems.joined([one.system for one in found])
        neighbours, recipes = self._neighbour_images(systems, streams)
        ny, nx = self.camera.shape
        white = np.stack([stream.standard_normal((ny + 1, nx + 1)) for stream in streams]).astype(np.float32)
        device = self.composer.device
        snr = np.array([one.snr for one in found])
        made = self.composer(recipes, systems, snr, neighbours, torch.as_tensor(white, device=device))
        arcs = self.composer.arcs(recipes, systems, made.arc_flux)
        psf = self.composer.bank.mixtures(recipes.members, recipes.weights)
        params = moved_params(dict(systems.params), recipes.shift, self.camera.pixel_scale)
        info = {**systems.info, **columns([one.info for one in found]), **self._numbers(recipes, made, arcs, psf)}
        images, noise, arcs = (values.cpu().numpy().astype(float) for values in (made.images, made.noise, arcs))
        if kind:
            images = np.stack([spoil(kind, *one) for one in zip(images, recipes.sigma, streams, strict=True)])
        return Stamps(images, noise, arcs, (self.camera,) * len(found), params, info, psf)

    def _altered(self, one: Found, stream: np.random.Generator) -> Found:
        """The system with the population's alteration."""
        assert self.composition.alteration is not None
        system = altered(self.composition.alteration, one.system, self.camera.pixel_scale, stream)
        moves = {f"image_{x}": system.params[f"centre_{x}"] - one.system.params[f"centre_{x}"] for x in "xy"}
        info = one.info | {name: one.info[name] + by for name, by in moves.items() if name in one.info}
        return replace(one, system=system, snr=float(self.composer.arc_snr(system.arcs)[0]), info=info)

    def _neighbour_images(
        self, systems: Systems, streams: Sequence[np.random.Generator]
    ) -> tuple[NeighbourImages, Recipes]:
        """The neighbours of all stamps, and the recipes."""
        recipes, neighbours, count = [], [], 0
        for i, stream in enumerate(streams):
            params = {name: values[i : i + 1] for name, values in systems.params.items()}
            # as many as there can be are named before they are rendered
            recipe = self.composer.book.draw(stream, np.array([i]), params, np.arange(1))
            number = len(recipe.neighbours)
            recipe.neighbours[:, 1] = count + np.arange(number)
            count += number
            recipes.append(replace(recipe, patches=np.zeros((1, 3))))
            neighbours.append(self.renderer.neighbours(self.composition.field_galaxies, stream, number))
        return NeighbourImages.joined(neighbours), Recipes.joined(recipes)

    def _numbers(self, recipes: Recipes, made: Composed, arcs: torch.Tensor, psf: FloatArray) -> dict[str, np.ndarray]:
        """Properties of each stamp other than its system."""
        zero_point = self.composition.mosaic.zero_point
        arc = zero_point - 2.5 * np.log10(made.arc_flux.cpu().numpy().astype(float))
        return {
            "snr": signal_to_noise(arcs, made.noise).cpu().numpy().astype(float),
            "arc_magnitude": arc,
            "lens_magnitude": recipes.lens_magnitude,
            "neighbours": np.bincount(recipes.neighbours[:, 0], minlength=len(recipes)),
            "sky_scatter": recipes.sigma,
            "psf_fwhm": self.composer.bank.widths(psf),
        }
