"""Inverse of the flow's splines in one compiled pass over the draws (Durkan et al. 2019, equations 4 and 6 to 8).

Between two knots (x0, y0) and (x1, y1) with slopes d0 and d1, w = x1 - x0, h = y1 - y0 and s = h / w, the value y is that of

    x = x0 + w z,   z = 2 c / (-b - sqrt(b^2 - 4 a c)),   c = -s (y - y0),
    a = h (s - d0) + (y - y0) t,   b = h d0 - (y - y0) t,   t = d0 + d1 - 2 s.

The conventions are those of `zuko.transforms.MonotonicRQSTransform`: the knots span [-bound, bound] on both axes, the slope is 1 at either
end, and outside x = y. Zuko takes some fifty operations on arrays of every bin; the bin of a value is all that is needed of them.
"""

from __future__ import annotations

from math import log, sqrt
from typing import Any

import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor


def invert_splines(phi: Tensor, values: Tensor, bound: float, slope: float) -> Tensor:
    """Inverse images of `values` under splines, on the CPU and without gradients.

    Parameters
    ----------
    phi
        Unconstrained widths and heights of the K bins and slopes of the K - 1 inner knots, shape (draw or 1, batch, p, 3 K - 1).
    values
        Values, shape (draw, batch, p).
    bound
        Half the length of the splines' domain.
    slope
        Smallest slope.

    Returns
    -------
    Shape (draw, batch, p).
    """
    bins = (phi.shape[-1] + 1) // 3
    shrink = torch.full((3 * bins - 1,), -1 / log(slope), dtype=phi.dtype)
    shrink[: 2 * bins] *= 2
    sizes = phi.div((phi.abs() * shrink).add_(1)).exp_()
    found = torch.empty(values.shape, dtype=values.dtype)
    _invert(sizes.numpy(), values.numpy(), bound, found.numpy())
    return found


@njit(cache=True, nogil=True)
def _invert(sizes: NDArray[Any], values: NDArray[Any], bound: float, found: NDArray[Any]) -> None:
    """Write the inverse images into `found`; `sizes` are widths and heights of any unit, and slopes."""
    bins = (sizes.shape[3] + 1) // 3
    for draw in range(values.shape[0]):
        for stamp in range(values.shape[1]):
            for i in range(values.shape[2]):
                y = values[draw, stamp, i]
                found[draw, stamp, i] = y
                if not -bound < y < bound:
                    continue
                own = sizes[draw if sizes.shape[0] > 1 else 0, stamp, i]
                width, height = 0.0, 0.0
                for k in range(bins):
                    width += own[k]
                    height += own[bins + k]
                x0, y0, place, above = 0.0, 0.0, 0, (y + bound) * height / (2 * bound)
                while place < bins - 1 and above > y0 + own[bins + place]:
                    x0 += own[place]
                    y0 += own[bins + place]
                    place += 1
                w, h = own[place] * 2 * bound / width, own[bins + place] * 2 * bound / height
                d0 = own[2 * bins + place - 1] if place > 0 else 1.0
                d1 = own[2 * bins + place] if place < bins - 1 else 1.0
                s, rest = h / w, (above - y0) * 2 * bound / height
                t = d0 + d1 - 2 * s
                a, b, c = h * (s - d0) + rest * t, h * d0 - rest * t, -s * rest
                z = 2 * c / (-b - sqrt(max(b * b - 4 * a * c, 0.0)))
                found[draw, stamp, i] = x0 * 2 * bound / width - bound + w * z
