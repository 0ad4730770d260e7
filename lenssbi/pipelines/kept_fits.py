"""Fits on disk: their paths, and the conditions under which a fit need not be repeated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.observed import describe
from lenssbi.files import file_stem
from lenssbi.pipelines.results import ItemResult, NetworkAnswer
from lenssbi.posteriors import Samples, load_learned, load_network, load_samples, load_with_prior
from lenssbi.refinement.problem import Problem
from lenssbi.status import InputError, Status

Posteriors = tuple[Samples, Samples | None]
"""The posterior, and the one with the network's prior."""
FINISHED = (Status.DONE.name, Status.WRONG.name)  # more time would not change the result


@dataclass(frozen=True)
class Files:
    """Paths of the files of a fit."""

    posterior: Path
    figure: Path
    work: Path

    @staticmethod
    def of(name: str, out: Path) -> Files:
        """Files in the folder `out` for the stamp `name`."""
        stem = file_stem(name)
        return Files(out / f"{stem}.h5", out / f"{stem}.png", out / "work")


def kept_fit(problem: Problem, files: Files) -> Posteriors | None:
    """The posterior of exactly this fit, and the one with the network's prior; None if the fit is not done.

    The flags are those of the fit and the present ones of stamp and network, because the network may be another one if the fit does not use
    its posterior. If they or the description of the stamp changed, the file is updated; if the flags changed, the figure is removed.
    """
    try:
        samples = load_samples(files.posterior)
        if samples.info.get("key") != problem.key or samples.info.get("status") not in FINISHED:
            return None
        with_prior, learned = load_with_prior(files.posterior), load_learned(files.posterior)
        network = load_network(files.posterior)
    except InputError:  # no file, or another file of the same name
        return None
    flags = list(dict.fromkeys((*samples.info.get("flags_of_fit", samples.info["flags"]), *problem.flags)))
    seen = describe(problem.observation.stamp)  # some of it, such as redshifts, is not part of the fit
    if flags == samples.info["flags"] and seen == samples.info.get("observation", seen):
        return samples, with_prior
    redrawn = flags != samples.info["flags"]
    info = {name: value for name, value in samples.info.items() if name != "request"} | {"flags": flags}
    info |= {"observation": seen} if "observation" in info else {}
    samples = replace(samples, info=info)
    with_prior = None if with_prior is None else replace(with_prior, info=info)
    samples.save(files.posterior, with_prior=with_prior, learned=learned, network=network)
    if redrawn:
        files.figure.unlink(missing_ok=True)  # it shows the flags
    return samples, with_prior


def answered(files: Files, request: str) -> tuple[Posteriors, NetworkAnswer | None] | None:
    """A finished fit of the same request (:func:`~lenssbi.refinement.problem.request_key`), and the network's posterior.

    None if there is no such fit, or it is of a version that did not store the request.
    """
    try:
        samples = load_samples(files.posterior)
        if samples.info.get("request") != request or samples.info.get("status") not in FINISHED:
            return None
        return (samples, load_with_prior(files.posterior)), NetworkAnswer.of_info(samples.info["network_answer"])
    except (InputError, KeyError, TypeError):
        return None


def item_of(
    source: StampSource,
    samples: Samples,
    with_prior: Samples | None,
    files: Files,
    seconds: float,
) -> ItemResult:
    """Result of a fit that is on disk."""
    return ItemResult(
        input=source.argument,
        status=Status[samples.info["status"]].value,
        params=samples.derived().summary(),
        params_with_prior=None if with_prior is None else with_prior.derived().summary(),
        truth=source.truth,
        log_evidence=samples.log_evidence,
        flags=tuple(samples.info["flags"]),
        seconds=seconds,
        evaluations=samples.info["evaluations"],
        posterior=str(files.posterior),
        figure=str(files.figure) if files.figure.exists() else None,
    )
