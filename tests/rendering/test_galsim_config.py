"""`Lensed` inside galsim.config."""

import numpy as np
import pytest

galsim = pytest.importorskip("galsim")

from lenssbi.instrument import Camera  # noqa: E402
from lenssbi.lensing import EllipticalPowerLaw  # noqa: E402
from lenssbi.light import Gaussian, Sersic  # noqa: E402
from lenssbi.parameters import ellipticity  # noqa: E402
from lenssbi.rendering.galsim_config import components_of, register  # noqa: E402
from lenssbi.rendering.renderer import Renderer  # noqa: E402
from lenssbi.systems import LensSystem  # noqa: E402


def test_a_configuration_draws_what_the_renderer_draws():
    register()
    config = {
        "gal": {
            "type": "Lensed",
            "source": {
                "type": "Sersic",
                "n": 1.5,
                "half_light_radius": 0.2,
                "flux": 100,
                "shear": {"type": "QBeta", "q": 0.7, "beta": "30 deg"},
                "shift": {"type": "XY", "x": 0.1, "y": 0.05},
            },
            "mass": {"einstein_radius": 1.0, "q": 0.7, "phi": "40 deg"},
            "pixel_scale": 0.1,
            "size": 50,
        },
        "psf": {"type": "Gaussian", "fwhm": 0.17},
        "image": {"size": 50, "pixel_scale": 0.1},
    }
    image = galsim.config.BuildImage(config).array
    e = complex(ellipticity(np.array(0.7), np.deg2rad(40)))
    source = Sersic(100.0, 0.2, 1.5, 0.7, np.deg2rad(30), 0.1 + 0.05j)
    camera = Camera(shape=(50, 50))
    system = LensSystem((EllipticalPowerLaw(1.0, e.real, e.imag),), (source,))
    ours = Renderer(camera).source(system) / camera.electrons(0.0)
    assert np.abs(image - ours).max() < 2e-3 * ours.max()


def test_transformed_sums_are_read_off():
    disc = galsim.Exponential(half_light_radius=0.3, flux=2.0)
    bulge = galsim.DeVaucouleurs(half_light_radius=0.1, flux=1.0).shift(0.05, 0)
    obj = (disc + bulge + galsim.Gaussian(sigma=0.1)).shear(g1=0.2, g2=-0.1).dilate(1.3).shift(0.1, -0.2) * 3
    x, y = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 20))
    ours = sum(c.surface_brightness(x + 1j * y) for c in components_of(obj))
    theirs = [obj.xValue(a, b) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert isinstance(components_of(obj)[2], Gaussian)


def test_other_objects_are_refused():
    with pytest.raises(galsim.GalSimConfigError, match="Lensed needs"):
        components_of(galsim.Moffat(beta=3, half_light_radius=1))
