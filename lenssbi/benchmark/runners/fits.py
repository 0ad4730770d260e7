"""Our fits of the lenses of a suite, as `lenssbi refine` does them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi import __version__
from lenssbi.benchmark.methods import WITH_PRIOR, FitMethod
from lenssbi.benchmark.runners.answers import digest
from lenssbi.benchmark.runners.records import RESULT, LensJob, PosteriorSummary, Record
from lenssbi.benchmark.runners.wrong_start import wrong_start
from lenssbi.config import config_hash
from lenssbi.dataset.inputs import StampSource
from lenssbi.pipelines.results import sentence
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.fit import solve
from lenssbi.refinement.prepare import set_up, with_shear
from lenssbi.refinement.result import FitResult
from lenssbi.status import ItemError

if TYPE_CHECKING:
    from lenssbi.dataset.hdf5 import StampSet
    from lenssbi.estimators.estimator import Estimator


@dataclass(frozen=True)
class Fits:
    """A method that fits each lens.

    Parameters
    ----------
    method
        Configuration of the method.
    config
        Configuration of the fit.
    """

    method: FitMethod
    config: RefineConfig

    def posteriors(self) -> tuple[str, ...]:
        """Names of the posteriors that are evaluated if a prior is learned."""
        return {"both": (RESULT, WITH_PRIOR), "divided": (RESULT,), "with-prior": (WITH_PRIOR,)}[self.method.divided]

    def reason_against(self, stamps: StampSet) -> str | None:
        """Why the fit does not apply to the lenses of a set; None if it does. A suite that the method names is always fitted."""
        if self.method.suites is not None:
            return None
        varies = np.ptp(stamps.params.get("slope", np.full(1, 2.0))) > 0
        power_law = self.config.mass.model == "power_law"
        if varies and not power_law:
            return "its slopes vary, and the fit is isothermal"
        if power_law and not varies:
            return "its lenses have one slope, and the fit has it free"
        return None

    def jobs(self, sources: list[StampSource], out: Path, name: str) -> list[LensJob]:
        """A job for each source, whose records are kept in the folder `name` of the results."""
        estimator = None if self.method.estimator is None else card_of(self.method.estimator)
        jobs: list[LensJob] = []
        for source in sources:
            index = source.index or 0
            config = with_shear(self.config, source.truth or {})
            wrong = self.method.wrong_start
            parts = (config_hash(config), estimator or "", __version__, *([] if wrong is None else [str(wrong)]))
            identity = digest(Path(source.path).name, str(index), *parts)
            places = out / "results" / name / f"{index:05d}.json", out / "work" / name / f"{index:05d}"
            jobs.append(FitJob(source, index, config, self.method.estimator, *places, identity=identity, wrong=wrong))
        return jobs


@dataclass(frozen=True)
class FitJob:
    """The fit of one lens: stamp, configuration, the estimator's name, the paths of record and state, and the error of its start."""

    source: StampSource
    index: int
    config: RefineConfig
    estimator: str | None
    path: Path
    work: Path
    identity: str
    wrong: float | None = None

    def solve(self) -> Record:
        """Fit the lens; the sampler's state is saved regularly, so that a killed fit can continue."""
        network = None if self.estimator is None else estimator_of(self.estimator)
        start, cpu = time.perf_counter(), time.process_time()
        try:
            problem, _ = set_up(self.source.load(), self.config, network)
            fit = solve(problem, self.work, start=None if self.wrong is None else wrong_start(problem, self.wrong))
        except ItemError as error:
            return Record(self.index, sentence(error), seconds=time.perf_counter() - start)
        # a fit that was continued has taken longer than this call
        seconds = max(time.perf_counter() - start, fit.seconds)
        return self.record(fit, seconds, time.process_time() - cpu)

    def record(self, fit: FitResult, seconds: float, cpu: float) -> Record:
        """The record of a fit."""
        truth = self.source.truth or {}
        posteriors = {RESULT: PosteriorSummary.of(fit.samples, truth)}
        if fit.samples_with_prior is not None:
            posteriors[WITH_PRIOR] = PosteriorSummary.of(fit.samples_with_prior, truth)
        info: dict[str, Any] = {"mode": fit.mode, "magnification": fit.best.magnification}
        info |= {"best": fit.best.log_likelihood, "sampling_seconds": fit.seconds}
        info |= {key: fit.info[key] for key in ("chi2_per_pixel", "noise_scale", "sampler") if key in fit.info}
        return Record(
            self.index,
            fit.status.value,
            posteriors,
            fit.flags,
            fit.evaluations,
            seconds,
            cpu,
            fit.samples.log_evidence,
            info,
        )


@lru_cache(maxsize=4)
def estimator_of(name: str) -> Estimator:
    """An estimator, loaded once in a process."""
    from lenssbi.estimators.load import load_estimator

    return load_estimator(name)


def card_of(name: str) -> str:
    """The card of an estimator as text.

    Raises
    ------
    InputError
        If there is no such estimator.
    """
    from lenssbi.estimators.checkpoint import read_card
    from lenssbi.estimators.load import find_estimator

    return str(read_card(find_estimator(name)).model_dump_json())
