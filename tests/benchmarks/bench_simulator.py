"""Milliseconds per SIE + Sersic stamp, and its error, of lenssbi and of the codes beside it: one thread, one run.

    python tests/benchmarks/bench_simulator.py --autolens-python /path/to/python --out docs/benchmarks/simulator.csv

Stamps of 100 x 100 pixels of 0.1 arcsec, Gaussian PSF of 0.17 arcsec, 12 random lenses for each Sersic index. lenssbi is timed from the
lens system to the noisy stamp, PyAutoLens likewise, lenstronomy and caustics to the noiseless one. What is not installed is left out.

Errors are the largest pixel's, over the peak, against rays on a 16 x 16 grid per pixel with the cusp divided three times more:

- `exact`: the light convolved with the PSF and integrated over the pixels, in closed form;
- `own`: what the code means to compute. lenstronomy (native PSF) and PyAutoLens convolve pixel means with the PSF's values at the pixels'
  centres, caustics at its finer pixels' centres; this differs from the exact integral by 1.5-2 per cent of the peak.

Times on a shared machine drift by a factor of two: compare within one run.
"""

# ruff: noqa: E402  (the number of threads is set before NumPy is imported)
from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")  # before NumPy loads its BLAS

import argparse
import csv
import datetime
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from scipy import signal, special

from lenssbi.arrays import pixel_grid
from lenssbi.batching import item
from lenssbi.instrument import EUCLID_VIS
from lenssbi.instrument.psf import FWHM_PER_SIGMA
from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.light import Sersic
from lenssbi.rendering.batched import BatchedRenderer
from lenssbi.systems import LensSystem

INDICES, COUNT, BATCH, FINE = (1.0, 2.0, 4.0), 12, 64, 16
SCALE, SIDE, SIGMA = EUCLID_VIS.pixel_scale, EUCLID_VIS.shape[0], EUCLID_VIS.psf_fwhm / FWHM_PER_SIGMA
Table = dict[str, np.ndarray]


def lenses(index: float, n: int, seed: int) -> Table:
    """Random lenses: Einstein radii 0.8-2.2 arcsec, sources of 0.1-0.5 arcsec within 0.6 of them."""
    rng = np.random.default_rng(seed)
    b, x, y = rng.uniform(0.8, 2.2, n), rng.normal(0, 0.1, n), rng.normal(0, 0.1, n)
    place = x + 1j * y + 0.6 * b * np.sqrt(rng.uniform(size=n)) * np.exp(2j * np.pi * rng.uniform(size=n))
    size, source_q = np.exp(rng.uniform(np.log(0.1), np.log(0.5), n)), rng.uniform(0.4, 1, n)
    b_n = special.gammaincinv(2 * index, 0.5)
    total = 2 * np.pi * index * size**2 * np.exp(b_n) * b_n ** (-2 * index) * special.gamma(2 * index)
    angles = {"phi": rng.uniform(0, np.pi, n), "source_phi": rng.uniform(0, np.pi, n)}
    lens = {"einstein_radius": b, "q": rng.uniform(0.5, 0.95, n), "x": x, "y": y}
    source = {"n": np.full(n, index), "effective_radius": size, "source_q": source_q, "intensity": 1 / total}
    return {**lens, **angles, **source, "source_x": place.real, "source_y": place.imag}


def system_of(t: Table) -> LensSystem:
    """The same in lenssbi, as a batch of sources of unit flux."""
    c = {name: values[:, None, None] for name, values in t.items()}
    e = (1 - c["q"] ** 2) / (1 + c["q"] ** 2) * np.exp(2j * c["phi"])
    mass = EllipticalPowerLaw(c["einstein_radius"], e.real, e.imag, 2.0, c["x"] + 1j * c["y"])
    place = c["source_x"] + 1j * c["source_y"]
    source = Sersic(np.ones_like(c["q"]), c["effective_radius"], c["n"], c["source_q"], c["source_phi"], place)
    return LensSystem((mass,), (source,))


def fine_light(system: LensSystem) -> np.ndarray:
    """Mean brightness of sub-pixels, FINE along a pixel's side, with half a cusp's width to spare around the stamp."""
    source = system.source[0]

    def mean(theta: np.ndarray, width: float, level: int) -> np.ndarray:
        beta = system.source_angle(theta)
        light = source.surface_brightness(beta)
        near = np.abs(beta - source.centre) < 4 * width
        if level and near.any():
            parts = theta[near][:, None, None] + pixel_grid((1, 1), width, 8)
            light[near] = mean(parts, width / 8, level - 1).mean(axis=(1, 2))
        return light

    return mean(pixel_grid((SIDE + 10, SIDE + 10), SCALE, FINE), SCALE / FINE, 3)


