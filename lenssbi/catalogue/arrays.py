"""Columns of a catalogue, whichever format it was read from: text as `str`, numbers as float with NaN if there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from astropy.table import Table

# what a reader calls them; others keep their name
TITLES = {
    "einstein_radius": "Einstein radius",
    "phi": "φ",
    "e1": "e₁",
    "e2": "e₂",
    "slope": "slope",
    "shear1": "shear γ₁",
    "shear2": "shear γ₂",
    "centre_x": "centre x",
    "centre_y": "centre y",
}
NETWORK = "network_"
"""What the names of the network's columns begin with."""
ORDER = ("einstein_radius", "q", "phi", "slope", "e1", "e2", "shear1", "shear2")


class Parameter(NamedTuple):
    """A parameter of the mass: numbers of shape (lens,), NaN if a lens has none; those of the network are of fitted lenses as well."""

    name: str
    title: str
    unit: str
    text: str
    median: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    truth: NDArray[np.float64]
    rank: NDArray[np.float64]
    network: NDArray[np.float64]
    network_lower: NDArray[np.float64]
    network_upper: NDArray[np.float64]

    def difference(self) -> NDArray[np.float64]:
        """Median minus truth, orientations within 90 degrees, shape (lens,)."""
        apart = self.median - self.truth
        return (apart + 90.0) % 180.0 - 90.0 if self.name == "phi" else apart


def parameters(table: Table) -> list[Parameter]:
    """Parameters of which a catalogue knows something: those with columns <p>, <p>_lower and <p>_upper."""
    names = [
        name
        for name in table.colnames
        if {f"{name}_lower", f"{name}_upper"} <= set(table.colnames) and _plain(name) and not name.startswith(NETWORK)
    ]
    names.sort(key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))
    found = (_parameter(table, name) for name in names)
    return [parameter for parameter in found if np.isfinite(parameter.median).any()]


def texts(table: Table, name: str) -> list[str]:
    """A column of text; empty if the table has none."""
    if name not in table.colnames:
        return [""] * len(table)
    values = np.ma.filled(np.ma.asarray(table[name]).astype(object), "")
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values]


def numbers(table: Table, name: str) -> NDArray[np.float64]:
    """A column of numbers; NaN if there is none."""
    if name not in table.colnames:
        return np.full(len(table), np.nan)
    return np.asarray(np.ma.filled(np.ma.asarray(table[name]).astype(float), np.nan))


def truths(table: Table, name: str) -> NDArray[np.bool_]:
    """A column of yes and no."""
    if name not in table.colnames:
        return np.zeros(len(table), bool)
    return np.asarray(np.ma.filled(np.ma.asarray(table[name]), False), bool)


def _parameter(table: Table, name: str) -> Parameter:
    column = table[name]
    own = (name, f"{name}_lower", f"{name}_upper", f"truth_{name}", f"rank_{name}")
    found = [numbers(table, key) for key in (*own, *(NETWORK + key for key in own[:3]))]
    return Parameter(name, TITLES.get(name, name.replace("_", " ")), str(column.unit or ""), _words(column), *found)


def _words(column: Any) -> str:
    return str(column.description or "")


def _plain(name: str) -> bool:
    """Whether figures can write a name: what is no identifier could be read as TeX."""
    return name.isidentifier() and name.isascii()
