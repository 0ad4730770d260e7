"""The camera's numbers and the noise that follows from them."""

from pathlib import Path

import numpy as np
import pytest

from lenssbi.config import ConfigError, load_config
from lenssbi.instrument import EUCLID_VIS, Camera

CONFIGS = Path(__file__).parents[2] / "configs" / "instrument"


def test_zero_point():
    assert EUCLID_VIS.electrons(EUCLID_VIS.zero_point) == pytest.approx(EUCLID_VIS.exposure_time)
    assert EUCLID_VIS.electrons(23.0) / EUCLID_VIS.electrons(25.5) == pytest.approx(10.0)


def test_background_of_the_paper():
    # sky: 1610 s * 10**(-0.4 (22.2 - 25.5)) per arcsec^2; dark 2 e-/s; read-out 5^2
    assert EUCLID_VIS.sky_electrons == pytest.approx(1610 * 10 ** (0.4 * 3.3) * 0.01)
    assert EUCLID_VIS.background_variance == pytest.approx(EUCLID_VIS.sky_electrons + 3220 + 25)
    np.testing.assert_allclose(
        EUCLID_VIS.noise_map(np.array([0.0, 100.0])) ** 2 - EUCLID_VIS.background_variance, [0, 100]
    )


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_instrument_file_is_a_camera(path):
    camera = load_config(path, Camera)
    assert camera.name == path.stem.replace("_", "-")


def test_the_papers_file_is_the_default():
    assert load_config(CONFIGS / "euclid_vis_paper.yaml", Camera) == EUCLID_VIS


def test_impossible_cameras_are_refused():
    with pytest.raises(ConfigError, match="pixel_scale"):
        load_config(None, Camera, ["pixel_scale=0"])
