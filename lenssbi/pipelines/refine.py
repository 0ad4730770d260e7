"""`lenssbi refine`: stamps in, a pixelised-source fit of each out.

Each stamp leaves a posterior (``NAME.h5``) and a figure (``NAME.png``) in the folder. The sampler's state is kept in its
sub-folder ``work`` while a fit runs; the same command again continues fits that were stopped and repeats none that is done.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi.config import parse
from lenssbi.dataset.inputs import StampSource, expand_inputs
from lenssbi.dataset.stamp import Stamp
from lenssbi.files import atomic, writing
from lenssbi.flags import Flag
from lenssbi.pipelines.kept_fits import FINISHED, Files, item_of, kept_fit
from lenssbi.pipelines.network_answer import network_answer
from lenssbi.pipelines.prepare import input_of, without_lens_light
from lenssbi.pipelines.repeat import card_of, lasting_name, provenance, said_in
from lenssbi.pipelines.results import ItemResult, Progress, RunResult, sentence, silent
from lenssbi.posteriors import GaussianMixture
from lenssbi.refinement.attempts import forget
from lenssbi.refinement.circle import Circle
from lenssbi.refinement.config import LEARNED_MODES, RefineConfig
from lenssbi.refinement.drawn_light import fit_quantities
from lenssbi.refinement.fit import restore, solve
from lenssbi.refinement.observation import observe, with_honest_noise
from lenssbi.refinement.problem import Problem, pose
from lenssbi.refinement.result import FitResult
from lenssbi.refinement.sampling.clock import processor_seconds
from lenssbi.refinement.sampling.nautilus import Watch
from lenssbi.status import InputError, ItemError, Status

if TYPE_CHECKING:
    from lenssbi.estimators.estimator import Estimator

CARD = "refine.json"  # the choices of a run and its results
CONFLICT = 3.0  # sigma
CIRCLE_ERROR = 0.16  # [arcsec]: rms error of the circle estimate over 170 simulated lenses, many of them faint


def run(
    inputs: Sequence[str],
    *,
    config: RefineConfig,
    out: Path,
    estimator: str | Path | None = None,
    figures: bool = True,
    read: Mapping[str, Any] | None = None,
    progress: Progress = silent,
) -> RunResult:
    """Fit stamps.

    Parameters
    ----------
    inputs
        Files, folders, tables, sets.
    config
        The fit.
    out
        Folder for posteriors and figures.
    estimator
        Name of shipped weights or folder of a training run, for the learned priors; the shipped ones by default.
    figures
        Whether to draw them.
    read
        Keyword arguments of :func:`~lenssbi.dataset.inputs.expand_inputs`: noise, psf, mask, pixel_scale, lens_light.
    progress
        Told (stamps done, stamps in all, text).

    Raises
    ------
    InputError
        Nothing to read, a bad estimator, an unwritable folder, or a single stamp that cannot be used.
    """
    start = time.perf_counter()
    out = Path(out)
    sources = expand_inputs(inputs, **dict(read or {}))
    network = find_network(config, estimator)
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    settings = {"refine": config.model_dump(mode="json"), "estimator": None if network is None else network.name}
    told = {"command": "refine", "figures": figures, "config": settings}
    told |= provenance(inputs, read, None if network is None else lasting_name(estimator))
    _write_card(out, told)  # a run that is stopped says it as well
    items: list[ItemResult] = []
    for index, source in enumerate(sources):

        def watch(evaluations: int, live: float, index: int = index, name: str = source.name) -> None:
            left = f"{live:.0%} left" if live else "filling up the draws"
            progress(index, len(sources), f"{name}: {evaluations:,} evaluations, {left}")

        progress(index, len(sources), source.name)
        try:
            items.append(refine_source(source, config, out, estimator=network, figure=figures, watch=watch))
        except ItemError as error:
            if len(sources) == 1:
                raise
            items.append(ItemResult(input_of(source), sentence(error)))
    progress(len(sources), len(sources), "done")
    result = RunResult(tuple(items), time.perf_counter() - start, settings, str(out))
    _write_card(out, result.as_json() | told)
    return result


def repeat(
    folder: Path, *, out: Path | None = None, figures: bool | None = None, progress: Progress = silent
) -> RunResult:
    """Make the fits of a folder again, from what its refine.json says.

    Parameters
    ----------
    folder
        Folder that `run` has written to.
    out
        Folder of the new fits; None goes on in `folder`, where those that are finished are read.
    figures
        Whether to draw them; None does as the first run did.
    progress
        As for `run`.

    Raises
    ------
    InputError
        Not such a folder, or one of a version that did not keep how its stamps were read; and as `run`.
    """
    path = Path(folder) / CARD
    card = card_of(path, "refine")
    said = said_in(card, path, "config", "figures")
    config = parse(card["config"]["refine"], RefineConfig, str(path))
    drawn = card["figures"] if figures is None else figures
    where = folder if out is None else out
    options: dict[str, Any] = {"figures": drawn, "read": said.read, "progress": progress}
    return run(said.inputs, config=config, out=where, estimator=said.network, **options)


def _write_card(out: Path, card: Mapping[str, Any]) -> None:
    with atomic(out / CARD) as temporary:
        temporary.write_text(json.dumps(card, indent=1))


def find_network(config: RefineConfig, estimator: str | Path | None) -> Estimator | None:
    """The network that a fit asks; None for one that asks none, and where none is named and none is shipped."""
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
    """Fit one stamp and write its files; a fit that is there already is read, not repeated.

    ``show`` is given the fit with its best model, whether it was done now or is read.

    Raises
    ------
    ItemError
        The stamp cannot be used.
    """
    start = time.perf_counter()
    stamp, files = source.load(), Files.of(source.name, out)
    problem, flags = set_up(stamp, with_shear(config, source.truth), estimator)
    kept, fit = kept_fit(problem, files), None
    if kept is None:
        fit = solve(problem, files.work, watch)
        kept = fit.samples, fit.samples_with_prior
        fit.samples.save(files.posterior, with_prior=fit.samples_with_prior, learned=fit.learned)
        files.figure.unlink(missing_ok=True)  # of an older fit
    if kept[0].info["status"] in FINISHED:
        forget(problem, files.work)
    drawn = not figure or files.figure.exists()
    if fit is None and not (drawn and show is None):
        fit = restore(problem, *kept)  # searches and solves anew: only for what is missing
    if fit is not None and not drawn:
        from lenssbi.plots.lens import lens_figure
        from lenssbi.plots.style import save

        save(lens_figure(fit, source.truth), files.figure)
    if fit is not None and show is not None:
        show(fit)
    item = item_of(source, *kept, files, time.perf_counter() - start)
    return replace(item, network=network_answer(problem, flags), derived=fit_quantities(kept[0], stamp))


def refine_stamp(
    stamp: Stamp,
    config: RefineConfig,
    *,
    estimator: Estimator | None = None,
    learned: GaussianMixture | None = None,
    work: Path | None = None,
    watch: Watch = lambda evaluations, live: None,
) -> FitResult:
    """Fit one stamp, writing nothing but the sampler's state in ``work``.

    Parameters
    ----------
    stamp
        As it was read, lens light and all.
    config
        The fit.
    estimator
        The network, for a learned prior.
    learned
        Its answer, if it has been asked already.
    work
        Folder for the sampler's state; None keeps none.
    watch
        Told (evaluations, share of the effective draws, or with Nautilus of the evidence, that is still missing).

    Raises
    ------
    ItemError
        The stamp cannot be used.
    """
    problem, _ = set_up(stamp, config, estimator, learned)
    return solve(problem, work, watch)


def set_up(
    stamp: Stamp, config: RefineConfig, estimator: Estimator | None = None, learned: GaussianMixture | None = None
) -> tuple[Problem, tuple[str, ...]]:
    """Take the lens' light off, ask the network, and set the fit up; with the flags raised on the way."""
    as_read, start = stamp, processor_seconds()
    stamp, light = without_lens_light(stamp, config.lens_light)
    observation = observe(stamp, config, light)
    flags = stamp.flags
    network, may_go_without = learned, config.prior.mode == "auto"
    if network is None and estimator is not None:
        # Other networks are trained on independent pixels: they are shown the noise of single ones, as `predict` does.
        honest = with_honest_noise(stamp, "measured", light)[0]
        seen = as_read if estimator.sees_lens_light else honest
        network, more = _asked(estimator, seen, may_go_without)
        flags = (*flags, *more)
    learned = None if may_go_without and Flag.MISSPECIFIED in flags else network
    if may_go_without and learned is not None and contradicts(learned, observation.circle):
        learned, flags = None, (*flags, Flag.ESTIMATE_CONFLICT)
    if config.prior.mode in LEARNED_MODES and learned is None:
        raise InputError(f"{stamp.name}: the prior {config.prior.mode} needs an estimator: name one with --estimator")
    seconds = processor_seconds() - start
    return replace(pose(observation, config, learned, light), network=network, flags=flags, seconds=seconds), flags


