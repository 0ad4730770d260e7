"""Data of a training: sets on disk, or populations with stamps that are simulated when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi import __version__
from lenssbi.config import config_hash, dump_yaml, load_config
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.estimators.misspecification import psf_widths
from lenssbi.estimators.plan import FreshConfig, TrainConfig
from lenssbi.instrument import Camera
from lenssbi.status import InputError

if TYPE_CHECKING:
    from lenssbi.dataset.loader import ExampleSet
    from lenssbi.estimators.fresh_examples import FreshExamples
    from lenssbi.rendering.simulation import SimulateConfig

Progress = Callable[[int, int, str], None]
Parts = list[tuple[StampSet, range]]


@dataclass(frozen=True)
class Inputs:
    """Examples, and their description in the estimator's card.

    Parameters
    ----------
    training, validation
        Examples for training and for validation.
    shape
        Pixels (y, x) of a stamp.
    pixel_scale
        Side of a pixel [arcsec].
    band
        Filter.
    psf_fwhm
        FWHM of the narrowest and the widest PSF, without the pixel [arcsec]; None if one is unknown.
    identity
        Name of the stamps: another identity means another training.
    provenance
        Origin of the stamps.
    """

    training: ExampleSet | FreshExamples
    validation: ExampleSet
    shape: tuple[int, int]
    pixel_scale: float
    band: str
    psf_fwhm: tuple[float, float] | None
    identity: str
    provenance: dict[str, Any]


@contextmanager
def training_inputs(
    config: TrainConfig,
    data: Sequence[str | Path],
    validation: str | Path | None,
    base: Path,
    progress: Progress,
) -> Iterator[Inputs]:
    """Open the data of a training.

    Parameters
    ----------
    config
        Configuration of the training.
    data
        Sets, which are joined; none if the plan uses fresh stamps.
    validation
        Another set to validate on; None uses the last stamps of each of `data`, or fresh ones that are in no epoch.
    base
        Folder to which the plan's populations are relative.
    progress
        Function that is called with (done, total, text).

    Raises
    ------
    InputError
        If a set cannot be read, lacks a parameter or does not match the others, or there is nothing to train on.
    ConfigError
        If a population cannot be read.
    """
    if config.fresh is None and not data:
        raise InputError("there is nothing to train on: give sets with --data, or populations with the key fresh")
    if config.fresh is not None and data:
        raise InputError(f"{data[0]}: the configuration trains on fresh stamps: leave out --data, or the key fresh")
    with ExitStack() as stack:
        sets = [stack.enter_context(StampSet(path)) for path in data]
        other = None if validation is None else stack.enter_context(StampSet(validation))
        if config.fresh is not None:
            yield from_populations(config, config.fresh, other, base, progress)
        else:
            yield from_sets(config, sets, other, progress)


def from_sets(config: TrainConfig, sets: Sequence[StampSet], other: StampSet | None, progress: Progress) -> Inputs:
    """Join sets."""
    first = sets[0]
    _check_alike([(s.path, s.shape, s.pixel_scale, s.attributes["band"]) for s in (*sets, *([other] if other else []))])
    parts = [(stamps, *split_of(config, stamps, other)) for stamps in sets]
    training = examples_of(config, [(stamps, rows) for stamps, rows, _ in parts], progress)
    held_out = [(other, range(len(other)))] if other else [(stamps, rows) for stamps, _, rows in parts]
    described = [describe(stamps, rows) for stamps, rows, _ in parts]
    identity = " + ".join(f"{s['name']} {s['stamps']} {s['seed']} {s['lenssbi_version']}" for s in described)
    count = sum(len(rows) for _, rows in held_out)
    last = f"the last {count} stamps of the set" if len(sets) == 1 else f"{count} stamps from the ends of the sets"
    provenance = {
        "sets": described,
        "trained_on": len(training),
        "validation": other.path.name if other else last,
    }
    return Inputs(
        training,
        examples_of(config, held_out, progress),
        first.shape,
        first.pixel_scale,
        str(first.attributes["band"]),
        range_of([width for stamps, rows, _ in parts for width in psf_widths(stamps, rows)]),
        f"{identity} {other.path.name if other else ''}".strip(),
        provenance,
    )


def range_of(widths: Sequence[float | None]) -> tuple[float, float] | None:
    """Smallest and largest; None if one is unknown."""
    known = [width for width in widths if width is not None]
    return (min(known), max(known)) if len(known) == len(widths) else None


def camera_widths(config: SimulateConfig) -> list[float | None]:
    """Narrowest and widest PSF of a population [arcsec]; that of a file is unknown."""
    camera = config.instrument
    if config.composition is not None:
        from lenssbi.instrument.psf_bank import PSFBank

        return PSFBank.of(config.composition.psf).fwhm.tolist()
    if camera.psf_file is not None:
        return [None]
    return [factor * camera.psf_fwhm for factor in config.variation.psf_fwhm]


def split_of(config: TrainConfig, stamps: StampSet, other: StampSet | None) -> tuple[range, range]:
    """Rows of a set to train on, and the last ones to validate on, none if there is another set for validation."""
    count = len(stamps)
    kept = 0 if other is not None else max(1, round(config.validation_fraction * count))
    if count - kept < 2:
        raise InputError(f"{stamps.path}: {count} stamps are too few to train on: simulate more with --count")
    return range(count - kept), range(count - kept, count)


def examples_of(config: TrainConfig, parts: Parts, progress: Progress) -> ExampleSet:
    """Prepared rows of sets."""
    from lenssbi.dataset.loader import LazyExamples, Piece, read_examples

    pieces = []
    for stamps, rows in parts:
        try:
            values = config.space.to_targets(config.space.stack(stamps.params))[rows.start : rows.stop]
        except ValueError as error:
            remedy = "choose other parameters or simulate a set that has them"
            raise InputError(f"{stamps.path}: {error}: {remedy}") from None
        pieces.append(Piece(stamps, rows, values))
    if not config.in_memory:
        return LazyExamples(pieces, config.preprocessing)
    return read_examples(pieces, config.preprocessing, progress)


def describe(stamps: StampSet, rows: range) -> dict[str, Any]:
    """The entry of the estimator's card for a set of which `rows` were used."""
    attributes = stamps.attributes
    return {
        "name": stamps.path.name,
        "stamps": len(stamps),
        "trained_on": len(rows),
        "seed": int(attributes["seed"]),
        "lenssbi_version": str(attributes["lenssbi_version"]),
        "config": str(attributes["config"]),
    }


