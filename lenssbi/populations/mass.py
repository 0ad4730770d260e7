"""Masses of lenses in closed form: elliptical power laws, such as the SIE, with an external shear (Pearson et al. 2021, section 2.1)."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from lenssbi.arrays import Array, FloatArray
from lenssbi.config import Config, Range, ordered
from lenssbi.lensing import Deflector, EllipticalPowerLaw, ExternalShear
from lenssbi.parameters import ellipticity
from lenssbi.populations.draws import Model, column
from lenssbi.populations.radii import RadiusLaw, UniformRadius


class PowerLawMass(Config):
    """Distribution of power-law lenses; every range is uniform, that of einstein_radius unless `radius_law` says otherwise."""

    kind: Literal["power_law"] = "power_law"
    einstein_radius: Range = Field((0.2, 3.2), description="[arcsec]")
    q: Range = (0.4, 1.0)
    slope: Range = Field((2.0, 2.0), description="3-D slope; (2, 2) is the SIE")
    centre_sigma: float = Field(0.1, ge=0, description="scatter of the centre along each axis [arcsec]")
    shear_sigma: float = Field(0.0, ge=0, description="scatter of each component of the external shear")
    shear_max: float | None = Field(None, gt=0, description="largest modulus of the shear; larger ones are drawn again")
    radius_law: RadiusLaw = Field(UniformRadius(), description="of einstein_radius within its range")

    @model_validator(mode="after")
    def _check(self) -> PowerLawMass:
        ordered("einstein_radius", self.einstein_radius, above=0)
        ordered("q", self.q, above=0)
        ordered("slope", self.slope, above=1)
        if self.shear_max is not None and self.shear_max < 0.5 * self.shear_sigma:
            raise ValueError(f"shear_max is at least half of shear_sigma, got {self.shear_max} and {self.shear_sigma}")
        if self.q[1] > 1 or self.slope[1] >= 3:
            raise ValueError(f"q is at most 1 and slope below 3, got {self.q} and {self.slope}")
        return self

    @property
    def model(self) -> Model:
        """Model of the masses, which is also fitted to the total convergence of a light cone."""
        return "sie" if self.slope == (2.0, 2.0) else "power_law"

    def draw(
        self, rng: np.random.Generator, n: int, z_lens: FloatArray, z_source: FloatArray
    ) -> tuple[tuple[Deflector, ...], dict[str, FloatArray], dict[str, Any]]:
        """Draw `n` lenses: a batch of deflectors, their parameters, and further information.

        The redshifts have no effect: the Einstein radius is drawn directly.
        """
        radius = self.radius_law.draw(rng, n, self.einstein_radius)
        q, slope = (rng.uniform(*r, n) for r in (self.q, self.slope))
        e = ellipticity(q, rng.uniform(0, np.pi, n))
        centre, shear = (
            sigma * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
            for sigma in (self.centre_sigma, self.shear_sigma)
        )
        while self.shear_max and (large := np.abs(shear) > self.shear_max).any():
            again = rng.standard_normal((2, int(large.sum())))
            shear[large] = self.shear_sigma * (again[0] + 1j * again[1])
        slopes: Array = 2.0 if self.model == "sie" else column(slope)
        mass = EllipticalPowerLaw(column(radius), column(e.real), column(e.imag), slopes, column(centre))
        around = (ExternalShear(column(shear), column(centre)),) if self.shear_sigma else ()
        params = {"einstein_radius": radius, "e1": e.real, "e2": e.imag, "slope": slope}
        params |= {"centre_x": centre.real, "centre_y": centre.imag, "shear1": shear.real, "shear2": shear.imag}
        return (mass, *around), params, {"lens_kind": np.full(n, self.model), "lens": np.full(n, self.model)}
