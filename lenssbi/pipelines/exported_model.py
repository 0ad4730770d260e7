"""The model of a fit for an export, made again from its posterior file (:mod:`lenssbi.pipelines.restored`)."""

from __future__ import annotations

from pathlib import Path

from lenssbi.posteriors import Samples
from lenssbi.posteriors.export.model import FittedModel
from lenssbi.refinement.result import FitResult
from lenssbi.status import InputError


def model_of(path: Path | None, samples: Samples) -> tuple[FittedModel | None, tuple[str, ...]]:
    """The model of the highest likelihood, and a message if it cannot be computed again.

    Parameters
    ----------
    path
        Posterior file; None if there is none.
    samples
        Posterior; that of a network has no model, and no message is needed.
    """
    if path is None or "best" not in samples.info:
        return None, ()
    from lenssbi.pipelines.restored import restored_fit

    try:
        return fitted_model(restored_fit(path)), ()
    except InputError as error:
        return None, (f"source and lens light are not part of this file: {error}",)


def fitted_model(fit: FitResult) -> FittedModel:
    """The best model of a fit."""
    stamp, source = fit.stamp, fit.source
    return FittedModel(
        params=fit.best.params,
        source=source.image,
        extent=source.extent,
        pixel_scale=stamp.pixel_scale,
        shape=stamp.shape,
        psf=stamp.psf,
        lens_light=fit.lens_light,
    )
