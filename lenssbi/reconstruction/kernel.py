"""The arithmetic of one evaluation, compiled. Everything here releases the interpreter's lock.

The blurred mapping L has about 50 source pixels per image pixel, so a dense F = L^T C^-1 L wastes 150 times the work, and a
sparse one spends its time on scattered additions. Here the rows of L are formed for 16 neighbouring image pixels at once
(`imaging.Tiles`): they share most of their source pixels, about a hundred, and a dense block of 100 x 16 holds them. Blurring is then
16 parallel multiply-adds, the block's part of F a small dense product, scattered once per tile instead of once per
image pixel. The floor is LAPACK's Cholesky of F + H.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from lenssbi.arrays import FloatArray
from lenssbi.reconstruction.imaging import TILE, Tiles

WIDTH = TILE**2
REORDER = {"reassoc", "contract"}  # allows sums to be vectorised; NaN and infinity keep their meaning


class Mapping(NamedTuple):
    """The mapping from source pixels to sub-pixels, grouped by image pixel.

    The light in image pixel m comes from the source pixels `source[start[m]:start[m + 1]]`; `weight`, same rows, is the share of
    each in each of its sub-pixels, shape (., subgrid^2 filled up with zeros to a multiple of 4).
    """

    start: NDArray[Any]
    source: NDArray[Any]
    weight: FloatArray


@njit(cache=True, nogil=True, fastmath=REORDER)
def normal_equations(
    tiles: Tiles, indices: NDArray[Any], weights: FloatArray, sub: int, light: FloatArray, curvature: FloatArray
) -> FloatArray:
    """F = L^T C^-1 L into the upper half of `curvature`, shape (n + m, n + m); returns D = L^T C^-1 d, shape (n,).

    `indices`, `weights`, shape (n_sub, k): the mapping from source pixels to sub-pixels; `sub`: sub-pixels in a pixel.
    `light`, shape (n_tiles, 16, m): `Columns.rows`; their products with L fill the last m columns of `curvature`, except
    for the block of the last m rows, which the caller fills.
    """
    mapping = gather(indices, weights, sub, tiles.kernel.shape[1])
    m = light.shape[2]
    n = curvature.shape[0] - m
    for i in range(n):
        curvature[i, i:] = 0.0
    vector = np.zeros(n)
    block = np.empty((n, WIDTH))
    turned = np.empty((WIDTH, n + m + 1))
    local = np.full(n, -1, np.int64)
    members = np.empty(n + m + 1, np.int32)
    for t in range(tiles.start.size - 1):
        blurred_rows(tiles, t, mapping, local, block)
        size = 0
        for j in range(n):  # members in ascending order, so that F is filled from left to right
            if local[j] >= 0:
                total = 0.0
                for p in range(WIDTH):
                    value = block[local[j], p] * tiles.weight[t, p]
                    turned[p, size] = value
                    total += value * tiles.data[t, p]
                vector[j] += total
                local[j] = -1
                members[size] = j
                size += 1
        for c in range(m):
            members[size + c] = n + c
            for p in range(WIDTH):
                turned[p, size + c] = light[t, p, c]
        members[size + m], turned[:, size + m] = 0, 0.0  # makes the number of rows even
        _add_product(turned, members[: size + m + 1], size, curvature)
    return vector


@njit(cache=True, nogil=True)
def gather(indices: NDArray[Any], weights: FloatArray, sub: int, padded: int) -> Mapping:
    """Group the sub-pixels of each image pixel: its four to nine source pixels then need one pass each, not one per sub-pixel."""
    pixels, k = indices.shape[0] // sub, indices.shape[1]
    start = np.zeros(pixels + 1, np.int64)
    source = np.empty(indices.size, np.int64)
    weight = np.empty((indices.size, padded))
    size = 0
    for m in range(pixels):
        for s in range(sub):
            for c in range(k):
                w = weights[m * sub + s, c]
                if w == 0.0:
                    continue
                j = indices[m * sub + s, c]
                u = start[m]
                while u < size and source[u] != j:
                    u += 1
                if u == size:
                    source[u] = j
                    weight[u] = 0.0
                    size += 1
                weight[u, s] += w
        start[m + 1] = size
    return Mapping(start, source, weight)


@njit(cache=True, nogil=True, fastmath=REORDER)
def blurred_rows(tiles: Tiles, t: int, mapping: Mapping, local: NDArray[Any], block: FloatArray) -> int:
    """The columns of L within tile `t`, one row of `block` (shape (., 16)) per source pixel that lights it; returns their number.

    `local`, shape (n,), is the row of each source pixel; it is -1 everywhere at the call.
    """
    # The inner loop's length is deliberately not a constant: LLVM would unroll the loop and then not vectorise it.
    width, weight, light = block.shape[1], mapping.weight, tiles.kernel
    size = 0
    for chunk in range(light.shape[1] // 4):
        s = 4 * chunk
        for e in range(tiles.start[t], tiles.start[t + 1]):
            slot, m = tiles.slot[e], tiles.pixel[e]
            for u in range(mapping.start[m], mapping.start[m + 1]):
                a = local[mapping.source[u]]
                if a < 0:
                    a = size
                    local[mapping.source[u]] = a
                    block[a] = 0.0
                    size += 1
                w0, w1, w2, w3 = weight[u, s], weight[u, s + 1], weight[u, s + 2], weight[u, s + 3]
                for p in range(width):
                    block[a, p] += (
                        w0 * light[slot, s, p]
                        + w1 * light[slot, s + 1, p]
                        + w2 * light[slot, s + 2, p]
                        + w3 * light[slot, s + 3, p]
                    )
    return size


@njit(cache=True, nogil=True, fastmath=REORDER)
def _add_product(t: FloatArray, members: NDArray[Any], rows: int, curvature: FloatArray) -> None:
    """Add t^T t to the upper half of F at the members' places, of which the first `rows` have rows there.

    Two rows over four pixels are processed at a time, so that these 8 factors stay in registers. Values below the
    diagonal are never read.
    """
    size = members.size
    first, second = np.empty(size), np.empty(size)
    for h in range((rows + 1) // 2):
        i = 2 * h
        for p in range(0, WIDTH, 4):
            a0, a1, a2, a3 = t[p, i], t[p + 1, i], t[p + 2, i], t[p + 3, i]
            b0, b1, b2, b3 = t[p, i + 1], t[p + 1, i + 1], t[p + 2, i + 1], t[p + 3, i + 1]
            if p == 0:
                for k in range(size - i):  # loops start at 0, or LLVM does not vectorise them
                    t0, t1, t2, t3 = t[p, i + k], t[p + 1, i + k], t[p + 2, i + k], t[p + 3, i + k]
                    first[k] = a0 * t0 + a1 * t1 + a2 * t2 + a3 * t3
                    second[k] = b0 * t0 + b1 * t1 + b2 * t2 + b3 * t3
            else:
                for k in range(size - i):
                    t0, t1, t2, t3 = t[p, i + k], t[p + 1, i + k], t[p + 2, i + k], t[p + 3, i + k]
                    first[k] += a0 * t0 + a1 * t1 + a2 * t2 + a3 * t3
                    second[k] += b0 * t0 + b1 * t1 + b2 * t2 + b3 * t3
        upper, lower = curvature[members[i]], curvature[members[i + 1]]
        for k in range(size - i):
            j = members[i + k]
            upper[j] += first[k]
            lower[j] += second[k]


@njit(cache=True, nogil=True)
def add_penalty(curvature: FloatArray, rows: NDArray[Any], columns: NDArray[Any], values: FloatArray) -> None:
    """Add the upper half of H, as (row, column, value) with row <= column, to that of F, in place."""
    for e in range(values.size):
        curvature[rows[e], columns[e]] += values[e]


@njit(cache=True, nogil=True, fastmath=REORDER)
def blur(tiles: Tiles, brightness: FloatArray) -> FloatArray:
    """Model image at the tiles' pixels, shape (n_tiles, 16), of the sub-pixels' brightness, shape (pixels, subgrid^2)."""
    image = np.zeros(tiles.place.shape)
    for t in range(tiles.start.size - 1):
        for e in range(tiles.start[t], tiles.start[t + 1]):
            for s in range(brightness.shape[1]):
                light = brightness[tiles.pixel[e], s]
                for p in range(WIDTH):
                    image[t, p] += light * tiles.kernel[tiles.slot[e], s, p]
    return image
