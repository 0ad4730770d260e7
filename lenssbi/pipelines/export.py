"""`lenssbi export`: posteriors in the formats of other codes, and the images of fits as FITS files.

INPUT is a posterior file (`.h5`) or the folder of a catalogue. The description of the stamp in a
COOLEST file (pixels, filter, zero point, position) comes from the posterior file; its image is read again if its files still exist.
The images of a fit are computed again from its posterior and its stamp (:mod:`lenssbi.refinement.restored`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lenssbi.dataset.observed import READ
from lenssbi.dataset.reading import ReadOptions
from lenssbi.dataset.redshifts import REDSHIFTS
from lenssbi.parameters.conventions import has_companions
from lenssbi.pipelines.results import Progress, silent
from lenssbi.posteriors import Samples, load_samples
from lenssbi.posteriors.export.coolest import Observed
from lenssbi.posteriors.export.hierarc import NO_REDSHIFTS
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.pipelines.catalogue.folder import CatalogueFolder

Format = Literal["coolest", "arviz", "fits", "lenstronomy", "hierarc", "ecsv", "parquet"]
SUFFIXES: dict[Format, str] = {"coolest": ".json", "arviz": ".nc", "fits": ".fits"}
SUFFIXES |= {"lenstronomy": "_lenstronomy.json", "hierarc": "_hierarc.json"}
SUFFIXES |= {"ecsv": "_draws.ecsv", "parquet": "_draws.parquet"}
ONE_LENS = ("coolest", "lenstronomy", "hierarc")


@dataclass(frozen=True)
class ExportResult:
    """Files that were written.

    Parameters
    ----------
    paths
        Files written, one for each lens, in the order of the inputs.
    folder
        Folder of the files.
    left_out
        Messages, one for each fit if its images cannot be made again, and for each lens without the redshifts that the format needs.
    """

    paths: tuple[Path, ...]
    folder: Path
    left_out: tuple[str, ...] = ()

    @property
    def failed(self) -> int:
        """Number of lenses that were left out."""
        return len(self.left_out)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        paths = [str(path) for path in self.paths]
        return {"folder": str(self.folder), "count": len(paths), "paths": paths, "left_out": list(self.left_out)}


@dataclass(frozen=True)
class Lens:
    """A posterior to export; `file` is the file of a fit, None for other posteriors."""

    name: str
    samples: Samples
    observed: Observed
    file: Path | None = None


def run(
    inputs: Sequence[Path],
    *,
    to: Format,
    out: Path,
    names: Sequence[str] = (),
    seed: int = 0,
    progress: Progress = silent,
) -> ExportResult:
    """Export posteriors, with "coolest" and "lenstronomy" also the source and the lens light of fits, or with "fits" their images.

    Parameters
    ----------
    inputs
        Posterior files and folders of catalogues.
    to
        Format.
    out
        Folder to write to.
    names
        Names of the lenses of the catalogues to export; all by default, with "fits" all that were fitted.
    seed
        Seed of the resampling of weighted draws (ArviZ, ECSV, Parquet).
    progress
        Function that is called with (posteriors written, posteriors in all, text).

    Raises
    ------
    InputError
        If an input has no posteriors, a name does not exist, a package of the format is missing, or a folder cannot be written.
        With "fits" also if no fit can be made again; if some can, the others are in `left_out`. With "hierarc" the same holds for
        lenses without redshifts.
    """
    wanted = tuple(dict.fromkeys(names))  # a lens that is named twice is exported once
    if to == "fits":
        return _run_fits([_fit_files(Path(path), wanted) for path in inputs], out, progress)
    sources = [_source(Path(path), wanted) for path in inputs]
    total, paths, taken, left_out = sum(count for count, _ in sources), [], set[str](), list[str]()
    for lens in (lens for _, lenses in sources for lens in lenses()):
        if reason := _unfit(lens, to):
            left_out.append(f"{lens.name}: {reason}")
            continue
        stem = _free(lens.name, taken)
        paths.append(_write(lens, out / f"{stem}{SUFFIXES[to]}", to, seed))
        progress(len(paths), total, f"writing {to}")
    if not paths and left_out:
        raise InputError(left_out[0])
    if not paths:
        raise InputError(f"{', '.join(map(str, inputs))}: there is no posterior to export: check its rows' status")
    return ExportResult(tuple(paths), out, tuple(left_out))


def _unfit(lens: Lens, to: Format) -> str:
    """Why a lens cannot be written in a format, with the remedy; empty if it can."""
    if to == "hierarc" and None in (lens.observed.z_lens, lens.observed.z_source):
        return NO_REDSHIFTS
    if to in ONE_LENS and has_companions(lens.samples.names):
        return f"it has further lens galaxies, which {to} files of ours do not hold: export to ecsv, parquet or arviz"
    return ""


def _write(lens: Lens, path: Path, to: Format, seed: int) -> Path:
    from lenssbi import catalogue
    from lenssbi.posteriors.export import arviz, coolest, hierarc, lenstronomy
    from lenssbi.posteriors.export.table import draws_table

    if to in ("ecsv", "parquet"):
        return catalogue.write(draws_table(lens.samples, seed, {"lens": lens.name}), path)
    if to == "arviz":
        return arviz.write(lens.samples, path, seed=seed, about={"lens": lens.name})
    if to == "hierarc":
        return hierarc.write(lens.samples, path, lens.observed)
    from lenssbi.refinement.restored import model_of

    writer = coolest.write if to == "coolest" else lenstronomy.write
    return writer(lens.samples, path, lens.observed, *model_of(lens.file, lens.samples))


def _source(path: Path, names: tuple[str, ...]) -> tuple[int, Callable[[], Iterator[Lens]]]:
    """Number of posteriors of an input, and a function that reads them one by one."""
    if path.is_dir():
        return _of_catalogue(path, names)
    if names:
        raise InputError(f"{path}: --name is for catalogues, and this is a file: leave it out")
    samples = load_samples(path)  # errors are raised before anything is written
    _check(path, samples)
    observed = _observed(path.stem, samples.info.get("observation"))
    return 1, lambda: iter([Lens(path.stem, samples, observed, path)])


def _of_catalogue(path: Path, names: tuple[str, ...]) -> tuple[int, Callable[[], Iterator[Lens]]]:
    from lenssbi.pipelines.catalogue.folder import CatalogueFolder

    catalogue = CatalogueFolder.open(path)
    rows = _rows(path, catalogue, names)

    def lenses() -> Iterator[Lens]:
        found = ((name, catalogue.samples(name)) for name in names) if names else catalogue.all_samples()
        for name, samples in found:
            if samples is not None:
                _check(path / name, samples)
                row = rows[name]
                observed = _observed(name, samples.info.get("observation") or _of_row(row))
                yield Lens(name, samples, observed, path / str(row["posterior"]) if _is_fit(row) else None)

    return len(names or rows), lenses


def _rows(path: Path, catalogue: CatalogueFolder, names: tuple[str, ...]) -> dict[str, Any]:
    """Name to row of a catalogue that has all the `names`."""
    rows = {str(row["name"]): row for row in catalogue.table()}
    unknown = [name for name in names if name not in rows]
    if unknown:
        raise InputError(f"{path}: the catalogue has no lens {', '.join(unknown)}: take names from its table")
    return rows


def _run_fits(found: Sequence[list[tuple[str, Path]]], out: Path, progress: Progress) -> ExportResult:
    from lenssbi.refinement import fits_file
    from lenssbi.refinement.restored import restored_fit

    paths, left_out, taken, files = [], list[str](), set[str](), [one for lenses in found for one in lenses]
    for done, (name, file) in enumerate(files):
        progress(done, len(files), f"{name}: making its images again")
        try:
            fit = restored_fit(file)
        except InputError as error:
            if len(files) == 1:
                raise
            left_out.append(str(error))
            continue
        paths.append(fits_file.write(fit, out / f"{_free(name, taken)}{SUFFIXES['fits']}"))
    if not paths:
        raise InputError(f"no fit can be exported, the first because of {left_out[0]}")
    progress(len(files), len(files), "writing fits")
    return ExportResult(tuple(paths), out, tuple(left_out))


def _fit_files(path: Path, names: tuple[str, ...]) -> list[tuple[str, Path]]:
    """Name and posterior file of every fit of an input, those with `names` in a catalogue."""
    from lenssbi.pipelines.catalogue.folder import CatalogueFolder

    if not path.is_dir():
        _source(path, names)  # errors are raised before anything is written
        return [(path.stem, path)]
    rows = _rows(path, CatalogueFolder.open(path), names)
    fitted = {name: path / str(row["posterior"]) for name, row in rows.items() if _is_fit(row)}
    missing = [name for name in names if name not in fitted]
    if missing or not fitted:
        which = ", ".join(missing) or "no lens of the catalogue"
        verb = "has not been" if missing else "has been"
        raise InputError(f"{path}: {which} {verb} fitted, and only fits have images: run the catalogue with --refine")
    return [(name, fitted[name]) for name in names or fitted]


def _is_fit(row: Any) -> bool:
    return str(row["method"]) == "refined" and bool(str(row["posterior"]))


def _check(path: Path, samples: Samples) -> None:
    missing = [name for name in ("einstein_radius", "e1", "e2") if name not in samples.names]
    if missing:
        raise InputError(
            f"{path}: the posterior has no {', '.join(missing)}: it is not a posterior of the mass of a lens"
        )


def _of_row(row: Any) -> dict[str, Any]:
    """Description of a stamp from the row of an older catalogue, in which posteriors have none."""
    place = {name: float(row[name]) for name in ("ra", "dec") if np.isfinite(row[name])}
    known = {name: float(row[name]) for name in REDSHIFTS if name in row.keys() and np.isfinite(row[name])}  # noqa: SIM118
    return {**place, **known, READ: {"input": str(row["input"])}}


def _observed(name: str, known: Mapping[str, Any] | None) -> Observed:
    """Description of a stamp from its posterior (:func:`~lenssbi.dataset.observed.describe`), and the image if it can be read again."""
    description = dict(known or {})
    shape, read = description.pop("shape", None), dict(description.pop(READ, {}))
    named = read.pop("input", "")
    observed = Observed(name, shape=None if shape is None else tuple(shape), **description)
    try:
        (source,) = ReadOptions(**read).sources([named])
        stamp = source.load()
    except (InputError, ValueError):  # the stamp no longer exists
        return observed
    if observed.shape is None:
        seen: dict[str, Any] = {"unit": stamp.unit, "band": stamp.band, "zero_point": stamp.zero_point}
        observed = replace(observed, pixel_scale=stamp.pixel_scale, shape=stamp.shape, **seen)
    elif (stamp.shape, stamp.pixel_scale) != (observed.shape, observed.pixel_scale):  # another file of the same name
        return observed
    return replace(observed, image=np.where(stamp.mask, stamp.image, np.nan))


def _free(name: str, taken: set[str]) -> str:
    """Unique stem of the file of a lens; a file stays within the folder for any name."""
    stem = plain = re.sub(r"[^\w.+-]+", "_", name).strip(".")[:100] or "lens"
    number = 1
    while stem.lower() in taken:
        number += 1
        stem = f"{plain}-{number}"
    taken.add(stem.lower())
    return stem
