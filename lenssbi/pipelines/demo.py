"""`lenssbi demo`: all steps on one simulated Euclid stamp with lens galaxy and neighbours, with a known truth.

simulate -> predict (the network) -> refine (a fit with a pixelised source) -> compare
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lenssbi.config import load_config
from lenssbi.pipelines import predict, refine, simulate
from lenssbi.pipelines.results import ItemResult, Progress, RunResult, silent
from lenssbi.posteriors import Summary, derive_ellipse
from lenssbi.refinement.config import RefineConfig, SamplerConfig
from lenssbi.rendering.simulation import SimulateConfig
from lenssbi.shipped_configs import shipped

FIT = RefineConfig(sampler=SamplerConfig(max_minutes=3.0))
POPULATION = Path("configs/populations/euclid_observed.yaml")  # population of the default network's training
SEEN_WELL = (
    "population.mass.einstein_radius=[1.0, 1.6]",
    "population.source_offset=[0.0, 0.5]",
    "composition.snr=[80, 200]",
    "instrument.shape=[100, 100]",  # enough for every shipped network
)
STEPS = ("simulating a lens", "predicting", "fitting", "done")


@dataclass(frozen=True)
class DemoResult:
    """Results of the demo.

    Parameters
    ----------
    prediction
        Result of the network.
    refined
        Result of the fit; its `params` are those without the network's prior.
    seconds
        Wall-clock time of everything [s].
    config
        Configuration of the fit, and the estimator.
    """

    prediction: ItemResult
    refined: ItemResult
    seconds: float
    config: Mapping[str, Any]

    @property
    def run(self) -> RunResult:
        """The fit as the result of a run."""
        return RunResult((self.refined,), self.seconds, self.config, self.refined.posterior)

    @property
    def truth(self) -> dict[str, float]:
        """True parameters, the derived q and phi [deg] among them."""
        truth = dict(self.refined.truth or {})
        ellipse = derive_ellipse(truth["e1"], truth["e2"])  # type: ignore[arg-type]
        return truth | {name: float(value) for name, value in ellipse.items()}

    @property
    def columns(self) -> dict[str, Mapping[str, Summary]]:
        """Mapping of heading to summaries, for comparison with the truth."""
        with_prior = self.refined.params_with_prior or {}
        return {
            "network": self.prediction.params,
            "refined": self.refined.params,
            "refined, network's prior in": with_prior,
        }

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints: that of `refine`, and the network's posterior."""
        return self.run.as_json() | {"prediction": self.prediction.as_json()}


def run(
    out: Path,
    *,
    estimator: str | Path | None = None,
    seed: int = 0,
    fit: RefineConfig = FIT,
    progress: Progress = silent,
) -> DemoResult:
    """Simulate a lens, predict and fit its posterior.

    Parameters
    ----------
    out
        Folder for the set, the posterior and the figure.
    estimator
        Name of shipped weights or folder of a training run; the shipped ones by default.
    seed
        Seed of the lens; another seed is another lens.
    fit
        Configuration of the fit.
    progress
        Function that is called with (steps done, steps in all, text).

    Raises
    ------
    InputError
        If the estimator cannot be used, the folder cannot be written, or a package of the extra `simulate` is missing.
    """
    start = time.perf_counter()
    total = len(STEPS) - 1
    progress(0, total, STEPS[0])
    lens = out / f"lens-{seed}.h5"
    simulate.run(load_config(shipped(POPULATION), SimulateConfig, SEEN_WELL), lens, 1, seed=seed)
    progress(1, total, STEPS[1])
    prediction = predict.run([str(lens)], estimator=estimator, out=out / "prediction.ecsv")

    def watch(done: int, count: int, text: str) -> None:
        progress(2, total, f"{STEPS[2]} {text}")

    refined = refine.run([str(lens)], config=fit, out=out / "refined", estimator=estimator, progress=watch)
    progress(total, total, STEPS[3])
    return DemoResult(prediction.items[0], refined.items[0], time.perf_counter() - start, refined.config)
