"""`lenssbi check`: kind and content of a file, and whether it is complete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi.dataset.kinds import is_table, kind_of, lists_stamps, schema_of
from lenssbi.dataset.reading import AS_FILES_SAY, ReadOptions
from lenssbi.pipelines.results import sentence
from lenssbi.status import InputError, ItemError

if TYPE_CHECKING:
    from lenssbi.dataset.stamp import Stamp

CONVENTION = "0 is good, any other value is bad; pixels inside a region of DS9 are bad"


@dataclass(frozen=True)
class CheckResult:
    """Kind and content of a file.

    Parameters
    ----------
    path
        File or folder.
    kind
        "set", "posterior", "answers" (a shard of a catalogue), "stamp", "stamps" (several), "catalogue" or "estimator".
    details
        Content, by name.
    """

    path: Path
    kind: str
    details: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {"path": str(self.path), "kind": self.kind, **self.details}


def run(path: str | Path, read: ReadOptions = AS_FILES_SAY) -> CheckResult:
    """Read a file or folder of any kind that lenssbi reads or writes.

    Parameters
    ----------
    path
        File or folder, or a part of a set.
    read
        Options of reading stamps.

    Raises
    ------
    InputError
        If the file cannot be used, or is of an unknown kind; the message gives the reason.
    """
    kind, reader = _reader(str(path))
    if reader is not None:
        return CheckResult(Path(path), kind, reader(Path(path)))
    return CheckResult(Path(path), *_stamps(str(path), read))


def _reader(text: str) -> tuple[str, Callable[[Path], dict[str, Any]] | None]:
    """Kind of a file and its reader; None for stamps, which are read with the options of `run`."""
    kind, path = kind_of(text), Path(text)
    if kind == "folder":
        return _reader_of_folder(path)
    if kind == "set":
        kinds = {"lenssbi-posterior": ("posterior", _posterior), "lenssbi-network": ("answers", _answers)}
        return kinds.get(schema_of(path).rpartition("-")[0], ("set", _set))
    if (kind == "table" and not lists_stamps(path)) or (kind == "stamp" and is_table(path)):
        return "catalogue", _catalogue
    return "stamps", None


def _reader_of_folder(folder: Path) -> tuple[str, Callable[[Path], dict[str, Any]] | None]:
    from lenssbi.dataset.tables import FITS_SUFFIXES
    from lenssbi.estimators.checkpoint import CARD
    from lenssbi.pipelines.catalogue.job import RUN

    if (folder / RUN).is_file():
        return "catalogue", _folder
    stamps = not (folder / CARD).is_file() and any(p.name.lower().endswith(FITS_SUFFIXES) for p in folder.iterdir())
    return ("stamps", None) if stamps else ("estimator", _estimator)


def _set(path: Path) -> dict[str, Any]:
    from lenssbi.dataset import check_set

    found = check_set(path)
    return {key: value for key, value in found.items() if key != "kind"}


def _posterior(path: Path) -> dict[str, Any]:
    from lenssbi.posteriors import load_samples

    samples = load_samples(path)
    return {
        "draws": len(samples),
        "effective": round(samples.n_eff, 1),
        "log_evidence": samples.log_evidence,
        "params": {name: summary.as_json() for name, summary in samples.derived().summary().items()},
    }


def _stamps(text: str, read: ReadOptions) -> tuple[str, dict[str, Any]]:
    """Details of a stamp, or the number of stamps in a folder, table or part of a set."""
    sources = read.sources([text])
    if len(sources) == 1:
        return "stamp", _stamp(sources[0].load())
    wrong = []
    for source in sources:
        try:
            source.load()
        except ItemError as error:
            wrong.append(f"{source.name}: {sentence(error)}")
    if wrong:
        raise InputError(f"{text}: {len(wrong)} of {len(sources)} stamps cannot be used, the first of them {wrong[0]}")
    return "stamps", {"stamps": len(sources)}


def _stamp(stamp: Stamp) -> dict[str, Any]:
    from lenssbi.dataset.noise import sky_noise

    found: dict[str, Any] = {
        "shape": list(stamp.shape),
        "pixel_scale": stamp.pixel_scale,
        "band": stamp.band,
        "unit": stamp.unit,
        "zero_point": stamp.zero_point,
        "psf": f"{stamp.psf.image.shape[0]}x{stamp.psf.image.shape[1]} pixels, {stamp.psf.kind}",
        "usable": round(float(stamp.mask.mean()), 4),
        "bad_pixels": dict(stamp.info.get("masks", {})),
        "background": stamp.info.get("background"),
        "flags": list(stamp.flags),
    }
    if found["bad_pixels"]:
        found["convention_of_masks"] = CONVENTION
    try:
        noise = sky_noise(stamp)
        found["noise"] = {**asdict(noise), "ratio": noise.ratio}
    except ItemError as error:  # a stamp without empty sky is valid
        found["noise"] = error.status.value
    return found


def _catalogue(path: Path) -> dict[str, Any]:
    from lenssbi import catalogue

    table = catalogue.read(path)
    done = sum(str(status) == "done" for status in table["status"])
    return {"lenses": len(table), "done": done, "columns": len(table.colnames), "version": table.meta.get("version")}


def _answers(path: Path) -> dict[str, Any]:
    from lenssbi.catalogue.shard import read_entries

    entries = read_entries(path)
    return {"lenses": len(entries), "posteriors": sum(entry.samples is not None for entry in entries)}


def _folder(path: Path) -> dict[str, Any]:
    from lenssbi.pipelines.catalogue.folder import CatalogueFolder

    folder = CatalogueFolder.open(path)
    if not folder.card["finished"]:
        raise InputError(f"{path}: the run is not finished: run its command again to continue it")
    posteriors = sum(1 for _ in folder.all_samples())
    return {
        **folder.card["counts"],
        "posteriors": posteriors,
        "rows": len(folder.table()),
        "version": folder.card["version"],
    }


def _estimator(path: Path) -> dict[str, Any]:
    from lenssbi.estimators.load import load_estimator

    card = load_estimator(path).card
    return {
        "name": card.name,
        "infers": [parameter.name for parameter in card.parameters],
        "field": list(card.field),
        "pixel_scale": card.pixel_scale,
        "band": card.band,
        "calibrated": card.calibration is not None,
    }
