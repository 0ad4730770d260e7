"""Fitting one stamp: its posterior, figure, thumbnail, and last its row, which says that the others are there."""

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
    """Fit one stamp and keep its row; a stamp that cannot be fitted has a row that says why.

    ``instead`` is what `keep_row` takes.
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
    """Keep the row of a fit; its files are named as seen from the catalogue's folder.

    A fit that takes the place of the one that the catalogue's own options give says so with ``instead``: `key` and `identity` of that
    one, and the `verdict` on it.

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
    """Keep the row of a fit on which the program failed; a user's mistake is raised again."""
    keep_row(source, failed_row(source, error, "refined"), job, instead)


def read_row(folder: Path, name: str, key: str, identity: str) -> Row | None:
    """The row of a fit, or of the one in its place; None if there is none yet, or one of another stamp or configuration.

    A fit in the place of another stays, with the redshifts that it was made with, if others are given.
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
    """Whether the fit of a stamp is done, or another was made in its place; one that failed is tried again."""
    row = read_row(job.out, source.name, key_of(source), job.fitted)
    return row is not None and ("instead" in row or row["status"] == Status.DONE.value)


def _keep_picture(fit: FitResult, path: Path) -> None:
    from lenssbi.plots.thumbnails import thumbnail

    with atomic(path) as temporary:
        best = fit.best
        temporary.write_bytes(thumbnail(fit.stamp.image, fit.stamp.noise, fit.mask, best.image, best.source.image))
