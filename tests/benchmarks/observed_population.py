"""The observed population beside real Euclid Q1 stamps: a gallery, a table of quantiles, and whether a stranger tells them apart.

    python tests/benchmarks/observed_population.py --real FOLDER --out docs

FOLDER holds real cut-outs (`*.fits`) and `population/light_and_arcs.csv`, the published quantiles. The stranger is a logistic regression
on numbers that anybody would look at (radial profile, scatter in rings, correlation of the sky, peaks). It learns from all real stamps but
one, in eight orientations, and from simulated ones, and says how real the one is that was left out: the share of fresh simulated stamps
that it takes for less real is 1/2 on average if it cannot tell, and near 1 if it can.
"""

# ruff: noqa: E402  (the number of threads is set before NumPy is imported)
from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")

import argparse
import csv
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lenssbi.config import load_config
from lenssbi.dataset.fits import read_stamp
from lenssbi.dataset.noise import sky_noise
from lenssbi.dataset.stamp import Stamp
from lenssbi.estimators.channels import sky
from lenssbi.instrument import PSF
from lenssbi.pipelines.simulate import stream
from lenssbi.plots.gallery import gallery_figure
from lenssbi.plots.style import save
from lenssbi.rendering.composition.sets import ObservedSimulation
from lenssbi.rendering.simulation import SimulateConfig
from lenssbi.rendering.stamps import Stamps
from lenssbi.status import ItemError

CONFIGS = Path(__file__).parents[2] / "configs" / "populations"
FIELD = (80, 80)
PUBLISHED = {  # our column -> theirs
    "lens magnitude": "lens VIS magnitude (MGE)",
    "arc magnitude": "lensed source (arc) VIS magnitude",
    "arc minus lens magnitude": "arc minus lens magnitude",
    "unlensed source magnitude": "unlensed source VIS magnitude",
    "magnification": "total magnification",
    "largest S/N of a pixel of the arcs": "maximum S/N of lensed source (per pixel)",
}
QUARTILES = (25, 50, 75)


def simulated(name: str, count: int, seed: int) -> Stamps:
    """Stamps of a population."""
    config = load_config(CONFIGS / f"{name}.yaml", SimulateConfig)
    assert config.composition is not None
    made = ObservedSimulation(config.population, config.instrument, config.selection, config.composition)
    blocks = [range(first, min(first + 50, count)) for first in range(0, count, 50)]
    parts = [made.stamps([stream(seed, i) for i in block]) for block in blocks]
    return Stamps(
        *(np.concatenate([getattr(part, key) for part in parts]) for key in ("images", "noise", "arcs")),
        parts[0].cameras,
        *(
            {k: np.concatenate([getattr(p, g)[k] for p in parts]) for k in getattr(parts[0], g)}
            for g in ("params", "info")
        ),
        np.concatenate([part.psf for part in parts if part.psf is not None]),
    )


def scaled(images: np.ndarray) -> np.ndarray:
    """Images over the scatter of their own sky, its level taken off."""
    level, sigma = sky(torch.from_numpy(np.asarray(images, dtype=np.float32)))
    return (images - level.numpy()) / sigma.numpy()


def features(image: np.ndarray) -> np.ndarray:
    """What anybody would look at in a stamp (y, x) in units of its sky."""
    ny, nx = image.shape
    y, x = np.indices(image.shape)
    radius = np.hypot(y - (ny - 1) / 2, x - (nx - 1) / 2)
    shown = np.arcsinh(np.nan_to_num(image))
    rings = [(radius >= low) & (radius < low + 4) for low in range(0, 40, 4)]
    means, spreads = ([f(shown[ring]) for ring in rings] for f in (np.mean, np.std))
    quiet = np.where(np.abs(image) < 3, image, np.nan)
    pairs = [
        np.nanmean(quiet[1:] * quiet[:-1]),
        np.nanmean(quiet[:, 1:] * quiet[:, :-1]),
        np.nanmean(quiet[2:] * quiet[:-2]),
    ]
    inner = shown[1:-1, 1:-1]
    higher = np.all(
        [inner > shown[1 + i : ny - 1 + i, 1 + j : nx - 1 + j] for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j],
        axis=0,
    )
    peaks = [(higher & (inner > limit)).sum() for limit in (1.5, 2.3, 3.5)]
    return np.array([*means, *spreads, *(np.array(pairs) / np.nanvar(quiet)), *np.log1p(peaks)])


def stranger(real: np.ndarray, made: np.ndarray, fresh: np.ndarray) -> list[float]:
    """For each real stamp the share of fresh simulated ones that a classifier which has not seen it takes for less real."""
    turned = lambda image: [np.rot90(flipped, k) for flipped in (image, image[:, ::-1]) for k in range(4)]  # noqa: E731
    of_made, of_fresh = (np.array([features(image) for image in images]) for images in (made, fresh))
    found = []
    for left_out in range(len(real)):
        seen = np.array([features(t) for i, image in enumerate(real) if i != left_out for t in turned(image)])
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000))
        model.fit(np.concatenate([of_made, seen]), np.r_[np.zeros(len(of_made)), np.ones(len(seen))])
        own = model.decision_function([features(real[left_out])])[0]
        found.append(float((model.decision_function(of_fresh) < own).mean()))
    return found


