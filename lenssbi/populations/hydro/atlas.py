"""The maps of a population: their deflections in one table, and the model fitted to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lenssbi import batching
from lenssbi.arrays import FloatArray
from lenssbi.lensing.field import DeflectionField
from lenssbi.populations.draws import Model
from lenssbi.populations.hydro.maps import ConvergenceMap
from lenssbi.populations.hydro.projection import blurred
from lenssbi.populations.truth import fit_convergence
from lenssbi.status import InputError

FITTED = ("einstein_radius", "e1", "e2", "slope", "centre_x", "centre_y")
ALIKE = 1.5
"""Factor between the Einstein radius of the fit and the one inside which the mean convergence is 1, beyond which a fit has failed."""


@dataclass(frozen=True)
class MapAtlas:
    """Maps with their deflections and fits, all in the maps' own frames.

    Parameters
    ----------
    names, kinds
        Identity of each map, and whether it is a "map" or a "mock", shape (n,).
    field
        Deflections of the maps, a batch of n.
    fits
        Fitted parameters, name -> (n,); angles in arcsec.
    left_out
        Reasons why maps are left out, by name.
    """

    names: NDArray[np.str_]
    kinds: NDArray[np.str_]
    field: DeflectionField
    fits: Mapping[str, FloatArray]
    left_out: Mapping[str, str]

    def without(self, reasons: Mapping[str, str]) -> MapAtlas:
        """The atlas without the maps in `reasons`, which are stored."""
        keep = np.flatnonzero([name not in reasons for name in self.names])
        fits = {name: values[keep] for name, values in self.fits.items()}
        field = batching.take(self.field, keep)
        return MapAtlas(self.names[keep], self.kinds[keep], field, fits, {**self.left_out, **reasons})


def atlas_of(maps: Sequence[ConvergenceMap], model: Model) -> MapAtlas:
    """Deflections of `maps` and fits of `model` to them; those that cannot be fitted are left out.

    Raises
    ------
    InputError
        If two maps have one name.
    """
    twice = {one.name for i, one in enumerate(maps) if one.name in {other.name for other in maps[:i]}}
    if twice:
        raise InputError(f"{min(twice)}: two maps have this name: rename one of the files")
    kappas = padded(maps)
    scales = [one.pixel_scale for one in maps]
    field = DeflectionField.from_convergences(kappas, scales)
    fits: list[dict[str, float]] = []
    reasons: dict[str, str] = {}
    for i, one in enumerate(maps):
        fit = dict.fromkeys(FITTED, np.nan)
        circle = einstein_circle(kappas[i], scales[i])
        if circle is None:
            reasons[one.name] = "its mean convergence does not fall to 1 in a circle within the map"
        else:
            fit = fit_convergence(batching.item(field, i), model, *circle)
            if not 1 / ALIKE < fit["einstein_radius"] / circle[0] < ALIKE:
                reasons[one.name] = (
                    f"it is no {model}: the fit's Einstein radius is {fit['einstein_radius'] / circle[0]:.2f} of its own"
                )
        fits.append(fit)
    columns = {name: np.array([fit[name] for fit in fits]) for name in FITTED}
    names, kinds = (np.array([getattr(one, name) for one in maps]) for name in ("name", "kind"))
    return MapAtlas(names, kinds, field, columns, {}).without(reasons)


def padded(maps: Sequence[ConvergenceMap]) -> list[FloatArray]:
    """The maps' convergence with zeros around it, all of one shape."""
    ny, nx = (max(one.kappa.shape[axis] for one in maps) for axis in (0, 1))
    missing = [(ny - one.kappa.shape[0], nx - one.kappa.shape[1]) for one in maps]
    widths = [((y // 2, y - y // 2), (x // 2, x - x // 2)) for y, x in missing]
    return [np.pad(one.kappa, width) for one, width in zip(maps, widths, strict=True)]


def einstein_circle(kappa: FloatArray, pixel_scale: float) -> tuple[float, complex] | None:
    """Radius [arcsec] and centre x + iy [arcsec, 0 in the middle of the map] of the circle around the densest spot inside which the mean
    convergence is 1; None if there is no such circle within the map."""
    smooth = blurred(kappa, 3.0)
    row, column = np.unravel_index(np.argmax(smooth), kappa.shape)
    y, x = np.indices(kappa.shape)
    distance = np.hypot(x - column, y - row).ravel()
    order = np.argsort(distance, kind="stable")
    mean = np.cumsum(kappa.ravel()[order]) / np.arange(1, kappa.size + 1)
    above = np.flatnonzero(mean >= 1)
    # a circle of a dozen pixels is noise, and one that crosses the edge of the map is incomplete
    edge = min(row, column, kappa.shape[0] - 1 - row, kappa.shape[1] - 1 - column)
    if not len(above) or above[-1] < 12 or distance[order[above[-1]]] >= edge:
        return None
    radius = np.sqrt((above[-1] + 1) / np.pi) * pixel_scale
    middle = (kappa.shape[1] - 1) / 2 + 1j * (kappa.shape[0] - 1) / 2
    return float(radius), complex((column + 1j * row - middle) * pixel_scale)
