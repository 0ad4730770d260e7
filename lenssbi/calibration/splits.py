"""Subsets of a set, because an average may hide wrong error bars.

Posteriors that are too narrow for faint lenses and too wide for bright ones may have perfect coverage on average. Coverage is
therefore also computed in each bin of

    S/N                signal to noise of the lensed image
    einstein_radius    [arcsec]
    multiplicity       images of the source
    q                  axis ratio of the mass
    arc contrast       magnitudes by which the arcs are fainter than the lens galaxy, if it is in the image
    neighbours         galaxies and stars next to the lens, if they are in the image

A bin contains its lower edge and not its upper one; the last one is open. Bins of fewer than `FEWEST` stamps are reported and
marked, but not judged: the binomial error of a share is then above 3 points.

Einstein radius and q are the true ones. Even an exact posterior has nominal coverage only on average over its prior: the roundest
lenses scatter to lower q only, so in a bin at the edge of the prior that is not wide compared with the errors, a difference of a few
points is due to the bin and not to the posterior.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lenssbi.dataset.hdf5 import StampSet
from lenssbi.parameters import axis_ratio

FEWEST = 200
EVERYTHING = "all"
EDGES = {
    "S/N": (0.0, 20.0, 40.0, 80.0, 160.0, np.inf),
    "einstein_radius": (0.0, 0.8, 1.6, np.inf),
    "multiplicity": (1.0, 2.0, 3.0, 4.0, np.inf),
    "q": (0.0, 0.4, 0.6, 0.8, np.inf),
    "arc contrast": (-np.inf, 0.0, 1.0, 2.0, np.inf),
    "neighbours": (0.0, 1.0, 2.0, 3.0, np.inf),
}
"""Property -> edges of its bins; S/N is that of the info column `snr`."""
COUNTS = ("multiplicity", "neighbours")


class Split(NamedTuple):
    """Subset of a set: its name, "property bin" or "all", and a boolean array of its stamps, shape (stamp,)."""

    name: str
    rows: NDArray[np.bool_]

    @property
    def small(self) -> bool:
        """Whether it has too few stamps for a judgement."""
        return int(self.rows.sum()) < FEWEST

    def of(self, rows: slice) -> "Split":
        """The same subset of some of the stamps."""
        return Split(self.name, self.rows[rows])


def splits(stamps: StampSet) -> list[Split]:
    """All stamps, and the bins of every property that the set contains, without empty ones.

    Parameters
    ----------
    stamps
        Set of simulated lenses, so that the truth is known.

    Returns
    -------
    Splits; the name of the first is `EVERYTHING`.
    """
    found = [Split(EVERYTHING, np.ones(len(stamps), dtype=bool))]
    for name, values in _properties(stamps).items():
        for low, high in zip(EDGES[name][:-1], EDGES[name][1:], strict=True):
            label = _bin(low, high, name in COUNTS)
            found.append(Split(f"{name} {label}", (values >= low) & (values < high)))
    return [split for split in found if split.rows.any()]


def _properties(stamps: StampSet) -> dict[str, NDArray[np.float64]]:
    params, info = stamps.params, stamps.info
    known = {"S/N": info.get("snr"), "einstein_radius": params.get("einstein_radius")}
    known["multiplicity"] = info.get("multiplicity")
    if {"e1", "e2"} <= set(params):
        known["q"] = axis_ratio(params["e1"] + 1j * params["e2"])
    if {"arc_magnitude", "lens_magnitude"} <= set(info):
        known["arc contrast"] = info["arc_magnitude"] - info["lens_magnitude"]
    known["neighbours"] = info.get("neighbours")
    return {name: np.asarray(values, dtype=float) for name, values in known.items() if values is not None}


def _bin(low: float, high: float, counted: bool) -> str:
    if not np.isfinite(high):
        return f"{low:g}+"
    if not np.isfinite(low):
        return f"below {high:g}"
    return f"{low:g}" if counted and high - low == 1 else f"{low:g}-{high:g}"
