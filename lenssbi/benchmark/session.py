"""One run of a benchmark: its inputs, the simulated stamps and results so far, and its tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lenssbi import __version__
from lenssbi.arrays import FloatArray
from lenssbi.benchmark.config import BenchmarkConfig, Speed
from lenssbi.benchmark.measures.speed import machine, prediction_speed, training_speed
from lenssbi.benchmark.methods import WITH_PRIOR, NetworkMethod, not_its_suite
from lenssbi.benchmark.outcome import Outcome
from lenssbi.benchmark.runners.answers import (
    Answers,
    digest,
    keep,
    predict_set,
    read_answers,
    read_kept,
    reason_against,
    write_answers,
)
from lenssbi.benchmark.runners.point_estimates import Lenses, PointEstimates, Which, lenses_of, of_network
from lenssbi.benchmark.runners.sampled import sampled_methods
from lenssbi.benchmark.scores import network as judge
from lenssbi.benchmark.scores.radii import radii
from lenssbi.calibration.splits import splits
from lenssbi.config import config_hash
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.pipelines import simulate
from lenssbi.pipelines.results import Progress
from lenssbi.status import InputError, Status

TABLES = (
    "accuracy",
    "coverage",
    "log_score",
    "misspecification",
    "radii",
    "roc",
    "speed",
    "fits",
    "flags",
    "lenses",
    "evaluation",
    "memory",
)
Row = dict[str, Any]


class Benchmark:
    """One run: its inputs, outcomes and tables.

    Parameters
    ----------
    config, out, base, workers, progress, scheduler
        Arguments of `run`.

    Raises
    ------
    InputError, ConfigError
        If an estimator or a suite's configuration cannot be read.
    """

    def __init__(
        self,
        config: BenchmarkConfig,
        out: Path,
        base: Path,
        workers: int,
        progress: Progress,
        scheduler: str | None = None,
    ) -> None:
        from lenssbi.estimators.load import load_estimator

        self.config, self.out, self.progress = config, out, progress
        self.workers, self.scheduler = workers, scheduler
        networks = {name: method for name, method in config.methods.items() if isinstance(method, NetworkMethod)}
        self.networks = networks
        self.estimators = {name: load_estimator(method.estimator) for name, method in networks.items()}
        self.model_errors = {name: method.model_error(base) for name, method in networks.items()}
        self.sampled = sampled_methods(config, base)
        self.simulations = {name: suite.simulation(base) for name, suite in config.suites.items()}
        self.trainings = {} if config.speed is None else config.speed.trainings(base)
        self.outcomes: list[Outcome] = []
        self.tables: dict[str, list[Row]] = {name: [] for name in TABLES}
        self.compared = () if config.comparison is None else config.comparison.suites
        self.estimates: dict[Which, PointEstimates] = {}
        self.scores: dict[str, dict[str, FloatArray]] = {}
        self.lenses: dict[str, Lenses] = {}

    def judge(self, suite: str) -> Path | None:
        """Simulate a suite, apply its networks, add the rows of its tables, and return the path of its stamps; None if that fails."""
        try:
            path = self.simulate(suite)
        except InputError as error:
            self.outcomes += [Outcome(suite, method, str(error), failed=True) for method in self.config.methods]
            return None
        with StampSet(path) as stamps:
            if suite in self.compared:
                self.lenses[suite] = lenses_of(stamps)
            for method, estimator in self.estimators.items():
                reason = not_its_suite(self.networks[method], suite) or reason_against(estimator, stamps)
                if reason is not None:
                    self.outcomes.append(Outcome(suite, method, f"does not apply: {reason}"))
                    continue
                try:
                    self.add(suite, method, stamps)
                    self.outcomes.append(Outcome(suite, method, Status.DONE.value))
                except InputError as error:
                    self.outcomes.append(Outcome(suite, method, str(error), failed=True))
        return path

    @property
    def columns(self) -> list[str]:
        """Columns of the table: all methods, followed by their variants with a learned prior."""
        judged = {row["method"] for row in self.tables["fits"]}
        return [
            name
            for method in self.config.methods
            for name in (method, method + WITH_PRIOR)
            if name in judged or name == method
        ]

    def add_outcome(self, suite: str, method: str, status: str, failed: bool = False) -> None:
        """Add an outcome."""
        self.outcomes.append(Outcome(suite, method, status, failed))

    def simulate(self, suite: str) -> Path:
        """Make the stamps of a suite, unless they exist."""
        path, seed = self.set_path(suite), self.config.suites[suite].seed
        progress = self.labelled_progress(suite)
        simulate.run(
            self.simulations[suite],
            path,
            self.count(suite),
            seed=seed,
            workers=self.workers,
            scheduler=self.scheduler,
            progress=progress,
        )
        return path

    def add(self, suite: str, method: str, stamps: StampSet) -> None:
        """Add the rows of a method's results for a suite."""
        found, truths, parts = self.answers(suite, method, stamps), stamps.params, splits(stamps)
        identity, misspecified = {"suite": suite, "method": method}, self.config.suites[suite].misspecified
        rows = {
            "accuracy": judge.accuracy(found, truths, parts, self.config.suites[suite].paper),
            "coverage": judge.coverage(found, parts),
            "log_score": judge.log_score(found, parts),
            "misspecification": judge.misspecification(found),
            "radii": () if misspecified else radii(found, truths, stamps.info.get("snr")),
        }
        for table, those in rows.items():
            self.tables[table] += [{**identity, **row} for row in those]
        self.scores.setdefault(method, {})[suite] = found.scores
        if suite in self.compared:
            self.estimates[suite, method] = of_network(suite, method, found, stamps)

    def answers(self, suite: str, method: str, stamps: StampSet) -> Answers:
        """Results of a method for a suite: stored ones, or new ones."""
        path = self.out / "results" / f"{suite}--{method}.json"
        estimator, error = self.estimators[method], self.model_errors[method]
        more = [error.model_dump_json()] if error.any else []
        identity = digest(self.set_path(suite).name, estimator.card.model_dump_json(), *more)
        found = read_answers(path, identity)
        if found is None:
            found = predict_set(estimator, stamps, self.labelled_progress(f"{method} on {suite}"), error)
            write_answers(path, identity, found)
        return found

    def time_methods(self, plan: Speed) -> None:
        """Time every method that applies to the suite of the plan, and its trainings."""
        path = self.set_path(plan.suite)
        done = {o.method for o in self.outcomes if o.suite == plan.suite and o.status == Status.DONE.value}
        for method in self.estimators:
            if method in done:
                folder, progress = str(self.config.methods[method].estimator), self.labelled_progress(method)
                what = (path.name, self.estimators[method].card.model_dump_json())
                self.add_timings(method, what, lambda: list(prediction_speed(method, folder, path, progress)))  # noqa: B023
        run_in = self.out / "training"
        for name, training in self.trainings.items():
            what, progress = (path.name, config_hash(training.config)), self.labelled_progress(f"timing {name}")
            self.add_timings(f"training-{name}", what, lambda: [training_speed(name, training, path, run_in, progress)])  # noqa: B023

    def add_timings(
        self, name: str, what: Sequence[str], measure: Callable[[], list[Row]], table: str = "speed"
    ) -> None:
        """Add rows of a table: stored ones of the same measurement on the same machine, or new ones."""
        path = self.out / "speed" / f"{name}.json"
        identity = digest(*what, *machine().values())
        kept = read_kept(path, identity)
        try:
            rows = kept["rows"] if kept else measure()
        except InputError as error:
            self.add_outcome("speed", name, str(error), failed=True)
            return
        if not kept:
            keep(path, identity, {"rows": rows})
        self.tables[table] += rows

    def count(self, suite: str) -> int:
        """Number of stamps of a suite."""
        count = self.config.suites[suite].count
        return min(count, self.config.count or count)

    def set_path(self, suite: str) -> Path:
        """File of a suite, with a hash of everything that its stamps depend on."""
        seed, count = str(self.config.suites[suite].seed), str(self.count(suite))
        return (
            self.out / "sets" / f"{suite}-{digest(config_hash(self.simulations[suite]), seed, count, __version__)}.h5"
        )

    def labelled_progress(self, who: str) -> Progress:
        """Progress function with a label before the text."""
        return lambda done, total, text: self.progress(done, total, f"{who}: {text}")