def quantities(stamps: Stamps) -> dict[str, np.ndarray]:
    """What was published of real lenses, of simulated ones."""
    info = stamps.info
    lens, arc = info["lens_magnitude"], info["arc_magnitude"]
    return {
        "einstein_radius [arcsec]": stamps.params["einstein_radius"],
        "shear": np.hypot(stamps.params["shear1"], stamps.params["shear2"]),
        "lens magnitude": lens[np.isfinite(lens)],
        "arc magnitude": arc,
        "arc minus lens magnitude": (arc - lens)[np.isfinite(lens)],
        "unlensed source magnitude": arc + 2.5 * np.log10(info["magnification"]),
        "magnification": info["magnification"],
        "largest S/N of a pixel of the arcs": (stamps.arcs / stamps.noise).max(axis=(1, 2)),
        "neighbours in the stamp": info["neighbours"],
    }


def of_sky(stamps: list[Stamp]) -> dict[str, np.ndarray]:
    """What the sky of stamps shows."""
    found = []
    for stamp in stamps:
        try:
            found.append(sky_noise(stamp))
        except ItemError:
            continue
    numbers = {
        "sky scatter [unit]": "sigma",
        "noise map over scatter": "ratio",
        "correlation of neighbouring pixels": "correlation",
    }
    return {title: np.array([getattr(n, key) for n in found]) for title, key in numbers.items()}


def as_stamps(stamps: Stamps) -> list[Stamp]:
    """The same one by one."""
    assert stamps.psf is not None
    mask = np.ones(FIELD, bool)
    parts = zip(stamps.images, stamps.noise, stamps.psf, strict=True)
    return [Stamp(i, n, mask, PSF(p, 0.1), 0.1, str(k)) for k, (i, n, p) in enumerate(parts)]


def published(path: Path) -> dict[str, tuple[str, ...]]:
    """Quantity -> the published quartiles."""
    with path.open() as file:
        rows = {row["quantity"]: row for row in csv.DictReader(file)}
    return {ours: tuple(rows[theirs][f"q{q}"] for q in QUARTILES) for ours, theirs in PUBLISHED.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--count", type=int, default=300)
    options = parser.parse_args()
    real = [read_stamp(path) for path in sorted(options.real.glob("*.fits"))]
    cut = [stamp.cut(FIELD) for stamp in real]
    seen = np.array([np.where(s.mask, s.image, np.nan) for s in cut])
    test, training = (
        simulated("euclid_observed_test", options.count, 61),
        simulated("euclid_observed", options.count, 62),
    )
    captions = [f"real {stamp.name[:9]}" for stamp in cut] + [
        f"{r:.2f} arcsec" for r in test.params["einstein_radius"][:25]
    ]
    images = np.nan_to_num(np.concatenate([scaled(seen), scaled(test.images[:25])]))
    figure = gallery_figure(images, captions, 0.1, "Real Euclid Q1 lenses, and stamps of euclid_observed_test")
    save(figure, options.out / "figures" / "observed.png")
    theirs = published(options.real / "population" / "light_and_arcs.csv")
    theirs |= {
        title: tuple(f"{v:.3g}" for v in np.percentile(values, QUARTILES)) for title, values in of_sky(real).items()
    }
    columns = {
        "euclid_observed_test": quantities(test) | of_sky(as_stamps(test)),
        "euclid_observed": quantities(training),
    }
    rows = []
    for title in dict.fromkeys([*columns["euclid_observed_test"], *theirs]):
        row = {
            "quantity": title,
            **{f"real_{q}": v for q, v in zip(QUARTILES, theirs.get(title, ("",) * 3), strict=True)},
        }
        for who, values in columns.items():
            quartiles = np.percentile(values[title], QUARTILES) if title in values else [None] * 3
            row |= {f"{who}_{q}": "" if v is None else f"{v:.3g}" for q, v in zip(QUARTILES, quartiles, strict=True)}
        rows.append(row)
    folder = options.out / "benchmarks" / "observed"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "population.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    half = options.count // 2
    shares = stranger(scaled(seen), scaled(test.images[:half]), scaled(test.images[half:]))
    with (folder / "stranger.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["stamp", "taken_for_more_real_than"])
        writer.writerows([(s.name, f"{share:.3f}") for s, share in zip(cut, shares, strict=True)])
        writer.writerow(["mean", f"{np.mean(shares):.3f}"])
    for row in rows:
        print(row)
    print(shares, np.mean(shares))


if __name__ == "__main__":
    main()
