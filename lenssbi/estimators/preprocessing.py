"""Preprocessing of stamps for a network.

    unit_interval   (image - min) / (max - min), each stamp by itself (Pearson et al. 2021)
    asinh           arcsinh(image / noise) / scale, noise the median of the stamp's noise map
    asinh_map       arcsinh(image / noise) / scale, noise the noise map, pixel by pixel
    observed        several channels of a stamp with its lens galaxy in it (`channels`), which need no noise map

The second and the third keep how bright a stamp is against its noise, which the width of the posterior depends on, and tame bright cores.
They have no unit, so electrons, ADU and microjansky all serve. Unusable pixels become 0, the level of empty sky. With
`asinh_map` a pixel weighs as much as it is worth, so one whose noise is declared huge fades to 0 by itself; one whose noise is
not finite, not positive or below TRUSTED of the stamp's median is unusable: its ratio is meaningless.
"""

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from lenssbi.config import Config

if TYPE_CHECKING:
    from torch import Tensor

CHANNELS = 3
"""Number of channels of kind `observed`."""
TRUSTED = 0.01
"""Least noise of a pixel over the stamp's median: the sky, which is in the median, is in every pixel."""


class ImagePreprocessing(Config):
    """Scaling of the pixels; stored with the estimator."""

    kind: Literal["asinh", "asinh_map", "unit_interval", "observed"] = "asinh"
    scale: float = Field(default=1.0, gt=0, description="arcsinh(image / noise) that becomes 1")

    @property
    def channels(self) -> int:
        """Number of channels."""
        return CHANNELS if self.kind == "observed" else 1

    def __call__(
        self,
        images: NDArray[np.floating],
        noise: NDArray[np.floating],
        mask: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float32]:
        """Prepare stamps.

        Parameters
        ----------
        images
            Images in the unit of `noise`, shape (n, y, x).
        noise
            Noise of one sigma of each pixel, shape (n, y, x), or of each stamp, shape (n,).
        mask
            True for usable pixels, shape (n, y, x); None for all finite ones.

        Returns
        -------
        Shape (n, channel, y, x), without unit, finite.
        """
        if self.kind == "observed":
            return self.observed(np.asarray(images), mask).numpy()
        return self._scaled(images, noise, mask)[:, None]

    def observed(self, images: "NDArray[np.floating] | Tensor", mask: NDArray[np.bool_] | None = None) -> "Tensor":
        """The channels of kind `observed` as a tensor on the device of the images, shape (n, channel, y, x)."""
        import torch

        from lenssbi.estimators.channels import observed_channels

        values = torch.as_tensor(images).float()
        if mask is not None:
            values = values.masked_fill(~torch.as_tensor(mask, device=values.device), torch.nan)
        return observed_channels(values, self.scale)

    def _scaled(
        self, images: NDArray[np.floating], noise: NDArray[np.floating], mask: NDArray[np.bool_] | None
    ) -> NDArray[np.float32]:
        """One channel, shape (n, y, x)."""
        usable = np.isfinite(images) if mask is None else mask & np.isfinite(images)
        image = np.where(usable, images, 0).astype(np.float32)
        if self.kind == "unit_interval":
            low, high = (f(image, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
            return np.where(usable, (image - low) / np.where(high > low, high - low, 1), 0).astype(np.float32)
        level = noise_level(noise, usable if noise.ndim == 3 else None)
        level = level[:, None, None]
        if self.kind == "asinh_map" and noise.ndim == 3:
            good = np.isfinite(noise) & (noise > TRUSTED * level)
            image, level = np.where(good, image, 0), np.where(good, noise, 1).astype(np.float32)
        return np.arcsinh(image / level) / np.float32(self.scale)


def noise_level(noise: NDArray[np.floating], usable: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """Median one sigma of each stamp, shape (n,), over its usable pixels of finite positive noise.

    A stamp without one gets the level 1.
    """
    if noise.ndim == 1:
        level = noise.astype(np.float32)
    else:
        good = np.isfinite(noise) & (noise > 0)
        good = good if usable is None else good & usable
        if good.all():
            level = np.median(noise, axis=(1, 2)).astype(np.float32)
        else:
            level = np.array([np.median(n[g]) if g.any() else 1 for n, g in zip(noise, good, strict=True)], np.float32)
    return np.where(np.isfinite(level) & (level > 0), level, np.float32(1))
