"""Lenses with a convergence map as mass: simulated galaxies, or the mock (Pearson et al. 2021, sections 2.2 and 4.4).

Each map is turned into a deflection and fitted once per process. A lens is then one of the maps, turned, mirrored, stretched and moved,

    kappa(theta) = kappa_map(w),   theta = centre + scale turn mirror(w - c),   c the fitted centre of the map

and its true parameters are those of the fit with the same transformation: einstein_radius scales, the ellipticity turns by twice the angle
and is conjugated by a mirror, the slope stays. Stretching keeps the convergence, so the galaxy has scale^2 times the mass within
scale times the size: it corresponds to a more massive or a nearer galaxy. This gives the suite the paper's range of Einstein radii,
whatever the volume of the simulation. The softened core is stretched, too.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from lenssbi import batching
from lenssbi.arrays import FloatArray
from lenssbi.config import Config
from lenssbi.lensing import Deflector
from lenssbi.parameters import axis_ratio
from lenssbi.populations.draws import Model, column
from lenssbi.populations.hydro.atlas import MapAtlas, atlas_of
from lenssbi.populations.hydro.maps import (
    ARCHIVES,
    SNAPSHOTS,
    ConvergenceMap,
    files_of,
    maps_of_archive,
    maps_of_image,
    maps_of_particles,
)
from lenssbi.populations.hydro.mock import mock_particles
from lenssbi.populations.hydro.particles import Particles
from lenssbi.populations.hydro.snapshots import read_particles
from lenssbi.populations.scale import Range, ordered
from lenssbi.status import InputError


class MapMass(Config):
    """Distribution of lenses from convergence maps."""

    kind: Literal["map"] = "map"
    maps: Literal["mock"] | tuple[Path, ...] = Field(
        "mock", description="npz, FITS and HDF5 files or folders of them; mock is a galaxy that no simulation made"
    )
    mock_galaxies: int = Field(6, ge=1, description="how many, where maps is mock")
    projections: int = Field(2, ge=1, description="directions from which a galaxy of particles is seen")
    galaxies: tuple[tuple[int, int], ...] = Field(
        (), description="(GroupNumber, SubGroupNumber) to take out of EAGLE files, each a lens; none: a file is a lens"
    )
    pixel_scale: float | None = Field(
        None, gt=0, description="of map files that do not say theirs; of maps made of particles, 0.06 if None [arcsec]"
    )
    smoothing: float | None = Field(
        None, gt=0, description="sigma of the finest kernel of a particle; None is its softening [kpc]"
    )
    map_z_lens: float = Field(0.5, gt=0, description="redshift of the lens for maps of mass and particles")
    map_z_source: float = Field(2.0, gt=0, description="redshift of the source for maps of mass and particles")
    model: Model = Field("sie", description="what is fitted to the maps: sie or power_law")
    einstein_radius: Range | None = Field(
        (1.3, 2.6), description="maps are stretched to a uniform choice in it; None keeps their own [arcsec]"
    )
    largest_stretch: float = Field(4.0, ge=1, description="maps that would need more are left out")
    q: Range = Field((0.4, 1.0), description="maps with a fitted axis ratio outside are left out")
    centre_sigma: float = Field(0.1, ge=0, description="scatter of the centre along each axis [arcsec]")
    seed: int = Field(0, ge=0, description="of the mock galaxies and of the directions")

    @model_validator(mode="after")
    def _check(self) -> MapMass:
        if self.einstein_radius is not None:
            ordered("einstein_radius", self.einstein_radius, above=0)
        ordered("q", self.q, above=0)
        if self.map_z_source <= self.map_z_lens:
            raise ValueError(f"map_z_source is beyond map_z_lens, got {self.map_z_source} and {self.map_z_lens}")
        if not self.maps:
            raise ValueError("maps is empty: name files or folders, or write mock")
        return self

    def draw(
        self, rng: np.random.Generator, n: int, z_lens: FloatArray, z_source: FloatArray
    ) -> tuple[tuple[Deflector, ...], dict[str, FloatArray], dict[str, Any]]:
        """Draw `n` lenses: a batch of deflectors, their parameters, and further information.

        The redshifts have no effect: the convergence is that of the map.

        Raises
        ------
        InputError
            If a file cannot be used, or no map is left.
        """
        atlas = map_atlas(self)
        which = rng.integers(len(atlas.names), size=n)
        turn = np.exp(1j * rng.uniform(0, 2 * np.pi, n))
        mirror = rng.choice([-1, 1], n)
        moved = self.centre_sigma * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
        fit = {name: values[which] for name, values in atlas.fits.items()}
        scale = np.ones(n)
        if self.einstein_radius is not None:
            scale = rng.uniform(*self.einstein_radius, n) / fit["einstein_radius"]
        e, c = (fit[x] + 1j * mirror * fit[y] for x, y in (("e1", "e2"), ("centre_x", "centre_y")))
        e = e * turn**2
        field = replace(
            batching.take(atlas.field, which),
            turn=column(turn),
            mirror=column(mirror),
            scale=column(scale),
            centre=column(moved - turn * scale * c),
        )
        params = {"einstein_radius": scale * fit["einstein_radius"], "e1": e.real, "e2": e.imag, "slope": fit["slope"]}
        params |= {"centre_x": moved.real, "centre_y": moved.imag}
        info = {"lens_kind": atlas.kinds[which], "lens": atlas.names[which], "lens_stretch": scale}
        return (field,), params, info


@cache
def map_atlas(config: MapMass) -> MapAtlas:
    """The maps of a configuration with their deflections and fits; computed once per process.

    Raises
    ------
    InputError
        If a file cannot be used, or no map is left.
    """
    whole = atlas_of(convergence_maps(config), config.model)
    unfit = {str(name): reason for i, name in enumerate(whole.names) if (reason := _unfit(config, whole, i))}
    atlas = whole.without(unfit)
    if not len(atlas.names):
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(atlas.left_out.items())[:3])
        named = config.maps if isinstance(config.maps, str) else ", ".join(map(str, config.maps))
        raise InputError(f"no map of {named} is left to draw from ({reasons}): widen the ranges or give other maps")
    return atlas


def convergence_maps(config: MapMass) -> list[ConvergenceMap]:
    """All maps of a configuration, before any is left out."""
    rng = np.random.default_rng(np.random.SeedSequence(config.seed, spawn_key=(0,)))
    redshifts = (config.map_z_lens, config.map_z_source)
    found: list[ConvergenceMap] = []

    def project(particles: Particles) -> list[ConvergenceMap]:
        return maps_of_particles(particles, config.projections, rng, redshifts, config.pixel_scale, config.smoothing)

    if config.maps == "mock":
        for i in range(config.mock_galaxies):
            found += project(mock_particles(i, config.seed))
        return found
    for paths in (paths for path in config.maps for paths in files_of(path)):
        if paths[0].name.lower().endswith(ARCHIVES):
            found += maps_of_archive(paths[0], config.pixel_scale, redshifts)
        elif paths[0].name.lower().endswith(SNAPSHOTS):
            for galaxy in config.galaxies or (None,):
                found += project(read_particles(paths, galaxy))
        else:
            found += maps_of_image(paths[0], config.pixel_scale)
    return found


def _unfit(config: MapMass, atlas: MapAtlas, i: int) -> str | None:
    """Why map `i` is left out, if it is."""
    radius = atlas.fits["einstein_radius"][i]
    q = axis_ratio(atlas.fits["e1"] + 1j * atlas.fits["e2"])[i]
    if not config.q[0] <= q <= config.q[1]:
        return f"its axis ratio {q:.2f} is outside {config.q}"
    if config.einstein_radius is not None:
        low, high = config.einstein_radius
        stretch = max(high / radius, radius / low)
        if stretch > config.largest_stretch:
            return f"its Einstein radius {radius:.2f} arcsec would have to be stretched {stretch:.1f} times"
    return None
