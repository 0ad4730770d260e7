"""Functions that the NFW (n = 2) and Hernquist (n = 3) profiles rho = rho_s / (x (1 + x)^n), x = r / scale_radius, have in common.

In projection both consist of one function (Bartelmann 1996; Keeton 2001),

    f(x) = artanh(sqrt(w)) / sqrt(w),   w = 1 - x^2      (arctan(sqrt(-w)) / sqrt(-w) if x > 1),

and its divided differences f1 = (f - 1) / w and f2 = (3 f1 - 1) / w, which lose precision around x = 1. There they are computed from

    f = 1 / (1 - w / (3 - 4 w / (5 - 9 w / (7 - ...))))          (Abramowitz & Stegun 1964, eq. 4.4.43)

A spherical mass deflects by alpha = z m(|z|), m the mean convergence within |z|, and shears by (kappa - m) z^2 / |z|^2.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from lenssbi.arrays import Array, array_namespace, every
from lenssbi.lensing.deflector import CORE

CLOSE = (-1.0, 0.5)
"""Range of w in which a level of the continued fraction leaves at most 0.172 of the error."""


class NFWFunctions(NamedTuple):
    """The radius x and the functions of it, all of one shape; `w` is 1 - x^2."""

    x: Array
    w: Array
    f: Array
    f1: Array
    f2: Array


def scaled_radius(z: Array, scale_radius: Array) -> Array:
    """|z| / scale_radius, never quite zero."""
    xp = array_namespace(z)
    return xp.sqrt(xp.real(z) ** 2 + xp.imag(z) ** 2 + CORE**2) / scale_radius


def nfw_functions(x: Array) -> NFWFunctions:
    """f, f1 and f2 at `x` > 0 to the precision of its type."""
    xp = array_namespace(x)
    f = projected(x)
    w = (1 - x) * (1 + x)
    close = (w > CLOSE[0]) & (w < CLOSE[1])
    v = xp.where(close, w, 0)
    tail = 0.0
    for k in range(2 + math.ceil(math.log(xp.finfo(x.dtype).eps) / math.log(0.172)), 2, -1):
        tail = k * k * v / (2 * k + 1 - tail)
    fourth = 4 / (5 - tail)
    third = 3 - v * fourth
    f1 = 1 / (third - v)
    f2 = (3 * f1 + fourth) / third
    far = xp.where(close, 1, w)
    f1 = xp.where(close, f1, (f - 1) / far)
    return NFWFunctions(x, w, f, f1, xp.where(close, f2, (3 * f1 - 1) / far))


def projected(x: Array) -> Array:
    """f at `x` > 0."""
    xp = array_namespace(x)
    tiny = 1e-30  # for x = 1: artanh(s) / s is 1 for so small an s
    inner, outer = xp.clip(x, None, 1), xp.clip(x, 1, None)
    s = xp.sqrt((1 - inner) * (1 + inner) + tiny)
    t = xp.sqrt((outer - 1) * (outer + 1) + tiny)
    return xp.where(x < 1, xp.log1p((s + (1 - inner)) / inner) / s, xp.atan(t) / t)


def tangential(z: Array, excess: Array) -> Array:
    """Shear of a circular mass whose mean convergence within |z| exceeds that at |z| by `excess`."""
    xp = array_namespace(z)
    return -excess * z * z / (xp.real(z) ** 2 + xp.imag(z) ** 2 + CORE**2)


def refuse_bad_halo(name: str, kappa_s: Array, scale_radius: Array) -> None:
    """Raise ValueError unless kappa_s >= 0 and scale_radius > 0."""
    if not every(kappa_s >= 0):
        raise ValueError(f"{name} needs kappa_s >= 0, got {kappa_s}")
    if not every(scale_radius > 0):
        raise ValueError(f"{name} needs scale_radius > 0, got {scale_radius}")
