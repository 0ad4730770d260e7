"""Scenes that are not lenses, or not lenses of the training's kind, for which a network's result is invalid.

Each changes the ingredients of a lens before they are composed, or adds an artefact to the stamp afterwards; galaxy, neighbours, PSF and
noise are those of a lens, so that the alteration is the only difference.

    alone         the galaxy without arcs
    companions    unlensed galaxies near the galaxy: a close pair, a group, a merger
    ring          a ring of stars around the galaxy
    spiral        two arms that wind out of it
    torn          the arcs on one side of a line through the lens alone: images without counter-images
    stitched      on one side of that line the arcs of another lens
    points        two to four points around the galaxy instead of arcs: a lensed quasar, a group of stars
    several       a second galaxy of the lens's own brightness inside the ring
    aside         the whole lens 0.6 to 1.6 arcsec off the middle of the stamp
    cosmic_ray    streaks of single bright pixels
    spike         the cross of a bright star's diffraction
    edge          nothing on one side: the edge of a mosaic
"""

from __future__ import annotations

import numpy as np
import torch

from lenssbi.rendering.composition.ingredients import CELLS, Systems
from lenssbi.rendering.composition.kinds import Alteration


def altered(kind: Alteration, system: Systems, pixel_scale: float, rng: np.random.Generator) -> Systems:
    """One system (a batch of one) with its arcs or its galaxy changed; kinds that are artefacts of the stamp have no effect here.

    Parameters
    ----------
    kind
        Kind of the alteration.
    system
        The system.
    pixel_scale
        Side of a pixel [arcsec].
    rng
        Random number generator.
    """
    arcs, galaxies, params = system.arcs, system.galaxies, dict(system.params)
    centre = complex(system.params["centre_x"][0], system.params["centre_y"][0])
    plane = _plane(arcs.shape[-1], pixel_scale / CELLS, arcs.device) - centre
    if kind == "alone":
        arcs = torch.zeros_like(arcs)
    elif kind == "companions":
        arcs = _companions(plane, rng)[None]
    elif kind == "ring":
        arcs = _ring(plane, rng)[None]
    elif kind == "spiral":
        arcs = _spiral(plane, rng)[None]
    elif kind == "points":
        arcs = _points(plane, float(system.params["einstein_radius"][0]), rng)[None]
    elif kind in ("torn", "stitched"):
        side = (plane * complex(np.exp(2j * np.pi * rng.uniform()))).real > 0
        other = torch.rot90(arcs, 1, (1, 2)) if kind == "stitched" else torch.zeros_like(arcs)
        arcs = torch.where(side, arcs, other)
    elif kind == "several":
        reach = rng.uniform(0.4, 0.9) * float(system.params["einstein_radius"][0])
        second = torch.rot90(galaxies, 1, (1, 2))
        galaxies = (
            galaxies + rng.uniform(0.4, 1.0) * _moved(second, reach, rng.uniform(0, 2 * np.pi), pixel_scale)
        ) / 1.7
    elif kind == "aside":
        angle, distance = rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 1.6)
        arcs, galaxies = (_moved(light, distance, angle, pixel_scale) for light in (arcs, galaxies))
        up, right = _steps(distance, angle, pixel_scale)
        for name, steps in (("centre_x", right), ("centre_y", up)):
            params[name] = params[name] + steps * pixel_scale / CELLS
    total = arcs.sum((1, 2), keepdim=True)
    arcs = arcs / torch.where(total > 0, total, 1.0)
    return Systems(arcs.float(), galaxies.float(), params, system.info)


