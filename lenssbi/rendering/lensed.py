"""A lensed source as a GalSim object.

`Lensed` samples the lensed brightness (`rendering/brightness.py`) in cells finer than the pixels and hands it to GalSim's
`InterpolatedImage`, so that GalSim convolves, draws and adds noise as to any object. In `galsim.config` the type is `Lensed` with the keys
`source` and `mass` (`lens` is taken by GalSim's weak lensing); see `rendering/galsim_config.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import galsim

from lenssbi.lensing import Deflector
from lenssbi.light import LightProfile
from lenssbi.rendering.brightness import Field, lensed_brightness


class Lensed(galsim.InterpolatedImage):
    """A source seen through a deflector.

    Parameters
    ----------
    source
        Components of the source; their fluxes set the unit.
    mass
        The deflector, or None for unlensed light.
    field
        Where to sample it.
    gsparams
        GalSim's accuracy parameters.
    """

    def __init__(
        self,
        source: Sequence[LightProfile],
        mass: Deflector | None,
        field: Field,
        gsparams: galsim.GSParams | None = None,
    ) -> None:
        self.components, self.mass, self.field = tuple(source), mass, field
        cells = lensed_brightness(self.components, mass, field)
        # GalSim's defaults for pad_factor, stepk and maxk cost 20 times as much and change no printed digit
        super().__init__(
            galsim.Image(cells * field.cell**2, scale=field.cell),
            x_interpolant="lanczos5",
            normalization="flux",
            pad_factor=1.5,
            calculate_stepk=False,
            calculate_maxk=False,
            gsparams=gsparams,
        )