def from_populations(
    config: TrainConfig, fresh: FreshConfig, other: StampSet | None, base: Path, progress: Progress
) -> Inputs:
    """Stamps that are simulated when they are needed."""
    from lenssbi.estimators.fresh_examples import FreshExamples, Supply
    from lenssbi.rendering.simulation import SimulateConfig

    supplies = tuple(
        Supply(entry.population, load_config(base / entry.population, SimulateConfig), entry.share)
        for entry in fresh.populations
    )
    camera: Camera = supplies[0].config.instrument
    pixels = [
        (s.name, s.config.instrument.shape, s.config.instrument.pixel_scale, s.config.instrument.band) for s in supplies
    ]
    _check_alike(
        [*pixels, *([(other.path, other.shape, other.pixel_scale, other.attributes["band"])] if other else [])]
    )
    training = FreshExamples(supplies, config.space, config.preprocessing, fresh.stamps, config.ahead, fresh.reuse)
    described = [{"name": Path(s.name).name, "share": s.share, "config": dump_yaml(s.config)} for s in supplies]
    identity = " + ".join(f"{Path(s.name).name} {config_hash(s.config)} {s.share:g}" for s in supplies)
    return Inputs(
        training,
        examples_of(config, [(other, range(len(other)))], progress)
        if other
        else training.kept(fresh.validation, config.seed, progress),
        camera.shape,
        camera.pixel_scale,
        camera.band,
        range_of([width for supply in supplies for width in camera_widths(supply.config)]),
        f"{identity} {__version__} {other.path.name if other else ''}".strip(),
        {
            "populations": described,
            "stamps_per_epoch": fresh.stamps,
            "validation": other.path.name if other else f"{fresh.validation} fresh stamps",
        },
    )


def _check_alike(pixels: Sequence[tuple[Any, tuple[int, int], float, Any]]) -> None:
    """Raise InputError unless all have the shape, the pixel scale and the band of the first."""
    first, shape, scale, band = pixels[0]
    for name, other_shape, other_scale, other_band in pixels[1:]:
        if tuple(shape) != tuple(other_shape) or abs(scale / other_scale - 1) > 1e-6:
            raise InputError(
                f"{name}: its stamps have another shape or pixel scale than those of {first}: leave it out"
            )
        if str(band) != str(other_band):
            raise InputError(
                f"{name}: its stamps are of the band {other_band}, those of {first} of {band}: leave it out"
            )
