"""Noiseless stamps against lenstronomy (Birrer & Amara 2018): every mass, one source, both renderers."""

import numpy as np
import pytest

from lenssbi.instrument import Camera
from lenssbi.light import Sersic
from lenssbi.parameters.transforms import ellipticity
from lenssbi.rendering.batched import BatchedRenderer
from lenssbi.systems import LensSystem
from tests.reference.test_lenstronomy_masses import SHEAR, nfw, one_plane, power_law, three_planes

pytestmark = [pytest.mark.reference, pytest.mark.filterwarnings("ignore:Cosmology is provided")]

CAMERA = Camera(shape=(60, 60))
FLUX, SIZE, INDEX, Q, PHI, PLACE = 3.0, 0.3, 1.0, 0.6, 1.1, 0.15 + 0.1j
SYSTEMS = {
    "sie": lambda: one_plane(power_law(2.0)),
    "shallow": lambda: one_plane(power_law(1.5)),
    "steep": lambda: one_plane(power_law(2.5)),
    "shear": lambda: one_plane(power_law(2.0), SHEAR),
    "nfw": lambda: one_plane(nfw(0.75, 3.0)),
    "planes": three_planes,
}


def their_stamp(lens_model, keywords):
    """In cells a fifth of a pixel wide, convolved there, then summed into pixels: the pixel is integrated as the detector does."""
    image_model = pytest.importorskip("lenstronomy.ImSim.image_model")
    from lenstronomy.Data.pixel_grid import PixelGrid
    from lenstronomy.Data.psf import PSF
    from lenstronomy.LightModel.light_model import LightModel

    ny, nx = CAMERA.shape
    corner = -(nx - 1) / 2 * CAMERA.pixel_scale
    grid = PixelGrid(
        nx=nx,
        ny=ny,
        transform_pix2angle=np.eye(2) * CAMERA.pixel_scale,
        ra_at_xy_0=corner,
        dec_at_xy_0=corner,
    )
    model = image_model.ImageModel(
        grid,
        PSF(psf_type="GAUSSIAN", fwhm=CAMERA.psf_fwhm, pixel_size=CAMERA.pixel_scale, truncation=5),
        lens_model_class=lens_model,
        source_model_class=LightModel(["SERSIC_ELLIPSE"]),
        kwargs_numerics={"supersampling_factor": 5, "supersampling_convolution": True},
    )
    g = (1 - Q) / (1 + Q) * np.exp(2j * PHI)
    shape = {"e1": g.real, "e2": g.imag, "center_x": PLACE.real, "center_y": PLACE.imag}
    # their amplitude is the brightness at the effective radius: ours gives it for a flux of FLUX
    ours = Sersic(FLUX, SIZE, INDEX)
    amplitude = ours.surface_brightness(np.array([SIZE + 0j])).item()
    source = [{"amp": amplitude, "R_sersic": SIZE, "n_sersic": INDEX, **shape}]
    return model.image(keywords, source, unconvolved=False)


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=SYSTEMS.keys())
def test_noiseless_stamps(system):
    ours, theirs, keywords = system()
    lens_system = LensSystem((ours,), (Sersic(FLUX, SIZE, INDEX, Q, PHI, PLACE),))
    renderer = BatchedRenderer(CAMERA)
    stamps = [renderer.draw(renderer.lensed(lens_system, 1))[0]]
    galsim = pytest.importorskip("galsim", reason="the other renderer is GalSim's")
    assert galsim
    from lenssbi.rendering.renderer import Renderer

    stamps.append(Renderer(CAMERA).source(lens_system) / CAMERA.electrons(0.0))
    reference = their_stamp(theirs, keywords)
    for stamp in stamps:
        assert reference.max() > 0.005 * FLUX
        # they know no light from beyond the edge
        assert np.abs(stamp - reference)[3:-3, 3:-3].max() < 0.01 * reference.max()


def test_ellipticities_mean_the_same():
    """The masses above are built from q and phi in both conventions."""
    e = complex(ellipticity(np.asarray(Q), np.asarray(PHI)))
    g = (1 - Q) / (1 + Q) * np.exp(2j * PHI)
    assert e == pytest.approx(2 * g / (1 + abs(g) ** 2))
