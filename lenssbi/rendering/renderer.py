"""Rendering of the stamp of a lens system with GalSim.

    expected = pixel * PSF * (lensed source)            through GalSim: convolved, integrated over the pixels
    image    = Poisson(expected + lens light + sky + dark) + read noise - lens light - sky - dark

The lens' light is added and its true profile subtracted again, so that its shot noise stays (Pearson et al. 2021, section 2.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import galsim
import numpy as np

from lenssbi.arrays import FloatArray
from lenssbi.instrument import PSF, Camera
from lenssbi.lensing import Deflector
from lenssbi.light import LightProfile
from lenssbi.rendering.brightness import SkyPatch, margin_of
from lenssbi.rendering.lensed import Lensed, exact_padding
from lenssbi.systems import LensSystem


@dataclass(frozen=True)
class Renderer:
    """Renders lens systems with fluxes in maggies (10**(-0.4 * AB magnitude)).

    Parameters
    ----------
    camera
        Camera.
    psf_image
        PSF to use instead of the camera's Gaussian.
    oversampling
        Cells along the side of a pixel.
    """

    camera: Camera
    psf_image: PSF | None = None
    oversampling: int = 3

    def lensed(self, system: LensSystem) -> Lensed:
        """The lensed source before the PSF; the ratio of its `flux` to that of the source is the total magnification."""
        return self._light(system.source, LensSystem(system.deflectors))

    def source(self, system: LensSystem) -> FloatArray:
        """Expected electrons of the lensed source, shape (y, x), without noise."""
        return self.draw(self.lensed(system))

    def lens_light(self, system: LensSystem) -> FloatArray:
        """Expected electrons of the lens' own light, shape (y, x), without noise."""
        if not system.lens_light:
            return np.zeros(self.camera.shape)
        return self.draw(self._light(system.lens_light, None))

    def draw(self, light: Lensed) -> FloatArray:
        """Expected electrons of light (its flux in maggies) behind PSF and pixels, shape (y, x)."""
        per_maggie = float(self.camera.electrons(0.0))
        ny, nx = self.camera.shape
        image = galsim.Image(nx, ny, scale=self.camera.pixel_scale, dtype=float)
        effective = self.psf_image is not None and self.psf_image.kind == "effective"
        galsim.Convolve(light, self._galsim_psf).drawImage(image, method="no_pixel" if effective else "auto")
        return image.array * per_maggie

    def observe(self, source: FloatArray, lens_light: FloatArray, rng: np.random.Generator) -> FloatArray:
        """One noisy exposure [electrons] of `source` and `lens_light`, with background and lens light subtracted.

        Parameters
        ----------
        source, lens_light
            Expected electrons, shape (y, x).
        rng
            Random number generator for the seed of GalSim's noise.
        """
        camera = self.camera
        light = galsim.Image(np.clip(source + lens_light, 0, None), scale=camera.pixel_scale)
        deviate = galsim.BaseDeviate(int(rng.integers(1, 2**31)))
        light.addNoise(galsim.PoissonNoise(deviate, sky_level=camera.background))
        # GalSim's CCDNoise would do both, but its Gaussian deviates take 20 times as long
        return light.array + rng.normal(0.0, camera.total_read_noise, camera.shape) - lens_light

    def _light(self, components: tuple[LightProfile, ...], mass: Deflector | None) -> Lensed:
        return Lensed(components, mass, self._field, pad_factor=self._padding)

    @cached_property
    def _field(self) -> SkyPatch:
        field = SkyPatch(self.camera.shape, self.camera.pixel_scale, self.oversampling)
        return field.wider(margin_of(self.camera.pixel_scale))

    @cached_property
    def _padding(self) -> float:
        return exact_padding(self._field, galsim.Convolve(self._galsim_psf, galsim.Pixel(self.camera.pixel_scale)))

    @cached_property
    def _galsim_psf(self) -> galsim.GSObject:
        if self.psf_image is None:
            return galsim.Gaussian(fwhm=self.camera.psf_fwhm)
        return galsim.InterpolatedImage(galsim.Image(self.psf_image.image, scale=self.psf_image.pixel_scale), flux=1.0)
