"""Configuration of composed stamps and of the reuse of ingredients."""

from __future__ import annotations

from pydantic import Field, model_validator

from lenssbi.config import Config, Range, ordered
from lenssbi.instrument.mosaic import Mosaic
from lenssbi.instrument.psf_bank import PSFBankConfig
from lenssbi.populations.field_galaxies import FieldGalaxies
from lenssbi.populations.lens_galaxies import LensGalaxies
from lenssbi.rendering.composition.kinds import Alteration


class CompositionConfig(Config):
    """Stamps of lenses with their galaxy, their neighbours and a mosaic's noise.

    The S/N of the arcs is that of their brightest pixels together against the claimed noise of the empty sky (`rendering/selection.py`).
    Arcs that a bright lens galaxy would hide are made brighter, since such lenses would not have been found.
    """

    snr: Range = Field((8.0, 300.0), description="of the arcs, log-uniform")
    contrast: Range = Field(
        (0.5, 4.0),
        description="magnitudes by which arcs are at most fainter than the lens galaxy, uniform: fainter ones are brightened",
    )
    lens_galaxies: LensGalaxies | None = LensGalaxies()
    field_galaxies: FieldGalaxies | None = FieldGalaxies()
    mosaic: Mosaic = Mosaic()
    psf: PSFBankConfig = PSFBankConfig()
    alteration: Alteration | None = Field(
        None, description="what makes every stamp one that a network should not answer for (`alterations.py`)"
    )
    reuse: int = Field(16, ge=1, description="stamps that a training composes with one system")

    @model_validator(mode="after")
    def _check(self) -> CompositionConfig:
        ordered("snr", self.snr, above=0)
        ordered("contrast", self.contrast)
        return self
