"""The evidence of a lens model whose source is pixelised (Suyu et al. 2006; Nightingale, Dye & Massey 2018).

    -2 ln E = chi^2(s) + s^T H s + ln det(F + H) - ln det H + sum ln(2 pi sigma^2),

at the best source s = (F + H)^-1 D, for uniform priors on everything else.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from lenssbi.status import Status


class Evidence(NamedTuple):
    """The five terms of -2 ln E.

    Parameters
    ----------
    misfit
        chi^2 of the best source.
    smoothness
        s^T H s: the penalty of the regularisation.
    log_det_curvature
        ln det(F + H), which measures how well the data determine the source.
    log_det_regularisation
        ln det H, which counts with the opposite sign.
    noise_norm
        sum over the mask's pixels of ln(2 pi sigma^2), sigma in the stamp's flux unit.
    """

    misfit: float
    smoothness: float
    log_det_curvature: float
    log_det_regularisation: float
    noise_norm: float

    @classmethod
    def failed(cls) -> Evidence:
        """The terms of a singular inversion."""
        return cls(math.nan, math.nan, math.nan, math.nan, math.nan)

    def with_noise(self, factor: float, n_pixels: int) -> Evidence:
        """The terms for noise that is `factor` times larger everywhere, and as much less regularisation.

        With sigma -> f sigma and H -> H / f^2 the best source is the same, chi^2 and s^T H s fall by f^2, and
        ln det(F + H) - ln det H stays, both falling by 2 n ln f.

        Parameters
        ----------
        factor
            Factor f.
        n_pixels
            Number of pixels in chi^2.
        """
        less = factor**-2
        return self._replace(
            misfit=self.misfit * less,
            smoothness=self.smoothness * less,
            noise_norm=self.noise_norm + 2 * n_pixels * math.log(factor),
        )

    @property
    def log_evidence(self) -> float:
        """Natural log of the evidence; -inf if the inversion failed, which every sampler accepts."""
        twice = self.misfit + self.smoothness + self.log_det_curvature - self.log_det_regularisation + self.noise_norm
        return -0.5 * twice if math.isfinite(twice) else -math.inf

    @property
    def status(self) -> Status:
        """Whether the inversion worked."""
        return Status.DONE if math.isfinite(self.log_evidence) else Status.SINGULAR
