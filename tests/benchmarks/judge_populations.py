"""What the selection takes from each population, and what the stamps are like that pass: a table, a figure, a gallery per population.

    python tests/benchmarks/judge_populations.py --out docs

Draws systems, asks every criterion of all of them (`simulate` stops at the first that fails), and describes those that pass all.
"""

# ruff: noqa: E402  (the number of threads is set before NumPy is imported)
from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from lenssbi.config import load_config
from lenssbi.instrument.signal import signal_to_noise
from lenssbi.pipelines.simulate import stream
from lenssbi.plots.gallery import gallery_figure
from lenssbi.plots.style import RESULT, house_style, save
from lenssbi.populations import PopulationDraws
from lenssbi.rendering.simulation import SimulateConfig, Simulation

CONFIGS = Path(__file__).parents[2] / "configs" / "populations"
SUITES = ("sie_parametric", "sie_real", "sie_real_los", "pl_real", "pl_real_los", "hydro_real", "hydro_real_los")
POPULATIONS = ("training_sie", "training_power_law", "training_euclid", *SUITES)
CRITERIA = ("multiply_imaged", "resolved", "magnified", "sheared", "bright")
GALLERY = 24


def describe(simulation: Simulation, draws: PopulationDraws) -> dict[str, np.ndarray]:
    """Each criterion of all draws, and magnification, S/N and multiplicity."""
    selection, camera, renderer = simulation.config.selection, simulation.config.instrument, simulation.batched
    light = renderer.lensed(draws.system, len(draws))
    magnification = light.flux / draws.flux
    scale = float(camera.electrons(0.0))
    arcs = lit = renderer.draw(light) * scale
    if draws.system.lens_light:
        lit = arcs + renderer.draw(renderer.lens_light(draws.system, len(draws))) * scale
    snr = signal_to_noise(arcs, camera.noise_map(lit))
    multiplicity = selection.images(draws).multiplicity
    return {
        "multiply_imaged": multiplicity >= selection.min_images,
        "resolved": selection.resolves(draws, camera),
        "magnified": magnification > selection.min_magnification,
        "sheared": magnification * draws.info["source_effective_radius"] > camera.psf_fwhm,
        "bright": snr > selection.min_snr,
        "magnification": magnification,
        "snr": snr,
        "multiplicity": multiplicity,
    }


def judged(simulation: Simulation, count: int) -> dict[str, np.ndarray]:
    """Criteria of `count` draws, a few at a time where they share something."""
    population = simulation.config.population
    together = 4 if population.line_of_sight is not None or population.source.kind == "mixed" else 50
    parts = [describe(simulation, population.draw(stream(1, k), together)) for k in range(count // together)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def shares(found: dict[str, np.ndarray]) -> dict[str, float]:
    """Per cent that pass each criterion alone, and all of them; per cent of doubles among the latter, and quantiles of what they are."""
    passed = np.all([found[name] for name in CRITERIA], axis=0)
    row = {name: 100 * found[name].mean() for name in CRITERIA} | {"all": 100 * passed.mean()}
    multiplicity = found["multiplicity"][passed]
    row["doubles"] = 100 * np.mean(multiplicity == 2)
    row["doubles_error"] = np.sqrt(row["doubles"] * (100 - row["doubles"]) / len(multiplicity))
    for name in ("snr", "magnification"):
        row |= {f"{name}_{q}": np.percentile(found[name][passed], q) for q in (16, 50, 84)}
    return row


def figure_of(found: dict[str, dict[str, np.ndarray]]) -> Figure:
    """Distributions of S/N, magnification and multiplicity of the stamps that pass, a line of panels per population."""
    with house_style():
        figure = Figure(figsize=(9.5, 1.05 * len(found) + 0.6), layout="constrained")
        panels = figure.subplots(len(found), 4, sharex="col", width_ratios=(1.5, 1, 1, 0.8))
        for line, (name, values) in zip(panels, found.items(), strict=True):
            passed = np.all([values[c] for c in CRITERIA], axis=0)
            bars = [100 * values[c].mean() for c in CRITERIA] + [100 * passed.mean()]
            line[0].barh(range(6), bars, color=[RESULT] * 5 + ["#22223b"], height=0.7)
            line[0].set_yticks(range(6), [*(c.replace("_", " ") for c in CRITERIA), "all"], fontsize=6)
            line[0].invert_yaxis()
            line[0].set_xlim(0, 100)
            line[0].set_title(name, fontsize=8, loc="left", pad=2)
            line[1].hist(np.log10(values["snr"][passed]), np.linspace(1.25, 3.0, 36), color=RESULT)
            line[2].hist(np.log10(values["magnification"][passed]), np.linspace(0.4, 1.9, 31), color=RESULT)
            multiplicity = values["multiplicity"][passed]
            line[3].bar(range(2, 6), [100 * np.mean(multiplicity == k) for k in range(2, 6)], color=RESULT)
            for axes in line[1:3]:
                axes.set_yticks([])
        for axes, label in zip(
            panels[-1], ("per cent that pass", "log10 S/N", "log10 magnification", "images"), strict=True
        ):
            axes.set_xlabel(label)
        panels[-1][3].set_xticks(range(2, 6))
    return figure


def lighter(path: Path) -> None:
    """The same picture in 96 colours, a third of the bytes."""
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(96)
    small.save(path, optimize=True)


def main() -> None:
    """Judge the populations, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs"))
    parser.add_argument("--count", type=int, default=1000, help="systems drawn of each population")
    parser.add_argument("populations", nargs="*", default=POPULATIONS)
    arguments = parser.parse_args()
    rows, found = [], {}
    for name in arguments.populations:
        start = time.perf_counter()
        config = load_config(CONFIGS / f"{name}.yaml", SimulateConfig, ["rendering.engine=batched"])
        simulation = Simulation(config)
        found[name] = judged(simulation, arguments.count)
        rows.append({"population": name, "drawn": arguments.count} | shares(found[name]))
        stamps = simulation.stamps([stream(2, i) for i in range(GALLERY)])
        info = stamps.info
        captions = [
            f"{r:.2f}″ · S/N {s:.0f} · {m} images"
            for r, s, m in zip(stamps.params["einstein_radius"], info["snr"], info["multiplicity"], strict=True)
        ]
        figure = gallery_figure(stamps.images, captions, config.instrument.pixel_scale, name)
        lighter(save(figure, arguments.out / "figures" / f"gallery_{name}.png"))
        print(f"{name}: {rows[-1]['all']:.0f} per cent pass, {time.perf_counter() - start:.0f} s", flush=True)
    with (arguments.out / "benchmarks" / "selection.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows({k: f"{v:.2f}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    save(figure_of(found), arguments.out / "figures" / "selection.png")


if __name__ == "__main__":
    main()
