"""Lens galaxies that stay in the image: a bulge, and for most of them an envelope or disc with other isophotes.

The axis ratio and the position angle of the light follow those of the mass with scatter (published fits of Euclid Q1 lenses: the light
is rounder than the mass), so do the centres. The two components have different ellipticities and angles: the isophotes change shape and
turn with the radius. Magnitudes follow the Einstein radius with scatter, m = m_0 - s log10(einstein_radius / 0.88 arcsec).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field, model_validator

from lenssbi.arrays import FloatArray
from lenssbi.config import Config, Range, ordered
from lenssbi.light import LightProfile, Sersic
from lenssbi.parameters import axis_ratio, position_angle
from lenssbi.populations.draws import column

PIVOT = 0.88  # [arcsec]


class LensGalaxies(Config):
    """Distribution of lens galaxies; every range is uniform."""

    magnitude: float = Field(21.2, description="mean at an Einstein radius of 0.88 arcsec [AB]")
    magnitude_slope: float = Field(3.0, description="s above [mag per decade of einstein_radius]")
    magnitude_scatter: float = Field(1.4, ge=0, description="[mag]")
    magnitude_limits: Range = Field(
        (17.0, 24.5), description="brighter and fainter ones are moved to these limits [AB]"
    )
    effective_radius: float = Field(0.65, gt=0, description="median at an Einstein radius of 0.88 arcsec [arcsec]")
    effective_radius_scatter: float = Field(0.5, ge=0, description="of the natural logarithm")
    sersic_index: Range = Field((0.8, 5.5), description="of the bulge")
    envelopes: float = Field(0.6, ge=0, le=1, description="share with a second component")
    envelope_flux: Range = Field((0.15, 0.7), description="share of the light in it")
    envelope_size: Range = Field((1.5, 3.5), description="its effective radius over the bulge's")
    envelope_index: Range = Field((0.7, 1.6), description="its Sersic index")
    rounding: float = Field(0.6, ge=0, description="1 - q of the light over 1 - q of the mass")
    q_scatter: float = Field(0.1, ge=0, description="of the light's axis ratio")
    angle_scatter: float = Field(12.0, ge=0, description="of the position angle about the mass's [deg]")
    centre_scatter: float = Field(0.02, ge=0, description="of the light's centre about the mass's, each way [arcsec]")
    dark: float = Field(0.06, ge=0, le=1, description="share without light in the image")

    @model_validator(mode="after")
    def _check(self) -> LensGalaxies:
        ordered("magnitude_limits", self.magnitude_limits)
        for name in ("sersic_index", "envelope_flux", "envelope_size", "envelope_index"):
            ordered(name, getattr(self, name), above=0)
        if self.envelope_flux[1] >= 1:
            raise ValueError(f"envelope_flux is below 1, got {self.envelope_flux}")
        return self

    def draw(self, rng: np.random.Generator, params: Mapping[str, FloatArray]) -> tuple[LightProfile, ...]:
        """Two components of unit total flux for the lenses with `params`, each of shape (n,); the second may have no flux."""
        radius = params["einstein_radius"]
        n = len(radius)
        e = params["e1"] + 1j * params["e2"]
        centre = params["centre_x"] + 1j * params["centre_y"]
        q = np.clip(1 - self.rounding * (1 - axis_ratio(e)) + rng.normal(0, self.q_scatter, n), 0.25, 1.0)
        phi = position_angle(e) + np.radians(self.angle_scatter) * rng.standard_normal(n)
        size = self.effective_radius * np.sqrt(radius / PIVOT)
        size = np.clip(size * np.exp(self.effective_radius_scatter * rng.standard_normal(n)), 0.08, 4.0)
        place = centre + self.centre_scatter * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
        outside = np.where(rng.uniform(size=n) < self.envelopes, rng.uniform(*self.envelope_flux, n), 0.0)
        bulge = (1 - outside, size, rng.uniform(*self.sersic_index, n), q, phi, place)
        wide = np.clip(size * rng.uniform(*self.envelope_size, n), 0.1, 6.0)
        flat = np.clip(q + rng.normal(0, 0.15, n), 0.25, 1.0)
        turned = phi + np.radians(self.angle_scatter) * rng.standard_normal(n)
        off = place + 0.03 * size * (rng.standard_normal(n) + 1j * rng.standard_normal(n))
        envelope = (outside, wide, rng.uniform(*self.envelope_index, n), flat, turned, off)
        return tuple(Sersic(*(column(value) for value in values)) for values in (bulge, envelope))

    def magnitudes(self, rng: np.random.Generator, radius: FloatArray) -> FloatArray:
        """AB magnitudes of lenses of Einstein radii `radius` [arcsec], shape (n,); infinite for those without light."""
        mean = self.magnitude - self.magnitude_slope * np.log10(radius / PIVOT)
        found = np.clip(mean + self.magnitude_scatter * rng.standard_normal(len(radius)), *self.magnitude_limits)
        return np.where(rng.uniform(size=len(radius)) < self.dark, np.inf, found)
