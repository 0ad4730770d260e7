"""What a network is worth on stamps that another code rendered, with lens galaxy and neighbours in them: lenstronomy (Birrer & Amara 2018).

    python tests/benchmarks/lenstronomy_observed.py [--estimator euclid-vis-sie] [--count 200] [--seed 1] [--out stamps.csv]

SIE lenses with shear, distributed as the published fits of 319 Euclid Q1 lenses (einstein_radius 0.896 arcsec, 0.383 in its logarithm;
q 0.65 +- 0.18; shear 0.115), a Sersic galaxy aligned with the mass within 12 degrees, sources of one to three Sersics with a total
magnification above 1.8, field galaxies beyond the arcs, a PSF of two Gaussians, noise of a bilinear resampling, arcs of S/N 30 to 160.
Nothing of lenssbi is in the stamps but the definition of S/N. Prints bias, NMAD, gross errors, coverage and flags.

Fits of the same stamps: `--stamps FOLDER` writes them as cut-outs (image, noise map overstated as Euclid's, PSF) beside a table of their
true values, published.csv, and ends there;

    lenssbi benchmark configs/runs/euclid_q1.yaml --set stamps=FOLDER --set published=FOLDER/published.csv --out OUT
"""

# ruff: noqa: E402  (the number of threads is set before NumPy is imported)
from __future__ import annotations

import argparse
import csv
import os
from pathlib import Path

