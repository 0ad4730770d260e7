"""Light cones: structure along the line of sight to a lens, for multi-plane ray tracing (Pearson et al. 2021, section 2.2).

A cone comes from a mock sky (`mock.py`, the default) or from a catalogue (`catalogues.py`), where it is centred on a massive galaxy, as in
the paper; the halo of this galaxy is removed, since the lens replaces it. Cones are turned at random.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from lenssbi.config import Config, Range, ordered
from lenssbi.lensing.deflector import Deflector
from lenssbi.lensing.planes import MultiPlane, Together
from lenssbi.populations.cosmology import lensing_ratio
from lenssbi.populations.light_cones.catalogues import catalogue_sky
from lenssbi.populations.light_cones.haloes import Haloes
from lenssbi.populations.light_cones.mock import MockSky
from lenssbi.populations.light_cones.planes import (
    LEAST_SEPARATION,
    mean_convergence,
    plane_redshifts,
    shell_edges,
    tabulated,
)
from lenssbi.populations.light_cones.sky import Sky
from lenssbi.status import InputError

ATTEMPTS = 100
"""Largest number of cones drawn until one satisfies `max_convergence`."""


@dataclass(frozen=True)
class Cone:
    """Line-of-sight structure around a lens.

    Parameters
    ----------
    z_lens, z_source
        Redshifts of the lens and of the source, to which all deflections are scaled.
    planes
        Redshift and deflector of each plane, nearest first; one of them is at `z_lens`. theta = 0 is the line of sight: rays
        along it stay on it.
    info
        Identity (`cone`), number of haloes (`n_haloes`), convergence and shear on the axis without the lens (`cone_kappa`,
        `cone_shear1`, `cone_shear2`: sums over the planes).
    haloes
        Haloes in the planes.
    """

    z_lens: float
    z_source: float
    planes: tuple[tuple[float, Deflector], ...]
    info: Mapping[str, Any]
    haloes: Haloes

    def around(self, deflectors: tuple[Deflector, ...], z_source: float) -> MultiPlane:
        """The planes with a lens in the plane at `z_lens`.

        Parameters
        ----------
        deflectors
            Deflectors of the lens, scaled to the source.
        z_source
            Redshift of the source.

        Raises
        ------
        ValueError
            For another source than the cone was made for.
        """
        if z_source != self.z_source:
            raise ValueError(
                f"the cone was made for a source at redshift {self.z_source}, not {z_source}: draw another"
            )
        redshifts = [z for z, _ in self.planes]
        ratios = tuple(
            tuple(float(lensing_ratio(z_i, z_j, z_source)) for z_i in redshifts[:j]) for j, z_j in enumerate(redshifts)
        )
        together = tuple(Together((plane, *deflectors)) if z == self.z_lens else plane for z, plane in self.planes)
        return MultiPlane(together, ratios)


class LightCone(Config):
    """Distribution of light cones."""

    kind: Literal["mock", "catsim", "cosmodc2"] = "mock"
    path: str | None = Field(
        None, description="catalogue; a file, for cosmodc2 also a folder of the files of one piece of sky"
    )
    aperture: float = Field(75.0, gt=0, description="radius of a cone [arcsec]")
    masses: Range = Field((3e10, 3e14), description="haloes counted, M_200c [Msun]")
    host_mass: float = Field(3e12, gt=0, description="least M_200c of a catalogue's galaxy to centre a cone on [Msun]")
    n_planes: int = Field(
        8, ge=2, multiple_of=2, description="half of them in front of the lens, half behind; the lens' own comes on top"
    )
    mean_subtracted: bool = Field(True, description="sheets of negative mass make up for the haloes' mean convergence")
    max_convergence: float | None = Field(
        0.3,
        gt=0,
        description="cones with more convergence than this on the axis are drawn again: the lens would not be the main one",
    )
    half_width: float = Field(7.0, gt=0, description="half the side of the tables of deflections [arcsec]")
    step: float = Field(0.1, gt=0, description="their cells [arcsec]")
    nodes: float = Field(
        1.0,
        gt=0.2,
        le=1,
        description="of the interpolation of far haloes' deflections: 1 for 1e-7 of each halo's, 0.5 for 3e-4",
    )

    @model_validator(mode="after")
    def _check(self) -> LightCone:
        ordered("masses", self.masses, above=1e8)
        if self.masses[0] == self.masses[1] or self.masses[1] > 1e16:
            raise ValueError(f"masses needs low < high <= 1e16, got {self.masses}")
        if self.aperture < 2 * self.half_width:
            raise ValueError(f"aperture is at least twice half_width, got {self.aperture} and {self.half_width}")
        if self.half_width < 8 * self.step:
            raise ValueError(f"half_width is at least 8 steps, got {self.half_width} and {self.step}")
        if (self.path is None) != (self.kind == "mock"):
            raise ValueError(
                f"a {self.kind} cone " + ("has no path" if self.path else "needs the path of its catalogue")
            )
        return self

    def draw(self, rng: np.random.Generator, z_lens_range: Range, z_source: float) -> Cone:
        """Draw a cone.

        Parameters
        ----------
        rng
            Random number generator.
        z_lens_range
            Range of the lens redshift: uniform in a mock, those of a catalogue's galaxies otherwise; in front of the source.
        z_source
            Redshift of the source.

        Raises
        ------
        InputError
            For a catalogue that cannot be read or has no galaxy to centre a cone on, or a `max_convergence` that no cone keeps.
        ValueError
            For a lens that cannot be in front of the source.
        """
        if not 0 <= z_lens_range[0] < z_source:
            raise ValueError(f"the source lies behind the lens, got z_lens in {z_lens_range} and z_source {z_source}")
        for _ in range(ATTEMPTS):
            cone = self._draw(rng, (z_lens_range[0], min(z_lens_range[1], z_source)), z_source)
            if self.max_convergence is None or cone.info["cone_kappa"] <= self.max_convergence:
                return cone
        raise InputError(
            f"{self.path or 'light cones'}: {ATTEMPTS} cones in a row had a convergence above {self.max_convergence}: raise max_convergence"
        )

    def _draw(self, rng: np.random.Generator, z_lens_range: Range, z_source: float) -> Cone:
        sky = self._sky
        sight = sky.draw(rng, z_lens_range, z_source)
        edges = shell_edges(sight.z_lens, z_source, self.n_planes // 2)
        sheets = mean_convergence(*sky.mean_mass(), edges, z_source) * self.mean_subtracted
        haloes = sight.haloes.take(sight.haloes.z < z_source - LEAST_SEPARATION)
        shell = np.searchsorted(edges, haloes.z, side="right") - 1
        fields = tuple(
            tabulated(haloes.take(shell == k), float(sheet), z_source, self.half_width, self.step, self.nodes)
            for k, sheet in enumerate(sheets)
        )
        on_axis = [field.derivatives(np.zeros((1, 1), complex)) for field in fields]
        kappa, shear = (complex(sum(pair[k][0, 0] for pair in on_axis)) for k in (0, 1))
        info = {"cone": sight.name, "n_haloes": len(haloes), "cone_kappa": kappa.real}
        info |= {"cone_shear1": shear.real, "cone_shear2": shear.imag}
        planes = tuple(zip(plane_redshifts(edges, sight.z_lens).tolist(), fields, strict=True))
        return Cone(sight.z_lens, z_source, planes, info, haloes)

    @property
    def _sky(self) -> Sky:
        if self.kind == "mock":
            return MockSky(self.masses, self.aperture)
        return catalogue_sky(self.kind, str(self.path), self.masses, self.aperture, self.host_mass)
