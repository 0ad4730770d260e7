"""A trained network with all that is needed to ask it: scaling of the pixels, parameters, camera, calibration."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lenssbi.dataset.stamp import Stamp
from lenssbi.estimators.checkpoint import EstimatorCard
from lenssbi.estimators.network import CompactNetwork, PaperNetwork
from lenssbi.estimators.passes import moments
from lenssbi.estimators.recalibration import Recalibration
from lenssbi.parameters import ParameterSpace
from lenssbi.posteriors.gaussians import GaussianMixture

PIXEL_SCALE_TOLERANCE = 0.02


@dataclass(frozen=True)
class Estimator:
    """Turns stamps into posteriors.

    Parameters
    ----------
    network
        In evaluation mode.
    card
        What the estimator is and how it was made.
    """

    network: PaperNetwork | CompactNetwork
    card: EstimatorCard

    @property
    def name(self) -> str:
        """Name of the estimator."""
        return self.card.name

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
    def recalibration(self) -> Recalibration | None:
        """The calibration, None where `lenssbi calibrate` has not been run."""
        if self.card.calibration is None:
            return None
        entries = [self.card.calibration.recalibration[name] for name in self.space.names]
        return Recalibration(self.space.names, tuple(e.scale for e in entries), tuple(e.tail for e in entries))

    def applies_to(self, stamp: Stamp) -> str | None:
        """Return None where the estimator was trained for such a stamp, else the reason why not."""
        if abs(stamp.pixel_scale / self.pixel_scale - 1) > PIXEL_SCALE_TOLERANCE:
            return f"its pixels are {stamp.pixel_scale:g} arcsec wide, the estimator's {self.pixel_scale:g}"
        if any(n < wanted for n, wanted in zip(stamp.shape, self.field, strict=True)):
            return (
                f"it has {stamp.shape[0]}x{stamp.shape[1]} pixels, the estimator needs {self.field[0]}x{self.field[1]}"
            )
        if stamp.band != self.band:
            return f"it was taken through {stamp.band}, the estimator is for {self.band}"
        return None

    def predict_stamp(self, stamp: Stamp) -> GaussianMixture:
        """Posterior of one stamp, of which the central field is taken."""
        if stamp.shape != self.field:
            stamp = stamp.cut(self.field)
        return self.predict(stamp.image[None], stamp.noise[None], stamp.mask[None])[0]

    def predict(
        self,
        images: NDArray[Any],
        noise: NDArray[Any],
        mask: NDArray[np.bool_] | None = None,
        *,
        batch: int = 64,
        recalibrated: bool = True,
    ) -> list[GaussianMixture]:
        """Posteriors of many stamps, in memory that does not grow with their number.

        Parameters
        ----------
        images
            Shape (n, y, x), in the unit of `noise`; an HDF5 dataset serves too.
        noise
            One sigma, shape (n, y, x) or (n,).
        mask
            True where a pixel can be used, shape (n, y, x); None for all.
        batch
            Stamps at a time.
        recalibrated
            Whether to apply the calibration, where there is one.

        Returns
        -------
        One mixture per stamp, in physical units.

        Raises
        ------
        ValueError
            Where the stamps are not of the estimator's field.
        """
        if tuple(images.shape[1:]) != self.field:
            raise ValueError(f"the estimator takes stamps of {self.field} pixels, got {tuple(images.shape[1:])}")
        mixtures = self._mixtures(images, noise, mask, batch)
        mend = self.recalibration if recalibrated else None
        return [mend(mixture) if mend else mixture for mixture in mixtures]

    def _mixtures(
        self, images: NDArray[Any], noise: NDArray[Any], mask: NDArray[np.bool_] | None, batch: int
    ) -> Iterator[GaussianMixture]:
        names, units, scale = self.space.names, self.space.units, self.space.target_scale
        for start in range(0, len(images), batch):
            rows = slice(start, start + batch)
            usable = None if mask is None else mask[rows]
            prepared = self.card.preprocessing(np.asarray(images[rows]), np.asarray(noise[rows]), usable)
            with torch.inference_mode():
                inputs = torch.from_numpy(prepared).unsqueeze(1)
                found = moments(self.network, inputs, self.card.passes, self.card.seed)
            means, variances = (moment.double().numpy() for moment in found)
            for i in range(means.shape[1]):
                sigmas = np.sqrt(variances[:, i]) * scale
                yield GaussianMixture(self.space.from_targets(means[:, i]), sigmas, names, units)
