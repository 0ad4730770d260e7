"""Stamps as a network takes them: those of a set a block at a time, others one by one.

The stamps of a set are taken as they are, and so are all stamps by a network that was trained on observed ones. For other networks, stamps
that are not from a set lose their lens light and get the noise that their sky shows (`lens_light.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.dataset.hdf5 import StampSet
from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.redshifts import REDSHIFTS, known
from lenssbi.dataset.stamp import Stamp
from lenssbi.refinement.lens_light import for_network
from lenssbi.status import InputError, ItemError, Status

if TYPE_CHECKING:
    from lenssbi.estimators.estimator import Estimator


@dataclass(frozen=True)
class Pixels:
    """Input of a network for one stamp, and further data of the stamp.

    Parameters
    ----------
    image, noise
        Image and noise map in one unit, shape (y, x).
    mask
        True for usable pixels, shape (y, x).
    psf_fwhm
        FWHM of the PSF without the pixel [arcsec]; None if the estimator does not need it.
    truth
        True parameters; None for a real stamp.
    stamp
        Whole stamp from which the pixels were cut; None for a stamp of a set, which has the network's field.
    known
        Redshifts and cosmology (:func:`~lenssbi.dataset.redshifts.known`).
    """

    image: NDArray[np.floating]
    noise: NDArray[np.floating]
    mask: NDArray[np.bool_]
    psf_fwhm: float | None
    truth: Mapping[str, float] | None
    stamp: Stamp | None = None
    known: Mapping[str, Any] = field(default_factory=dict)


def load_pixels(sources: Sequence[StampSource], network: Estimator) -> list[Pixels | ItemError]:
    """The stamps of the estimator's field, or why there is none, in the order of `sources`."""
    loaded: list[Pixels | ItemError] = []
    # neighbours in one set have the same path and the same difference of index and place
    runs = groupby(enumerate(sources), key=lambda e: (e[1].path, _in_set(e[1]), (e[1].index or 0) - e[0]))
    for (_, in_set, _), run in runs:
        members = [source for _, source in run]
        block = _block(members, network) if in_set else None
        loaded += block if block is not None else [_single(source, network) for source in members]
    return loaded


def _in_set(source: StampSource) -> bool:
    """Whether a stamp is one of a set, of which nothing else was said."""
    said = (source.status, source.lens_light, source.mask, source.z_lens, source.z_source, source.cosmology)
    return source.index is not None and all(one is None for one in said)


def _block(sources: Sequence[StampSource], network: Estimator) -> list[Pixels | ItemError] | None:
    """Neighbours in one set; None where they have to be looked at one by one."""
    first, count = sources[0].index or 0, len(sources)
    try:
        with StampSet(sources[0].path) as stamps:
            sample = stamps.stamp(first)
            fits_in = sample.info["lens_light_subtracted"] and (
                network.sees_lens_light or sample.shape == network.field
            )
            # the sky of observed stamps is taken off one by one
            if not fits_in or network.applies_to(sample) is not None:
                return None
            return list(_of_set(stamps, range(first, first + count), sources, network))
    except (InputError, OSError, ValueError):
        return None


def _of_set(
    stamps: StampSet, rows: range, sources: Sequence[StampSource], network: Estimator
) -> Iterator[Pixels | ItemError]:
    from lenssbi.estimators.misspecification import psf_widths

    where = slice(rows.start, rows.stop)
    images, noise, params = stamps.images(where), stamps.noise(where), stamps.rows("params", where)
    info = {name: values for name, values in stamps.rows("info", where).items() if name in REDSHIFTS}
    noise = np.broadcast_to(noise.reshape(len(noise), *noise.shape[1:] or (1, 1)), images.shape)
    images, noise = (central(values, network.field) for values in (images, noise))
    mask = np.isfinite(images) & (noise > 0)
    widths = psf_widths(stamps, rows) if network.card.psf_fwhm is not None else [None] * len(rows)
    for i, source in enumerate(sources):
        if not mask[i].any():
            yield ItemError(Status.ALL_NAN, f"{source.path}:{source.index}")
            continue
        truth = {name: float(values[i]) for name, values in params.items()}
        yield Pixels(
            images[i], noise[i], mask[i], widths[i], truth, known=known({n: float(z[i]) for n, z in info.items()})
        )


def central(values: NDArray[np.floating], field: tuple[int, int]) -> NDArray[np.floating]:
    """The central pixels of images (n, y, x), as `Stamp.cut` takes them."""
    rows, columns = (slice((n - m) // 2, (n - m) // 2 + m) for n, m in zip(values.shape[1:], field, strict=True))
    return values[:, rows, columns]


def _single(source: StampSource, network: Estimator) -> Pixels | ItemError:
    from lenssbi.estimators.misspecification import psf_width

    try:
        stamp = source.load()
        reason = network.applies_to(stamp)
        if reason is not None:
            return ItemError(Status.NOT_APPLICABLE, source.name, reason)
        # Cut last: the sky around the field shows the noise.
        cleaned = for_network(stamp, network.sees_lens_light)
        cut = cleaned.cut(network.field)
        width = psf_width(stamp.psf, stamp.pixel_scale) if network.card.psf_fwhm is not None else None
        return Pixels(cut.image, cut.noise, cut.mask, width, source.truth, cleaned, known(stamp.info))
    except ItemError as error:
        return error
