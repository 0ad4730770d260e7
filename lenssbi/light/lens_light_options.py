"""Options of the multi-Gaussian expansion of a lens's light (`mge`), which its linear algebra (`expansion`) reads as well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LensLightOptions:
    """Options of the fit of the lens's light.

    Parameters
    ----------
    gaussians
        Number of widths.
    ellipses
        Number of ellipses that share the centre.
    field
        Side [arcsec] of the central square that is fitted.
    clip
        Mean of 3 x 3 residuals, in units of its own scatter, above which a pixel is an arc or a neighbour; connected pixels
        are clipped down to two thirds of that.
    model_error
        Error of the model as a fraction of its brightness: keeps the few brightest pixels from dominating the fit.
    rounds
        Largest number of rounds of clipping.
    """

    gaussians: int = 16
    ellipses: int = 2
    field: float = 10.0
    clip: float = 3.0
    model_error: float = 0.01
    rounds: int = 8

    def __post_init__(self) -> None:
        if self.gaussians < 2 or self.ellipses < 1 or self.rounds < 1:
            raise ValueError(f"a lens light needs two Gaussians, one ellipse and one round, got {self}")
        if not (self.field > 0 and self.clip > 0 and self.model_error >= 0):
            raise ValueError(f"field and clip are positive and model_error is not negative, got {self}")