def _asked(estimator: Estimator, stamp: Stamp, may_go_without: bool) -> tuple[GaussianMixture | None, tuple[str, ...]]:
    """The network's answer, None if it is not for such stamps, and what there is to say about it.

    Raises
    ------
    ItemError
        The network is not for such stamps (``NOT_APPLICABLE``), and the fit needs it.
    """
    reason = estimator.applies_to(stamp)
    if reason is not None:
        if not may_go_without:
            raise ItemError(Status.NOT_APPLICABLE, stamp.name, reason)
        return None, (Flag.ESTIMATOR_NOT_APPLICABLE,)
    return estimator.judge_stamp(stamp)


def contradicts(learned: GaussianMixture, circle: Circle) -> bool:
    """Whether a network's Einstein radius lies CONFLICT sigma from the circle through the arcs: one of them saw something else."""
    which = learned.names.index("einstein_radius")
    error = np.hypot(learned.sigma[which], max(circle.error, CIRCLE_ERROR))
    return bool(abs(learned.mean[which] - circle.radius) > CONFLICT * error)


def with_shear(config: RefineConfig, truth: Mapping[str, float] | None) -> RefineConfig:
    """A shear is fitted to every real lens, to simulated ones that have it, and if the user gives it a prior."""
    if config.mass.shear != "auto":
        return config
    both = ("shear1", "shear2")
    shear = truth is None or any(truth.get(name, 0.0) or name in config.prior.gaussian for name in both)
    return config.model_copy(update={"mass": config.mass.model_copy(update={"shear": shear})})
