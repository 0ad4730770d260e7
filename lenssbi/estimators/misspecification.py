"""Score of how unlike the stamps of the training a stamp is, from the features of the network.

The features f of a stamp are projected on the leading principal axes V of training-like stamps, whose mean is c:

    x = (V^T f / |f|,   ln(|f - c - V V^T (f - c)| / r),   ln r,   ln |f|),   r = |f - c|

direction, residual from the axes, and lengths separately, because length is mostly brightness. A small network of two hidden layers,
trained to separate training-like stamps from anomalies made of them (`calibration/anomalies.py`), gives the score: the natural log of the
odds that the stamp is an anomaly, both being equally frequent. Above the threshold, which 5 per cent of held-out stamps exceed, it is
flagged. (Distances to the training alone, Mahalanobis' or that to the nearest examples, detect at most half as many.) Estimators of
observed stamps have a separate network for the score (`detector.py`): their reference has no layers, and serves to compare whole sets.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lenssbi.dataset.hdf5 import StampSet
from lenssbi.estimators.checkpoint import EstimatorCard, read_described, write_described
from lenssbi.flags import Flag, is_imprecise
from lenssbi.instrument import PSF
from lenssbi.posteriors import DiagonalMixture
from lenssbi.status import InputError

FILE = "misspecification.safetensors"
LIMIT = 8.0
"""Standard deviations beyond which the network would extrapolate."""
PSF_TOLERANCE = 0.05
"""Share by which a PSF may be narrower or wider than those of the training: the error of a width measured on an image."""
RADIUS = "einstein_radius"
TINY = 1e-6


@dataclass(frozen=True)
class Reference:
    """Statistics of the features of training-like stamps and of anomalies.

    Parameters
    ----------
    centre
        Mean of the features, shape (k,).
    axes
        Their orthonormal leading axes, shape (k, d).
    mean, spread
        Mean and standard deviation of the d + 3 numbers x over training-like stamps and anomalies, shape (d + 3,).
    examples
        Standardised x of some training-like stamps, shape (m, d + 3), to compare whole sets with.
    weights_1, bias_1, weights_2, bias_2, weights_3, bias_3
        Weights and biases of the layers, shapes (d + 3, h), (h,), (h, h), (h,), (h, 1) and (1,); None if a detector gives the scores.
    """

    centre: NDArray[np.float32]
    axes: NDArray[np.float32]
    mean: NDArray[np.float32]
    spread: NDArray[np.float32]
    examples: NDArray[np.float32]
    weights_1: NDArray[np.float32] | None = None
    bias_1: NDArray[np.float32] | None = None
    weights_2: NDArray[np.float32] | None = None
    bias_2: NDArray[np.float32] | None = None
    weights_3: NDArray[np.float32] | None = None
    bias_3: NDArray[np.float32] | None = None

    def __post_init__(self) -> None:
        # A transposed array is multiplied by another routine, which differs in the last digit on some processors.
        for name, array in self.arrays().items():
            object.__setattr__(self, name, np.ascontiguousarray(array, np.float32))

    def arrays(self, dtype: type = np.float32) -> dict[str, NDArray[np.floating]]:
        """Its arrays by name."""
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: np.asarray(array, dtype) for name, array in found.items() if array is not None}

    def rounded(self) -> Reference:
        """The reference in half precision, as in its file."""
        return Reference(**self.arrays(np.float16))

    def score(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """Scores of features (n, k), shape (n,); NaN if there are no layers."""
        if self.weights_1 is None:
            return np.full(len(features), np.nan)
        layers = [(getattr(self, f"weights_{i}"), getattr(self, f"bias_{i}")) for i in (1, 2, 3)]
        hidden = self.place(features)
        for weights, bias in layers[:-1]:
            hidden = np.maximum(hidden @ weights + bias, 0)
        weights, bias = layers[-1]
        return (hidden @ weights + bias)[:, 0].astype(float)

    def place(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """Standardised x of features (n, k), shape (n, d + 3)."""
        return np.clip((numbers(features, self.centre, self.axes) - self.mean) / self.spread, -LIMIT, LIMIT)


def numbers(
    features: NDArray[np.floating], centre: NDArray[np.float32], axes: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The numbers x of features (n, k), shape (n, d + 3)."""
    features = np.ascontiguousarray(features, dtype=np.float32)
    offset = features - centre
    whole, apart = (np.maximum((f**2).sum(axis=1, keepdims=True), TINY) for f in (features, offset))
    residual = np.maximum(apart - ((offset @ axes) ** 2).sum(axis=1, keepdims=True), TINY * apart)
    lengths = np.log(np.concatenate([residual / apart, apart, whole], axis=1)) / 2
    return np.concatenate([features @ axes / np.sqrt(whole), lengths], axis=1)


