"""The answers that a benchmark of fits has kept so far as a table, with the shares that its page states.

    lenssbi benchmark configs/runs/observed_fits.yaml --out observed_fits --workers 2
    python tests/benchmarks/observed_fits_table.py observed_fits --suite euclid_observed_test --out fits.csv

Only answers without a gap from the first stamp on are taken, so that an interrupted benchmark does not prefer fits that end early.
"""

from __future__ import annotations

import argparse
import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lenssbi.benchmark.runners.records import HARMLESS
from lenssbi.calibration.scores import wilson
from lenssbi.dataset.hdf5 import StampSet

WRONG = 0.15
DONE = "done"


def answers(folder: Path, suite: str) -> list[dict[str, Any]]:
    """Kept records of a suite, in the order of its stamps, up to the first that is missing."""
    found = {}
    for path in (folder / "results" / f"{suite}--fit").glob("*.json"):
        record = json.loads(path.read_text())
        found[record["index"]] = record
    last = next(number for number in range(len(found) + 1) if number not in found)
    return [found[number] for number in range(last)]


def row(record: dict[str, Any], snr: float) -> dict[str, object]:
    """A line of the table."""
    cells: dict[str, object] = {
        "index": record["index"],
        "status": record["status"],
        "flags": " ".join(record["flags"]),
    }
    cells |= {"cpu_seconds": f"{record['cpu']:.1f}", "snr": f"{snr:.1f}"}
    belief = record["beliefs"].get("")
    if belief is not None:
        for number, name in enumerate(belief["names"]):
            cells |= {name: f"{belief['true'][number]:.4f}", f"{name}_fit": f"{belief['mean'][number]:.4g}"}
            cells[f"{name}_sigma"] = f"{belief['sigma'][number]:.3g}"
    return cells


def share(which: np.ndarray, of: int) -> str:
    """Count, share and its 68 per cent interval in per cent."""
    low, high = wilson(which.sum() / of, of) if of else (0.0, 1.0)
    return f"{which.sum()} of {of} ({100 * which.sum() / max(of, 1):.1f} per cent, {100 * low:.1f}-{100 * high:.1f})"


@dataclass(frozen=True)
class Fits:
    """Lines of the table that have a posterior, as arrays of shape (fit,), or (fit, parameter)."""

    names: tuple[str, ...]
    pulls: np.ndarray
    off: np.ndarray
    flags: tuple[frozenset[str], ...]
    refused: np.ndarray
    seconds: np.ndarray

    @classmethod
    def of(cls, rows: list[dict[str, str]]) -> Fits:
        """The fits of lines of the table."""
        rows = [one for one in rows if one["einstein_radius_fit"]]
        names = tuple(name.removesuffix("_fit") for name in rows[0] if name.endswith("_fit"))
        true, mean, sigma = (
            np.array([[float(one[name + end]) for name in names] for one in rows]) for end in ("", "_fit", "_sigma")
        )
        radius = names.index("einstein_radius")
        return cls(
            names,
            (mean - true) / sigma,
            np.abs(mean[:, radius] / true[:, radius] - 1) > WRONG,
            tuple(frozenset(one["flags"].split()) for one in rows),
            np.array([one["status"] != DONE for one in rows]),
            np.array([float(one["cpu_seconds"]) for one in rows]),
        )

    @property
    def clean(self) -> np.ndarray:
        """Fits that are done and have no flag about the fit or the stamp."""
        return ~self.refused & np.array([raised <= set(HARMLESS) for raised in self.flags])

    def raised(self, flag: str) -> np.ndarray:
        """Fits that have a flag."""
        return np.array([flag in raised for raised in self.flags])

    def all_flags(self) -> list[str]:
        """Every flag that some fit has, the most frequent first."""
        return sorted(frozenset().union(*self.flags), key=lambda flag: (-self.raised(flag).sum(), flag))

    def within(self, sigmas: float) -> np.ndarray:
        """Share of the truths within so many sigma, of the clean fits, shape (parameter,)."""
        return (np.abs(self.pulls[self.clean]) < sigmas).mean(axis=0)


def main() -> None:
    """Write the table and print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the benchmark")
    parser.add_argument("--suite", default="euclid_observed_test")
    parser.add_argument("--first", type=int, default=0, help="stamps before are left out of the shares")
    parser.add_argument("--out", type=Path, default=Path("fits.csv"))
    args = parser.parse_args()
    records = answers(args.folder, args.suite)
    (path,) = (args.folder / "sets").glob(f"{args.suite}-*.h5")
    with StampSet(path) as stamps:
        rows = [row(record, float(stamps.info["snr"][record["index"]])) for record in records]
    with args.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, max((list(one) for one in rows), key=len), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    with args.out.open() as file:
        fits = Fits.of(list(csv.DictReader(file))[args.first :])
    off, clean, refused = fits.off, fits.clean, fits.refused
    print(f"{len(rows) - args.first} stamps, {len(off)} with a posterior")
    print(f"off by more than 15 per cent: {share(off, len(off))}; without a flag: {share(off & clean, len(off))}")
    print(
        f"refused: {share(refused, len(off))}, of which off: {(off & refused).sum()}; done without a flag: {share(clean, len(off))}"
    )
    for sigmas in (1, 2, 3):
        held = fits.within(sigmas)
        each = ", ".join(f"{name} {100 * one:.0f}" for name, one in zip(fits.names, held, strict=True))
        print(f"within {sigmas} sigma of those: {100 * held.mean():.1f} per cent ({each})")
    for flag in fits.all_flags():
        raised = fits.raised(flag)
        right, wrong = share(raised & ~off, int((~off).sum())), share(raised & off, int(off.sum()))
        print(f"{flag}: raised by {right} right ones, {wrong} wrong ones")
    print(f"processor time: median {np.median(fits.seconds):.0f} s, largest {fits.seconds.max():.0f} s")


if __name__ == "__main__":
    main()
