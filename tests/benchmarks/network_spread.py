"""Whether two networks disagree on what is no lens of their training, beside the score of the detector: areas under ROC curves.

    lenssbi benchmark configs/runs/observed.yaml --out observed --workers 2
    python tests/benchmarks/network_spread.py observed/sets --out spread.csv

The spread between the members of an ensemble has been proposed as a sign of misspecification (Alvey et al. 2025). Here the members are the
flow and the dropout network, and a stamp's spread is the root mean square of the differences of their means, each over the two
networks' sigmas. `both` ranks the stamps by the sum of their ranks in spread and score among the ordinary stamps.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lenssbi.benchmark.scores.radii import areas
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.estimators.load import load_estimator

ORDINARY = "euclid_observed_test"
MEMBERS = ("euclid-vis-sie", "euclid-vis-sie-bnn")
TOGETHER = 100


def measured(path: Path, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spread and score of the first stamps of a set."""
    members = [load_estimator(name) for name in MEMBERS]
    spreads, scores = [], []
    with StampSet(path) as stamps:
        for first in range(0, min(count, len(stamps)), TOGETHER):
            rows = slice(first, min(first + TOGETHER, count, len(stamps)))
            images, noise = stamps.images(rows), stamps.noise(rows)
            flow, dropout = (member.predict(images, noise) for member in members)
            pulls = [(a.mean - b.mean) / np.hypot(a.sigma, b.sigma) for a, b in zip(flow, dropout, strict=True)]
            spreads.append(np.sqrt(np.mean(np.square(pulls), axis=1)))
            scores.append(members[0].score(images, noise)[:, 0])
            print(f"{path.stem}: {rows.stop} of {min(count, len(stamps))}", end="\r", flush=True)
    return np.concatenate(spreads), np.concatenate(scores)


def main() -> None:
    """Measure all sets of a folder and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path, help="folder with the sets of the observed benchmark")
    parser.add_argument("--count", type=int, default=600, help="stamps of a set, at most")
    parser.add_argument("--out", type=Path, default=Path("spread.csv"))
    args = parser.parse_args()
    found = {path.stem.rpartition("-")[0]: measured(path, args.count) for path in sorted(args.sets.glob("*.h5"))}
    plain = [np.sort(values) for values in found[ORDINARY]]
    both = {
        name: sum(np.searchsorted(usual, value) / len(usual) for usual, value in zip(plain, values, strict=True))
        for name, values in found.items()
    }
    tables = {
        "spread": {name: spread for name, (spread, _) in found.items()},
        "score": {name: score for name, (_, score) in found.items()},
        "both": both,
    }
    rows: dict[str, dict[str, object]] = {}
    for what, values in tables.items():
        for row in areas(values, [ORDINARY]):
            one = rows.setdefault(str(row["suite"]), {"suite": row["suite"], "stamps": row["stamps"]})
            one |= {what: f"{row['area']:.3f}", f"{what}_error": f"{row['scatter']:.3f}"}
    with args.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(next(iter(rows.values()))), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())
    print(args.out.read_text())


if __name__ == "__main__":
    main()
