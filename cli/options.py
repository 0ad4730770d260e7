"""Options that several commands share, so that they read alike everywhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .shipped_configs import shipped

if TYPE_CHECKING:
    from lenssbi.batch import ClusterConfig

Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="INPUT...",
        help="FITS stamps, folders of them, tables that list them, HDF5 sets, or set.h5:INDEX.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no tables.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of everything random.")]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="YAML file.", show_default=False, callback=shipped)]
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
        "--mask", metavar="FILE|none", help="FITS image, 0 where a pixel is good; none: use no mask of INPUT."
    ),
]
PixelScale = Annotated[float | None, typer.Option("--pixel-scale", min=1e-4, help="Side of a pixel in arcsec.")]

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
