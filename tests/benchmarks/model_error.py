"""Scales of the departures of lenses from the smooth model that fits them best, from the fits of `configs/runs/model_error.yaml`.

The likelihood of a scale s is that of `refinement/model_error.py`: fitted minus true is the sum of a Gaussian of the posterior's own sigma
and s times Student's t, integrated over the t; the best s is printed with its 68 per cent interval (half a unit below the maximum).

    python tests/benchmarks/model_error.py FOLDER
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from scipy import optimize, stats

DEGREES = 4.0
NAMES = {"einstein_radius": ("einstein_radius",), "ellipticity": ("e1", "e2"), "slope": ("slope",)}
EVEN = (np.arange(1001) + 0.5) / 1001
T, Z = stats.t(DEGREES).ppf(EVEN), stats.norm.ppf(EVEN)  # equally likely departures and errors of scale 1


def departures(rows, names):
    """Fitted minus true and sigma, of einstein_radius as shares of it."""
    those = [row for row in rows if row["parameter"] in names]
    away, sigma, true = (np.array([float(row[key]) for row in those]) for key in ("mean", "sigma", "true"))
    unit = true if names == ("einstein_radius",) else np.ones_like(true)
    return (away - true) / unit, sigma / unit


def log_likelihood(scale, away, sigma):
    # the mean of the wider density over draws of the narrower one
    over_t = stats.norm.pdf(away[:, None], scale * T, sigma[:, None]).mean(axis=1)
    over_z = stats.t(DEGREES).pdf((away[:, None] - sigma[:, None] * Z) / scale).mean(axis=1) / scale
    return np.log(np.maximum(np.where(sigma < scale, over_z, over_t), 1e-300)).sum()


def best_scale(away, sigma):
    """The likeliest scale, and the ends of its 68 per cent interval."""
    grid = np.geomspace(1e-4, 1, 120)
    values = np.array([log_likelihood(scale, away, sigma) for scale in grid])
    inside = grid[values > values.max() - 0.5]
    low, high = grid[max(values.argmax() - 1, 0)], grid[min(values.argmax() + 1, len(grid) - 1)]
    best = optimize.minimize_scalar(lambda s: -log_likelihood(s, away, sigma), bounds=(low, high), method="bounded").x
    return best, inside.min(), inside.max()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="of the run")
    with (parser.parse_args().folder / "lenses.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["parameter"]]
    suites = dict.fromkeys(row["suite"] for row in rows)
    for group in [*([suite] for suite in suites), [suite for suite in suites if suite.startswith("hydro")]]:
        those = [row for row in rows if row["suite"] in group]
        print(
            f"{' + '.join(group)}: {len({(r['suite'], r['lens']) for r in those})} lenses, Student's t of {DEGREES:g} degrees"
        )
        for name, parameters in NAMES.items():
            away, sigma = departures(those, parameters)
            if len(away):
                best, low, high = best_scale(away, sigma)
                print(f"  {name}: {best:.3g}  # {low:.2g}-{high:.2g}, median departure {np.median(away):+.2g}")


if __name__ == "__main__":
    main()
