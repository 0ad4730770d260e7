"""Where images of a source may lie, as far as the lens is known: places behind which a source is seen more than once.

A source at beta is multiply imaged if another image of the other parity leads to the same beta. The share of the draws of a network's
posterior for which this holds tells the images of the source, which may lie at twice the Einstein radius, from galaxies farther out.
"""

from __future__ import annotations

import numpy as np

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.posteriors import DiagonalMixture
from lenssbi.refinement.config import MAX_ELLIPTICITY
from lenssbi.systems import deflectors

DRAWS = 48
RADII, TURNS, SPAN = 48, 96, 2.5
"""Polar grid on which other images are looked for, and its radius in Einstein radii: near the middle, where the light of a whole ring of
sources is seen, a square one has gaps."""
STEP = 1e-4  # [arcsec]
NEAR = 0.05  # [arcsec] in the source plane, and again so many Einstein radii, which is the grid's spacing there: as the same source


def multiply_imaged(learned: DiagonalMixture, centre: complex, places: ComplexArray) -> FloatArray:
    """Probability that a source which is seen at a place is seen more than once.

    Parameters
    ----------
    learned
        Posterior of the mass parameters.
    centre
        Centre of the lens galaxy [arcsec], from which places are counted; that of the mass if the posterior does not have it.
    places
        Places in the image [arcsec], shape (n,).

    Returns
    -------
    Shape (n,).
    """
    draws = learned.sample(DRAWS, np.random.default_rng(0))
    found = np.zeros(len(places))
    for values in draws.values:
        found += _seen_again(_lens(draws.names, values, centre), places + centre)
    return found / DRAWS


def _lens(names: tuple[str, ...], values: FloatArray, centre: complex) -> dict[str, float]:
    lens = {"centre_x": centre.real, "centre_y": centre.imag} | dict(zip(names, map(float, values), strict=True))
    shrink = min(1.0, MAX_ELLIPTICITY / max(np.hypot(lens["e1"], lens["e2"]), MAX_ELLIPTICITY))
    return lens | {
        "e1": shrink * lens["e1"],
        "e2": shrink * lens["e2"],
        "einstein_radius": max(lens["einstein_radius"], STEP),
    }


def _seen_again(lens: dict[str, float], places: ComplexArray) -> np.ndarray:
    """Whether an image of the other parity leads to the source of each place, shape (n,) bool."""
    radii = SPAN * lens["einstein_radius"] * (np.arange(RADII) + 0.5) / RADII
    grid = np.outer(radii, np.exp(2j * np.pi * np.arange(TURNS) / TURNS)).ravel()
    beta, turned = _traced(lens, grid + complex(lens["centre_x"], lens["centre_y"]))
    of_places, turned_places = _traced(lens, places)
    near = np.abs(of_places[:, None] - beta[None, :]) < NEAR * (1 + lens["einstein_radius"])
    other = turned[None, :] != turned_places[:, None]
    return np.asarray((near & other).any(axis=1))


def _traced(lens: dict[str, float], theta: ComplexArray) -> tuple[ComplexArray, np.ndarray]:
    """Angles in the source plane [arcsec], and whether images there are turned over."""
    mass = deflectors(lens)
    middle, right, up = mass.source_angle(np.array([theta, theta + STEP, theta + 1j * STEP]))
    return middle, ((right - middle) * np.conj(up - middle)).imag > 0
