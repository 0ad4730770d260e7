"""Options that several commands share, so that they read alike everywhere."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .shipped_configs import shipped

if TYPE_CHECKING:
    from lenssbi.batch import ClusterConfig
    from lenssbi.pipelines.cutout import CutoutOptions

    from .console import Screen

CUTOUTS = "cutouts"  # folder of the stamps that a command cuts out before anything else

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT...",
        help="FITS stamps, folders of them, tables that list them, HDF5 sets, set.h5:INDEX, or with --image positions.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no tables.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="YAML file; its keys: see below.", show_default=False, callback=shipped)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set one key of the configuration: a.b=1. Repeatable."),
]
EstimatorName = Annotated[
    str | None,
    typer.Option("--estimator", metavar="NAME|RUN", help="Shipped weights by name, or the folder of a training run."),
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes on this machine.")]
Scheduler = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="A running Dask scheduler to work on instead."),
]
Cluster = Annotated[
    Path | None,
    typer.Option(
        "--cluster", metavar="FILE", help="YAML file of a batch system to ask for jobs instead.", callback=shipped
    ),
]
Noise = Annotated[
    str | None,
    typer.Option(
        "--noise", metavar="FILE|NUMBER", help="FITS image of one sigma of each pixel, or one number for all."
    ),
]
Psf = Annotated[str | None, typer.Option("--psf", metavar="FILE", help="FITS image of the PSF.")]
Mask = Annotated[
    str | None,
    typer.Option(
        "--mask",
        metavar="FILE|none",
        help="FITS image, 0 where a pixel is good, or DS9 regions (.reg) of bad pixels; none: use no mask of INPUT.",
    ),
]
PixelScale = Annotated[float | None, typer.Option("--pixel-scale", min=1e-4, help="Side of a pixel in arcsec.")]

Image = Annotated[
    list[str] | None,
    typer.Option(
        "--image",
        metavar="FILE|FOLDER",
        help="Mosaic to cut from: FITS files, a folder of Euclid's MER products, or a table of tiles. Repeatable.",
        show_default=False,
    ),
]
Weight = Annotated[
    list[str] | None,
    typer.Option("--weight", metavar="FILE", help="Inverse variance in the place of --noise. Repeatable."),
]
Variance = Annotated[
    list[str] | None, typer.Option("--variance", metavar="FILE", help="Variance in the place of --noise. Repeatable.")
]
Flag = Annotated[
    list[str] | None,
    typer.Option("--flag", metavar="FILE", help="Mask of the mosaic, 0 where a pixel is good. Repeatable."),
]
FlagBits = Annotated[
    int | None,
    typer.Option(
        "--flag-bits",
        min=1,
        help="Bits of the mask that make a pixel bad, as one number; by default all that do not mark objects.",
        show_default=False,
    ),
]
Size = Annotated[
    float | None, typer.Option("--size", help="Side of a cut-out in arcsec; 10 by default.", show_default=False)
]


def cutting(
    image: list[str] | None,
    noise: list[str] | None,
    weight: list[str] | None,
    variance: list[str] | None,
    flag: list[str] | None,
    psf: list[str] | None,
    *,
    size: float | None,
    flag_bits: int | None,
    band: str = "VIS",
) -> "CutoutOptions":
    """What the user says about the mosaic to cut from."""
    from lenssbi.dataset.cutouts.tiles import Layers
    from lenssbi.pipelines.cutout import CutoutOptions

    files: dict[str, list[str] | None] = {"images": image, "noise": noise, "weight": weight, "variance": variance}
    files |= {"flag": flag, "psf": psf}
    layers = Layers(**{name: tuple(said or ()) for name, said in files.items()}, band=band)  # type: ignore[arg-type]
    sides = {} if size is None else {"size": size}
    return CutoutOptions(layers, flag_bits=flag_bits, **sides)


@dataclass(frozen=True)
class Mosaic:
    """What the user says about a mosaic to cut stamps from before anything else; no image stands for none."""

    image: list[str] | None
    weight: list[str] | None
    variance: list[str] | None
    flag: list[str] | None
    flag_bits: int | None
    size: float | None

    @property
    def choices(self) -> list[str]:
        """The options that were given beside --image."""
        names = ("weight", "variance", "flag", "flag_bits", "size")
        return [f"--{name.replace('_', '-')}" for name in names if getattr(self, name) is not None]

    def cut(
        self, inputs: list[str], read: dict[str, object], folder: Path | None, screen: "Screen"
    ) -> tuple[list[str], dict[str, object]]:
        """The inputs and how they are read: as the user said, or the stamps that are cut out into `folder`."""
        from lenssbi.status import InputError

        if not self.image:
            for option in self.choices:
                raise InputError(f"{option} is for a mosaic: name it with --image")
            return inputs, read
        from lenssbi.pipelines.cutout import cut_first

        if folder is None:
            raise InputError("--image needs a place to keep the cut-outs: give --out")
        files = (self.image, None, self.weight, self.variance, self.flag, None)
        options = cutting(*files, size=self.size, flag_bits=self.flag_bits)
        return cut_first(inputs, options, folder, read, screen.progress)


LensLight = Annotated[
    Literal["auto", "none"] | None,
    typer.Option(
        "--lens-light", help="Light of the lens galaxy: auto looks for it, none says that the stamps show none."
    ),
]


def cluster_of(path: Path | None) -> "ClusterConfig | None":
    """The batch system that a YAML file describes, None where none is named."""
    if path is None:
        return None
    from lenssbi.batch import ClusterConfig
    from lenssbi.config import load_config

    return load_config(path, ClusterConfig)


def reading(
    noise: str | None, psf: str | None, mask: str | None, pixel_scale: float | None, lens_light: str | None = None
) -> dict[str, object]:
    """What the user says about the inputs, as keyword arguments of `expand_inputs`; empty where nothing was said."""
    said = {"noise": noise, "psf": psf, "mask": mask, "pixel_scale": pixel_scale, "lens_light": lens_light}
    return {name: value for name, value in said.items() if value is not None}
