"""Drawing sources that are real galaxies."""

from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

pytest.importorskip("photutils")
pytest.importorskip("skimage")

from lenssbi import batching
from lenssbi.arrays import pixel_grid
from lenssbi.populations.galaxies import GalaxySource

PLACE = np.linspace(-0.3, 0.3, 50) + 0.1j
REDSHIFT = np.full(50, 2.0)


def draw(source, seed=1):
    (light,), info = source.draw(np.random.default_rng(seed), 50, PLACE, REDSHIFT)
    return light, info


def test_what_is_known_of_them():
    light, info = draw(GalaxySource())
    assert {len(values) for values in info.values()} == {50}
    assert set(info["source_kind"]) == {"galaxy"}
    assert set(info["source"]) <= set(GalaxySource().galaxies.names)
    assert 20 < len(Counter(info["source"])) < 50
    np.testing.assert_array_equal(light.centre[:, 0, 0], PLACE)
    np.testing.assert_allclose(light.flux[:, 0, 0], 10 ** (-0.4 * info["source_magnitude"]))
    np.testing.assert_array_equal(light.effective_radius[:, 0, 0], info["source_effective_radius"])
    assert ((info["source_effective_radius"] >= 0.1) & (info["source_effective_radius"] <= 0.6)).all()
    assert ((info["source_magnitude"] >= 22) & (info["source_magnitude"] <= 25.5)).all()
    assert set(light.mirror.ravel()) == {-1.0, 1.0}


def test_the_light_is_that_of_the_galaxy_named():
    light, info = draw(GalaxySource())
    galaxies = GalaxySource().galaxies
    assert [galaxies.names[row] for row in light.table.row.ravel()] == info["source"].tolist()
    assert light.table.coefficients is galaxies.table.coefficients


def test_flux_and_size_are_as_drawn():
    light, _ = draw(GalaxySource())
    for i in (0, 17, 41):
        one = batching.item(light, i)
        reach = 1.5 * one.table.shape[0]
        step = reach * one.pixel_scale / 400
        brightness = one.surface_brightness(one.centre + pixel_grid((400, 400), step))
        assert brightness.sum() * step**2 == pytest.approx(one.flux, rel=1e-3)


def test_the_same_seed_gives_the_same_sources():
    (first, a), (again, b), (other, c) = (draw(GalaxySource(), seed) for seed in (1, 1, 2))
    theta = pixel_grid((9, 9), 0.1)
    np.testing.assert_array_equal(first.surface_brightness(theta), again.surface_brightness(theta))
    assert (a["source"] == b["source"]).all()
    assert (a["source"] != c["source"]).any()
    assert not np.allclose(first.surface_brightness(theta), other.surface_brightness(theta))


def test_training_and_testing_share_no_galaxy():
    train, test = (GalaxySource(subset=share) for share in ((0.0, 0.7), (0.7, 1.0)))
    assert not set(draw(train)[1]["source"]) & set(draw(test)[1]["source"])
    assert len(train.galaxies) + len(test.galaxies) == len(GalaxySource().galaxies)


def test_a_catalogue_is_read_once():
    assert GalaxySource().galaxies is GalaxySource(scale={"kind": "angular", "magnitude": (20, 21)}).galaxies


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"subset": (0.7, 0.2)}, "subset needs"),
        ({"catalogue": "fits_folder"}, "need one"),
        ({"path": "somewhere"}, "need one"),
        ({"catalogue": "sdss"}, "hubble_deep_field"),
        ({"count": 0}, "greater than 0"),
    ],
)
def test_refuses_what_cannot_be(options, sentence):
    with pytest.raises(ValidationError, match=sentence):
        GalaxySource(**options)
