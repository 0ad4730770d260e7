"""The list of parameters that an estimator infers, and the network's scaling of them.

A network sees `targets`: every parameter mapped linearly from [low, high] to [0, 10] (Pearson et al. 2021, section 3.2.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from lenssbi.arrays import Array, FloatArray, array_namespace

TARGET_RANGE = 10.0


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, its unit ("" for none) and the range [low, high] that the scaling maps to 0-10."""

    name: str
    unit: str
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"{self.name} needs low < high, got [{self.low}, {self.high}]")


@dataclass(frozen=True)
class ParameterSpace:
    """Parameters in the order of an estimator's outputs."""

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"parameter names must differ, got {self.names}")

    def __len__(self) -> int:
        return len(self.parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """Names, in order."""
        return tuple(p.name for p in self.parameters)

    @property
    def units(self) -> tuple[str, ...]:
        """Units, in order."""
        return tuple(p.unit for p in self.parameters)

    @property
    def low(self) -> FloatArray:
        """Lower ends, shape (parameter,)."""
        return np.array([p.low for p in self.parameters])

    @property
    def high(self) -> FloatArray:
        """Upper ends, shape (parameter,)."""
        return np.array([p.high for p in self.parameters])

    @property
    def target_scale(self) -> FloatArray:
        """Physical units per unit of target, shape (parameter,)."""
        return (self.high - self.low) / TARGET_RANGE

    def to_targets(self, values: Array) -> Array:
        """Physical values (..., parameter) to the network's 0-10 targets."""
        xp = array_namespace(values)
        return (values - xp.asarray(self.low, dtype=values.dtype)) / xp.asarray(self.target_scale, dtype=values.dtype)

    def from_targets(self, targets: Array) -> Array:
        """The network's targets (..., parameter) to physical values."""
        xp = array_namespace(targets)
        return targets * xp.asarray(self.target_scale, dtype=targets.dtype) + xp.asarray(self.low, dtype=targets.dtype)

    def stack(self, params: Mapping[str, Array]) -> FloatArray:
        """Params (name -> array) to values of shape (..., parameter).

        Raises
        ------
        ValueError
            If a parameter is missing.
        """
        missing = [name for name in self.names if name not in params]
        if missing:
            raise ValueError(f"the parameters {', '.join(missing)} are missing; there are {', '.join(params)}")
        return np.stack([np.asarray(params[name], dtype=float) for name in self.names], axis=-1)

    def unstack(self, values: Array) -> dict[str, Array]:
        """Values of shape (..., parameter) to params (name -> array)."""
        return {name: values[..., i] for i, name in enumerate(self.names)}

    def as_json(self) -> list[dict[str, Any]]:
        """A list of dictionaries for JSON."""
        return [asdict(p) for p in self.parameters]

    @staticmethod
    def from_json(data: list[dict[str, Any]]) -> ParameterSpace:
        """Make a space from the output of `as_json`."""
        return ParameterSpace(tuple(Parameter(**entry) for entry in data))


_SIE = (
    Parameter("einstein_radius", "arcsec", 0.2, 3.2),
    Parameter("e1", "", -0.75, 0.75),
    Parameter("e2", "", -0.75, 0.75),
)
SIE_SPACE = ParameterSpace(_SIE)
"""The paper's SIE parameters; q >= 0.4 keeps |e| below 0.724."""
POWER_LAW_SPACE = ParameterSpace((*_SIE, Parameter("slope", "", 1.5, 2.5)))
"""The paper's power-law parameters."""
_SHEAR = (Parameter("shear1", "", -0.3, 0.3), Parameter("shear2", "", -0.3, 0.3))
_CENTRE = (Parameter("centre_x", "arcsec", -0.6, 0.6), Parameter("centre_y", "arcsec", -0.6, 0.6))


WIDE = {"e1": 0.9, "e2": 0.9, "shear1": 0.4, "shear2": 0.4}
"""Half widths of the ranges for axis ratios down to 0.25 and shears up to 0.4."""


def parameter_space(
    model: Literal["sie", "power_law"], shear: bool = False, centre: bool = False, wide: bool = False
) -> ParameterSpace:
    """The space of a mass model.

    Parameters
    ----------
    model
        sie, or power_law, which has a slope as well.
    shear
        Whether the external shear is inferred.
    centre
        Whether the centre of the mass [arcsec] is inferred.
    wide
        Whether the ranges hold axis ratios down to 0.25 and shears up to 0.4.
    """
    space = SIE_SPACE if model == "sie" else POWER_LAW_SPACE
    parameters = (*space.parameters, *(_SHEAR if shear else ()), *(_CENTRE if centre else ()))
    if wide:
        parameters = tuple(
            replace(p, low=-WIDE[p.name], high=WIDE[p.name]) if p.name in WIDE else p for p in parameters
        )
    return ParameterSpace(parameters)
