"""How good an estimator is on a set that it has not seen: errors and coverage, overall and in splits, as a table.

    python tests/benchmarks/judge_estimator.py euclid-vis-sie test.h5 --out docs/benchmarks/euclid-vis-sie.csv

Errors are half the 68 per cent interval of predicted minus true (Pearson et al. 2021), orientations wrapped; coverage is that of the
central credible intervals, and of the paper's |truth - mean| < k sigma.
"""

import argparse
import csv
import platform
import time
from pathlib import Path

import numpy as np

from lenssbi.calibration.coverage import LEVELS, credible_coverage, sigma_coverage, stack
from lenssbi.dataset import StampSet
from lenssbi.estimators.load import load_estimator
from lenssbi.parameters import axis_ratio, position_angle, wrap_angle

BLOCK = 256


def half_width(error):
    low, high = np.percentile(error, [15.87, 84.13])
    return (high - low) / 2


def errors(mean, truth):
    e, true_e = (v[:, 1] + 1j * v[:, 2] for v in (mean, truth))
    phi = np.rad2deg(wrap_angle(position_angle(e) - position_angle(true_e)))
    radius = half_width(mean[:, 0] - truth[:, 0])
    return {"einstein_radius": radius, "phi_deg": half_width(phi), "q": half_width(axis_ratio(e) - axis_ratio(true_e))}


def splits(stamps):
    radius, info = stamps.params["einstein_radius"], stamps.info
    papers = (radius > 1.3) & (radius < 2.6)
    yield "all", np.ones(len(radius), bool)
    yield "einstein_radius 1.3-2.6 (the paper's test range)", papers
    yield "einstein_radius 1.3-2.6, S/N > 100", papers & (info["snr"] > 100)
    for low, high in [(20, 40), (40, 80), (80, 160), (160, np.inf)]:
        yield f"S/N {low}-{high:g}", (info["snr"] >= low) & (info["snr"] < high)
    for low, high in [(0.2, 0.8), (0.8, 1.6), (1.6, 3.2)]:
        yield f"einstein_radius {low}-{high}", (radius >= low) & (radius < high)
    yield "doubles", info["multiplicity"] == 2
    yield "quads", info["multiplicity"] >= 4


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("estimator")
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    estimator = load_estimator(options.estimator)
    with StampSet(options.data) as stamps:
        start, mixtures = time.perf_counter(), []
        for first in range(0, len(stamps), BLOCK):
            rows = slice(first, min(first + BLOCK, len(stamps)))
            mixtures += estimator.predict(stamps.images(rows), stamps.noise(rows))
        seconds = time.perf_counter() - start
        truth = estimator.space.stack(stamps.params)
        chosen = list(splits(stamps))
    posteriors = stack(mixtures)
    mean = posteriors.means.mean(axis=1)
    rows = []
    for name, which in chosen:
        part = type(posteriors)(posteriors.means[which], posteriors.sigmas[which], posteriors.names)
        row = {"split": name, "stamps": int(which.sum())}
        row |= {f"error_{k}": f"{v:.4f}" for k, v in errors(mean[which], truth[which]).items()}
        for kind, table in (("credible", credible_coverage), ("sigma", sigma_coverage)):
            found = table(part, truth[which])
            row |= {f"{kind}_{p}_{level}": f"{found[p][level]:.4f}" for p in found for level in LEVELS}
        rows.append(row)
    with options.out.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(mixtures)} stamps in {seconds:.1f} s on {platform.processor() or platform.machine()}: {options.out}")
    for row in rows:
        print("  ".join(f"{value}" for value in list(row.values())[:14]))


if __name__ == "__main__":
    main()
