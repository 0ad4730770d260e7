"""Sources that are images of real galaxies (Pearson et al. 2021, section 2.2, took galaxies of the Hubble Ultra Deep Field).

Each is drawn at random from a catalogue, turned and mirrored at random, and given a size and a magnitude by the population: only the shape
of an image is used. A catalogue is read once per process.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.config import Config
from lenssbi.light import LightProfile
from lenssbi.populations.galaxies import fits_folder, hubble_deep_field, real_galaxy_catalog
from lenssbi.populations.galaxies.catalogue import Galaxies, GalaxyEntry
from lenssbi.populations.scale import AngularScale, Scale
from lenssbi.status import InputError

Catalogue: TypeAlias = Literal["hubble_deep_field", "real_galaxy_catalog", "fits_folder"]


class GalaxySource(Config):
    """Distribution of sources that are real galaxies."""

    kind: Literal["galaxy"] = "galaxy"
    catalogue: Catalogue = Field("hubble_deep_field", description="the first is inside scikit-image")
    path: str | None = Field(None, description="of the catalogue's table or the folder")
    pixel_scale: float = Field(0.03, gt=0, description="of a folder's images [arcsec]")
    count: int | None = Field(500, gt=0, description="galaxies at most; null for all")
    subset: tuple[float, float] = Field(
        (0.0, 1.0), description="share of the catalogue: shares that do not overlap have no galaxy in common"
    )
    scale: Scale | Literal["native"] = Field(
        AngularScale(magnitude=(22.0, 25.5), effective_radius=(0.1, 0.6)),
        description="sizes and magnitudes; native are those of the galaxies themselves",
    )

    @model_validator(mode="after")
    def _check(self) -> GalaxySource:
        if not 0 <= self.subset[0] < self.subset[1] <= 1:
            raise ValueError(f"subset needs 0 <= low < high <= 1, got {self.subset}")
        if (self.path is None) != (self.catalogue == "hubble_deep_field"):
            raise ValueError(f"catalogue {self.catalogue} with path {self.path}: all but hubble_deep_field need one")
        return self

    @property
    def galaxies(self) -> Galaxies:
        """The galaxies of the catalogue.

        Raises
        ------
        InputError
            If the catalogue cannot be read, or no galaxy in it is of use.
        """
        path = None if self.path is None else str(Path(self.path).expanduser().resolve())
        galaxies = load(self.catalogue, path, self.pixel_scale, self.count, self.subset)
        if self.scale == "native" and not np.isfinite(galaxies.magnitudes).all():
            raise InputError(f"{self.path or self.catalogue}: its galaxies have no magnitudes: set source.scale")
        return galaxies

    def draw(
        self, rng: np.random.Generator, n: int, place: ComplexArray, z_source: FloatArray
    ) -> tuple[tuple[LightProfile, ...], dict[str, Any]]:
        """Draw `n` sources.

        Parameters
        ----------
        rng
            Random number generator.
        n
            Number of draws.
        place
            Centres of the sources [arcsec], shape (n,).
        z_source
            Redshifts of the sources, shape (n,).

        Returns
        -------
        A batch of cut-outs, and information on the sources: `source` is the galaxy's name.

        Raises
        ------
        InputError
            If the catalogue cannot be read, or no galaxy in it is of use.
        """
        galaxies = self.galaxies
        rows = rng.integers(len(galaxies), size=n)
        turn, mirror = rng.uniform(0, 2 * np.pi, n), rng.choice([-1.0, 1.0], n)
        if self.scale == "native":
            magnitude, size = galaxies.magnitudes[rows], galaxies.radii[rows]
        else:
            magnitude, size = self.scale.draw(rng, z_source)
        light = galaxies.cutouts(rows, 10 ** (-0.4 * magnitude), size, turn, mirror, place)
        info = {"source_kind": np.full(n, "galaxy"), "source": np.array(galaxies.names)[rows]}
        return (light,), info | {"source_magnitude": magnitude, "source_effective_radius": size}


@cache
def load(
    catalogue: Catalogue, path: str | None, pixel_scale: float, count: int | None, subset: tuple[float, float]
) -> Galaxies:
    """Read a catalogue; see `GalaxySource` for the parameters.

    Raises
    ------
    InputError
        If it cannot be read, or has no usable galaxy.
    """
    with _opened(catalogue, path, pixel_scale) as entries:
        galaxies = Galaxies.gather(entries, subset, count)
    if not len(galaxies):
        share = "" if subset == (0.0, 1.0) else f" between {subset[0]} and {subset[1]} of it"
        raise InputError(f"{path or catalogue}: no usable galaxy{share}: give larger images, or more of them")
    return galaxies


def _opened(catalogue: Catalogue, path: str | None, pixel_scale: float) -> AbstractContextManager[list[GalaxyEntry]]:
    if path is None:
        return hubble_deep_field.entries()
    if catalogue == "fits_folder":
        return fits_folder.entries(Path(path), pixel_scale)
    return real_galaxy_catalog.entries(Path(path))
