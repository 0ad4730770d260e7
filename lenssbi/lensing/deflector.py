"""Deflectors: objects that give the deflection, convergence and shear at a point of the image plane.

With the lens potential psi, and d/dz = (d/dx - i d/dy) / 2 on the complex plane z = x + iy,

    deflection  alpha = 2 dpsi/dz*,   convergence kappa = dalpha/dz,   shear gamma = dalpha/dz*

so that beta = theta - alpha and the Jacobian's determinant is (1 - kappa)^2 - |gamma|^2.

The parameters of a deflector are numbers, or arrays of the library of `theta`, of a shape (*batch, 1, 1) that broadcasts
against it.
"""

from __future__ import annotations

from typing import Protocol

from lenssbi.arrays import Array

CORE = 1e-10
"""Radius [arcsec] within which a singular profile is made finite; far below what any pixel or grid resolves."""


class Deflector(Protocol):
    """A sheet of mass; `theta` [arcsec] is complex, shape (*batch, y, x), the shape of every result."""

    def deflection(self, theta: Array) -> Array:
        """Deflection angle alpha [arcsec], complex."""
        ...

    def convergence(self, theta: Array) -> Array:
        """Surface density over the critical one, real."""
        ...

    def shear(self, theta: Array) -> Array:
        """Shear gamma1 + i gamma2, complex."""
        ...
