"""A lens system: deflectors in one plane, the source behind them, and the light of the lens itself.

    beta = theta - alpha(theta),   I(theta) = I_source(beta) + I_lens(theta)

Surface brightness is conserved by lensing: that of the source is evaluated at `beta`, and not scaled by the magnification.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from lenssbi.arrays import Array, array_namespace
from lenssbi.lensing import Deflector, EllipticalPowerLaw, ExternalShear, Together, magnification
from lenssbi.light import LightProfile
from lenssbi.parameters.conventions import MOST_COMPANIONS


@dataclass(frozen=True)
class LensSystem:
    """Deflectors, source and lens light; itself a `Deflector`.

    Parameters
    ----------
    deflectors
        Deflectors in one plane: their deflections add.
    source
        Components of the source, in the source plane.
    lens_light
        Components of the light of the lens, in the image plane.
    lens_residual
        Residual of an imperfect subtraction of that light: the true components, and those subtracted with negative fluxes.

    In every method `theta` is an image-plane angle [arcsec], complex, shape (*batch, y, x), which is the shape of the result.
    """

    deflectors: tuple[Deflector, ...]
    source: tuple[LightProfile, ...] = ()
    lens_light: tuple[LightProfile, ...] = ()
    lens_residual: tuple[LightProfile, ...] = ()

    def deflection(self, theta: Array) -> Array:
        """Deflection angle alpha [arcsec], complex."""
        return _total([lens.deflection for lens in self.deflectors], theta)

    def convergence(self, theta: Array) -> Array:
        """Convergence."""
        xp = array_namespace(theta)
        return xp.real(_total([lens.convergence for lens in self.deflectors], theta))

    def shear(self, theta: Array) -> Array:
        """Shear gamma1 + i gamma2, complex."""
        return _total([lens.shear for lens in self.deflectors], theta)

    def derivatives(self, theta: Array) -> tuple[Array, Array]:
        """dalpha/dz, convergence plus i times the rotation that several planes cause, and dalpha/dz*, the shear; complex."""
        return Together(self.deflectors).derivatives(theta)

    def source_angle(self, theta: Array) -> Array:
        """Source-plane angle beta [arcsec], complex."""
        return theta - self.deflection(theta)

    def magnification(self, theta: Array) -> Array:
        """Signed magnification."""
        return magnification(self, theta)

    def surface_brightness(self, theta: Array) -> Array:
        """Lensed light of the source [flux / arcsec^2], without the lens light."""
        xp = array_namespace(theta)
        return xp.real(_total([light.surface_brightness for light in self.source], self.source_angle(theta)))


def _total(parts: Sequence[Callable[[Array], Array]], theta: Array) -> Array:
    """Sum of the functions `parts` at `theta`; a complex zero if there are none."""
    if not parts:
        return array_namespace(theta).zeros_like(theta)
    answers = [part(theta) for part in parts]
    return sum(answers[1:], start=answers[0])


def deflectors(params: Mapping[str, float]) -> LensSystem:
    """The mass model of named parameters.

    Raises
    ------
    ValueError
        If the parameters describe no lens, for example an ellipticity of 1.
    """
    centre = complex(params["centre_x"], params["centre_y"])
    halo = EllipticalPowerLaw(
        params["einstein_radius"], params["e1"], params["e2"], slope=params.get("slope", 2.0), centre=centre
    )
    parts: tuple[Deflector, ...] = (halo,)
    if "shear1" in params:
        parts += (ExternalShear(complex(params["shear1"], params["shear2"])),)
    return LensSystem((*parts, *_companions(params)))


def _companions(params: Mapping[str, float]) -> Iterator[EllipticalPowerLaw]:
    """The isothermal spheres of further lens galaxies."""
    for number in range(1, MOST_COMPANIONS + 1):
        radius = params.get(f"companion{number}_einstein_radius")
        if radius is None:
            return
        centre = complex(params[f"companion{number}_x"], params[f"companion{number}_y"])
        yield EllipticalPowerLaw(max(radius, 0.0), 0.0, 0.0, centre=centre)
