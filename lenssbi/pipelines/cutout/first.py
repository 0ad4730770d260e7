"""First step of `predict`, `refine` and `catalogue` if their input is a table of positions: its stamps are cut out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lenssbi.pipelines.cutout.options import CutoutOptions
from lenssbi.pipelines.cutout.run import run
from lenssbi.pipelines.results import Progress, silent
from lenssbi.status import InputError


def cut_first(
    inputs: Sequence[str],
    options: CutoutOptions,
    folder: Path,
    read: Mapping[str, Any],
    progress: Progress = silent,
) -> tuple[list[str], dict[str, Any]]:
    """Cut the stamps of a table of positions out; those that are there already are kept.

    Parameters
    ----------
    inputs
        Table of positions, or one position, alone.
    options
        Mosaic and size of the stamps; noise and PSF are those of `read`.
    folder
        Folder for the stamps.
    read
        Options of the user for the inputs: noise and psf, which are those of the mosaic here.
    progress
        Function that is called with (targets done, targets in all, text).

    Returns
    -------
    Table of the stamps, which is to be read, and the remaining part of `read`: what it states about the light of the lens galaxies.

    Raises
    ------
    InputError
        If there are several inputs or an option that is for stamps; and as for `run`.
    """
    if len(inputs) != 1:
        raise InputError(f"--image cuts the positions of one table out, and there are {len(inputs)} inputs: give one")
    for option, remedy in (("mask", "--flag for the mosaic's mask"), ("pixel_scale", "a mosaic whose header says it")):
        if option in read:
            raise InputError(f"--{option.replace('_', '-')} is for stamps, not for a mosaic: give {remedy}")
    said: dict[str, Any] = {name: (str(read[name]),) for name in ("noise", "psf") if name in read}
    layers = replace(options.layers, **said)
    found = run(inputs[0], options=replace(options, layers=layers), out=folder, progress=progress)
    return [str(found.table)], {name: value for name, value in read.items() if name not in said}
