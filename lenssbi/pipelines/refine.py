"""`lenssbi refine`: a fit of each stamp with a pixelised source.

For each stamp, a posterior (``NAME.h5``) and a figure (``NAME.png``) are written to the folder. The sampler's state is kept in its
sub-folder ``work`` while a fit runs; the same command again continues fits that were stopped and repeats none that is done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi.config import parse
from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.observed import describe
from lenssbi.dataset.reading import AS_FILES_SAY, ReadOptions
from lenssbi.files import atomic, writing
from lenssbi.flags import about
from lenssbi.pipelines.kept_fits import FINISHED, Files, answered, item_of, kept_fit
from lenssbi.pipelines.repeat import card_of, lasting_name, provenance, said_in
from lenssbi.pipelines.results import ItemResult, NetworkAnswer, Progress, RunResult, sentence, silent
from lenssbi.refinement.attempts import remove_checkpoints
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.drawn_light import fit_quantities
from lenssbi.refinement.fit import restore, solve
from lenssbi.refinement.prepare import network_summary, set_up, with_prior, with_shear
from lenssbi.refinement.problem import Problem, request_key
from lenssbi.refinement.result import FitResult
from lenssbi.refinement.sampling.draws import Watch
from lenssbi.status import ItemError

if TYPE_CHECKING:
    from lenssbi.estimators.estimator import Estimator

CARD = "refine.json"  # the choices of a run and its results


def run(
    inputs: Sequence[str],
    *,
    config: RefineConfig,
    out: Path,
    estimator: str | Path | None = None,
    figures: bool = True,
    read: ReadOptions = AS_FILES_SAY,
    progress: Progress = silent,
) -> RunResult:
    """Fit stamps.

    Parameters
    ----------
    inputs
        Files, folders, tables and sets.
    config
        Configuration of the fit.
    out
        Folder for posteriors and figures.
    estimator
        Name of shipped weights or folder of a training run, for the learned priors; the shipped ones by default.
    figures
        Whether to draw figures.
    read
        Options of reading the stamps.
    progress
        Function that is called with (stamps done, stamps in all, text).

    Raises
    ------
    InputError
        If there is nothing to read, the estimator cannot be used, the folder cannot be written, or a single stamp cannot be used.
    """
    start = time.perf_counter()
    out = Path(out)
    sources = read.sources(inputs)
    network = find_network(config, estimator)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    settings = {"refine": config.model_dump(mode="json"), "estimator": None if network is None else network.name}
    meta = {"command": "refine", "figures": figures, "config": settings}
    meta |= provenance(inputs, read, None if network is None else lasting_name(estimator))
    _write_card(out, meta)  # also for a run that is stopped
    items: list[ItemResult] = []
    for index, source in enumerate(sources):

        def watch(evaluations: int, live: float, index: int = index, name: str = source.name) -> None:
            left = f"{live:.0%} left" if live else "adding draws"
            progress(index, len(sources), f"{name}: {evaluations:,} evaluations, {left}")

        progress(index, len(sources), source.name)
        try:
            items.append(refine_source(source, config, out, estimator=network, figure=figures, watch=watch))
        except ItemError as error:
            if len(sources) == 1:
                raise
            items.append(ItemResult(source.argument, sentence(error)))
    progress(len(sources), len(sources), "done")
    result = RunResult(tuple(items), time.perf_counter() - start, settings, str(out))
    _write_card(out, result.as_json() | meta)
    return result


def repeat(
    folder: Path, *, out: Path | None = None, figures: bool | None = None, progress: Progress = silent
) -> RunResult:
    """Repeat the fits of a folder with the options in its refine.json.

    Parameters
    ----------
    folder
        Folder that `run` has written to.
    out
        Folder of the new fits; None continues in `folder`, and finished fits are read from it.
    figures
        Whether to draw figures; None for the setting of the first run.
    progress
        As for `run`.

    Raises
    ------
    InputError
        If it is not such a folder, or is of a version that did not store the options of reading; and as for `run`.
    """
    path = Path(folder) / CARD
    card = card_of(path, "refine")
    earlier = said_in(card, path, "config", "figures")
    config = parse(card["config"]["refine"], RefineConfig, str(path))
    drawn = card["figures"] if figures is None else figures
    where = folder if out is None else out
    options: dict[str, Any] = {"figures": drawn, "read": earlier.read, "progress": progress}
    return run(earlier.inputs, config=config, out=where, estimator=earlier.network, **options)


def _write_card(out: Path, card: Mapping[str, Any]) -> None:
    with atomic(out / CARD) as temporary:
        temporary.write_text(json.dumps(card, indent=1))


def find_network(config: RefineConfig, estimator: str | Path | None) -> Estimator | None:
    """The network that a fit uses; None if it uses none, or if none is named and none is shipped."""
    if config.prior.mode in ("blind", "broad"):
        return None
    from lenssbi.estimators.load import DEFAULT, load_estimator, shipped_estimators

    if estimator is None and config.prior.mode == "auto" and DEFAULT not in shipped_estimators():
        return None
    return load_estimator(DEFAULT if estimator is None else estimator)


def refine_source(
    source: StampSource,
    config: RefineConfig,
    out: Path,
    *,
    estimator: Estimator | None = None,
    figure: bool = True,
    show: Callable[[FitResult], None] | None = None,
    watch: Watch = lambda evaluations, live: None,
) -> ItemResult:
    """Fit one stamp and write its files; an existing fit is read and not repeated.

    ``show`` is called with the fit and its best model, also for an existing fit.

    Raises
    ------
    ItemError
        If the stamp cannot be used.
    """
    start = time.perf_counter()
    stamp, files = source.load(), Files.of(source.name, out)
    config = with_shear(with_prior(config, source.mass_prior, source.name), source.truth)
    request = request_key(stamp, config, None if estimator is None else estimator.identity)
    drawn = not figure or files.figure.exists()
    done = answered(files, request) if drawn and show is None else None
    seen = describe(stamp)  # some of it, such as redshifts, may have changed
    if done is not None and done[0][0].info.get("observation", seen) == seen:
        item = item_of(source, *done[0], files, time.perf_counter() - start)
        return replace(item, network=done[1], derived=fit_quantities(done[0][0], stamp))
    problem, flags = set_up(stamp, config, estimator)
    answer = network_answer(problem, flags)
    kept, fit = kept_fit(problem, files), None
    if kept is None:
        fit = solve(problem, files.work, watch)
        more = {"request": request, "network_answer": None if answer is None else answer.as_info()}
        kept = replace(fit.samples, info={**fit.samples.info, **more}), fit.samples_with_prior
        kept[0].save(files.posterior, with_prior=kept[1], learned=fit.learned, network=fit.network)
        files.figure.unlink(missing_ok=True)  # figure of an older fit
    if kept[0].info["status"] in FINISHED:
        remove_checkpoints(problem, files.work)
    drawn = not figure or files.figure.exists()
    if fit is None and not (drawn and show is None):
        fit = restore(problem, *kept)  # solves for the source again, so only for missing files
    if fit is not None and not drawn:
        from lenssbi.plots.lens import lens_figure
        from lenssbi.plots.style import save

        save(lens_figure(fit, source.truth), files.figure)
    if fit is not None and show is not None:
        show(fit)
    item = item_of(source, *kept, files, time.perf_counter() - start)
    return replace(item, network=answer, derived=fit_quantities(kept[0], stamp))


def network_answer(problem: Problem, flags: Sequence[str]) -> NetworkAnswer | None:
    """The network's posterior of a fitted stamp, whether or not the fit used it; None if there is none.

    Parameters
    ----------
    problem
        Problem to fit.
    flags
        Flags of stamp and network from the preparation of the fit.
    """
    params = network_summary(problem)
    return None if params is None else NetworkAnswer(params, tuple(flag for flag in flags if flag in about("network")))
