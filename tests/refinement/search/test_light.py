"""The columns of the lens' light are the Gaussians that were fitted."""

import numpy as np

from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.refinement.lens_light import subtract_lens_light
from lenssbi.refinement.search.light import light_columns


def test_the_columns_make_the_fitted_light():
    y, x = np.indices((60, 60))
    image = 300 * np.exp(-np.hypot((x - 29.5) / 1.3, y - 29.5) / 3) + np.random.default_rng(0).normal(size=(60, 60))
    psf = PSF.gaussian(0.17)
    stamp = Stamp(image, np.ones_like(image), np.ones(image.shape, bool), psf, 0.1, "galaxy")
    _, light = subtract_lens_light(stamp)
    columns = light_columns(light, stamp)
    assert columns.shape == (light.amplitudes.size, 60, 60)
    np.testing.assert_allclose(np.tensordot(light.amplitudes.ravel(), columns, 1), light.model_image, rtol=1e-9)
