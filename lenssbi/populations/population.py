"""A population: masses, sources, the light of the lenses, and structure along the line of sight.

Its defaults are the paper's training set (Pearson et al. 2021, section 2.1):

    einstein_radius U(0.2, 3.2) arcsec     phi U(0, 180) deg     q U(0.4, 1)     slope 2, or U(1.5, 2.5) for power laws
    centre N(0, 1 pixel) each way          redshifts uniform, z_lens < 2, z_lens < z_source < 6
    source: 25 per cent Sersic, 25 per cent Gaussian, 50 per cent several Sersics; its centre uniform within the Einstein radius
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import numpy as np
from pydantic import Field, model_validator

from lenssbi.config import Config, Range, ordered
from lenssbi.light import LightProfile
from lenssbi.parameters import axis_ratio, position_angle
from lenssbi.populations.cosmology import Z_MAX
from lenssbi.populations.draws import Model, PopulationDraws
from lenssbi.populations.galaxies import GalaxySource
from lenssbi.populations.hydro import MapMass
from lenssbi.populations.lens_light import LensLight
from lenssbi.populations.light_cones import LightCone
from lenssbi.populations.mass import PowerLawMass
from lenssbi.populations.mixed import MixedSource
from lenssbi.populations.neighbours import Neighbours
from lenssbi.populations.parametric import ParametricSource
from lenssbi.systems import LensSystem

Mass: TypeAlias = Annotated[PowerLawMass | MapMass, Field(discriminator="kind")]
Source: TypeAlias = Annotated[ParametricSource | GalaxySource | MixedSource, Field(discriminator="kind")]


class Population(Config):
    """Distribution of lens systems; every range is uniform."""

    suite: str = Field("training", description="name, written into the sets with each stamp")
    mass: Mass = PowerLawMass()
    source: Source = ParametricSource()
    source_offset: Range = Field((0.0, 1.0), description="uniform over this ring around the lens [einstein_radius]")
    lens_light: LensLight | None = LensLight()
    neighbours: Neighbours | None = Field(None, description="a galaxy near each lens that is not masked")
    line_of_sight: LightCone | None = None
    z_lens: Range = (0.0, 2.0)
    z_source: Range = (0.0, 6.0)

    @model_validator(mode="after")
    def _check(self) -> Population:
        ordered("source_offset", self.source_offset, above=-1e-9)
        ordered("z_lens", self.z_lens, above=-1e-9)
        ordered("z_source", self.z_source, above=-1e-9)
        if self.z_source[1] <= self.z_lens[1]:
            raise ValueError(f"z_source reaches beyond z_lens, got {self.z_source} and {self.z_lens}")
        if self.z_source[1] > Z_MAX:
            raise ValueError(f"z_source is at most {Z_MAX:g}, got {self.z_source}")
        return self

    def draw(self, rng: np.random.Generator, n: int = 1) -> PopulationDraws:
        """Draw `n` systems; they share the structure along the line of sight and the redshifts.

        Parameters
        ----------
        rng
            Random number generator.
        n
            Number of draws.
        """
        cone = None
        if self.line_of_sight is None:
            z_lens = rng.uniform(*self.z_lens, n)
            z_source = rng.uniform(np.maximum(z_lens, self.z_source[0]), self.z_source[1])
        else:
            far = rng.uniform(max(self.z_lens[1], self.z_source[0]), self.z_source[1])
            cone = self.line_of_sight.draw(rng, self.z_lens, far)
            z_lens, z_source = np.full(n, cone.z_lens), np.full(n, far)
        deflectors, params, info = self.mass.draw(rng, n, z_lens, z_source)
        centre = params["centre_x"] + 1j * params["centre_y"]
        inner, outer = (edge**2 for edge in self.source_offset)
        offset = np.sqrt(rng.uniform(inner, outer, n)) * np.exp(2j * np.pi * rng.uniform(size=n))
        place = centre + params["einstein_radius"] * offset
        source, of_source = self.source.draw(rng, n, place, z_source)
        light, residual = self._light(rng, params)
        info = {"suite": np.full(n, self.suite), **info, **of_source, "z_lens": z_lens, "z_source": z_source}
        info |= {"source_x": place.real, "source_y": place.imag}
        fit: Model | None = None
        if cone is not None:
            deflectors = (cone.around(deflectors, far),)
            info |= {name: np.full(n, value) for name, value in cone.info.items()}
            fit = self.mass.model
            # the sum of all deflections has a shear, the fit to the convergence has none
            params = {name: values for name, values in params.items() if not name.startswith("shear")}
        return PopulationDraws(LensSystem(deflectors, source, light, residual), params, info, fit)

    def _light(
        self, rng: np.random.Generator, params: dict[str, Any]
    ) -> tuple[tuple[LightProfile, ...], tuple[LightProfile, ...]]:
        """Light other than the source, for the shot noise, and the part of it that stays in the image."""
        e = params["e1"] + 1j * params["e2"]
        centre = params["centre_x"] + 1j * params["centre_y"]
        light: tuple[LightProfile, ...] = ()
        residual: tuple[LightProfile, ...] = ()
        if self.lens_light is not None:
            light, residual = self.lens_light.draw(rng, axis_ratio(e), position_angle(e), centre)
        if self.neighbours is not None:
            neighbours = self.neighbours.draw(rng, centre)
            light, residual = (*light, *neighbours), (*residual, *neighbours)
        return light, residual
