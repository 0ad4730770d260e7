"""Draws of a population: systems, their true parameters, and their origin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from lenssbi import batching
from lenssbi.systems import LensSystem

Model: TypeAlias = Literal["sie", "power_law"]


@dataclass(frozen=True)
class Draw:
    """One system of a population.

    Parameters
    ----------
    system
        Deflectors, source and lens light; the fluxes are 10**(-0.4 * AB magnitude), in maggies.
    params
        True parameters by name.
    info
        Redshifts, identities, kind, size and magnitude of the source.
    fit
        Model that is fitted to the total convergence for the true parameters, while `params` are those of the main lens alone
        (Pearson et al. 2021, section 2.2; `populations/truth.py`).
    """

    system: LensSystem
    params: Mapping[str, float]
    info: Mapping[str, Any]
    fit: Model | None = None


@dataclass(frozen=True)
class PopulationDraws:
    """Many systems of a population: `system` is a batch (arrays of shape (n, 1, 1)), `params` and `info` hold arrays of shape (n,)."""

    system: LensSystem
    params: Mapping[str, np.ndarray]
    info: Mapping[str, np.ndarray]
    fit: Model | None = None

    def __len__(self) -> int:
        return len(next(iter(self.params.values())))

    def __getitem__(self, index: int) -> Draw:
        if not -len(self) <= index < len(self):
            raise IndexError(f"there are {len(self)} draws, not {index}")
        system = batching.item(self.system, index)
        lit = tuple(light for light in system.source if light.flux != 0)
        system = LensSystem(system.deflectors, lit, system.lens_light, system.lens_residual)
        params = {name: float(values[index]) for name, values in self.params.items()}
        return Draw(system, params, {name: values[index].item() for name, values in self.info.items()}, self.fit)

    @property
    def flux(self) -> np.ndarray:
        """Unlensed flux of the sources, shape (n,)."""
        return np.sum([np.broadcast_to(light.flux, (len(self), 1, 1)) for light in self.system.source], axis=0).ravel()

    def take(self, index: Any) -> PopulationDraws:
        """The draws `index` (integers or a mask)."""
        params = {name: values[index] for name, values in self.params.items()}
        info = {name: values[index] for name, values in self.info.items()}
        return PopulationDraws(batching.take(self.system, index), params, info, self.fit)


def join_draws(draws: Sequence[PopulationDraws]) -> PopulationDraws:
    """Draws of one population as one.

    Raises
    ------
    ValueError
        If their systems are not built alike (other planes along the line of sight).
    """
    if len(draws) == 1:
        return draws[0]
    system = batching.join([d.system for d in draws], [len(d) for d in draws])
    params = {name: np.concatenate([d.params[name] for d in draws]) for name in draws[0].params}
    info = {name: np.concatenate([d.info[name] for d in draws]) for name in draws[0].info}
    return PopulationDraws(system, params, info, draws[0].fit)


def column(values: Any) -> np.ndarray:
    """Numbers of shape (n,) as a batch's parameter, shape (n, 1, 1)."""
    return np.asarray(values)[:, None, None]
