"""Options for reading stamps or cutting them out of a mosaic, for every command that takes stamps."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .options import EstimatorName, Json, Quiet, Seed
from .redshifts import Distances

if TYPE_CHECKING:
    from lenssbi.dataset.reading import ReadOptions
    from lenssbi.pipelines.cutout import CutoutOptions

    from .console import Screen

CUTOUTS = "cutouts"  # folder of the stamps that a command cuts out first
NOWHERE = Distances()
READING, MOSAIC = "How stamps are read", "Mosaic to cut stamps from"


@dataclass(frozen=True)
class Companions:
    """Noise, PSF, mask and pixel scale of the stamps."""

    noise: Annotated[
        str | None,
        typer.Option(
            "--noise",
            metavar="FILE|NUMBER",
            help="FITS image of the noise (one sigma per pixel), or one number for all pixels.",
            rich_help_panel=READING,
        ),
    ] = None
    psf: Annotated[
        str | None,
        typer.Option("--psf", metavar="FILE", help="FITS image of the PSF.", rich_help_panel=READING),
    ] = None
    mask: Annotated[
        str | None,
        typer.Option(
            "--mask",
            metavar="FILE|none",
            help="FITS image (0 for good pixels) or DS9 regions (.reg) of bad pixels; none ignores the masks of INPUT.",
            rich_help_panel=READING,
        ),
    ] = None
    pixel_scale: Annotated[
        float | None,
        typer.Option("--pixel-scale", min=1e-4, help="Side of a pixel (arcsec).", rich_help_panel=READING),
    ] = None

    @property
    def read(self) -> "ReadOptions":
        """Options for reading the stamps."""
        from lenssbi.dataset.reading import ReadOptions

        return ReadOptions(self.noise, self.psf, self.mask, self.pixel_scale)


@dataclass(frozen=True)
class Mosaic:
    """Mosaic to cut stamps from; there is none without an image."""

    image: Annotated[
        list[str] | None,
        typer.Option(
            "--image",
            metavar="FILE|FOLDER",
            help="Mosaic: FITS files, a folder of Euclid's MER products, or a table of tiles. Repeatable.",
            show_default=False,
            rich_help_panel=MOSAIC,
        ),
    ] = None
    weight: Annotated[
        list[str] | None,
        typer.Option(
            "--weight",
            metavar="FILE",
            help="Map of the inverse variance, instead of --noise. Repeatable.",
            rich_help_panel=MOSAIC,
        ),
    ] = None
    variance: Annotated[
        list[str] | None,
        typer.Option(
            "--variance",
            metavar="FILE",
            help="Map of the variance, instead of --noise. Repeatable.",
            rich_help_panel=MOSAIC,
        ),
    ] = None
    flag: Annotated[
        list[str] | None,
        typer.Option(
            "--flag",
            metavar="FILE",
            help="Mask of the mosaic (0 for good pixels). Repeatable.",
            rich_help_panel=MOSAIC,
        ),
    ] = None
    flag_bits: Annotated[
        int | None,
        typer.Option(
            "--flag-bits",
            min=1,
            help="Bits of the mask that mark bad pixels, as one number; by default all but those for objects.",
            show_default=False,
            rich_help_panel=MOSAIC,
        ),
    ] = None
    size: Annotated[
        float | None,
        typer.Option(
            "--size",
            help="Side of a cut-out (arcsec); 10 by default.",
            show_default=False,
            rich_help_panel=MOSAIC,
        ),
    ] = None

    @property
    def choices(self) -> list[str]:
        """Names of the options for a mosaic, except --image, that were given."""
        names = ("weight", "variance", "flag", "flag_bits", "size")
        return [f"--{name.replace('_', '-')}" for name in names if getattr(self, name) is not None]

    def cutting(
        self, noise: list[str] | None = None, psf: list[str] | None = None, band: str = "VIS"
    ) -> "CutoutOptions":
        """Options of the cut-outs, with the noise maps and PSFs of the mosaic's images."""
        from lenssbi.dataset.cutouts.tiles import Layers
        from lenssbi.pipelines.cutout import CutoutOptions

        files = {"images": self.image, "noise": noise, "weight": self.weight, "variance": self.variance}
        files |= {"flag": self.flag, "psf": psf}
        layers = Layers(**{name: tuple(paths or ()) for name, paths in files.items()}, band=band)  # type: ignore[arg-type]
        sides = {} if self.size is None else {"size": self.size}
        return CutoutOptions(layers, flag_bits=self.flag_bits, **sides)


@dataclass(frozen=True)
class Stamps:
    """Options for the stamps that a command models."""

    lens_light: Annotated[
        Literal["auto", "none"] | None,
        typer.Option(
            "--lens-light",
            help="Light of the lens galaxy: auto (the default) detects it, none assumes that the stamps show none.",
            rich_help_panel=READING,
        ),
    ] = None
    companions: Companions = Companions()
    mosaic: Mosaic = Mosaic()
    distances: Distances = NOWHERE

    def found(self, inputs: list[str], folder: Path | None, screen: "Screen") -> tuple[list[str], "ReadOptions"]:
        """Inputs and options for reading them: those of the user, or the stamps that are cut out into `folder`.

        Raises
        ------
        InputError
            If an option of a mosaic was given without one, there is no place for the cut-outs, or the redshifts are wrong.
        """
        from lenssbi.status import InputError

        self.distances.check()
        read = replace(self.companions.read, lens_light=self.lens_light, **vars(self.distances))
        if not self.mosaic.image:
            for option in self.mosaic.choices:
                raise InputError(f"{option} is for a mosaic: name it with --image")
            return inputs, read
        from lenssbi.pipelines.cutout import cut_first

        if folder is None:
            raise InputError("--image needs a place to keep the cut-outs: give --out")
        return cut_first(inputs, self.mosaic.cutting(), folder, read, screen.progress)


@dataclass(frozen=True)
class Modelling:
    """Options of every command that models stamps: network, seed, reading of the stamps, and output."""

    estimator: EstimatorName = None
    seed: Seed = None
    stamps: Stamps = Stamps()
    as_json: Json = False
    quiet: Quiet = False
