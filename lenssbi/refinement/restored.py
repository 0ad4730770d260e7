"""Restoration of a fit from its posterior file: the stamp is read and the problem set up as in the fit, without sampling.

The file states how the stamp was read, the configuration of the fit and the network's posterior. Its key covers the stamp's
pixels, the configuration, the prior and the version. If the problem that is set up now has another key, the fit is refused.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lenssbi.config import ConfigError, parse
from lenssbi.dataset.observed import READ
from lenssbi.dataset.reading import ReadOptions
from lenssbi.dataset.stamp import Stamp
from lenssbi.flags import Flag
from lenssbi.posteriors import Samples, load_network, load_samples, load_with_prior
from lenssbi.posteriors.export.model import FittedModel
from lenssbi.refinement.config import RefineConfig
from lenssbi.refinement.fit import restore
from lenssbi.refinement.prepare import set_up
from lenssbi.refinement.problem import Problem
from lenssbi.refinement.result import FitResult
from lenssbi.status import InputError

NETWORK_ONLY = "the answer of a network has no model image: fit the stamp with lenssbi refine"


def restored_fit(path: str | Path) -> FitResult:
    """The result of a fit from its posterior file, with its images; without a search, unless the file is an older one.

    Parameters
    ----------
    path
        Posterior file of `lenssbi refine` or `lenssbi catalogue`.

    Raises
    ------
    InputError
        If it is not the posterior of a fit, or its stamp cannot be read any more or is another one.
    """
    samples = load_samples(path)
    info = samples.info
    if "best" not in info or "key" not in info:
        raise InputError(f"{path}: {NETWORK_ONLY}")
    problem = _posed_again(path, info, _stamp(path, info))
    if problem is None or problem.key != info["key"]:
        raise InputError(
            f"{path}: the stamp, the packages or lenssbi have changed since the fit, whose images cannot be made again: "
            "fit the stamp again with lenssbi refine"
        )
    return restore(problem, samples, load_with_prior(path))


def _stamp(path: str | Path, info: Any) -> Stamp:
    read = dict(info.get("observation", {}).get(READ, {}))
    if "input" not in read:
        raise InputError(f"{path}: does not say which stamp was fitted: fit it again with lenssbi refine")
    try:
        named = read.pop("input")
        (source,) = ReadOptions(**read).sources([named])
        return replace(source, name=info["stamp"]).load()
    except InputError as error:
        raise InputError(f"{path}: its stamp cannot be read any more ({error}): put it back where it was") from None


def _posed_again(path: str | Path, info: Any, stamp: Stamp) -> Problem | None:
    """The problem of the fit; None if the stamp no longer allows one."""
    try:
        config = parse(info["config"], RefineConfig, str(path))
        raised = (Flag.MISSPECIFIED,) if Flag.MISSPECIFIED in info["flags"] else ()
        return set_up(stamp, config, learned=load_network(path), raised=raised)[0]
    except (ConfigError, InputError):
        return None


def model_of(path: Path | None, samples: Samples) -> tuple[FittedModel | None, tuple[str, ...]]:
    """The model of the highest likelihood for an export, and a message if it cannot be computed again.

    Parameters
    ----------
    path
        Posterior file; None if there is none.
    samples
        Posterior; that of a network has no model, and no message is needed.
    """
    if path is None or "best" not in samples.info:
        return None, ()
    try:
        return fitted_model(restored_fit(path)), ()
    except InputError as error:
        return None, (f"source and lens light are not part of this file: {error}",)


def fitted_model(fit: FitResult) -> FittedModel:
    """The best model of a fit for an export."""
    stamp, source = fit.stamp, fit.best.source
    return FittedModel(
        params=fit.best.params,
        source=source.image,
        extent=source.extent,
        pixel_scale=stamp.pixel_scale,
        shape=stamp.shape,
        psf=stamp.psf,
        lens_light=fit.lens_light,
    )
