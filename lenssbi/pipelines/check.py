"""What a file is, and whether it is whole: `lenssbi check`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lenssbi.pipelines.catalogue.job import RUN
from lenssbi.status import InputError

KNOWN = "a set or posterior (.h5), a stamp (.fits), a catalogue (its folder, .ecsv, .fits, .parquet) or an estimator's folder"


@dataclass(frozen=True)
class CheckResult:
    """What was found.

    Parameters
    ----------
    path
        The file or folder.
    kind
        "set", "posterior", "answers" (a shard of a catalogue), "stamp", "catalogue" or "estimator".
    details
        What it holds, by name.
    """

    path: Path
    kind: str
    details: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {"path": str(self.path), "kind": self.kind, **self.details}


def run(path: Path) -> CheckResult:
    """Look into a file or folder.

    Raises
    ------
    InputError
        With what is wrong, or where nobody here writes such files.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file: check the path")
    kind, reader = _reader(path)
    return CheckResult(path, kind, reader(path))


def _reader(path: Path) -> tuple[str, Callable[[Path], dict[str, Any]]]:
    if path.is_dir():
        return ("catalogue", _folder) if (path / RUN).is_file() else ("estimator", _estimator)
    suffix = path.suffix.lower()
    if suffix in (".h5", ".hdf5"):
        kinds = {"lenssbi-posterior": ("posterior", _posterior), "lenssbi-network": ("answers", _answers)}
        return kinds.get(_schema(path).rpartition("-")[0], ("set", _set))
    if suffix in (".ecsv", ".parquet"):
        return "catalogue", _catalogue
    if path.name.lower().endswith((".fits", ".fits.gz", ".fit")):
        return ("catalogue", _catalogue) if _is_table(path) else ("stamp", _stamp)
    raise InputError(f"{path}: lenssbi has no such files: give {KNOWN}")


def _schema(path: Path) -> str:
    import h5py

    try:
        with h5py.File(path) as file:
            return str(file.attrs.get("schema", ""))
    except OSError:
        return ""  # the reader of sets says what is wrong


def _is_table(path: Path) -> bool:
    from astropy.io import fits

    try:
        with fits.open(path) as units:
            return len(units) > 1 and isinstance(units[1], fits.BinTableHDU)
    except (OSError, ValueError, IndexError):
        return False  # the reader of stamps says what is wrong


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


def _stamp(path: Path) -> dict[str, Any]:
    from lenssbi.dataset.fits import read_stamp
    from lenssbi.dataset.noise import sky_noise
    from lenssbi.status import ItemError

    stamp = read_stamp(path)
    found: dict[str, Any] = {
        "shape": list(stamp.shape),
        "pixel_scale": stamp.pixel_scale,
        "band": stamp.band,
        "unit": stamp.unit,
        "zero_point": stamp.zero_point,
        "psf": f"{stamp.psf.image.shape[0]}x{stamp.psf.image.shape[1]} pixels, {stamp.psf.kind}",
        "usable": round(float(stamp.mask.mean()), 4),
    }
    try:
        found["noise"] = asdict(sky_noise(stamp))
    except ItemError as error:  # a stamp without empty sky is still a stamp
        found["noise"] = error.status.value
    return found


def _catalogue(path: Path) -> dict[str, Any]:
    from lenssbi import catalogue

    table = catalogue.read(path)
    done = sum(str(status) == "done" for status in table["status"])
    return {"lenses": len(table), "done": done, "columns": len(table.colnames), "version": table.meta.get("version")}


def _answers(path: Path) -> dict[str, Any]:
    from lenssbi.pipelines.catalogue.shard import read_entries

    entries = read_entries(path)
    return {"lenses": len(entries), "posteriors": sum(entry.samples is not None for entry in entries)}


def _folder(path: Path) -> dict[str, Any]:
    from lenssbi.pipelines.catalogue.folder import CatalogueFolder

    folder = CatalogueFolder.open(path)
    if not folder.card["finished"]:
        raise InputError(f"{path}: the run is not finished: run its command again to go on")
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
