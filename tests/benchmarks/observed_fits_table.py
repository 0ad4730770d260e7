"""The answers that a benchmark of fits has kept so far as a table, with the shares that its page states.

    lenssbi benchmark configs/runs/observed_fits.yaml --out observed_fits --workers 2
    python tests/benchmarks/observed_fits_table.py observed_fits --suite euclid_observed_test --out fits.csv

Only answers without a gap from the first stamp on are taken, so that an interrupted benchmark does not prefer fits that end early.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

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

    counted = [record for record in records[args.first :] if "" in record["beliefs"]]
    names = counted[0]["beliefs"][""]["names"]
    mean, sigma, truth = (np.array([one["beliefs"][""][key] for one in counted]) for key in ("mean", "sigma", "true"))
    off = np.abs(mean[:, 0] / truth[:, 0] - 1) > WRONG
    clean = np.array([one["status"] == DONE and not one["flags"] for one in counted])
    refused = np.array([one["status"] != DONE for one in counted])
    print(f"{len(records[args.first :])} stamps, {len(counted)} with a posterior")
    print(f"off by more than 15 per cent: {share(off, len(off))}; without a flag: {share(off & clean, len(off))}")
    print(
        f"refused: {share(refused, len(off))}, of which off: {(off & refused).sum()}; done without a flag: {share(clean, len(off))}"
    )
    pulls = np.abs(mean - truth)[clean] / sigma[clean]
    for sigmas in (1, 2, 3):
        each = ", ".join(f"{name} {100 * (pulls[:, k] < sigmas).mean():.0f}" for k, name in enumerate(names))
        print(f"within {sigmas} sigma of those: {100 * (pulls < sigmas).mean():.1f} per cent ({each})")
    for flag in sorted({flag for one in counted for flag in one["flags"]}):
        raised = np.array([flag in one["flags"] for one in counted])
        print(
            f"{flag}: raised by {share(raised & ~off, int((~off).sum()))} right ones, {share(raised & off, int(off.sum()))} wrong ones"
        )
    cpu = np.array([one["cpu"] for one in counted])
    print(f"processor time: median {np.median(cpu):.0f} s, largest {cpu.max():.0f} s")


if __name__ == "__main__":
    main()
