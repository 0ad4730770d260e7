"""Stamps unlike the training's: the anomalies that the reference learns from, its scores, its file, and suites."""

import hashlib
import shutil
from dataclasses import fields

import numpy as np
import pytest

from lenssbi.arrays import pixel_grid
from lenssbi.calibration import misspecification as made
from lenssbi.calibration.anomalies import KINDS, anomalies
from lenssbi.dataset.hdf5 import StampSet, write_set
from lenssbi.estimators.checkpoint import EstimatorCard, ParameterCard, read_card, save_card, save_estimator
from lenssbi.estimators.load import load_estimator
from lenssbi.estimators.misspecification import (
    FILE,
    flags,
    flags_of_answer,
    psf_width,
    psf_widths,
    read_reference,
    save_reference,
)
from lenssbi.estimators.network import NetworkConfig, build_network
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.instrument import PSF
from lenssbi.posteriors import DiagonalMixture
from lenssbi.status import InputError

SIDE, SCALE = 24, 0.3
NETWORK = NetworkConfig(widths=(8, 16), blocks=(0, 0), squeeze=8, dense=16)


def rings(path, count, seed, beside=0.0, **info):
    """A set of noisy rings; with light of so many sigma beside each."""
    rng = np.random.default_rng(seed)
    theta = pixel_grid((SIDE, SIDE), SCALE)[None]
    radius = rng.uniform(0.8, 2.4, count)
    images = 20 * np.exp(-0.5 * ((np.abs(theta) - radius[:, None, None]) / 0.3) ** 2)
    place = (3.0 * np.exp(2j * np.pi * rng.uniform(size=count)))[:, None, None]
    images += beside * np.exp(-0.5 * (np.abs(theta - place) / 0.4) ** 2) + rng.standard_normal(images.shape)
    block = {"images": images.astype(np.float32), "noise": np.ones(images.shape, np.float32)}
    block |= {"params": {"einstein_radius": radius}, "info": {"snr": np.full(count, 50.0), **info}}
    attributes = {"seed": seed, "config": "", "lenssbi_version": "0", "pixel_scale": SCALE, "zero_point": 25.5}
    attributes |= {"band": "VIS", "unit": "electron", "psf": PSF.gaussian(0.4)}
    write_set(path, [block], count, {"einstein_radius": "arcsec"}, attributes)
    return StampSet(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An untrained estimator of one parameter: its features are random convolutions, which see a stamp as it is."""
    import torch

    card = EstimatorCard(
        name="toy",
        network=NETWORK,
        preprocessing=ImagePreprocessing(),
        parameters=(ParameterCard(name="einstein_radius", unit="arcsec", low=0.2, high=3.2),),
        field=(SIDE, SIDE),
        pixel_scale=SCALE,
        band="VIS",
        passes=5,
        seed=0,
    )
    folder = tmp_path_factory.mktemp("toy")
    torch.manual_seed(0)
    save_estimator(card, build_network(NETWORK, (SIDE, SIDE), 1).state_dict(), folder)
    return folder


@pytest.fixture(scope="module")
def fitted(folder, tmp_path_factory):
    """The folder with a reference made of 1,200 rings."""
    stamps = rings(tmp_path_factory.mktemp("like") / "like.h5", 1200, 1)
    made.fit_reference(load_estimator(folder), stamps, range(1200), folder)
    return folder


@pytest.fixture
def estimator(fitted):
    return load_estimator(fitted)


def test_false_alarms_are_as_many_as_promised(estimator, tmp_path):
    fresh = made.judge(estimator, estimator.reference, rings(tmp_path / "fresh.h5", 600, 2), range(600))
    # the threshold, from 600 others, and these 600 scatter by 0.9 per cent each
    assert fresh.flagged == pytest.approx(0.05, abs=4 * 0.0126)
    assert fresh.p_value > 0.01


def test_an_unseen_suite_is_flagged(estimator, tmp_path):
    sets = {
        "crowded": rings(tmp_path / "crowded.h5", 200, 3, beside=200.0),
        "same": rings(tmp_path / "same.h5", 200, 4),
    }
    found = made.evaluate_suites(estimator, sets)
    assert list(found) == ["crowded", "same"]
    assert found["crowded"].flagged > 0.6  # random convolutions see it in 80 per cent of the stamps
    assert found["crowded"].p_value < 0.01
    assert found["same"].flagged < 0.12
    assert found["crowded"].stamps == 200


def test_badly_judged_stamps_are_those_beyond_three_sigma(estimator, tmp_path):
    stamps = rings(tmp_path / "set.h5", 100, 5, beside=40.0)
    mixtures, scores = estimator.predict_and_score(stamps.images(), stamps.noise())
    far = [abs(m.mean[0] - t) > 3 * m.sigma[0] for m, t in zip(mixtures, stamps.params["einstein_radius"], strict=True)]
    judged = made.judge(estimator, estimator.reference, stamps, range(100))
    assert judged.far == np.mean(far)
    flagged = scores[:, 0] > estimator.card.misspecification.threshold
    np.testing.assert_equal(judged.flagged_far, flagged[far].mean() if any(far) else np.nan)
    features = estimator.embed(stamps.images(), stamps.noise())
    np.testing.assert_allclose(scores[:, 0], estimator.reference.score(features), rtol=1e-4, atol=1e-4)


def test_the_score_is_that_of_the_network_that_was_trained(estimator, tmp_path):
    """An independent evaluation of the three layers by torch."""
    from torch import nn, tensor

    reference = estimator.reference
    stamps = rings(tmp_path / "set.h5", 20, 6)
    features = estimator.embed(stamps.images(), stamps.noise())
    layers = []
    for i in (1, 2, 3):
        weights, bias = getattr(reference, f"weights_{i}"), getattr(reference, f"bias_{i}")
        layer = nn.Linear(*weights.shape)
        layer.load_state_dict({"weight": tensor(weights.T.copy()), "bias": tensor(bias)})
        layers += [layer, nn.ReLU()]
    odds = nn.Sequential(*layers[:-1])(tensor(reference.place(features)))[:, 0].detach().numpy()
    np.testing.assert_allclose(reference.score(features), odds, rtol=1e-4, atol=1e-4)


def test_the_file_is_small_and_comes_back_as_it_was(fitted, tmp_path):
    assert (fitted / FILE).stat().st_size < 1_000_000
    entry = read_card(fitted).misspecification
    assert (entry.stamps, entry.set, entry.false_alarms) == (600, "like.h5", 0.05)
    features = np.random.default_rng(0).gamma(1.0, size=(60, 72))
    reference = made.train_reference(features[:40], 3 * features[40:])
    save_reference(reference, tmp_path)
    card = read_card(fitted)
    named = entry.model_copy(update={"sha256": hashlib.sha256((tmp_path / FILE).read_bytes()).hexdigest()})
    back = read_reference(card.model_copy(update={"misspecification": named}), tmp_path)
    np.testing.assert_array_equal(back.score(features), reference.score(features))


def test_scores_do_not_depend_on_the_layout_of_arrays(estimator, tmp_path):
    """BLAS multiplies a transposed array by another routine, whose last digit differs on some processors."""
    stamps = rings(tmp_path / "set.h5", 20, 6)
    features = estimator.embed(stamps.images(), stamps.noise())
    reference = estimator.reference
    arrays = {f.name: np.asfortranarray(getattr(reference, f.name)) for f in fields(reference)}
    other = type(reference)(**arrays)
    assert all(getattr(other, name).flags.c_contiguous for name in arrays)
    np.testing.assert_array_equal(other.score(np.asfortranarray(features)), reference.score(features))


def test_a_reference_of_other_weights_or_bytes_is_not_used(fitted, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(fitted, copy)
    (copy / FILE).write_bytes((copy / FILE).read_bytes()[:-1] + b"\0\0")
    with pytest.raises(InputError, match=r"misspecification\.safetensors: not the reference"):
        load_estimator(copy)
    (copy / FILE).unlink()
    with pytest.raises(InputError, match=r"misspecification\.safetensors: cannot be read"):
        load_estimator(copy)
    card = read_card(copy)
    other = card.misspecification.model_copy(update={"weights_sha256": "of the weights before"})
    save_card(card.model_copy(update={"misspecification": other}), copy)
    estimator = load_estimator(copy)
    assert estimator.reference is None
    stamps = rings(tmp_path / "set.h5", 8, 7)
    assert np.isnan(estimator.predict_and_score(stamps.images(), stamps.noise())[1]).all()
    with pytest.raises(InputError, match="lenssbi calibrate"):
        made.evaluate_suites(estimator, {"set": stamps})
    with pytest.raises(InputError, match="too few"):
        made.fit_reference(estimator, stamps, range(8), copy)


def test_flags(estimator):
    card = estimator.card.model_copy(update={"psf_fwhm": (0.16, 0.20)})
    threshold = card.misspecification.threshold
    low, high = (threshold - 0.1, 9.0), (threshold + 0.1, 9.0)  # a second score says nothing without a threshold
    assert flags(card, low, 0.17) == ()
    assert flags(card, high, 0.17) == ("misspecified",)
    assert flags(card, (float("nan"),) * 2, None) == ()
    assert flags(card, low, 0.24) == ("misspecified", "psf_unseen")
    assert flags(card.model_copy(update={"misspecification": None}), (99.0, 99.0), 0.155) == ()
    entry = card.misspecification.model_copy(update={"several": 9.5})
    card = card.model_copy(update={"misspecification": entry})
    assert flags(card, low, 0.17) == ()
    assert flags(card, (threshold - 0.1, 9.6), 0.17) == ("misspecified", "several_lenses")


@pytest.mark.parametrize(("sigma", "vague"), [(0.09, False), (0.11, True)])
def test_an_answer_that_does_not_know_the_einstein_radius_is_flagged(estimator, sigma, vague):
    answer = DiagonalMixture([[0.1, 1.0]], [[0.3, sigma]], ("e1", "einstein_radius"), ("", "arcsec"))
    scores = (estimator.card.misspecification.threshold + 0.1, np.nan)
    found = flags_of_answer(estimator.card, answer, scores, None)
    assert found == (("misspecified", "network_imprecise") if vague else ("misspecified",))


@pytest.mark.parametrize("fwhm", [0.14, 0.17, 0.25])
def test_the_width_of_a_psf_does_not_depend_on_the_pixel_in_it(fwhm):
    optical = PSF.gaussian(fwhm, 0.02)
    assert psf_width(optical, 0.1) == pytest.approx(fwhm, rel=0.01)
    effective = PSF(optical.response(0.1, 5, 0.5), 0.02, "effective")
    assert psf_width(effective, 0.1) == pytest.approx(fwhm, rel=0.05)


def test_the_widths_of_a_set(tmp_path):
    assert psf_widths(rings(tmp_path / "one.h5", 4, 1), range(1, 3)) == pytest.approx([0.4, 0.4], rel=0.01)
    known = rings(tmp_path / "each.h5", 4, 1, psf_fwhm=np.array([0.1, 0.2, 0.3, 0.4]))
    assert psf_widths(known, range(1, 3)) == [0.2, 0.3]


def test_anomalies_are_what_they_say():
    """Of noiseless rings: torn ones have lost light, crowded ones won some, stitched ones kept it on the whole."""
    theta = pixel_grid((SIDE, SIDE), SCALE)
    ring = 100 * np.exp(-0.5 * ((np.abs(theta) - 1.6) / 0.3) ** 2)
    images, noise = np.stack([ring] * 80), np.full((80, SIDE, SIDE), 2.0)
    odd = anomalies(images, noise, np.random.default_rng(0))
    assert odd.shape == images.shape
    light = odd.sum(axis=(1, 2)) / (ring / 2).sum()
    torn, crowded, stitched, smeared = (light[i :: len(KINDS)] for i in range(4))
    assert (torn < 0.9).all()
    assert (crowded > 1.05).all()
    np.testing.assert_allclose(stitched, 1, atol=1e-6)  # a ring is the same on all sides
    changed = np.abs(odd[3 :: len(KINDS)] - ring / 2)
    assert (changed.max(axis=(1, 2)) > 0.05).all()
    # what is smeared is the centre
    near = changed[:, np.abs(theta) < 1.8].sum(axis=1) / changed.sum(axis=(1, 2))
    assert np.median(near) > 0.5
    assert np.std(smeared) > 0
    np.testing.assert_array_equal(odd, anomalies(images, noise, np.random.default_rng(0)))


def test_the_axes_are_the_principal_ones():
    rng = np.random.default_rng(0)
    features = rng.standard_normal((300, 12)) * np.geomspace(8, 0.1, 12) + 3
    centre, axes = made.principal_axes(features)
    offset = features - features.mean(axis=0)
    powers = np.sort(np.linalg.eigvalsh(offset.T @ offset))[::-1]
    np.testing.assert_allclose(centre, features.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(axes.T @ axes, np.eye(axes.shape[1]), atol=1e-4)
    np.testing.assert_allclose(((offset @ axes) ** 2).sum(), powers[: axes.shape[1]].sum(), rtol=1e-4)


def test_scores_do_not_depend_on_the_batch(estimator, tmp_path):
    stamps = rings(tmp_path / "set.h5", 10, 8)
    whole = estimator.predict_and_score(stamps.images(), stamps.noise())[1]
    parts = estimator.predict_and_score(stamps.images(), stamps.noise(), batch=3)[1]
    np.testing.assert_allclose(whole, parts, atol=1e-3)
