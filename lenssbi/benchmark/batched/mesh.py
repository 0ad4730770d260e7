"""The rectangular mesh and its penalties for many lens models at once, in torch; see `rectangular` and `regularisation`.

Every tensor has the batch as its first axis, b.
"""

from __future__ import annotations

import torch

Knots = tuple[torch.Tensor, torch.Tensor]
"""Columns x and rows y of the mesh [arcsec], shape (b, n) each."""

Interpolation = tuple[torch.Tensor, torch.Tensor]
"""Source pixels and their weights at each traced angle, shape (b, n_sub, 4) each."""


def quantiles(values: torch.Tensor, share: torch.Tensor, n: int) -> torch.Tensor:
    """Smoothed quantiles of each row of `values`, whose weights are `share` (sum 1), shape (b, n)."""
    ordered, order = values.sort(dim=1)
    upto = torch.cumsum(share.gather(1, order), dim=1) * (n - 1)  # in cells
    below = torch.nn.functional.pad(upto[:, :-1], (1, 0))
    knots = torch.empty((len(values), n), dtype=values.dtype, device=values.device)
    for k in range(n):
        knots[:, k] = (ordered * (_triangle(upto - k) - _triangle(below - k))).sum(dim=1)
    knots[:, 0], knots[:, -1] = ordered[:, 0], ordered[:, -1]
    return knots


def _triangle(u: torch.Tensor) -> torch.Tensor:
    """Integral of the triangle of half-width 1 up to `u`."""
    u = u.clamp(-1.0, 1.0)
    return 0.5 + u - 0.5 * u * u.abs()


def bilinear(knots: Knots, points: torch.Tensor) -> Interpolation:
    """Interpolation at `points`, x and y, shape (2, b, n_sub)."""
    (i, u), (j, v) = (_cell(k, p) for k, p in zip(knots, points, strict=True))
    n = knots[0].shape[1]
    corner = j * n + i
    weights = torch.stack([(1 - u) * (1 - v), u * (1 - v), (1 - u) * v, u * v], dim=-1)
    return torch.stack([corner, corner + 1, corner + n, corner + n + 1], dim=-1), weights


def _cell(knots: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Cell of each value and the place in it, from 0 to 1."""
    i = (torch.searchsorted(knots, values.contiguous(), right=True) - 1).clamp(0, knots.shape[1] - 2)
    low, high = knots.gather(1, i), knots.gather(1, i + 1)
    return i, ((values - low) / (high - low)).clamp(0.0, 1.0)


def slopes(knots: Knots) -> torch.Tensor:
    """Weights of the edges as from `CellIntegrals.slopes`, shape (b, m)."""
    (dx, dy), (wide, high) = [k.diff(dim=1) for k in knots], [_widths(k) for k in knots]
    across = high[:, :, None] / dx[:, None, :]
    up = wide[:, None, :] / dy[:, :, None]
    return torch.cat([across.flatten(1), up.flatten(1)], dim=1)


def _widths(knots: torch.Tensor) -> torch.Tensor:
    half = 0.5 * knots.diff(dim=1)
    pad = torch.nn.functional.pad
    return pad(half, (0, 1)) + pad(half, (1, 0))


def signal(interpolation: Interpolation, light: torch.Tensor, seen: torch.Tensor, n: int) -> torch.Tensor:
    """`SourceMesh.signal` for n source pixels, shape (b, n); `light` and `seen` as in `LensTable`."""
    indices, weights = (part.flatten(1) for part in interpolation)
    shape = interpolation[1].shape
    total = torch.zeros((len(weights), n), dtype=weights.dtype, device=weights.device)
    counts = torch.ones_like(total)
    total.scatter_add_(1, indices, weights * light[..., None].expand(shape).flatten(1))
    counts.scatter_add_(1, indices, weights * seen[..., None].expand(shape).flatten(1))
    total = total / counts
    return total / total.amax(dim=1, keepdim=True).clamp(min=torch.finfo(total.dtype).tiny)


def log_det(weights: torch.Tensor, n: int, ridge: torch.Tensor) -> torch.Tensor:
    """ln det of the penalty of the edges and the ridge, shape (b or 1, n^2), by elimination of one row of the mesh after another, shape
    (b,).

    The off-diagonal blocks are diagonal matrices, so that each step is S_j = A_j - (w w^T) o S_{j-1}^-1.
    """
    across = weights[:, : n * (n - 1)].reshape(-1, n, n - 1)
    up = weights[:, n * (n - 1) :].reshape(-1, n - 1, n)
    pad = torch.nn.functional.pad
    own = (
        ridge.reshape(-1, n, n)
        + pad(across, (0, 1))
        + pad(across, (1, 0))
        + pad(up, (0, 0, 0, 1))
        + pad(up, (0, 0, 1, 0))
    )
    blocks = own.diag_embed() - across.diag_embed(1) - across.diag_embed(-1)
    total = torch.zeros(len(weights), dtype=weights.dtype, device=weights.device)
    left = blocks[:, 0]
    for j in range(n):
        factor, _ = torch.linalg.cholesky_ex(left)
        total = total + 2 * factor.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        if j < n - 1:
            left = blocks[:, j + 1] - up[:, j, :, None] * torch.cholesky_inverse(factor) * up[:, j, None, :]
    return total
