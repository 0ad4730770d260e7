"""How stamps are read, as a user says it of all of them: what their files do not say, or say otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from lenssbi.dataset.inputs import StampSource, expand_inputs, placed
from lenssbi.dataset.listed import COMPANIONS


@dataclass(frozen=True)
class ReadOptions:
    """Options of reading; None leaves one to the table that lists a stamp, and to its file.

    Parameters
    ----------
    noise, psf, mask
        Files for all FITS stamps, the mask for those of sets as well; a number for noise that is the same everywhere, "none" for no mask.
    pixel_scale
        Side of a pixel [arcsec].
    lens_light
        "none" for stamps that show no lens galaxy, "auto" for those that may.
    z_lens, z_source, cosmology
        Redshifts, and the cosmology in which they become distances.
    mass_prior
        Priors of the mass, as text (:func:`lenssbi.refinement.prepare.with_prior`).
    band
        Band of a cut-out with several; None for VIS.
    """

    noise: str | Path | None = None
    psf: str | Path | None = None
    mask: str | Path | None = None
    pixel_scale: float | None = None
    lens_light: str | None = None
    z_lens: float | str | None = None
    z_source: float | str | None = None
    cosmology: str | None = None
    mass_prior: str | None = None
    band: str | None = None

    @property
    def said(self) -> dict[str, Any]:
        """The options that say something, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def sources(self, inputs: Sequence[str]) -> list[StampSource]:
        """The stamps that inputs name (:func:`~lenssbi.dataset.inputs.expand_inputs`), read with these options.

        Raises
        ------
        InputError
            If an input does not exist, may not be read, holds no stamp or is of no known kind, or a mask cannot be read.
        """
        return expand_inputs(inputs, **self.said)

    def updated(self, other: ReadOptions) -> ReadOptions:
        """These options, but for those of which another set says something."""
        return replace(self, **other.said)

    def as_json(self) -> dict[str, Any]:
        """The options that say something, for a file: JSON can hold them, and paths are valid from any folder."""
        return {name: str(value.absolute()) if isinstance(value, Path) else value for name, value in self.said.items()}

    @classmethod
    def of_json(cls, said: Mapping[str, Any], folder: Path) -> ReadOptions:
        """The options that a file states, whose relative paths are seen from a folder.

        Raises
        ------
        TypeError
            If they are not options of this version.
        """
        return cls(**{**said, **{name: placed(said[name], folder) for name in COMPANIONS if said.get(name)}})


AS_FILES_SAY = ReadOptions()
