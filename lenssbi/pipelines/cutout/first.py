"""First step of `predict`, `refine` and `catalogue` for a table of positions: the stamps are cut out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lenssbi.dataset.reading import ReadOptions
from lenssbi.pipelines.cutout.options import CutoutOptions
from lenssbi.pipelines.cutout.run import run
from lenssbi.pipelines.results import Progress, silent
from lenssbi.status import InputError


def cut_first(
    inputs: Sequence[str],
    options: CutoutOptions,
    folder: Path,
    read: ReadOptions,
    progress: Progress = silent,
) -> tuple[list[str], ReadOptions]:
    """Cut out the stamps of a table of positions; existing ones are kept.

    Parameters
    ----------
    inputs
        Single item: a table of positions, or one position.
    options
        Mosaic and size of the stamps; noise and PSF are those of `read`.
    folder
        Folder for the stamps.
    read
        Options of reading the stamps; noise and psf are those of the mosaic.
    progress
        Function that is called with (targets done, targets in all, text).

    Returns
    -------
    Table of the stamps, as the new input, and the remaining options of reading them.

    Raises
    ------
    InputError
        If there are several inputs or an option that is for stamps; and as for `run`.
    """
    if len(inputs) != 1:
        raise InputError(f"--image needs one table of positions, and there are {len(inputs)} inputs: give one")
    for option, remedy in (
        ("mask", "--flag for the mosaic's mask"),
        ("pixel_scale", "a mosaic with the pixel scale in its header"),
    ):
        if getattr(read, option) is not None:
            raise InputError(f"--{option.replace('_', '-')} is for stamps, not for a mosaic: give {remedy}")
    files: dict[str, Any] = {name: (str(read.said[name]),) for name in ("noise", "psf") if name in read.said}
    layers = replace(options.layers, **files)
    found = run(inputs[0], options=replace(options, layers=layers), out=folder, progress=progress)
    return [str(found.table)], replace(read, noise=None, psf=None)
