"""An estimator's folder, and what it predicts."""

import json
import shutil

import numpy as np
import pytest

from lenssbi.dataset.hdf5 import StampSet
from lenssbi.estimators.checkpoint import read_card
from lenssbi.estimators.load import SHIPPED, load_estimator, shipped_estimators
from lenssbi.pipelines.calibrate import run as calibrate
from lenssbi.status import InputError


@pytest.fixture
def folder(trained, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(trained, tmp_path / "copy")


def test_prediction_is_in_physical_units_and_near_the_truth(trained, rings):
    estimator = load_estimator(trained)
    with StampSet(rings) as stamps:
        mixtures = estimator.predict(stamps.images(slice(400, 500)), stamps.noise(slice(400, 500)))
        truths = estimator.space.stack(stamps.params)[400:]
    means = np.array([m.mean for m in mixtures])
    assert mixtures[0].names == ("einstein_radius", "e1", "e2")
    assert mixtures[0].units == ("arcsec", "", "")
    assert mixtures[0].means.shape == (24, 3)  # 20 passes, in eight orientations
    assert np.std(means[:, 0] - truths[:, 0]) < 0.5 * np.std(truths[:, 0])
    assert np.abs(np.mean(means[:, 0] - truths[:, 0])) < 0.1


def test_batches_do_not_matter(trained, rings):
    estimator = load_estimator(trained)
    with StampSet(rings) as stamps:
        images, noise = stamps.images(slice(0, 10)), stamps.noise(slice(0, 10))
        alone = estimator.predict_stamp(stamps.stamp(3))
    one, other = estimator.predict(images, noise, batch=3), estimator.predict(images, noise, batch=64)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a.means, b.means, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(alone.means, one[3].means, rtol=1e-4, atol=1e-5)


def test_nan_pixels_are_survived(trained, rings):
    estimator = load_estimator(trained)
    with StampSet(rings) as stamps:
        images, noise = stamps.images(slice(0, 2)), stamps.noise(slice(0, 2))
    images[0, :3] = np.nan
    assert np.isfinite(estimator.predict(images, noise)[0].mean).all()
    with pytest.raises(ValueError, match="takes stamps of"):
        estimator.predict(images[:, 1:], noise[:, 1:])


def test_applies_to(trained, rings):
    from dataclasses import replace

    estimator = load_estimator(trained)
    with StampSet(rings) as stamps:
        stamp = stamps.stamp(0)
    assert estimator.applies_to(stamp) is None
    assert "arcsec" in estimator.applies_to(replace(stamp, pixel_scale=0.1))
    assert "band" not in (estimator.applies_to(stamp) or "")
    assert "NIR_H" in estimator.applies_to(replace(stamp, band="NIR_H"))
    assert "pixels" in estimator.applies_to(stamp.cut((20, 20)))


def test_calibration_is_stored_and_applied(folder, make_rings, tmp_path):
    fresh = make_rings(tmp_path / "fresh.h5", 400, seed=9)
    result = calibrate(folder, fresh)
    assert result.stamps == 200
    assert set(result.as_json()["coverage"]["e1"]) == {"0.683", "0.955", "0.997"}
    assert {"coverage.csv", "coverage.png"} <= {p.name for p in folder.iterdir()}
    estimator = load_estimator(folder)
    assert estimator.card.calibration.stamps == 200
    with StampSet(fresh) as stamps:
        images, noise = stamps.images(slice(0, 3)), stamps.noise(slice(0, 3))
    mended, raw = estimator.predict(images, noise), estimator.predict(images, noise, recalibrated=False)
    expected = estimator.recalibration(raw[0])
    np.testing.assert_allclose(mended[0].means, expected.means)
    np.testing.assert_allclose(mended[0].sigmas, expected.sigmas)
    assert (np.abs(mended[0].mean - raw[0].mean) < 0.2 * raw[0].sigma).all()
    assert not np.allclose(mended[0].sigma, raw[0].sigma, rtol=1e-3)
    shares = [abs(result.coverage[name]["0.683"] - 0.683) for name in estimator.space.names]
    assert max(shares) < 0.12  # 200 stamps: binomial error 0.033, twice (fitted and judged)


def test_calibration_takes_only_the_unseen_stamps_of_the_training_set(folder, rings, make_rings, tmp_path):
    assert calibrate(folder, rings).stamps == 50
    with pytest.raises(InputError, match="those of the estimator"):
        calibrate(folder, make_rings(tmp_path / "wide.h5", 20, pixel_scale=0.5))
    with pytest.raises(InputError, match="too few"):
        calibrate(folder, make_rings(tmp_path / "few.h5", 4, seed=3))


@pytest.mark.parametrize("name", ["estimator.json", "weights.safetensors"])
def test_a_missing_file_is_one_sentence(folder, name):
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        load_estimator(folder)


def test_foreign_or_changed_files_are_one_sentence(folder, tmp_path):
    card = json.loads((folder / "estimator.json").read_text())
    changes = {"schema": "other-1", "pixel_scale": -1, "surprise": 1, "network": {"kind": "compact", "widths": [8, 12]}}
    for key, value in changes.items():
        (folder / "estimator.json").write_text(json.dumps({**card, key: value}))
        with pytest.raises(InputError, match=r"estimator"):
            load_estimator(folder)
    (folder / "estimator.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        load_estimator(folder)
    (folder / "estimator.json").write_text(json.dumps(card))
    data = bytearray((folder / "weights.safetensors").read_bytes())
    data[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(data)
    with pytest.raises(InputError, match="not the weights"):
        load_estimator(folder)
    with pytest.raises(InputError, match="neither a folder nor a shipped"):
        load_estimator(tmp_path / "nothing")


def test_shipped_estimators_load():
    for name in shipped_estimators():
        estimator = load_estimator(name)
        assert estimator.card.weights_sha256
        assert estimator.recalibration is not None
        assert read_card(SHIPPED / name).space.names[0] == "einstein_radius"