def exact(light: np.ndarray) -> np.ndarray:
    """Convolved and integrated over pixels, flux per pixel."""
    centres = pixel_grid((1, SIDE), SCALE).real[0]
    points = pixel_grid((1, SIDE + 10), SCALE, FINE).real[0]
    low, high = (special.ndtr((centres[:, None] + side * SCALE / 2 - points) / SIGMA) for side in (-1, 1))
    return (high - low) @ light @ (high - low).T * (SCALE / FINE) ** 2


def sampled(light: np.ndarray, finer: int) -> np.ndarray:
    """Means of pixels divided by `finer`, convolved with the PSF's values at their centres; flux per pixel."""
    side, block = (SIDE + 10) * finer, FINE // finer
    means = light.reshape(side, block, side, block).mean(axis=(1, 3)) * (SCALE / finer) ** 2
    blurred = signal.fftconvolve(means, kernel(finer), mode="same")
    return blurred.reshape(SIDE + 10, finer, SIDE + 10, finer).sum(axis=(1, 3))[5:-5, 5:-5]


def kernel(finer: int) -> np.ndarray:
    """The PSF at the centres of pixels divided by `finer`, 1.1 arcsec wide."""
    n = 11 * finer // 2
    line = np.exp(-0.5 * (np.arange(-n, n + 1) * SCALE / finer / SIGMA) ** 2)
    return np.outer(line, line) / line.sum() ** 2


def median_ms(work: Callable[[int], object], n: int) -> float:
    """Median over n calls, after one to warm up [ms]."""
    work(0)
    times = []
    for i in range(n):
        start = time.perf_counter()
        work(i)
        times.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times))


def with_galsim(t: Table) -> tuple[np.ndarray, float]:
    from lenssbi.rendering.renderer import Renderer

    renderer, systems = Renderer(EUCLID_VIS), [item(system_of(t), i) for i in range(COUNT)]
    rng, nothing, flux = np.random.default_rng(1), np.zeros((SIDE, SIDE)), float(EUCLID_VIS.electrons(23.0))
    scale = flux / float(EUCLID_VIS.electrons(0.0))
    milliseconds = median_ms(lambda i: renderer.observe(renderer.source(systems[i]) * scale, nothing, rng), COUNT)
    return np.stack([renderer.source(s) for s in systems]) / float(EUCLID_VIS.electrons(0.0)), milliseconds


