"""Channels of a stamp that shows its lens galaxy and its neighbours.

The sky's level and scatter s come from the frame of the stamp itself, so that neither a constant background nor the convention of the noise
map matters: the level is the median of the frame, s the distance from there to the 16th percentile, which the light of galaxies
leaves alone. With x = (image - level) / s, the channels are

    arcsinh(x),   arcsinh(x - x turned by 180 degrees about the light's centre),   arcsinh(x - x averaged over 7 x 7 pixels)

each divided by the scale: the stamp; what is not symmetric in it, which a galaxy mostly is and arcs are not; and what is narrow in it.
Unusable pixels have x = 0. The light's centre is the peak of sums over 3 x 3 pixels near the middle, to half a pixel.
"""

from __future__ import annotations

import torch
from torch import Tensor

FRAME = 5  # pixels along the edges that show the sky
CENTRAL = 6  # pixels on either side of the middle in which the light's centre is looked for
SMOOTH = 7  # pixels
SIGMA_16 = 0.1587
TINY = 1e-12


def observed_channels(images: Tensor, scale: float) -> Tensor:
    """Channels of stamps.

    Parameters
    ----------
    images
        Images in any unit, shape (n, y, x); not finite for unusable pixels.
    scale
        Value of arcsinh(x) that becomes 1.

    Returns
    -------
    Channels of the images, shape (n, 3, y, x), finite.
    """
    usable = images.isfinite()
    level, sigma = sky(images)
    x = ((images - level) / sigma).masked_fill_(~usable, 0.0)
    stacked = torch.empty((len(x), 3, *x.shape[1:]), device=x.device)
    stacked[:, 0] = x
    stacked[:, 1] = _odd(x)
    stacked[:, 2] = x - _averaged(x)
    stacked[:, 1:].masked_fill_(~usable[:, None], 0.0)
    return _arcsinh(stacked).div_(scale)


def sky(images: Tensor) -> tuple[Tensor, Tensor]:
    """Level and scatter of the sky in the frame of each stamp [unit of the images], shape (n, 1, 1)."""
    n = len(images)
    top, bottom = images[:, :FRAME], images[:, -FRAME:]
    left, right = images[:, FRAME:-FRAME, :FRAME], images[:, FRAME:-FRAME, -FRAME:]
    frame = torch.cat([part.reshape(n, -1) for part in (top, bottom, left, right)], dim=1)
    ordered = torch.where(frame.isfinite(), frame, torch.inf).sort(dim=1).values  # unusable ones come last
    count = frame.isfinite().sum(dim=1, keepdim=True)
    last = (count - 1).clamp(min=0)
    low, middle = (ordered.gather(1, (last * share).long()) for share in (SIGMA_16, 0.5))
    known = count > 0
    level = torch.where(known, middle, 0.0)
    sigma = torch.where(known, middle - low, 0.0)
    # a stamp whose frame is empty or constant: the scatter of all its pixels serves
    whole = torch.where(images.isfinite(), images, level[:, None]).flatten(1).std(dim=1, keepdim=True)
    sigma = torch.where(sigma > TINY * whole.clamp(min=TINY), sigma, whole)
    sigma = torch.where(sigma > 0, sigma, 1.0)
    return level[..., None], sigma[..., None]


def _odd(x: Tensor) -> Tensor:
    """x (n, y, x) less itself turned by 180 degrees about the light's centre; 0 for pixels without a partner."""
    odd, flipped = torch.zeros_like(x), x.flip(1, 2)
    for i, steps in enumerate(_steps(x).tolist()):
        to, of = zip(*(_overlap(step, size) for step, size in zip(steps, x.shape[1:], strict=True)), strict=True)
        torch.sub(x[i][to], flipped[i][of], out=odd[i][to])
    return odd


def _steps(x: Tensor) -> Tensor:
    """Pixels (y, x) by which a stamp turned about its middle is moved to be turned about its light's centre, shape (n, 2)."""
    ny, nx = x.shape[1:]
    reach = CENTRAL + 2
    top, left = ny // 2 - reach, nx // 2 - reach
    near = x[:, top : ny - top, left : nx - left]
    smooth = near.unfold(1, 3, 1).unfold(2, 3, 1).sum(dim=(3, 4))
    inside = smooth[:, 1:-1, 1:-1]
    width = inside.shape[2]
    peak = inside.flatten(1).argmax(dim=1)
    row, column = peak // width, peak % width  # 0 belongs to pixel top + 2, left + 2
    step = torch.arange(3, device=x.device)
    each = torch.arange(len(x), device=x.device)[:, None, None]
    core = smooth[each, (row[:, None] + step)[:, :, None], (column[:, None] + step)[:, None, :]]
    weight = core - core.amin(dim=(1, 2), keepdim=True)
    total = weight.sum(dim=(1, 2)).clamp(min=TINY)
    moments = [(weight.sum(dim=3 - axis) * (step - 1)).sum(dim=1) / total for axis in (1, 2)]
    places = row + top + 2 - (ny - 1) / 2, column + left + 2 - (nx - 1) / 2
    return torch.stack([2 * (place + m) for place, m in zip(places, moments, strict=True)], dim=1).round().long()


def _overlap(step: int, size: int) -> tuple[slice, slice]:
    """Pixels of an axis of `size` that something moved by `step` covers, and where in it they come from."""
    return slice(max(step, 0), size + min(step, 0)), slice(max(-step, 0), size - max(step, 0))


def _averaged(x: Tensor) -> Tensor:
    """Means over SMOOTH x SMOOTH pixels, fewer at the edges."""
    for axis in (1, 2):
        x = _summed(x, axis) / _summed(torch.ones_like(x[:1]), axis)
    return x


def _summed(x: Tensor, axis: int) -> Tensor:
    """Sums over SMOOTH pixels along an axis of (n, y, x), fewer at the edges; slices add faster than a pooling layer does."""
    size = x.shape[axis]
    total = x.clone()
    for step in range(1, SMOOTH // 2 + 1):
        length = size - step
        total.narrow(axis, 0, length).add_(x.narrow(axis, step, length))
        total.narrow(axis, step, length).add_(x.narrow(axis, 0, length))
    return total


def _arcsinh(x: Tensor) -> Tensor:
    """torch.arcsinh, several times as fast on a CPU; to 1e-6 of the larger of 1 and the result."""
    size = x.abs()
    return (size * size + 1).sqrt_().add_(size).log_().copysign_(x)