for name in ("OMP", "OPENBLAS", "NUMBA"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")

import numpy as np
import torch
from astropy.io import fits
from lenstronomy.Data.pixel_grid import PixelGrid
from lenstronomy.Data.psf import PSF as TheirPSF
from lenstronomy.ImSim.image_model import ImageModel
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.LightModel.light_model import LightModel

from lenssbi.benchmark.real.published import AUTOLENS, COLUMNS
from lenssbi.calibration.coverage import deviates, stack
from lenssbi.calibration.scores import gross, nmad, rms
from lenssbi.estimators.load import find_estimator, load_estimator
from lenssbi.estimators.misspecification import flags_of_answer
from lenssbi.parameters.conversions import to_autolens

SIDE, SCALE, SUPER = 80, 0.1, 3
NAMES = ("einstein_radius", "e1", "e2", "shear1", "shear2")
LEVELS = (0.683, 0.955, 0.997)
ZERO_POINT, SIGMA = 24.6, 0.0024  # AB magnitude of one unit, scatter of the sky [unit]
ELECTRONS, OVERSTATED = 7900, 1.55  # electrons of one unit; noise map over scatter
PSF_SIDE = 21  # [pixels]
SURE = 0.0005  # limits of a true value, for a table that must have some


def drawn(rng: np.random.Generator, mean: float, scatter: float, low: float, high: float) -> float:
    """A normal deviate within limits."""
    while True:
        if low <= (value := float(rng.normal(mean, scatter))) <= high:
            return value


def ellipse(q: float, phi: float) -> dict[str, float]:
    """lenstronomy's ellipticity."""
    g = (1 - q) / (1 + q) * np.exp(2j * phi)
    return {"e1": g.real, "e2": g.imag}


def sersic(
    rng: np.random.Generator, size: float, place: np.ndarray, q: float, phi: float, index: float
) -> dict[str, float]:
    """Keywords of a Sersic profile of amplitude 1."""
    centre = {"center_x": float(place[0]), "center_y": float(place[1])}
    return {"amp": 1.0, "R_sersic": size, "n_sersic": index, **ellipse(q, phi), **centre}


class Scene:
    """Renders light, lensed or not, through a PSF drawn anew for each stamp."""

    def __init__(self, rng: np.random.Generator) -> None:
        corner = -(SIDE - 1) / 2 * SCALE
        self.grid = PixelGrid(
            nx=SIDE, ny=SIDE, transform_pix2angle=np.eye(2) * SCALE, ra_at_xy_0=corner, dec_at_xy_0=corner
        )
        core, wing, share = rng.uniform(0.14, 0.19), rng.uniform(0.35, 0.6), rng.uniform(0.05, 0.25)
        fine = SCALE / SUPER
        axis = (np.arange(91) - 45) * fine
        square = axis[:, None] ** 2 + axis**2
        kernel = sum(w * np.exp(-4 * np.log(2) * square / f**2) / f**2 for w, f in ((1 - share, core), (share, wing)))
        middle = slice(45 - PSF_SIDE * SUPER // 2, 46 + PSF_SIDE * SUPER // 2)
        effective = kernel[middle, middle].reshape(PSF_SIDE, SUPER, PSF_SIDE, SUPER).sum(axis=(1, 3))
        self.effective = effective / effective.sum()
        self.psf = TheirPSF(
            psf_type="PIXEL", kernel_point_source=kernel / kernel.sum(), point_source_supersampling_factor=SUPER
        )
        self.numerics = {"supersampling_factor": SUPER, "supersampling_convolution": True}

    def image(
        self, light: list[dict[str, float]], mass: list[dict[str, float]] | None = None, seen: bool = True
    ) -> np.ndarray:
        """Image of Sersics, behind `mass` if it is given; through the PSF unless not `seen`."""
        profiles = LightModel(["SERSIC_ELLIPSE"] * len(light))
        if mass is None:
            model = ImageModel(self.grid, self.psf, lens_light_model_class=profiles, kwargs_numerics=self.numerics)
            return model.image(kwargs_lens_light=light, unconvolved=not seen)
        lens = LensModel(["EPL", "SHEAR"])
        model = ImageModel(self.grid, self.psf, lens, profiles, kwargs_numerics=self.numerics)
        return model.image(mass, light, unconvolved=not seen)


def magnitude_of(flux: float) -> float:
    """AB magnitude of a flux [unit]."""
    return ZERO_POINT - 2.5 * np.log10(flux)


def lens_galaxy(
    rng: np.random.Generator, scene: Scene, radius: float, q: float, phi: float, centre: np.ndarray
) -> np.ndarray:
    """Image of the lens galaxy [unit]."""
    size = float(np.clip(0.68 * np.exp(rng.normal(0, 0.5)), 0.15, 2.5))
    q_light = float(np.clip(rng.normal(0.4 + 0.6 * q, 0.1), 0.35, 1.0))
    light = sersic(
        rng,
        size,
        centre + rng.normal(0, 0.02, 2),
        q_light,
        phi + np.radians(rng.normal(0, 12)),
        drawn(rng, 3.84, 1.24, 0.8, 6),
    )
    image = scene.image([light])
    magnitude = np.clip(21.39 - 4.5 * np.log10(radius / 0.88) + rng.normal(0, 1.15), 18, 24)
    return image / image.sum() * 10 ** (-0.4 * (magnitude - ZERO_POINT))


def field(rng: np.random.Generator, scene: Scene, radius: float) -> np.ndarray:
    """Image of the galaxies beyond the arcs [unit]: 43 per square arcminute down to magnitude 25."""
    total = np.zeros((SIDE, SIDE))
    half = SIDE * SCALE / 2
    for _ in range(rng.poisson(43 * (2 * half / 60) ** 2 * 1.5)):
        place = rng.uniform(-half, half, 2)
        if np.hypot(*place) < radius + 0.8:
            continue
        light = sersic(
            rng,
            np.exp(rng.normal(np.log(0.28), 0.45)),
            place,
            rng.uniform(0.3, 1),
            rng.uniform(0, np.pi),
            rng.uniform(0.7, 3),
        )
        image = scene.image([light])
        total += image / max(image.sum(), 1e-9) * 10 ** (-0.4 * (rng.uniform(20, 25) - ZERO_POINT))
    return total


def arcs(
    rng: np.random.Generator, scene: Scene, mass: list[dict[str, float]], radius: float, centre: np.ndarray
) -> np.ndarray:
    """Image of a source whose total magnification is at least 1.8, of any flux."""
    while True:
        offset = 0.5 * radius * np.sqrt(rng.uniform()) * np.exp(2j * np.pi * rng.uniform())
        place = centre + np.array([offset.real, offset.imag])
        size = np.exp(rng.uniform(np.log(0.08), np.log(0.4)))
        clumps = [sersic(rng, size, place, rng.uniform(0.4, 1), rng.uniform(0, np.pi), rng.uniform(0.7, 3))]
        for _ in range(rng.integers(0, 3)):
            small = sersic(
                rng, 0.4 * size, place + rng.normal(0, 0.8 * size, 2), rng.uniform(0.5, 1), rng.uniform(0, np.pi), 1.0
            )
            clumps.append({**small, "amp": rng.uniform(0.5, 3)})
        lensed, plain = scene.image(clumps, mass), scene.image(clumps)
        if lensed.sum() > 1.8 * plain.sum():
            return lensed


def draw(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, float]]:
    """A stamp and the scatter of its pixels [unit], its PSF and its true parameters in lenssbi's definitions."""
    radius = float(np.exp(drawn(rng, np.log(0.896), 0.383, np.log(0.45), np.log(2.4))))
    q, phi = drawn(rng, 0.65, 0.18, 0.35, 0.95), rng.uniform(0, np.pi)
    shear = np.clip(0.098 * np.hypot(*rng.normal(size=2)), 0, 0.3) * np.exp(2j * np.pi * rng.uniform())
    centre = rng.normal(0, 0.06, 2)
    at = {"center_x": centre[0], "center_y": centre[1]}
    mass = [{"theta_E": radius, "gamma": 2.0, **ellipse(q, phi), **at}, {"gamma1": shear.real, "gamma2": shear.imag}]
    scene = Scene(rng)
    lensed = arcs(rng, scene, mass, radius, centre)
    ordered = np.sort(lensed[lensed > 0])[::-1]
    snr = (np.cumsum(ordered) / (SIGMA * OVERSTATED * np.sqrt(np.arange(1, len(ordered) + 1)))).max()
    lensed = lensed * np.exp(rng.uniform(np.log(30), np.log(160))) / snr
    expected = lensed + lens_galaxy(rng, scene, radius, q, phi, centre) + field(rng, scene, radius)
    white, f = rng.normal(size=(SIDE + 1, SIDE + 1)), rng.uniform(0.1, 0.35, 2)
    rows = ((1 - f[0]) * white[:-1] + f[0] * white[1:]) / np.hypot(1 - f[0], f[0])
    noise = ((1 - f[1]) * rows[:, :-1] + f[1] * rows[:, 1:]) / np.hypot(1 - f[1], f[1])
    e = (1 - q**2) / (1 + q**2) * np.exp(2j * phi)
    truth = dict(zip(NAMES, (radius, e.real, e.imag, shear.real, shear.imag), strict=True))
    scatter = np.sqrt(SIGMA**2 + np.clip(expected, 0, None) / ELECTRONS)
    return expected + noise * scatter, scatter, scene.effective, truth


def write_stamps(folder: Path, made: list[tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, float]]]) -> None:
    """Write the stamps as FITS files in Euclid's layout and their true values as `lenssbi benchmark` reads published ones."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (image, scatter, psf, truth) in enumerate(made):
        name = f"lenstronomy_{number:04d}"
        step = SCALE / 3600
        keywords = {"MAGZERO": ZERO_POINT, "FILTER": "VIS", "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}
        keywords |= {"CRPIX1": 40.5, "CRPIX2": 40.5, "CRVAL1": 60.0 + 0.01 * number, "CRVAL2": -50.0}
        keywords |= {"CD1_1": -step, "CD2_2": step}
        header = fits.Header(keywords)
        planes = {"VIS_FLUX": image, "VIS_PSF": psf, "VIS_RMS": OVERSTATED * scatter}
        images = [
            fits.ImageHDU(plane.astype(np.float32), header if key == "VIS_FLUX" else None, key)
            for key, plane in planes.items()
        ]
        fits.HDUList([fits.PrimaryHDU(), *images]).writeto(folder / f"{name}.fits", overwrite=True)
        theirs = to_autolens({key: truth[key] for key in NAMES})
        row: dict[str, object] = {"id": name, "kind": "sie_shear", "galaxies": "1"}
        for column, key in AUTOLENS.items():
            value = float(theirs[key])
            row |= {
                column: f"{value:.5f}",
                f"{column}_lo1": f"{value - SURE:.5f}",
                f"{column}_hi1": f"{value + SURE:.5f}",
            }
        rows.append(row)
    with (folder / "published.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Render and judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--estimator", default="euclid-vis-sie")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="a table of the stamps")
    parser.add_argument("--stamps", type=Path, help="folder to write the stamps to, instead of judging the network")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    made = [draw(np.random.default_rng((arguments.seed, i))) for i in range(arguments.count)]
    if arguments.stamps:
        write_stamps(arguments.stamps, made)
        return
    estimator = load_estimator(find_estimator(arguments.estimator))
    images = np.stack([image for image, *_ in made]).astype(np.float32)
    mixtures, scores = estimator.predict_and_score(images, np.full(len(images), SIGMA, np.float32))
    raised = [flags_of_answer(estimator.card, one, score, None) for one, score in zip(mixtures, scores, strict=True)]
    flagged = np.array([bool(one) for one in raised])
    truths = np.array([[truth[name] for name in NAMES] for *_, truth in made])
    places = [estimator.space.names.index(name) for name in NAMES]
    mean = np.array([mixture.mean for mixture in mixtures])[:, places]
    within = np.abs(deviates(stack(mixtures), np.array([pad(estimator.space.names, truth) for *_, truth in made])))[
        :, places
    ]
    error = mean - truths
    radius = error[:, 0]
    wrong = gross(radius, truths[:, 0])
    print(
        f"{len(made)} stamps: einstein_radius bias {radius.mean():+.3f}, rms {rms(radius):.3f}, "
        f"NMAD {nmad(radius):.3f} arcsec; off by more than 15 per cent "
        f"{100 * wrong.mean():.1f} per cent, {100 * (wrong & ~flagged).mean():.1f} without a flag; flagged {100 * flagged.mean():.1f}"
    )
    print("rms", *(f"{name} {rms(error[:, i]):.3f}" for i, name in enumerate(NAMES)))
    for level, sigma in zip(LEVELS, (1.0, 2.0, 3.0), strict=True):
        print(f"{level:.3f}", *(f"{name} {100 * (within[:, i] < sigma).mean():.1f}" for i, name in enumerate(NAMES)))
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([*NAMES, *(f"network_{name}" for name in NAMES), "pull", "score", "flagged"])
            writer.writerows(
                [*t.round(4), *m.round(4), round(float(p), 3), round(float(s), 3), int(f)]
                for t, m, p, s, f in zip(truths, mean, within[:, 0], scores[:, 0], flagged, strict=True)
            )


def pad(names: tuple[str, ...], truth: dict[str, float]) -> list[float]:
    """True values in the estimator's order, 0 for those that this script does not judge."""
    return [truth.get(name, 0.0) for name in names]


if __name__ == "__main__":
    main()
