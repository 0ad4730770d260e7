"""Trained densities with everything that their evaluation requires: scaling of the pixels, parameters, camera, calibration."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lenssbi.dataset.stamp import Stamp
from lenssbi.estimators.checkpoint import EstimatorCard
from lenssbi.estimators.densities import Density
from lenssbi.estimators.detector import Detector
from lenssbi.estimators.misspecification import Reference, flags_of_answer, psf_width, relative_error
from lenssbi.estimators.recalibration import Recalibration
from lenssbi.estimators.symmetric import SymmetricDensity, single, upright
from lenssbi.parameters import ParameterSpace
from lenssbi.parameters.space import TARGET_RANGE
from lenssbi.posteriors.mixtures import DiagonalMixture

if TYPE_CHECKING:
    from sbi.inference.posteriors.base_posterior import NeuralPosterior

PIXEL_SCALE_TOLERANCE = 0.02


@dataclass(frozen=True)
class Estimator:
    """Turns stamps into posteriors.

    Parameters
    ----------
    densities
        Densities in evaluation mode; several are an ensemble, mixed in equal parts.
    card
        Card of the estimator: what it is and how it was made.
    reference
        Statistics of the features of training-like stamps; None if `lenssbi calibrate` has not been run.
    detector
        Network that detects stamps unlike the training's, in evaluation mode; without one the reference does this.
    """

    densities: "tuple[Density | SymmetricDensity, ...]"
    card: EstimatorCard
    reference: Reference | None = None
    detector: Detector | None = None

    @property
    def name(self) -> str:
        """Name of the estimator."""
        return self.card.name

    @property
    def identity(self) -> str:
        """Sixteen hexadecimal digits that change with the weights, the calibration and all else that the results depend on."""
        return hashlib.sha256(self.card.model_dump_json().encode()).hexdigest()[:16]

    @property
    def space(self) -> ParameterSpace:
        """Parameters that it infers."""
        return self.card.space

    @property
    def field(self) -> tuple[int, int]:
        """Shape (y, x) of the stamps that it takes [pixels]."""
        return self.card.field

    @property
    def pixel_scale(self) -> float:
        """Side of a pixel [arcsec]."""
        return self.card.pixel_scale

    @property
    def band(self) -> str:
        """Filter that it was trained for."""
        return self.card.band

    @property
    def sees_lens_light(self) -> bool:
        """Whether it takes stamps as they are, with the lens galaxy and its neighbours in them."""
        return self.card.preprocessing.kind == "observed"

    @property
    def recalibration(self) -> Recalibration | None:
        """The calibration; None if `lenssbi calibrate` has not been run."""
        if self.card.calibration is None:
            return None
        entries = [self.card.calibration.recalibration[name] for name in self.space.names]
        scale, tail, levels = (tuple(getattr(e, key) for e in entries) for key in ("scale", "tail", "levels"))
        return Recalibration(self.space.names, scale, tail, levels)

    def applies_to(self, stamp: Stamp) -> str | None:
        """Return None if the estimator was trained for such a stamp, else the reason why not."""
        if abs(stamp.pixel_scale / self.pixel_scale - 1) > PIXEL_SCALE_TOLERANCE:
            return f"its pixels are {stamp.pixel_scale:g} arcsec wide, the estimator's {self.pixel_scale:g}"
        if any(n < wanted for n, wanted in zip(stamp.shape, self.field, strict=True)):
            return (
                f"it has {stamp.shape[0]}x{stamp.shape[1]} pixels, the estimator needs {self.field[0]}x{self.field[1]}"
            )
        if stamp.band != self.band:
            return f"it was taken through {stamp.band}, the estimator is for {self.band}"
        return None

    def predict_stamp(self, stamp: Stamp) -> DiagonalMixture:
        """Posterior of one stamp, of which the central field is taken."""
        stamp = self._cut(stamp)
        return self.predict(stamp.image[None], stamp.noise[None], stamp.mask[None])[0]

    def judge_stamp(self, stamp: Stamp) -> tuple[DiagonalMixture, tuple[str, ...]]:
        """Posterior of one stamp, and its flags (:func:`lenssbi.estimators.misspecification.flags_of_answer`)."""
        width = None if self.card.psf_fwhm is None else psf_width(stamp.psf, stamp.pixel_scale)
        stamp = self._cut(stamp)
        mixtures, scores = self.predict_and_score(stamp.image[None], stamp.noise[None], stamp.mask[None])
        return mixtures[0], flags_of_answer(self.card, mixtures[0], scores[0], width)

    def predict(
        self,
        images: NDArray[Any],
        noise: NDArray[Any],
        mask: NDArray[np.bool_] | None = None,
        *,
        batch: int = 64,
        recalibrated: bool = True,
    ) -> list[DiagonalMixture]:
        """Posteriors of many stamps, in memory that does not grow with their number.

        Parameters
        ----------
        images
            Images in the unit of `noise`, shape (n, y, x); an HDF5 dataset is accepted too.
        noise
            Noise of one sigma, shape (n, y, x) or (n,).
        mask
            True for usable pixels, shape (n, y, x); None for all.
        batch
            Number of stamps at a time.
        recalibrated
            Whether to apply the calibration, if there is one.

        Returns
        -------
        One mixture per stamp, in physical units.

        Raises
        ------
        ValueError
            If the stamps do not have the estimator's field.
        """
        mixtures = (m for inputs in self._prepared(images, noise, mask, batch) for m in self._mixtures(inputs))
        mend = self.recalibration if recalibrated else None
        return [mend(mixture) if mend else mixture for mixture in mixtures]

    def predict_and_score(
        self, images: NDArray[Any], noise: NDArray[Any], mask: NDArray[np.bool_] | None = None, *, batch: int = 64
    ) -> tuple[list[DiagonalMixture], NDArray[np.float64]]:
        """Posteriors of many stamps as from `predict`, and their scores of misspecification and of several lens galaxies, shape (n, 2).

        They are those of `Detector.score`, the first with a multiple of the log of the relative error of the Einstein radius added
        (:mod:`lenssbi.estimators.detector`); without a detector, that of `Reference.score`, NaN without a reference, and NaN.
        """
        mixtures, scores, _ = self.predict_score_and_embed(images, noise, mask, batch=batch)
        return mixtures, scores

    def predict_score_and_embed(
        self, images: NDArray[Any], noise: NDArray[Any], mask: NDArray[np.bool_] | None = None, *, batch: int = 64
    ) -> tuple[list[DiagonalMixture], NDArray[np.float64], NDArray[np.float32]]:
        """Posteriors and scores of many stamps as from `predict_and_score`, and their features as from `embed`, shape (n, k).

        The convolutions run once for all of them.
        """
        mend, mixtures, scores, seen = self.recalibration, [], [np.zeros((0, 2))], []
        for inputs in self._prepared(images, noise, mask, batch):
            with torch.inference_mode():
                features = self.densities[0].embed(inputs)
            found = list(self._mixtures(inputs, features))
            scores.append(self._scores(inputs, features, found))
            mixtures += [mend(mixture) if mend else mixture for mixture in found]
            seen.append(upright(self.densities[0], features).cpu().float().numpy())
        return mixtures, np.concatenate(scores), np.concatenate(seen)

    def score(
        self, images: NDArray[Any], noise: NDArray[Any], mask: NDArray[np.bool_] | None = None, *, batch: int = 64
    ) -> NDArray[np.float64]:
        """The scores of `predict_and_score` alone, shape (n, 2)."""
        return self.predict_and_score(images, noise, mask, batch=batch)[1]

    def _scores(self, inputs: Tensor, features: Tensor, found: list[DiagonalMixture]) -> NDArray[np.float64]:
        """Scores (n, 2) of prepared stamps, from their features for the first density and their posteriors before recalibration."""
        scores = np.full((len(inputs), 2), np.nan)
        if self.detector is not None:
            scores[:] = self.detector.score(inputs).cpu().numpy()
            scores[:, 0] += self.detector.spread * np.log([relative_error(mixture) for mixture in found])
        elif self.reference is not None:
            scores[:, 0] = self.reference.score(upright(self.densities[0], features).cpu().float().numpy())
        return scores

    def embed(
        self, images: NDArray[Any], noise: NDArray[Any], mask: NDArray[np.bool_] | None = None, *, batch: int = 64
    ) -> NDArray[np.float32]:
        """Features of many stamps from the first network's convolutions, shape (n, k); arguments as for `predict`."""
        density = single(self.densities[0])
        with torch.inference_mode():
            inputs = self._prepared(images, noise, mask, batch)
            return np.concatenate([density.embed(stamps).cpu().float().numpy() for stamps in inputs])

    def log_prob(
        self,
        images: NDArray[Any],
        noise: NDArray[Any],
        truths: NDArray[np.floating],
        mask: NDArray[np.bool_] | None = None,
        *,
        batch: int = 64,
    ) -> NDArray[np.float64]:
        """Log of the density at the true parameters, before the recalibration: the held-out score.

        Parameters
        ----------
        images, noise, mask, batch
            Arguments as for `predict`.
        truths
            True values in physical units, shape (n, parameter).

        Returns
        -------
        Natural logs of densities in physical units, shape (n,).
        """
        targets = torch.from_numpy(self.space.to_targets(np.asarray(truths, dtype=float))).float().split(batch)
        found = []
        with torch.no_grad():
            for stamps, values in zip(self._prepared(images, noise, mask, batch), targets, strict=True):
                logs = torch.stack([d.log_prob(values[None].to(stamps.device), stamps)[0] for d in self.densities])
                found.append((logs.double().logsumexp(dim=0) - np.log(len(logs))).cpu().numpy())
        return np.concatenate(found) - np.log(self.space.target_scale).sum()

    def posterior(self, stamp: Stamp) -> "NeuralPosterior":
        """sbi's posterior of one stamp, in targets within their range 0-10, before the recalibration.

        A `DirectPosterior`, of an ensemble an `EnsemblePosterior`; the stamp is its default observation.
        """
        from sbi.inference.posteriors import DirectPosterior, EnsemblePosterior
        from sbi.utils import BoxUniform

        from lenssbi.estimators.for_sbi import SbiDensity

        stamp = self._cut(stamp)
        inputs = next(self._prepared(stamp.image[None], stamp.noise[None], stamp.mask[None], 1))
        low = torch.zeros(len(self.space), device=inputs.device)
        prior = BoxUniform(low, low + TARGET_RANGE)
        posteriors = [DirectPosterior(SbiDensity(density), prior) for density in self.densities]
        posterior = EnsemblePosterior(posteriors) if len(posteriors) > 1 else posteriors[0]
        return posterior.set_default_x(inputs)

    def _prepared(
        self, images: NDArray[Any], noise: NDArray[Any], mask: NDArray[np.bool_] | None, batch: int
    ) -> Iterator[Tensor]:
        if tuple(images.shape[1:]) != self.field:
            raise ValueError(f"the estimator takes stamps of {self.field} pixels, got {tuple(images.shape[1:])}")
        device = next(self.densities[0].parameters()).device
        for start in range(0, len(images), batch):
            rows = slice(start, start + batch)
            usable = None if mask is None else mask[rows]
            prepared = self.card.preprocessing(np.asarray(images[rows]), np.asarray(noise[rows]), usable)
            yield torch.from_numpy(prepared).to(device)

    def _mixtures(self, inputs: Tensor, features: Tensor | None = None) -> Iterator[DiagonalMixture]:
        """Posteriors of prepared stamps, whose features for the first density may be known."""
        names, units, scale = self.space.names, self.space.units, self.space.target_scale
        with torch.inference_mode():
            embedded = [self.densities[0].embed(inputs) if features is None else features]
            embedded += [density.embed(inputs) for density in self.densities[1:]]
            found = [density.components(f) for density, f in zip(self.densities, embedded, strict=True)]
        # Components of the members alternate, since a recalibration treats neighbouring components as exchangeable.
        means, variances = (
            torch.stack(m, dim=1).flatten(0, 1).cpu().double().numpy() for m in zip(*found, strict=True)
        )
        for i in range(means.shape[1]):
            sigmas = np.sqrt(variances[:, i]) * scale
            yield DiagonalMixture(self.space.from_targets(means[:, i]), sigmas, names, units)

    def _cut(self, stamp: Stamp) -> Stamp:
        return stamp if stamp.shape == self.field else stamp.cut(self.field)
