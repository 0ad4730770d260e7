"""The paper's training population (Pearson et al. 2021, section 2.1).

    einstein_radius U(0.2, 3.2) arcsec     phi U(0, 180) deg     q U(0.4, 1)     slope U(1.5, 2.5) for power laws, 2 for the SIE
    centre N(0, 1 pixel) each way          redshifts uniform, z_lens < 2, z_lens < z_source < 6
    source: 25 per cent Sersic, 25 per cent Gaussian, 50 per cent several Sersics; its centre uniform within the Einstein radius

The paper does not state the sources' sizes and magnitudes. Here the effective radius is log-uniform from 0.08 to 0.6
arcsec, what galaxies of 0.7-5 kpc at z = 1-3 subtend (van der Wel et al. 2014), and the AB magnitude uniform from 21.5 to
25.5, which spans signal-to-noise ratios from the threshold of 20 to about 500. The lens' light is an early-type
galaxy's (de Vaucouleurs 1948), its axis ratio close to the mass'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from lenssbi.config import Config
from lenssbi.lensing import EllipticalPowerLaw, ExternalShear
from lenssbi.light import Gaussian, LightProfile, Sersic
from lenssbi.parameters import ellipticity
from lenssbi.systems import LensSystem

Range = tuple[float, float]
KINDS = ("sersic", "gaussian", "several")


@dataclass(frozen=True)
class Draw:
    """One system of a population.

    Parameters
    ----------
    system
        Deflectors, source and lens light; the fluxes are 10**(-0.4 * AB magnitude), in maggies.
    params
        True parameters by name.
    info
        Redshifts, kind, size and magnitude of the source.
    """

    system: LensSystem
    params: Mapping[str, float]
    info: Mapping[str, Any]


class TrainingPopulation(Config):
    """Distribution of the lens systems that a network is trained on; every range is (low, high), drawn uniformly unless said otherwise."""

    einstein_radius: Range = Field((0.2, 3.2), description="[arcsec]")
    q: Range = (0.4, 1.0)
    slope: Range = Field((2.0, 2.0), description="3-D slope; (2, 2) is the SIE")
    centre_sigma: float = Field(0.1, ge=0, description="scatter of the lens' centre along each axis [arcsec]")
    shear_sigma: float = Field(0.0, ge=0, description="scatter of each component of the external shear")
    z_lens: Range = (0.0, 2.0)
    z_source: Range = (0.0, 6.0)
    kinds: dict[str, float] = Field(
        {"sersic": 0.25, "gaussian": 0.25, "several": 0.5}, description="shares of source kinds"
    )
    n_components: tuple[int, int] = Field((2, 5), description="Sersics of a source of several")
    source_magnitude: Range = Field((21.5, 25.5), description="unlensed [AB]")
    effective_radius: Range = Field((0.08, 0.6), description="log-uniform [arcsec]")
    sersic_index: Range = (0.5, 4.0)
    source_q: Range = (0.3, 1.0)
    lens_light: bool = True
    lens_magnitude: Range = Field((18.0, 22.0), description="[AB]")
    lens_effective_radius: Range = Field((0.4, 1.5), description="[arcsec]")

    @model_validator(mode="after")
    def _check(self) -> TrainingPopulation:
        for name, value in self:
            if isinstance(value, tuple) and not value[0] <= value[1]:
                raise ValueError(f"{name} needs low <= high, got {value}")
        unknown = set(self.kinds) - set(KINDS)
        if unknown or not self.kinds or min(self.kinds.values()) < 0 or sum(self.kinds.values()) <= 0:
            raise ValueError(f"kinds are shares of {', '.join(KINDS)}, none below zero, got {self.kinds}")
        if self.einstein_radius[0] <= 0 or self.q[0] <= 0 or self.q[1] > 1 or self.effective_radius[0] <= 0:
            raise ValueError("einstein_radius and effective_radius are above 0, q in (0, 1]")
        if not (self.slope[0] > 1 and self.slope[1] < 3):
            raise ValueError(f"slope lies between 1 and 3, got {self.slope}")
        return self

    def draw(self, rng: np.random.Generator) -> Draw:
        """Draw one system.

        Parameters
        ----------
        rng
            Source of randomness.
        """
        einstein_radius, q, slope = (rng.uniform(*r) for r in (self.einstein_radius, self.q, self.slope))
        phi = rng.uniform(0, np.pi)
        centre = complex(*rng.normal(0, self.centre_sigma, 2)) if self.centre_sigma else 0j
        shear = complex(*rng.normal(0, self.shear_sigma, 2)) if self.shear_sigma else 0j
        e = complex(ellipticity(np.asarray(q), np.asarray(phi)))
        mass = EllipticalPowerLaw(einstein_radius, e.real, e.imag, slope, centre)
        deflectors = (mass, ExternalShear(shear, centre)) if shear else (mass,)
        # sqrt makes the source's place uniform over the disc of the Einstein radius
        place = centre + einstein_radius * np.sqrt(rng.uniform()) * np.exp(2j * np.pi * rng.uniform())
        source, info = self._source(rng, place)
        lens_light = (self._lens_light(rng, q, phi, centre),) if self.lens_light else ()
        z_lens = rng.uniform(*self.z_lens)
        info |= {"z_lens": z_lens, "z_source": rng.uniform(max(z_lens, self.z_source[0]), self.z_source[1])}
        params = {"einstein_radius": einstein_radius, "e1": e.real, "e2": e.imag, "slope": slope}
        params |= {"centre_x": centre.real, "centre_y": centre.imag, "shear1": shear.real, "shear2": shear.imag}
        return Draw(LensSystem(deflectors, source, lens_light), params, info)

    def _source(self, rng: np.random.Generator, place: complex) -> tuple[tuple[LightProfile, ...], dict[str, Any]]:
        shares = np.array([self.kinds.get(kind, 0.0) for kind in KINDS])
        kind = KINDS[rng.choice(len(KINDS), p=shares / shares.sum())]
        magnitude = rng.uniform(*self.source_magnitude)
        flux = 10 ** (-0.4 * magnitude)
        size = float(np.exp(rng.uniform(*np.log(self.effective_radius))))
        if kind == "gaussian":
            sigma = size / np.sqrt(2 * np.log(2))
            source: tuple[LightProfile, ...] = (Gaussian(flux, sigma, *self._shape(rng), place),)
        elif kind == "sersic":
            source = (self._sersic(rng, flux, size, place),)
        else:
            n = int(rng.integers(self.n_components[0], self.n_components[1] + 1))
            fluxes = flux * rng.dirichlet(np.full(n, 2.0))
            # clumps: smaller than the whole, scattered over it
            sizes = size * rng.uniform(0.3, 0.9, n)
            places = place + size * (rng.normal(0, 0.6, n) + 1j * rng.normal(0, 0.6, n))
            source = tuple(self._sersic(rng, *clump) for clump in zip(fluxes, sizes, places, strict=True))
        info = {"source_kind": kind, "source_magnitude": magnitude, "source_effective_radius": size}
        return source, info | {"source_x": place.real, "source_y": place.imag}

    def _sersic(self, rng: np.random.Generator, flux: float, size: float, place: complex) -> Sersic:
        return Sersic(flux, size, rng.uniform(*self.sersic_index), *self._shape(rng), complex(place))

    def _shape(self, rng: np.random.Generator) -> tuple[float, float]:
        return rng.uniform(*self.source_q), rng.uniform(0, np.pi)

    def _lens_light(self, rng: np.random.Generator, q: float, phi: float, centre: complex) -> Sersic:
        flux = 10 ** (-0.4 * rng.uniform(*self.lens_magnitude))
        light_q = float(np.clip(q + rng.normal(0, 0.1), 0.3, 1.0))
        return Sersic(flux, rng.uniform(*self.lens_effective_radius), 4.0, light_q, phi + rng.normal(0, 0.1), centre)
