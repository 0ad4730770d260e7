"""What a detector makes of kinds that its training left out: the area under the ROC curve and the share flagged, kind by kind.

    python tests/benchmarks/detector_kinds.py --without torn spiral cosmic_ray --out kinds.csv

A detector is trained for an estimator as `lenssbi calibrate` does it, without some of the alterations; it is judged on stamps of the test
population with each alteration, and on the suites that no training shows.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import yaml

from lenssbi.benchmark.scores.radii import areas
from lenssbi.calibration.detector import DetectorPlan, train_detector
from lenssbi.calibration.misspecification import FALSE_ALARMS
from lenssbi.config import load_config
from lenssbi.estimators.load import DEFAULT, load_estimator
from lenssbi.rendering.composition.kinds import ALTERATIONS
from lenssbi.rendering.composition.paired_supply import PairedStamps
from lenssbi.rendering.composition.supply import ComposedStamps
from lenssbi.rendering.simulation import SimulateConfig

POPULATIONS = Path(__file__).parents[2] / "configs" / "populations"
TRAINING, TEST = "euclid_observed", "euclid_observed_test"
NEVER = ("galaxies", "pairs", "quasar", "psf_wide", "noise_correlated")
TOGETHER = 64


def config(name: str) -> SimulateConfig:
    """The configuration of a population."""
    return load_config(POPULATIONS / f"{name}.yaml", SimulateConfig)


def supply(name: str, seed: int) -> ComposedStamps:
    """Composed stamps of a population."""
    found = config(name)
    assert found.composition is not None
    return ComposedStamps(found.population, found.instrument, found.selection, found.composition, "cpu", seed)


def suites(count: int, seed: int) -> Iterator[tuple[str, torch.Tensor]]:
    """Names and images of the suites, `count` stamps of each; four times as many of both populations without alteration."""
    for name, size in ((TRAINING, 4 * count), (TEST, 4 * count), *((never, count) for never in NEVER)):
        folder = "" if name in (TRAINING, TEST) else "misspecified/observed/"
        batches = islice(supply(folder + name, seed).batches(TOGETHER), -(-size // TOGETHER))
        yield name, torch.cat([batch.images for batch in batches])[:size]
    ordinary = supply(TEST, seed + 1)
    for kind in ALTERATIONS:
        batches = islice(PairedStamps(ordinary, {kind: 1.0}).pairs(TOGETHER), -(-count // TOGETHER))
        yield kind, torch.cat([images[TOGETHER:] for images, _ in batches])[:count]


def main() -> None:
    """Train, judge, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--estimator", default=DEFAULT)
    parser.add_argument("--without", nargs="*", default=[], choices=ALTERATIONS, help="alterations that are not shown")
    parser.add_argument("--stored", action="store_true", help="judge the estimator's own detector, train none")
    parser.add_argument("--passes", type=int, default=DetectorPlan().passes)
    parser.add_argument("--count", type=int, default=200, help="stamps of a suite")
    parser.add_argument("--seed", type=int, default=9301)
    parser.add_argument("--out", type=Path, default=Path("detector_kinds.csv"))
    args = parser.parse_args()
    estimator = load_estimator(args.estimator)
    if not args.stored:
        plan = DetectorPlan(passes=args.passes, without=tuple(args.without))
        text = yaml.safe_dump(config(TRAINING).model_dump(mode="json"))
        words = lambda done, total, text: print(f"{done} of {total}, {text}", end="\r")  # noqa: E731
        estimator = replace(estimator, detector=train_detector(estimator, text, plan, args.seed, words))
    shown = suites(args.count, args.seed + 1)
    scores = {name: estimator.score(images.numpy(), np.ones(len(images)))[:, 0] for name, images in shown}
    threshold = np.quantile(scores.pop(TRAINING), 1 - FALSE_ALARMS)
    with args.out.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["suite", "shown", "stamps", "area", "scatter", "flagged"])
        writer.writerow([TEST, "yes", len(scores[TEST]), "", "", f"{(scores[TEST] > threshold).mean():.3f}"])
        for row in areas(scores, [TEST]):
            name = row["suite"]
            known = "no" if name in NEVER or name in args.without else "yes"
            numbers = row["area"], row["scatter"], (scores[name] > threshold).mean()
            writer.writerow([name, known, row["stamps"], *(f"{number:.3f}" for number in numbers)])
    print(f"\n{args.out}")


if __name__ == "__main__":
    main()
