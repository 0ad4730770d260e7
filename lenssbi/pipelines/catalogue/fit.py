"""Fit of one stamp: its posterior, figure and thumbnail, and last its row, so that a row implies the other files."""

from __future__ import annotations

import json
from pathlib import Path

from lenssbi.catalogue.shard import Row
from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.redshifts import REDSHIFTS
from lenssbi.files import atomic
from lenssbi.pipelines.catalogue.ask import failed_row
from lenssbi.pipelines.catalogue.job import LENSES, Job, key_of, network, row_path, without_redshifts
from lenssbi.pipelines.results import ItemResult, sentence
from lenssbi.pipelines.rows import row_of
from lenssbi.posteriors import load_samples
from lenssbi.refinement.result import FitResult
from lenssbi.status import ItemError, Status


def fit(source: StampSource, *, job: Job, instead: Row | None = None) -> None:
    """Fit one stamp and store its row; the row of a stamp that cannot be fitted contains the reason.

    ``instead`` is passed to `keep_row`.
    """
    from lenssbi.pipelines.refine import refine_source

    picture = row_path(job.out, source.name).with_suffix(".webp")
    show = (lambda fit: _keep_picture(fit, picture)) if job.config.images else None
    try:
        item = refine_source(
            source,
            job.config.fit,
            job.out / LENSES,
            estimator=network(job.estimator),
            figure=job.config.figures,
            show=show,
        )
        samples = None if item.posterior is None else load_samples(item.posterior)
    except ItemError as error:
        item, samples = ItemResult(source.argument, sentence(error)), None
    row = row_of(source.name, item, samples, "refined")
    if samples is not None:
        row |= {"chi2_per_pixel": samples.info.get("chi2_per_pixel")}
        observation = samples.info.get("observation", {})
        row |= {"snr": samples.info.get("snr"), "ra": observation.get("ra"), "dec": observation.get("dec")}
        row |= {name: observation.get(name) for name in REDSHIFTS}
    keep_row(source, row, job, instead)


def keep_row(source: StampSource, row: Row, job: Job, instead: Row | None = None) -> None:
    """Store the row of a fit; the paths of its files are relative to the catalogue's folder.

    If the fit replaces the one with the options of the catalogue, ``instead`` contains `key` and `identity` of the latter, and the
    `verdict` on it.

    Raises
    ------
    InputError
        If the folder cannot be written or the disk is full.
    """
    named = {name: f"{LENSES}/{Path(row[name]).name}" for name in ("posterior", "figure") if row.get(name)}
    with atomic(row_path(job.out, source.name)) as temporary:
        own = {"key": key_of(source), "identity": job.fitted}
        temporary.write_text(json.dumps(row | named | own | ({} if instead is None else {"instead": instead})))


def keep_failure(source: StampSource, error: Exception, job: Job, instead: Row | None = None) -> None:
    """Store the row of a fit on which the program failed; a mistake of the user is raised again."""
    keep_row(source, failed_row(source, error, "refined"), job, instead)


def read_row(folder: Path, name: str, key: str, identity: str) -> Row | None:
    """Row of a fit, or of the fit that replaces it; None if there is none, or it is of another stamp or configuration.

    A fit that replaces another is kept, with its redshifts, if other redshifts are given.
    """
    try:
        row = json.loads(row_path(folder, name).read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(row, dict):
        return None
    if (row.get("key"), row.get("identity")) == (key, identity):
        return row
    other = row.get("instead")
    if not isinstance(other, dict):
        return None
    found = (without_redshifts(str(other.get("key"))), other.get("identity"))
    return row if found == (without_redshifts(key), identity) else None


def fitted(source: StampSource, job: Job) -> bool:
    """Whether the fit of a stamp is done, or was replaced by another; a fit that failed is tried again."""
    row = read_row(job.out, source.name, key_of(source), job.fitted)
    return row is not None and ("instead" in row or row["status"] == Status.DONE.value)


def _keep_picture(fit: FitResult, path: Path) -> None:
    from lenssbi.plots.thumbnails import thumbnail

    with atomic(path) as temporary:
        best = fit.best
        temporary.write_bytes(thumbnail(fit.stamp.image, fit.stamp.noise, fit.mask, best.image, best.source.image))
