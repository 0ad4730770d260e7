"""`lenssbi cutout`: positions on the sky in, a stamp of each out."""

from pathlib import Path
from typing import Annotated

import typer

from .console import command
from .options import Flag, FlagBits, Image, Json, Quiet, Size, Variance, Weight, cutting

SeveralNoise = Annotated[
    list[str] | None,
    typer.Option(
        "--noise",
        metavar="FILE|NUMBER",
        help="Map of one sigma of each pixel, or one number for all. Repeatable, in the order of the images.",
    ),
]
SeveralPsf = Annotated[
    list[str] | None,
    typer.Option(
        "--psf", metavar="FILE", help="PSF, or a grid of PSFs. One for all images, or one for each in their order."
    ),
]


def cutout(
    targets: Annotated[
        str,
        typer.Argument(
            metavar="TARGETS",
            help='Table with columns ra, dec [deg] and id (.csv, .ecsv, .fits, .parquet), or a position: "57.41 -51.2".',
            show_default=False,
        ),
    ],
    *,
    image: Image = None,
    noise: SeveralNoise = None,
    weight: Weight = None,
    variance: Variance = None,
    flag: Flag = None,
    flag_bits: FlagBits = None,
    psf: SeveralPsf = None,
    band: Annotated[str, typer.Option("--band", help="Which band of Euclid's MER products.")] = "VIS",
    size: Size = None,
    out: Annotated[Path, typer.Option("--out", help="Folder for the stamps and their table.")],
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Cut stamps out of mosaics. The same command again continues a run that was stopped."""
    with command(as_json, quiet) as screen:
        from lenssbi.pipelines.cutout import run

        options = cutting(image, noise, weight, variance, flag, psf, band=band, size=size, flag_bits=flag_bits)
        result = run(targets, options=options, out=out, progress=screen.progress)
        from .tables import cutout_table

        done = result.count - result.failed
        line = f"{done:,} of {result.count:,} targets cut out in {result.seconds:.1f} s, listed in {result.table}"
        wrong = [cutout_table(result)] if result.failed else []
        screen.result(result.as_json(), *wrong, line)
        screen.leave(result)