def spoil(kind: Alteration, image: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """A stamp's image (y, x) with an artefact, sigma the scatter of its sky [unit]; kinds that change the scene have no effect here."""
    image, (ny, nx) = image.copy(), image.shape
    if kind == "cosmic_ray":
        for _ in range(rng.integers(1, 4)):
            start, angle, length = rng.uniform(0.2, 0.8, 2) * (ny, nx), rng.uniform(0, np.pi), rng.uniform(4, 30)
            along = np.arange(0, length, 0.5)
            y, x = (np.rint(start[i] + along * f(angle)).astype(int) for i, f in enumerate((np.sin, np.cos)))
            inside = (y >= 0) & (y < ny) & (x >= 0) & (x < nx)
            image[y[inside], x[inside]] += sigma * np.exp(rng.uniform(np.log(10), np.log(300)))
    elif kind == "spike":
        y, x = (int(rng.integers(n)) for n in (ny, nx))
        strength = sigma * np.exp(rng.uniform(np.log(20), np.log(500)))
        image[y] += strength * np.exp(-np.abs(np.arange(nx) - x) / 25)
        image[:, x] += strength * np.exp(-np.abs(np.arange(ny) - y) / 25)
    elif kind == "edge":
        kept = round(rng.uniform(0.35, 0.75) * ny)
        turns = int(rng.integers(4))
        image = np.rot90(image, turns).copy()
        image[kept:] = 0.0
        image = np.rot90(image, -turns).copy()
    return image


def _plane(side: int, cell: float, device: torch.device) -> torch.Tensor:
    axis = (torch.arange(side, device=device) - (side - 1) / 2) * cell
    return torch.complex(axis.expand(side, side), axis[:, None].expand(side, side))


def _stretched(plane: torch.Tensor, rng: np.random.Generator, flattest: float = 0.5) -> torch.Tensor:
    """Angles in which ellipses of a random axis ratio and direction are circles."""
    q, phi = rng.uniform(flattest, 1.0), rng.uniform(0, np.pi)
    turned = plane * complex(np.exp(-1j * phi))
    return torch.complex(turned.real * q**0.5, turned.imag / q**0.5)


def _companions(plane: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    light = torch.zeros(plane.shape, device=plane.device)
    for _ in range(rng.integers(1, 5)):
        place = complex(rng.uniform(0.4, 2.2) * np.exp(2j * np.pi * rng.uniform()))
        scale = np.exp(rng.uniform(np.log(0.05), np.log(0.35)))
        radius = _stretched(plane - place, rng, 0.3).abs()
        light += rng.uniform(0.2, 1.0) / scale**2 * torch.exp(-radius / scale)
    return light


def _points(plane: torch.Tensor, radius: float, rng: np.random.Generator) -> torch.Tensor:
    """Single cells of unequal brightness near a circle, distributed as the images of a quasar."""
    light, count = torch.zeros(plane.shape, device=plane.device), int(rng.integers(2, 5))
    angles = 2 * np.pi * (np.arange(count) + rng.uniform(-0.3, 0.3, count)) / count + rng.uniform(0, 2 * np.pi)
    for place in radius * rng.uniform(0.6, 1.4, count) * np.exp(1j * angles):
        nearest = int((plane - complex(place)).abs().argmin())
        light.view(-1)[nearest] += float(rng.uniform(0.2, 1.0))
    return light


def _ring(plane: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    radius, width = rng.uniform(0.4, 2.0), rng.uniform(0.08, 0.35)
    warped = _stretched(plane, rng)
    knots = 1 + rng.uniform(0, 0.8) * torch.cos(rng.integers(1, 6) * warped.angle() + rng.uniform(0, 6.3))
    return knots * torch.exp(-0.5 * ((warped.abs() - radius) / width) ** 2)


def _spiral(plane: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    warped, scale = _stretched(plane, rng), rng.uniform(0.4, 1.2)
    radius = warped.abs()
    phase = 2 * warped.angle() + rng.choice([-1, 1]) * rng.uniform(2, 7) * torch.log(radius + 0.05)
    arms = (0.5 + 0.5 * torch.cos(phase + rng.uniform(0, 6.3))) ** 3
    return arms * torch.exp(-radius / scale) * (radius > 0.2)


def _moved(light: torch.Tensor, distance: float, angle: float, pixel_scale: float) -> torch.Tensor:
    """Light moved by a distance [arcsec] in a direction [rad]."""
    return torch.roll(light, _steps(distance, angle, pixel_scale), (1, 2))


def _steps(distance: float, angle: float, pixel_scale: float) -> tuple[int, int]:
    """Cells along y and x."""
    along_y, along_x = (round(distance * f(angle) / pixel_scale * CELLS) for f in (np.sin, np.cos))
    return along_y, along_x
