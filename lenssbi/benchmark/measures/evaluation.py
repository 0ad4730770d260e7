"""Time of one evaluation of the likelihood on one thread, its parts, and the lower limit of the arithmetic; PyAutoLens for comparison.

One stamp, eleven lens models about its truth, and for each mesh three cases: a linear source, one that is nowhere negative, and one with
the light of a lens, a list of non-negative Gaussians that is added to the stamp for this. Times are processor times of the thread (a busy
machine affects them little), medians over repeats. The parts of the linear case are timed separately; `the rest` is the remainder of the
whole: substitution, the terms, Python.

    floor = (n^3 / 6 + products in the half of F) / rate,

with n source pixels and the rate of multiply-adds that this machine's BLAS reaches in an n x n product. The products are those of the
source pixels that contribute to each image pixel, from rows without zeros.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from lenssbi.arrays import ComplexArray, FloatArray, pixel_grid
from lenssbi.benchmark.methods import Evaluation
from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument.psf import FWHM_PER_SIGMA
from lenssbi.pipelines.results import Progress
from lenssbi.reconstruction import kernel
from lenssbi.reconstruction.cholesky import factor
from lenssbi.reconstruction.columns import prepare
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.inversion import Inversion
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.likelihood import LensLikelihood, build_imaging, build_likelihood
from lenssbi.refinement.observation import Observation, observe
from lenssbi.refinement.prepare import with_shear
from lenssbi.systems import deflectors

OURS = "lenssbi"
CASES = (("linear", False), ("positive", False), ("positive", True))
WHOLE = "one evaluation"
MODELS, SPREAD = 11, 0.02  # number of models, and largest change of einstein_radius [arcsec]
LIGHT_SIGMAS, LIGHT_RATIOS = (0.05, 3.0), (0.6, 0.9)
LIGHT_SNR = 100.0  # signal to noise of the brightest pixel of the lens light
MASS = ("einstein_radius", "e1", "e2", "centre_x", "centre_y")
Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class EvaluationStamp:
    """The stamp of all evaluations, as in a fit of this configuration.

    Parameters
    ----------
    source
        Source of the stamp, with known true parameters.
    config
        Configuration of the fit: mask, sub-grid, number of source pixels.
    plan
        Configuration of the timing.
    """

    source: StampSource
    config: RefineConfig
    plan: Evaluation

    @cached_property
    def seen(self) -> Observation:
        """The prepared stamp."""
        return observe(self.source.load(), with_shear(self.config, self.truth))

    @cached_property
    def truth(self) -> dict[str, float]:
        """Its true parameters."""
        return self.source.truth or {}

    @cached_property
    def models(self) -> list[dict[str, float]]:
        """Lens models about the truth."""
        steps = np.linspace(-SPREAD, SPREAD, MODELS)
        mass = {name: self.truth[name] for name in MASS}
        return [{**mass, "einstein_radius": mass["einstein_radius"] + step} for step in steps]

    @cached_property
    def gaussians(self) -> list[tuple[float, float]]:
        """The lens light: (sigma [arcsec], axis ratio) of each Gaussian."""
        count = self.plan.columns
        sigmas = np.geomspace(*LIGHT_SIGMAS, -(-count // len(LIGHT_RATIOS)))
        return [(float(sigma), q) for sigma in sigmas for q in LIGHT_RATIOS][:count]

    @cached_property
    def columns(self) -> FloatArray:
        """Their images behind PSF and pixel, both approximated by Gaussians, shape (m, ny, nx)."""
        stamp: Stamp = self.seen.stamp
        theta = pixel_grid(stamp.shape, stamp.pixel_scale)
        blur = (stamp.psf.fwhm / FWHM_PER_SIGMA) ** 2 + stamp.pixel_scale**2 / 12
        images = [
            np.exp(-0.5 * (theta.real**2 / (sigma**2 + blur) + theta.imag**2 / ((q * sigma) ** 2 + blur)))
            for sigma, q in self.gaussians
        ]
        return np.array(images)

    @cached_property
    def light(self) -> FloatArray:
        """The lens light that is added [unit], shape (ny, nx)."""
        image = np.tensordot(1 / np.array([sigma for sigma, _ in self.gaussians]), self.columns, 1)
        return LIGHT_SNR * np.median(self.seen.stamp.noise) * image / image.max()

    def imaging(self, lit: bool) -> Imaging:
        """Image, noise, mask and PSF, with the lens light or without; the mesh follows the image without it."""
        stamp = self.seen.stamp
        shown = replace(stamp, image=stamp.image + self.light) if lit else stamp
        return build_imaging(shown, self.seen.mask, self.config.mesh, stamp.image if lit else None)

    def likelihood(self, mesh: str, solver: str, lit: bool) -> LensLikelihood:
        """The likelihood of a case."""
        case = {"cells": mesh, "solver": solver}
        settings = type(self.config.mesh).model_validate({**self.config.mesh.model_dump(), **case})
        names = (*MASS, "log10_strength")
        return build_likelihood(self.imaging(lit), settings, names, self.columns if lit else None)


def evaluations(scene: EvaluationStamp, progress: Progress) -> Iterator[Row]:
    """Rows of our evaluations: each case, and the parts of the linear one of each mesh."""
    number = 0
    for mesh in scene.plan.meshes:
        for solver, lit in CASES:
            progress(number, len(scene.plan.meshes) * len(CASES), f"timing {mesh}, {solver}")
            number += 1
            with threadpool_limits(limits=1):
                yield from _case(scene, mesh, solver, lit)


def _case(scene: EvaluationStamp, mesh: str, solver: str, lit: bool) -> Iterator[Row]:
    likelihood = scene.likelihood(mesh, solver, lit)
    strength = float(np.log10(scene.plan.strength))
    vectors = [np.array([model[name] for name in MASS] + [strength]) for model in scene.models]
    merit = [likelihood.one(vector) for vector in vectors]
    laid = likelihood.inversion.mesh.source_mesh(_traced(likelihood, scene.models[0]), likelihood.inversion.imaging)
    row = row_of(OURS, mesh, solver, scene.plan.columns if lit else 0)
    row |= {"image_pixels": likelihood.inversion.imaging.n_pixels, "log_evidence": merit[MODELS // 2]}
    row |= {"source_pixels": None if laid is None else laid.vertices.size}
    timed = _median(lambda k: likelihood.one(vectors[k % MODELS]), scene.plan.repeats)
    yield {**row, **timed}
    if solver == "linear" and not lit and laid is not None:
        for part, ms in _parts(scene, likelihood, timed["ms"]).items():
            yield {**row, "part": part, "ms": ms, "log_evidence": None}


def _parts(scene: EvaluationStamp, likelihood: LensLikelihood, whole: float) -> dict[str, float]:
    """Part -> ms of a linear evaluation."""
    inversion, repeats = likelihood.inversion, scene.plan.repeats
    imaging, mesh = inversion.imaging, inversion.mesh
    betas = [_traced(likelihood, model) for model in scene.models]
    laid = mesh.source_mesh(betas[MODELS // 2], imaging)
    assert laid is not None  # the caller has looked
    n, none = laid.vertices.size, prepare(None, imaging).rows
    matrix, kept = np.empty((n, n)), np.empty((n, n))
    sub = imaging.subgrid**2
    penalty = inversion.regularisation.penalty(laid)
    fixed = mesh.fixed_topology and inversion.regularisation.topology_only

    def equations(k: int) -> object:
        return kernel.normal_equations(imaging.tiles, laid.indices, laid.weights, sub, none, matrix)

    def copied(k: int) -> None:
        matrix[:] = kept

    def factored(k: int) -> None:
        copied(k)
        factor(matrix)

    found = {"trace": _median(lambda k: _traced(likelihood, scene.models[k % MODELS]), repeats)["ms"]}
    found["mesh"] = _median(lambda k: mesh.source_mesh(betas[k % MODELS], imaging), repeats)["ms"]
    found["penalty"] = 0.0 if fixed else _median(lambda k: inversion.regularisation.penalty(laid), repeats)["ms"]
    found["blurred rows, F and D"] = _median(equations, repeats)["ms"]
    kernel.add_penalty(matrix, penalty.rows, penalty.columns, scene.plan.strength * penalty.values)
    kept[:] = matrix
    found["Cholesky"] = _median(factored, repeats)["ms"] - _median(copied, repeats)["ms"]
    found["the rest"] = whole - sum(found.values())
    return found | {"floor": _floor(inversion, betas[MODELS // 2])}


def _floor(inversion: Inversion, beta: ComplexArray) -> float:
    """Cholesky and the half of F at this machine's rate of dense products [ms]."""
    laid = inversion.mesh.source_mesh(beta, inversion.imaging)
    assert laid is not None  # the caller has looked
    n, tiles = laid.vertices.size, inversion.imaging.tiles
    a = np.random.default_rng(0).normal(size=(n, n))
    rate = n**3 / _median(lambda k: a @ a, 9)["ms"]  # multiply-adds per ms
    sub = inversion.imaging.subgrid**2
    of_pixel = laid.indices.reshape(-1, sub, laid.indices.shape[1])
    products = 0
    for t in range(tiles.start.size - 1):
        span = slice(tiles.start[t], tiles.start[t + 1])
        lighting, used = of_pixel[tiles.pixel[span]], tiles.kernel[tiles.slot[span]][:, :sub] != 0
        for pixel in np.flatnonzero(tiles.weight[t] > 0):
            touched = np.unique(lighting[used[:, :, pixel]]).size
            products += touched * (touched + 1) // 2
    return float((n**3 / 6 + products) / rate)


def row_of(code: str, mesh: str, solver: str, columns: int) -> Row:
    """An empty row of `evaluation.csv`."""
    row: Row = {"code": code, "mesh": mesh, "solver": solver, "columns": columns, "part": WHOLE}
    row |= dict.fromkeys(("ms", "low", "high", "wall", "source_pixels", "image_pixels", "log_evidence"))
    return row | {"status": "done"}


def _traced(likelihood: LensLikelihood, model: dict[str, float]) -> ComplexArray:
    return deflectors(model).source_angle(likelihood.inversion.imaging.theta)


def _median(work: Callable[[int], object], repeats: int) -> dict[str, float]:
    """Median, 16th and 84th percentile of the thread's time and the median of the wall time [ms], without the first call."""
    work(0)
    took, wall = [], []
    for k in range(repeats):
        clock, start = time.perf_counter(), time.thread_time()
        work(k)
        took.append(1e3 * (time.thread_time() - start))
        wall.append(1e3 * (time.perf_counter() - clock))
    low, median, high = np.percentile(took, [16, 50, 84])
    return {"ms": float(median), "low": float(low), "high": float(high), "wall": float(np.median(wall))}