def batched(t: Table) -> tuple[np.ndarray, float]:
    renderer, rng = BatchedRenderer(EUCLID_VIS), np.random.default_rng(1)
    background, flux = EUCLID_VIS.background_variance, float(EUCLID_VIS.electrons(23.0))
    many = system_of({name: np.tile(values, -(-BATCH // COUNT))[:BATCH] for name, values in t.items()})

    def stamps(_: int) -> object:
        arcs = renderer.draw(renderer.lensed(many, BATCH)) * flux
        return [rng.poisson(arc + background) - background + rng.normal(0, 5.0, arc.shape) for arc in arcs]

    return renderer.draw(renderer.lensed(system_of(t), COUNT)), median_ms(stamps, 4) / BATCH


def lenstronomy(t: Table) -> tuple[np.ndarray, float]:
    from lenstronomy.Data.imaging_data import ImageData
    from lenstronomy.Data.psf import PSF
    from lenstronomy.ImSim.image_model import ImageModel
    from lenstronomy.LensModel.lens_model import LensModel
    from lenstronomy.LightModel.light_model import LightModel
    from lenstronomy.LightModel.Profiles.sersic import SersicUtil

    corner, scale = -(SIDE - 1) / 2 * SCALE, np.eye(2) * SCALE
    data = ImageData(np.zeros((SIDE, SIDE)), ra_at_xy_0=corner, dec_at_xy_0=corner, transform_pix2angle=scale)
    psf = PSF(psf_type="PIXEL", kernel_point_source=kernel(1), pixel_size=SCALE)
    numerics = {"supersampling_factor": 3, "supersampling_convolution": False}
    model = ImageModel(data, psf, LensModel(["SIE"]), LightModel(["SERSIC_ELLIPSE"]), kwargs_numerics=numerics)

    def stamp(i: int) -> np.ndarray:
        r = {name: float(values[i]) for name, values in t.items()}
        g, s = (
            (1 - q) / (1 + q) * np.exp(2j * phi) for q, phi in ((r["q"], r["phi"]), (r["source_q"], r["source_phi"]))
        )
        mass = {"theta_E": r["einstein_radius"], "e1": g.real, "e2": g.imag, "center_x": r["x"], "center_y": r["y"]}
        # its b_n is an approximation: the same profile has another radius there
        theirs, ours = SersicUtil().b_n(r["n"]), special.gammaincinv(2 * r["n"], 0.5)
        light = {
            "R_sersic": r["effective_radius"] * (theirs / ours) ** r["n"],
            "n_sersic": r["n"],
            "e1": s.real,
            "e2": s.imag,
        }
        light |= {"amp": r["intensity"] * np.exp(ours - theirs), "center_x": r["source_x"], "center_y": r["source_y"]}
        return model.image([mass], [light])

    milliseconds = median_ms(stamp, COUNT)
    return np.stack([stamp(i) for i in range(COUNT)]), milliseconds


def caustics(t: Table) -> tuple[np.ndarray, float]:
    import caustics as theirs

    finer = 2
    lens = theirs.SIE(cosmology=theirs.FlatLambdaCDM(name="cosmo"), name="lens", z_l=0.5, z_s=1.0)
    shape = {"pixelscale": SCALE, "pixels_x": SIDE, "upsample_factor": finer}
    psf = torch.from_numpy(kernel(finer)).float()
    model = theirs.LensSource(lens, theirs.Sersic(name="source"), psf=psf, name="stamp", **shape)
    model.to(dtype=torch.float32)
    names = ["x", "y", "q", "phi", "einstein_radius", "source_x", "source_y", "source_q", "source_phi", "n"]
    # its effective radius is the major axis'
    values = [*(t[name] for name in names), t["effective_radius"] / np.sqrt(t["source_q"]), t["intensity"]]
    numbers = torch.from_numpy(np.stack(values, axis=1)).float()
    with torch.no_grad():
        milliseconds = median_ms(lambda i: model(numbers[i]), COUNT)
        images = np.stack([model(row).numpy() for row in numbers])
    return images * SCALE**2, milliseconds


def autolens(t: Table, python: str) -> tuple[np.ndarray, float, str]:
    """Raises subprocess.CalledProcessError where its interpreter fails."""
    with TemporaryDirectory() as folder:
        lenses_file, images_file = (str(Path(folder) / name) for name in ("lenses.npz", "images.npz"))
        np.savez(lenses_file, psf=kernel(1), shape=(SIDE, SIDE), pixel_scale=SCALE, **t)
        script = Path(__file__).with_name("peers_autolens.py")
        subprocess.run([python, script, lenses_file, images_file, "4"], check=True, capture_output=True)
        found = np.load(images_file)
        return found["images"] * SCALE**2, float(np.median(found["milliseconds"])), str(found["version"])


def rows(autolens_python: str | None) -> Iterator[dict[str, object]]:
    """One row per code and Sersic index."""
    here = {"lenssbi, GalSim, 3x3": (with_galsim, "galsim", 0), "lenssbi, batched by 64, 3x3": (batched, "torch", 0)}
    here |= {"lenstronomy, 3x3": (lenstronomy, "lenstronomy", 1), "caustics, 2x2": (caustics, "caustics", 2)}
    for index in INDICES:
        t = lenses(index, COUNT, seed=int(index))
        light = [fine_light(item(system_of(t), i)) for i in range(COUNT)]
        truths = {
            finer: np.stack([sampled(one, finer) if finer else exact(one) for one in light]) for finer in (0, 1, 2)
        }
        answers = []
        for code, (render, package, finer) in here.items():
            try:
                answers.append((code, *render(t), version(package), finer))
            except (ImportError, PackageNotFoundError) as error:
                print(f"{code} left out: {error}", file=sys.stderr)
        if autolens_python is None:
            print("PyAutoLens left out: give --autolens-python", file=sys.stderr)
        else:
            answers.append(("PyAutoLens, 4x4", *autolens(t, autolens_python), 1))
        for code, images, milliseconds, release, finer in answers:
            errors = {name: _worst(images, truths[f]) for name, f in (("exact", 0), ("own", finer))}
            row = {"code": code, "version": release, "sersic_index": index, "ms": round(milliseconds, 2)}
            for name, (middle, largest) in errors.items():
                row |= {f"error_{name}_median": f"{middle:.1e}", f"error_{name}_largest": f"{largest:.1e}"}
            yield row


def _worst(images: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    error = np.abs(images - truth).max(axis=(1, 2)) / truth.max(axis=(1, 2))
    return float(np.median(error)), float(error.max())


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the simulators side by side.")
    parser.add_argument("--autolens-python", help="interpreter that has PyAutoLens")
    parser.add_argument("--out", type=Path, help="CSV file for the table")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(
        f"{datetime.date.today()}, {platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, "
        f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}, numpy {version('numpy')}, torch {version('torch')}"
    )
    table = []
    for row in rows(arguments.autolens_python):
        table.append(row)
        print("  ".join(f"{value!s:>10}" if key != "code" else f"{value:28}" for key, value in row.items()), flush=True)
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(table[0]))
            writer.writeheader()
            writer.writerows(table)


if __name__ == "__main__":
    main()
