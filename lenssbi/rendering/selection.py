"""Which simulated systems count as detectable lenses (Collett 2015, section 3.1; Pearson et al. 2021, section 2.1).

    multiply imaged       the centre of the source has at least two images
    resolved              einstein_radius^2 > effective_radius^2 + (seeing / 2)^2: image and counter-image stand apart
    magnified             mu = lensed over unlensed flux > 3
    sheared               mu * effective_radius > seeing
    bright                S/N > 20

S/N is that of the brightest pixels together, as many of them as make it largest (Dobler et al. 2008, as in Collett's LensPop).
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from lenssbi.arrays import FloatArray
from lenssbi.config import Config
from lenssbi.instrument import Camera
from lenssbi.lensing import image_positions
from lenssbi.populations import Draw
from lenssbi.rendering.brightness import one_ray_a_pixel

HALF_WIDTH = 3.0  # images are sought within this many Einstein radii
CELLS = 24
MARGIN = 0.75  # one ray a pixel gets the magnification of 99 in 100 sources right to 25 per cent


class Selection(Config):
    """The thresholds; the defaults are the paper's."""

    min_images: int = Field(2, ge=0, description="of the source's centre")
    min_magnification: float = Field(3.0, ge=0)
    min_snr: float = Field(20.0, ge=0)
    seeing: float | None = Field(None, gt=0, description="[arcsec]; the camera's PSF where it is not given")
    resolved: bool = True

    def resolves(self, draw: Draw, camera: Camera) -> bool:
        """Whether image and counter-image stand apart."""
        size, seeing = draw.info["source_effective_radius"], self.seeing or camera.psf_fwhm
        return not self.resolved or bool(draw.params["einstein_radius"] ** 2 > size**2 + (seeing / 2) ** 2)

    def promising(self, draw: Draw, camera: Camera) -> bool:
        """Whether one ray a pixel, 1 ms of work, leaves hope: magnification and S/N within MARGIN of the thresholds."""
        rays = one_ray_a_pixel(draw.system, camera.shape, camera.pixel_scale) * camera.pixel_scale**2
        flux = sum(c.flux for c in draw.system.source)
        if rays.sum() < MARGIN * self.min_magnification * flux:
            return False
        signal = rays * float(camera.electrons(0.0))
        return signal_to_noise(signal, camera.noise_map(signal)) > MARGIN * self.min_snr

    def images(self, draw: Draw) -> int:
        """Images of the source's centre (solutions of the lens equation within HALF_WIDTH Einstein radii)."""
        offset = abs(complex(draw.params["centre_x"], draw.params["centre_y"]))
        beta = complex(draw.info["source_x"], draw.info["source_y"])
        half_width = HALF_WIDTH * draw.params["einstein_radius"] + offset
        return len(image_positions(draw.system, beta, half_width, n=CELLS).theta)

    def magnifies(self, draw: Draw, magnification: float, camera: Camera) -> bool:
        """Whether the total magnification, and what it makes of the source's size, suffice."""
        stretched = magnification * draw.info["source_effective_radius"] > (self.seeing or camera.psf_fwhm)
        return magnification > self.min_magnification and (stretched or not self.resolved)


def signal_to_noise(signal: FloatArray, noise: FloatArray) -> float:
    """The largest S/N that the k brightest pixels of `signal` have together, over all k; shapes (y, x), one unit."""
    order = np.argsort(signal, axis=None)[::-1]
    total = np.cumsum(signal.ravel()[order])
    return float(np.max(total / np.sqrt(np.cumsum(noise.ravel()[order] ** 2))))
