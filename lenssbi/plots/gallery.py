"""Stamps of a set side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.plots.style import INK, LIGHT, house_style, scale_bar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SOFTENING = 3.0  # times the sky's scatter: fainter light is shown linearly, brighter logarithmically


def gallery_figure(
    images: FloatArray, captions: Sequence[str], pixel_scale: float, title: str = "", columns: int = 8
) -> Figure:
    """Draw stamps in rows.

    Parameters
    ----------
    images
        Images in any unit, shape (n, y, x).
    captions
        One line for each.
    pixel_scale
        Side of a pixel [arcsec].
    title
        Title of the figure.
    columns
        Number of stamps in a row.
    """
    from matplotlib.figure import Figure

    rows = -(-len(images) // columns)
    ny, nx = images.shape[1:]
    extent = (-nx * pixel_scale / 2, nx * pixel_scale / 2, -ny * pixel_scale / 2, ny * pixel_scale / 2)
    with house_style():
        figure = Figure(figsize=(1.45 * columns, 1.62 * rows + 0.35), layout="constrained")
        panels = np.atleast_1d(figure.subplots(rows, columns)).ravel()
        for axes in panels:
            axes.set_axis_off()
        for axes, image, caption in zip(panels, images, captions, strict=False):
            low = 1.4826 * np.median(np.abs(image - np.median(image)))
            shown = np.arcsinh(image / (SOFTENING * low))
            axes.imshow(shown, cmap=LIGHT, vmin=-0.3, vmax=shown.max(), extent=extent)
            axes.set_title(caption, fontsize=6.5, pad=2)
        scale_bar(panels[0], 1.0)
        if title:
            figure.suptitle(title, fontsize=11, color=INK)
    return figure
