"""A lens in four small pictures side by side: data, model, residual over noise, source. For tables of thousands."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.plots.style import LIGHT, SIGNED

SIDE = 56  # pixels of a panel
PANELS = 4
QUALITY = 70
RESIDUAL_LIMIT = 5.0  # [sigma]
MARGIN = 1.12


def thumbnail(
    data: FloatArray,
    noise: FloatArray,
    mask: np.ndarray | None = None,
    model: FloatArray | None = None,
    source: FloatArray | None = None,
) -> bytes:
    """The four panels as one WebP image of `PANELS` squares; a panel that is None stays dark.

    Parameters
    ----------
    data, noise
        Image and one sigma, in one unit, shape (y, x), row 0 at the bottom.
    mask
        True for the pixels that were fitted: the picture is cut around them; None shows all.
    model
        Blurred model image, NaN outside the mask.
    source
        The source on a square grid, NaN outside its mesh.
    """
    from PIL import Image

    window = _window(data.shape if mask is None else mask.shape, mask)
    sigma = float(np.median(noise[window][np.isfinite(noise[window])])) or 1.0
    top = max(float(np.nanmax(data[window] if model is None else model[window], initial=0.0)), 10 * sigma)
    strip = Image.new("RGB", (PANELS * SIDE, SIDE))
    panels = [_coloured(_stretched(data[window], sigma, top), LIGHT)]
    if model is not None:
        residual = (data - model)[window] / np.where(noise > 0, noise, np.inf)[window]
        panels.append(_coloured(_stretched(model[window], sigma, top), LIGHT))
        panels.append(_coloured((residual / RESIDUAL_LIMIT + 1) / 2, SIGNED))
    if source is not None:
        bright = max(float(np.nanmax(source, initial=0.0)), np.finfo(float).tiny)
        panels.append(_coloured(source / bright, LIGHT))
    for i, panel in enumerate(panels):
        strip.paste(Image.fromarray(panel).resize((SIDE, SIDE), Image.Resampling.BICUBIC), (i * SIDE, 0))
    found = io.BytesIO()
    strip.save(found, "WEBP", quality=QUALITY, method=4)
    return found.getvalue()


def half_sides(shape: tuple[int, ...], mask: np.ndarray | None, pixel_scale: float) -> tuple[float, float]:
    """Half sides (x, y) [arcsec] of the field of a thumbnail, about the centre of the stamp."""
    rows, columns = _window(shape, mask)
    return (columns.stop - columns.start) * pixel_scale / 2, (rows.stop - rows.start) * pixel_scale / 2


def _window(shape: tuple[int, ...], mask: np.ndarray | None) -> tuple[slice, slice]:
    """The central square that holds the mask and a margin."""
    half = max(shape) / 2
    if mask is not None and mask.any():
        places = [np.abs(where - (side - 1) / 2).max() for where, side in zip(np.nonzero(mask), shape, strict=True)]
        half = MARGIN * (max(places) + 0.5)
    margins = [max(round(side / 2 - half), 0) for side in shape]
    return slice(margins[0], shape[0] - margins[0]), slice(margins[1], shape[1] - margins[1])


def _stretched(image: FloatArray, sigma: float, top: float) -> FloatArray:
    """Linear within the noise, logarithmic above: 0 at -2 sigma, 1 at `top`."""
    low, high = np.arcsinh(-0.5), np.arcsinh(top / (4 * sigma))
    return (np.arcsinh(image / (4 * sigma)) - low) / (high - low)


def _coloured(values: FloatArray, colours: str) -> np.ndarray:
    """Colours (y, x, 3) of values between 0 and 1, the top row first as in image files; values that are not finite are dark."""
    known = np.isfinite(values)
    index = (np.clip(np.where(known, values, 0.0), 0, 1) * 255).astype(np.uint8)
    return np.where(known[..., None], _table(colours)[index], 0).astype(np.uint8)[::-1]


@lru_cache
def _table(colours: str) -> np.ndarray:
    from matplotlib import colormaps

    return (colormaps[colours](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
