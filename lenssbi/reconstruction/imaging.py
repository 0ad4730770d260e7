"""A stamp prepared for the inversion: the angles to trace, and the PSF's response to their light.

Pixel i of the model image collects

    m_i = sum_s response[s - i] * S(beta_s) * (sub-pixel area),    beta_s = traced angle of sub-pixel s,

where `response` holds the optics *and* the pixel's own area, once. The sum runs over every sub-pixel whose light reaches a
pixel of the mask, including those outside the mask and even outside the stamp: a bright arc beyond the mask's edge
contributes to the pixels within. The faintest places of the response, a hundred-thousandth of it together, are left out. Only the
mask's pixels enter chi^2.

The pixels of the mask are processed in tiles of 4 x 4. The light of one sub-pixel reaches the 16 pixels of a tile through
16 numbers that are contiguous in `Tiles.kernel` for every tile; this makes `kernel.py` fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from lenssbi.arrays import ComplexArray, FloatArray, pixel_grid

TILE = 4
NEGLIGIBLE = 1e-5  # of the PSF's light: its faintest pixels, up to this much together, are neglected
SIGNIFICANT = 3.0  # signal to noise above which a pixel belongs to the source


class Tiles(NamedTuple):
    """Index tables of the blurring (a tuple, because compiled code takes those).

    Tile t is lit by the pixels `pixel[start[t]:start[t + 1]]` (groups of subgrid^2 rows of `Imaging.theta`), each seen at the
    offset `slot`, hence through `kernel[slot, sub-pixel]`, shape (16,). `weight` is flux_scale / sigma, `data` is image / sigma;
    both are 0 where a tile has a pixel outside the mask. `place` is the pixel's flat index in the stamp.
    """

    start: NDArray[Any]
    pixel: NDArray[Any]
    slot: NDArray[Any]
    kernel: FloatArray
    weight: FloatArray
    data: FloatArray
    place: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Imaging:
    """Image, noise, mask and PSF response of one stamp.

    Parameters
    ----------
    data
        Image without lens light and sky [flux/pixel], shape (ny, nx), row 0 at the bottom.
    noise
        1 sigma of `data`, shape (ny, nx).
    mask
        True for the pixels that are fitted, shape (ny, nx). Others may have any values, NaN included.
    response
        `PSF.response` for this pixel scale and sub-grid, shape (n, n), n an odd number of pixels times `subgrid`.
    pixel_scale
        Side of a pixel [arcsec].
    subgrid
        Number of sub-pixels along the side of a pixel.
    follow
        Image that `brightness` follows instead of the data, such as the source's light in an earlier fit's model of this image
        [any unit per pixel], shape (ny, nx); it may have any values outside the mask, and negative values count as 0.
    fine
        True for pixels with twice as many sub-pixels along the side, for strong light and gradients, shape (ny, nx).
    fine_response
        Response for twice the sub-grid, shape (2 n, 2 n); required with `fine`.

    Raises
    ------
    ValueError
        If shapes do not match, the mask is empty, or numbers inside it are unusable.
    """

    data: FloatArray
    noise: FloatArray
    mask: NDArray[np.bool_]
    response: FloatArray
    pixel_scale: float
    subgrid: int = 2
    follow: FloatArray | None = None
    fine: NDArray[np.bool_] | None = None
    fine_response: FloatArray | None = None

    def __post_init__(self) -> None:
        for name, kind in (("data", float), ("noise", float), ("mask", bool), ("response", float)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=kind))
        if self.data.ndim != 2 or not self.data.shape == self.noise.shape == self.mask.shape:
            shapes = f"{self.data.shape}, {self.noise.shape}, {self.mask.shape}"
            raise ValueError(f"data, noise and mask are images of one shape, got {shapes}")
        side = self.response.shape[0] if self.response.ndim == 2 else 0
        if self.response.shape != (side, side) or side % self.subgrid or side // self.subgrid % 2 == 0:
            raise ValueError(
                f"the response of a {self.subgrid} x {self.subgrid} sub-grid is square with an odd number of pixels on a side, "
                f"got shape {self.response.shape}: build it with the same subgrid"
            )
        if not np.isfinite(self.response).all() or not (self.response != 0).any():
            raise ValueError("the PSF's response is empty or not finite")
        if not self.mask.any():
            raise ValueError("the mask has no pixel to fit")
        noise = self.noise[self.mask]
        if not (np.isfinite(self.data[self.mask]).all() and np.isfinite(noise).all() and (noise > 0).all()):
            raise ValueError(
                "inside the mask data are finite and noise is above 0: take the other pixels out of the mask"
            )
        self._check_options()

    def _check_options(self) -> None:
        shape, side = self.mask.shape, 2 * self.response.shape[0]
        for name, kind in (("follow", float), ("fine", bool), ("fine_response", float)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=kind))
        if self.follow is not None and (self.follow.shape != shape or not np.isfinite(self.follow[self.mask]).all()):
            raise ValueError(f"follow is an image of shape {shape} and finite inside the mask")
        if self.fine is None and self.fine_response is None:
            return
        if self.fine is None or self.fine_response is None or self.fine.shape != shape:
            raise ValueError(f"fine, of shape {shape}, and fine_response go together")
        if self.fine_response.shape != (side, side) or not np.isfinite(self.fine_response).all():
            raise ValueError(f"fine_response has shape {(side, side)}: build it with twice the subgrid")

    @property
    def n_pixels(self) -> int:
        """Number of pixels in chi^2."""
        return int(np.count_nonzero(self.mask))

    @property
    def reach(self) -> int:
        """Distance to which the PSF scatters light [pixels]."""
        return self.response.shape[0] // self.subgrid // 2

    @cached_property
    def flux_scale(self) -> float:
        """Root mean square of the significant pixels [flux/pixel]; the median noise if no pixel is significant.

        Sources are solved for in this unit, so the regularisation strength has no unit: it is the same for a stamp in electrons and in nJy.
        """
        data, noise = self.data[self.mask], self.noise[self.mask]
        bright = data[data > SIGNIFICANT * noise]
        return float(np.sqrt(np.mean(bright**2)) if bright.size else np.median(noise))

    @cached_property
    def brightness(self) -> FloatArray:
        """Distribution of the source's light over the pixels of the mask, sum 1, shape (n_pixels,).

        `follow`, or without it the significance of the light: signal to noise of 3 x 3 pixels above `SIGNIFICANT`. The weights
        are equal if there is no light.
        """
        if self.follow is not None:
            light = np.maximum(self.follow[self.mask], 0.0)
        else:
            signal = uniform_filter(np.where(self.mask, self.data, 0.0), 3, mode="constant")
            variance = uniform_filter(np.where(self.mask, self.noise, 0.0) ** 2, 3, mode="constant") / 9
            light = np.maximum(signal[self.mask] / np.sqrt(variance[self.mask]) - SIGNIFICANT, 0.0)
        return light / light.sum() if light.any() else np.full(light.size, 1 / light.size)

    @cached_property
    def theta(self) -> ComplexArray:
        """Angles to be traced [arcsec], shape (n_sub,): all sub-pixels that contribute to the mask, in groups of subgrid^2.

        A group is a pixel; after all pixels come the quarters of the `fine` ones. A fine pixel's own group has no light, but is
        kept for the positions of the pixels of the mask.
        """
        k, (ny, nx) = self.subgrid, self._lit.shape
        grid = pixel_grid((ny, nx), self.pixel_scale, k).reshape(ny, k, nx, k).swapaxes(1, 2)
        if self.fine is None:
            return grid[self._lit].ravel()
        finer = pixel_grid((ny, nx), self.pixel_scale, 2 * k).reshape(ny, 2 * k, nx, 2 * k).swapaxes(1, 2)
        quarters = finer[self._fine].reshape(-1, 2, k, 2, k).swapaxes(2, 3)
        return np.concatenate([grid[self._lit].ravel(), quarters.ravel()])

    @cached_property
    def fitted(self) -> NDArray[Any]:
        """Which groups of subgrid^2 rows of `theta` are pixels of the mask, in the order of `data[mask]`; shape (n_pixels,)."""
        return self._number[self._framed_mask]

    @cached_property
    def _framed_mask(self) -> NDArray[np.bool_]:
        """The mask in a frame as wide as the PSF's reach, since light also comes from outside the stamp."""
        return np.pad(self.mask, self.reach)

    @cached_property
    def _lit(self) -> NDArray[np.bool_]:
        """Pixels of the frame whose light reaches the mask."""
        lit = np.zeros(self._framed_mask.shape, dtype=bool)
        rows, columns = np.nonzero(self._framed_mask)
        for dy, dx in np.argwhere((self._blocks != 0).any(axis=(2, 3))) - self.reach:
            lit[rows + dy, columns + dx] = True
        return lit

    @cached_property
    def kept_response(self) -> FloatArray:
        """The response without its negligible part, with which the model image is computed; shape of `response`."""
        return _kept(self.response)

    @property
    def _blocks(self) -> FloatArray:
        """The same, shape (dy, dx, subgrid, subgrid)."""
        k, side = self.subgrid, 2 * self.reach + 1
        return self.kept_response.reshape(side, k, side, k).swapaxes(1, 2)

    @cached_property
    def _fine(self) -> NDArray[np.bool_]:
        """Lit pixels of the frame that have the finer sub-grid."""
        return self._lit & np.pad(np.zeros_like(self.mask) if self.fine is None else self.fine, self.reach)

    @cached_property
    def _number(self) -> NDArray[Any]:
        """Number of a lit pixel in `theta`, -1 for the others, in the frame."""
        return np.where(self._lit, np.cumsum(self._lit).reshape(self._lit.shape) - 1, -1)

    @cached_property
    def _groups(self) -> NDArray[Any]:
        """Group of `theta` with the light of a place of the frame, -1 for none: of whole pixels, and of the quarters of fine ones."""
        layers = [np.where(self._fine, -1, self._number)]
        if self.fine is not None:
            first = np.count_nonzero(self._lit) + 4 * (np.cumsum(self._fine).reshape(self._fine.shape) - 1)
            layers += [np.where(self._fine, first + q, -1) for q in range(4)]
        return np.stack(layers)

    @cached_property
    def tiles(self) -> Tiles:
        """Index tables for the compiled code."""
        ny, nx = self.mask.shape
        down, across = -(-ny // TILE), -(-nx // TILE)
        place = np.full((down * TILE, across * TILE), -1)
        place[:ny, :nx] = np.where(self.mask, np.arange(ny * nx).reshape(ny, nx), -1)
        place = place.reshape(down, TILE, across, TILE).swapaxes(1, 2).reshape(down, across, TILE**2)
        fitted = (place >= 0).any(axis=2)
        corners, place = TILE * np.argwhere(fitted), place[fitted]
        kernel = self._tile_kernel()
        inside, flat = place >= 0, place.clip(0)
        used = (kernel != 0).any(axis=1)  # slot, pixel of the tile
        lit = self._windows(corners)
        lighting = (lit >= 0) & (inside.astype(np.float32) @ used.astype(np.float32).T > 0)  # tile, slot
        weight = np.where(inside, 1 / np.where(self.mask, self.noise, 1.0).ravel()[flat], 0.0)
        data = np.where(inside, np.where(self.mask, self.data, 0.0).ravel()[flat] * weight, 0.0)
        return Tiles(
            start=np.concatenate([[0], np.cumsum(lighting.sum(axis=1))]),
            pixel=lit[lighting],
            slot=np.nonzero(lighting)[1],
            kernel=kernel,
            weight=weight * self.flux_scale,
            data=data,
            place=place,
        )

    def _tile_kernel(self) -> FloatArray:
        """Share of a sub-pixel's light in each pixel of a tile; slots cover the tile and the PSF's reach, once per layer of `_groups`.

        Shape (slot, sub-pixel, 16), sub-pixels filled up with zeros to a multiple of 4, the number that the compiled code processes at
        once.
        """
        k, side, width = self.subgrid, 2 * self.reach + 1, 2 * self.reach + TILE
        layers = (self._blocks / k**2)[None]
        if self.fine_response is not None:
            finer = _kept(self.fine_response).reshape(side, 2, k, side, 2, k).transpose(1, 4, 0, 3, 2, 5)
            layers = np.concatenate([layers, finer.reshape(4, side, side, k, k) / (2 * k) ** 2])
        kernel = np.zeros((len(layers), width, width, k, k, TILE, TILE))
        for a in range(TILE):
            for b in range(TILE):
                kernel[:, a : a + side, b : b + side, :, :, a, b] = layers
        return np.pad(kernel.reshape(-1, k**2, TILE**2), ((0, 0), (0, -(k**2) % 4), (0, 0)))

    def _windows(self, corners: NDArray[Any]) -> NDArray[Any]:
        """Groups around the tiles at `corners` (tile, 2) as far as the PSF reaches, -1 for none, shape (tile, slot)."""
        width = 2 * self.reach + TILE
        groups = np.pad(
            self._groups, ((0, 0), (0, TILE), (0, TILE)), constant_values=-1
        )  # the last tiles extend beyond the stamp
        y, x = corners.T
        windows = np.lib.stride_tricks.sliding_window_view(groups, (width, width), axis=(1, 2))[:, y, x]
        return windows.swapaxes(0, 1).reshape(len(corners), -1)


def _kept(response: FloatArray) -> FloatArray:
    faint = np.sort(abs(response), axis=None)
    level = faint[np.searchsorted(np.cumsum(faint), NEGLIGIBLE * faint.sum())]
    return np.where(abs(response) > (1 - 1e-9) * level, response, 0.0)  # mirrored places are kept or dropped together
