"""`lenssbi cutout`: stamps from a mosaic, at given positions."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .grouped import grouped
from .options import Json, Quiet
from .stamps import MOSAIC, Mosaic

SeveralNoise = Annotated[
    list[str] | None,
    typer.Option(
        "--noise",
        metavar="FILE|NUMBER",
        help="Map of the noise (one sigma per pixel), or one number for all pixels. Repeatable, in the order of the images.",
        rich_help_panel=MOSAIC,
    ),
]
SeveralPsf = Annotated[
    list[str] | None,
    typer.Option(
        "--psf",
        metavar="FILE",
        help="PSF or grid of PSFs, for all images or for each. Repeatable, in the order of the images.",
        rich_help_panel=MOSAIC,
    ),
]


@grouped
def cutout(
    targets: Annotated[
        str,
        typer.Argument(
            metavar="TARGETS",
            help='Table with columns ra, dec (deg) and id (.csv, .ecsv, .fits, .parquet), or a position: "57.41 -51.2".',
            show_default=False,
        ),
    ],
    *,
    mosaic: Mosaic,
    noise: SeveralNoise = None,
    psf: SeveralPsf = None,
    band: Annotated[str, typer.Option("--band", help="Band of Euclid's MER products.", rich_help_panel=MOSAIC)] = "VIS",
    out: Annotated[Path, typer.Option("--out", help="Folder for the stamps and their table.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Cut stamps out of mosaics. The same command continues a stopped run."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.cutout import run

        result = run(targets, options=mosaic.cutting(noise, psf, band), out=out, progress=screen.progress)
        from .tables import cutout_table

        done = result.count - result.failed
        line = f"{done:,} of {result.count:,} targets cut out in {result.seconds:.1f} s, listed in {result.table}"
        wrong = [cutout_table(result)] if result.failed else []
        screen.result(result.as_json(), *wrong, line)
        screen.leave(result)