def save_reference(reference: Reference, folder: Path) -> str:
    """Write the reference into the folder of the weights, in half precision, and return its SHA-256."""
    from safetensors.numpy import save

    data = save(reference.arrays(np.float16))
    return write_described(folder / FILE, data)


def read_reference(card: EstimatorCard, folder: Path) -> Reference | None:
    """The reference of an estimator, None if it has none, or one of other weights.

    Raises
    ------
    InputError
        If the card names a reference and its file is missing, cut short or a different one.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    entry, path = card.misspecification, folder / FILE
    if entry is None or entry.weights_sha256 != card.weights_sha256:
        return None
    data = read_described(path, entry.sha256, "reference")
    try:
        return Reference(**load(data))
    except (SafetensorError, TypeError) as error:
        raise InputError(f"{path}: not a reference ({error}): copy the estimator again") from None


def psf_width(psf: PSF, pixel_scale: float) -> float:
    """Full width at half maximum [arcsec] without the response of a pixel of side `pixel_scale` [arcsec], as cards have it."""
    return psf.width_without(pixel_scale)


def psf_widths(stamps: StampSet, rows: range) -> list[float | None]:
    """Widths of the PSFs of the stamps `rows`, as from `psf_width`: stored in the set, or measured on its PSF."""
    known = stamps.rows("info", slice(rows.start, rows.stop)).get("psf_fwhm")
    if known is not None:
        return known.tolist()
    return [psf_width(stamps.psf(rows.start), stamps.pixel_scale)] * len(rows)


def flags(card: EstimatorCard, scores: NDArray[np.floating], psf_fwhm: float | None) -> tuple[str, ...]:
    """Flags of one stamp that is unlike the training.

    Parameters
    ----------
    card
        Card of the estimator.
    scores
        Scores of the stamp as from `Estimator.score`, shape (2,); NaN if unknown.
    psf_fwhm
        FWHM of the stamp's PSF without the pixel [arcsec]; None if unknown.

    Returns
    -------
    "misspecified" if a score is above its threshold, or the PSF narrower or wider than all of the training; also `several_lenses` if it is
    the second score, and `psf_unseen` for such a PSF.
    """
    unseen, entry = False, card.misspecification
    if card.psf_fwhm is not None and psf_fwhm is not None:
        narrow, wide = card.psf_fwhm
        unseen = not narrow / (1 + PSF_TOLERANCE) <= psf_fwhm <= wide * (1 + PSF_TOLERANCE)
    far = entry is not None and scores[0] > entry.threshold
    several = entry is not None and entry.several is not None and scores[1] > entry.several
    found = {Flag.MISSPECIFIED: far or several or unseen, Flag.SEVERAL_LENSES: several, Flag.PSF_UNSEEN: unseen}
    return tuple(flag for flag, raised in found.items() if raised)


def flags_of_answer(
    card: EstimatorCard, answer: DiagonalMixture, scores: NDArray[np.floating], psf_fwhm: float | None
) -> tuple[str, ...]:
    """Flags of the network's posterior of one stamp: those of `flags`, and `network_imprecise`."""
    index = answer.names.index(RADIUS) if RADIUS in answer.names else None
    vague = index is not None and is_imprecise(answer.mean[index], answer.sigma[index])
    return flags(card, scores, psf_fwhm) + ((Flag.NETWORK_IMPRECISE,) if vague else ())


def relative_error(answer: DiagonalMixture) -> float:
    """Standard deviation of the Einstein radius over its mean in a network's posterior; infinite for a mean that is not above 0."""
    index = answer.names.index(RADIUS)
    mean, sigma = float(answer.mean[index]), float(answer.sigma[index])
    return sigma / mean if mean > 0 else np.inf
