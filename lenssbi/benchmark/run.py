"""Steps of a benchmark: simulate the suites, run the methods, evaluate and time them, write the results.

The folder holds

    sets/<suite>-<hash>.h5                    the stamps
    results/<suite>--<method>.json            the results of a network
    results/<suite>--<method>/<lens>.json     those of a fit
    work/                                     the state of unfinished fits
    speed/<name>.json                         times
    accuracy.csv coverage.csv log_score.csv misspecification.csv radii.csv roc.csv speed.csv fits.csv flags.csv lenses.csv evaluation.csv
    memory.csv
    table.md errors.png coverage-<suite>.png fits.png config.yaml
    index.html comparison.md tables/ figures/ the paper's comparison, if the configuration has one

Existing stamps and results are not made again, so a killed run continues. The tables are always written; one without rows
has no file.
"""

from __future__ import annotations

import time
from pathlib import Path

from lenssbi.batch import engine
from lenssbi.benchmark.comparison.compare import compare
from lenssbi.benchmark.config import BenchmarkConfig
from lenssbi.benchmark.outcome import BenchmarkResult
from lenssbi.benchmark.output.table import lines
from lenssbi.benchmark.run_fits import evaluate, fit_suites
from lenssbi.benchmark.scores.radii import areas
from lenssbi.benchmark.session import Benchmark
from lenssbi.benchmark.target_lines import target_lines
from lenssbi.pipelines.results import Progress, silent


def run(
    config: BenchmarkConfig,
    out: str | Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    base: str | Path = ".",
    command: str = "",
    progress: Progress = silent,
) -> BenchmarkResult:
    """Compare methods on suites; the same call again continues a killed one.

    Parameters
    ----------
    config
        Methods and suites.
    out
        Folder of the results.
    workers, scheduler
        Processes of this machine that simulate and fit, or the address of a Dask scheduler whose workers see the same files.
    base
        Folder to which the configurations in `config` are relative: that of its own file.
    command
        Command line, for the table.
    progress
        Function that is called with (done, total, text).

    Raises
    ------
    InputError, ConfigError
        If an estimator or a suite's configuration cannot be read, before any work is done; if `out` cannot be written;
        if no scheduler answers at the address.
    """
    from lenssbi.benchmark.output.report import write_page, write_report

    start = time.perf_counter()
    if scheduler is not None:
        list(engine.run(abs, [0], scheduler=scheduler))  # a wrong address raises before any work is done
    bench = Benchmark(config, Path(out).absolute(), Path(base), workers, progress, scheduler)
    sets = {suite: path for suite in config.suites if (path := bench.judge(suite)) is not None}
    for method, scores in bench.scores.items():
        bench.tables["roc"] += [{"method": method, **row} for row in areas(scores, config.references)]
    fit_suites(bench, sets)
    if config.speed is not None:
        bench.time_methods(config.speed)
    if config.evaluation is not None:
        evaluate(bench, config.evaluation)
    found, wanted = lines(config, bench.tables), target_lines(config, bench.tables)
    write_report(bench, found, wanted, command)
    plan, outcomes = config.comparison, {(o.suite, o.method): o.status for o in bench.outcomes}
    comparison = None if plan is None else compare(plan, bench.lenses, bench.estimates, outcomes)
    page = None if comparison is None else write_page(bench, comparison, command)
    return BenchmarkResult(
        Path(out),
        tuple(bench.columns),
        tuple(bench.outcomes),
        tuple(found),
        time.perf_counter() - start,
        tuple(wanted),
        comparison,
        page,
    )
