"""External shear: the tidal field of the surroundings of the lens.

alpha = gamma * conj(theta - centre)
"""

from __future__ import annotations

from dataclasses import dataclass

from lenssbi.arrays import Array, array_namespace


@dataclass(frozen=True)
class ExternalShear:
    """Constant shear.

    Parameters
    ----------
    gamma
        gamma1 + i gamma2, complex; a number or an array of shape (*batch, 1, 1).
    centre
        Position of zero deflection, x + iy [arcsec].

    Examples
    --------
    >>> import numpy as np
    >>> ExternalShear(0.1).deflection(np.array([1 + 2j]))
    array([0.1-0.2j])
    """

    gamma: Array
    centre: Array = 0j

    def deflection(self, theta: Array) -> Array:
        """Deflection angle alpha [arcsec], complex, shape of `theta`."""
        xp = array_namespace(theta)
        return self.gamma * xp.conj(theta - self.centre)

    def convergence(self, theta: Array) -> Array:
        """Zero everywhere: a shear has no mass."""
        xp = array_namespace(theta)
        return xp.zeros_like(xp.real(self.deflection(theta)))

    def shear(self, theta: Array) -> Array:
        """Shear gamma1 + i gamma2, shape of `theta`."""
        xp = array_namespace(theta)
        return self.gamma + xp.zeros_like(self.deflection(theta))
