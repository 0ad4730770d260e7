"""The network that tells stamps of the training's kind from others: its training, its file, its scores, and what calibration stores."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from lenssbi.arrays import pixel_grid
from lenssbi.calibration import detector as made
from lenssbi.calibration.detector import DetectorPlan, train_detector
from lenssbi.calibration.misspecification import evaluate_suites, fit_reference
from lenssbi.config import load_config
from lenssbi.dataset.hdf5 import StampSet, write_set
from lenssbi.estimators.checkpoint import EstimatorCard, ParameterCard, read_card, save_estimator
from lenssbi.estimators.detector import FILE, Detector, read_detector, save_detector
from lenssbi.estimators.load import load_estimator
from lenssbi.estimators.network import NetworkConfig, build_network
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.estimators.warm_start import deepened_trunk
from lenssbi.instrument import PSF
from lenssbi.rendering.composition import supply
from lenssbi.rendering.composition.kinds import ALTERATIONS
from lenssbi.rendering.composition.supply import ComposedStamps
from lenssbi.rendering.simulation import SimulateConfig
from lenssbi.status import InputError

SIDE = 32
NETWORK = NetworkConfig(channels=3, widths=(8, 16), blocks=(0, 0), squeeze=8, dense=16)
SMALL = (
    f"instrument.shape=[{SIDE}, {SIDE}]",
    "population.source.shares=[1, 0]",
    "population.mass.einstein_radius=[0.5, 0.9]",
)
FILES = Path(__file__).parents[2] / "configs" / "populations"
PLAN = DetectorPlan(passes=96, store=32, visits=2)


def configuration(name="euclid_observed", *more):
    return load_config(FILES / f"{name}.yaml", SimulateConfig, [*SMALL, *more])


@pytest.fixture(scope="module")
def text():
    return yaml.safe_dump(configuration().model_dump(mode="json"))


@pytest.fixture(autouse=True, scope="module")
def few():
    """Small pools."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supply, "POOL", 16)
        patch.setattr(made, "TOGETHER", 16)
        yield


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """An untrained estimator of observed stamps."""
    card = EstimatorCard(
        name="toy",
        network=NETWORK,
        preprocessing=ImagePreprocessing(kind="observed", scale=2.0),
        parameters=(ParameterCard(name="einstein_radius", unit="arcsec", low=0.2, high=3.2),),
        field=(SIDE, SIDE),
        pixel_scale=0.1,
        band="VIS",
        passes=5,
        seed=0,
    )
    folder = tmp_path_factory.mktemp("toy") / "run"
    torch.manual_seed(7)
    save_estimator(card, build_network(NETWORK, (SIDE, SIDE), 1).state_dict(), folder)
    return folder


@pytest.fixture(scope="module")
def stamps(tmp_path_factory, text):
    """A set of 64 composed stamps."""
    config = configuration()
    parts = config.population, config.instrument, config.selection, config.composition
    batch = next(ComposedStamps(*parts, "cpu", 3).batches(64))
    block = {"images": batch.images.numpy(), "noise": batch.noise.numpy(), "info": {"psf_fwhm": batch.psf_fwhm.numpy()}}
    block["params"] = {"einstein_radius": batch.params["einstein_radius"].numpy()}
    attributes = {"seed": 3, "config": text, "lenssbi_version": "0", "pixel_scale": 0.1, "zero_point": 24.6}
    attributes |= {"band": "VIS", "unit": "ADU/s", "psf": PSF.gaussian(0.17)}
    path = tmp_path_factory.mktemp("set") / "set.h5"
    write_set(path, [block], 64, {"einstein_radius": "arcsec"}, attributes)
    with StampSet(path) as found:
        yield found


@pytest.fixture(scope="module")
def calibrated(kept, stamps, tmp_path_factory):
    """The folder as it is after calibration."""
    folder = shutil.copytree(kept, tmp_path_factory.mktemp("calibrated") / "run")
    fit_reference(load_estimator(folder), stamps, range(64), folder, plan=PLAN)
    return folder


class ToyPairs:
    """Round galaxies with a ring, and the same without."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def pairs(self, size):
        radius = np.abs(pixel_grid((SIDE, SIDE), 0.1))[None]
        while True:
            einstein, width = self.rng.uniform(0.5, 1.2, (size, 1, 1)), self.rng.uniform(0.1, 0.3, (size, 1, 1))
            galaxy = 60 * np.exp(-radius / width) + self.rng.standard_normal((size, SIDE, SIDE))
            ring = 6 * np.exp(-0.5 * ((radius - einstein) / 0.1) ** 2)
            images = torch.as_tensor(np.concatenate([galaxy + ring, galaxy]), dtype=torch.float32)
            yield images, torch.arange(2).repeat_interleave(size)


@pytest.mark.parametrize("half", [False, True])
def test_it_tells_a_galaxy_with_a_ring_from_one_without(half):
    prepare = ImagePreprocessing(kind="observed", scale=2.0)
    torch.manual_seed(0)
    detector = Detector(NETWORK, (SIDE, SIDE), ("alone",))
    plan = DetectorPlan(passes=2000, store=256, visits=2, learning_rate=3e-3)
    made.fit_detector(detector, made.shown(ToyPairs(1), prepare, plan), plan, half=half)
    detector.eval()
    images, labels = next(ToyPairs(2).pairs(100))
    scores = detector.score(prepare.observed(images))[:, 0]
    rings, galaxies = scores[labels == 0], scores[labels == 1]
    assert (galaxies[:, None] > rings).double().mean() > 0.97  # 0.5 for one that has learned nothing


def test_the_same_seed_trains_the_same_detector(kept, text):
    estimator, told = load_estimator(kept), []
    one, same, other, cold = (
        train_detector(estimator, text, replaced, 5, lambda *words: told.append(words)).state_dict()
        for replaced in (PLAN, PLAN, PLAN.model_copy(update={"seed": 1}), PLAN.model_copy(update={"warm": False}))
    )
    assert all(torch.equal(one[name], same[name]) for name in one)
    name = "head.0.weight"
    assert not torch.equal(one[name], other[name])
    assert not torch.equal(one["trunk.0.weight"], cold["trunk.0.weight"])
    assert told[0][:2] == (0, 96)
    assert not estimator.densities[0].training


def test_the_detector_of_another_estimator_is_trained_further(calibrated, kept, stamps, text, tmp_path):
    before = load_estimator(calibrated).detector.state_dict()
    none = PLAN.model_copy(update={"start_from": str(calibrated), "learning_rate": 1e-12})
    same = train_detector(load_estimator(kept), text, none, 5).state_dict()
    torch.testing.assert_close(same["head.2.weight"], before["head.2.weight"])
    torch.testing.assert_close(same["trunk.0.weight"], before["trunk.0.weight"])
    folder = shutil.copytree(kept, tmp_path / "run")
    plan = PLAN.model_copy(update={"start_from": str(calibrated)})
    card = fit_reference(load_estimator(folder), stamps, range(64), folder, plan=plan)
    assert card.misspecification.detector.start_from == calibrated.name
    with pytest.raises(InputError, match="has no detector to start from"):
        train_detector(load_estimator(kept), text, PLAN.model_copy(update={"start_from": str(kept)}), 5)
    fewer = plan.model_copy(update={"without": ALTERATIONS[2:]})
    with pytest.raises(InputError, match="another layout, preprocessing or kinds"):
        train_detector(load_estimator(kept), text, fewer, 5)


def test_a_detector_that_is_trained_further_sees_other_stamps(calibrated, kept, text, monkeypatch):
    seeds = []
    monkeypatch.setattr(made, "ComposedStamps", lambda *given: seeds.append(given[-1]) or ComposedStamps(*given))
    for plan in (PLAN, *[PLAN.model_copy(update={"start_from": str(calibrated)})] * 2):
        train_detector(load_estimator(kept), text, plan, 5)
    assert seeds[0] == 5
    assert seeds[1] == seeds[2] != 5


def test_wide_posteriors_raise_the_score(calibrated, stamps):
    estimator, shown = load_estimator(calibrated), (stamps.images(), stamps.noise())
    detector, index = estimator.detector, estimator.space.names.index("einstein_radius")
    assert (detector.spread, estimator.recalibration) == (1, None)  # the score is that of the posterior as trained
    mixtures, scores = estimator.predict_and_score(*shown)
    detector.spread = 0.0
    errors = [one.sigma[index] / one.mean[index] for one in mixtures]
    of_images = estimator.score(*shown)
    np.testing.assert_allclose(scores[:, 0], of_images[:, 0] + np.log(errors), rtol=1e-6)
    np.testing.assert_array_equal(scores[:, 1], of_images[:, 1])


def test_a_kind_that_is_left_out_has_no_logit(kept, text):
    without = PLAN.model_copy(update={"without": ALTERATIONS[2:]})
    detector = train_detector(load_estimator(kept), text, without, 5)
    assert detector.kinds == ALTERATIONS[:2]
    logits = detector(torch.zeros(1, 3, SIDE, SIDE)).double()
    assert logits.shape == (1, 3)
    odds = (logits[0, 1:].exp().sum() / logits[0, 0].exp()).log()
    torch.testing.assert_close(detector.score(torch.zeros(1, 3, SIDE, SIDE))[0, 0], odds)
    assert torch.isnan(detector.score(torch.zeros(1, 3, SIDE, SIDE))[0, 1])


def test_calibration_stores_it_and_a_threshold(calibrated, stamps):
    estimator, entry = load_estimator(calibrated), read_card(calibrated).misspecification
    assert entry.stamps == 64
    assert entry.detector.kinds == ALTERATIONS
    assert entry.detector.stamps == PLAN.passes
    mixtures, scores = estimator.predict_and_score(stamps.images(), stamps.noise())
    assert len(mixtures) == 64
    several = scores[:, 1] > entry.several
    assert np.sum(several) == 1  # the quantile 0.99 of 64
    assert np.sum(several | (scores[:, 0] > entry.threshold)) == 4  # the quantile 0.95 of 64
    np.testing.assert_allclose(estimator.score(stamps.images(), stamps.noise()), scores, rtol=1e-5, atol=1e-5)
    # the reference serves to compare sets alone
    assert estimator.reference.weights_1 is None
    assert np.isnan(estimator.reference.score(estimator.embed(stamps.images(), stamps.noise()))).all()
    found = evaluate_suites(estimator, {"same": stamps})["same"]
    assert found.flagged == pytest.approx(4 / 64)
    assert found.p_value > 0.001


def test_it_comes_back_bit_for_bit_and_nothing_else_is_read(calibrated, tmp_path):
    folder = shutil.copytree(calibrated, tmp_path / "run")
    card = read_card(folder)
    detector = read_detector(card, folder)
    before = (folder / FILE).read_bytes()
    assert save_detector(detector, folder) == card.misspecification.detector.sha256
    assert (folder / FILE).read_bytes() == before
    (folder / FILE).write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    with pytest.raises(InputError, match=r"detector\.safetensors: not the detector"):
        load_estimator(folder)
    (folder / FILE).unlink()
    with pytest.raises(InputError, match=r"detector\.safetensors: cannot be read"):
        load_estimator(folder)
    other = card.misspecification.model_copy(update={"weights_sha256": "of the weights before"})
    assert read_detector(card.model_copy(update={"misspecification": other}), folder) is None


def test_scores_depend_on_neither_the_batch_nor_the_layout(calibrated, stamps):
    estimator = load_estimator(calibrated)
    images, noise = stamps.images(slice(0, 9)), stamps.noise(slice(0, 9))
    scores = estimator.score(images, noise)
    for again in (
        estimator.score(images, noise, batch=2),
        estimator.score(np.asfortranarray(images), np.asfortranarray(noise)),
        estimator.score(images[::-1].copy(), noise[::-1].copy())[::-1],
    ):
        np.testing.assert_allclose(again, scores, rtol=1e-4, atol=1e-4)


def test_scores_do_not_change_with_a_quarter_turn(calibrated, stamps):
    estimator = load_estimator(calibrated)
    estimator.detector.spread = 0.0  # the widths of drawn posteriors agree to 1e-3 alone
    images, noise = stamps.images(slice(0, 9)), stamps.noise(slice(0, 9))
    scores = estimator.score(images, noise)
    turned = [np.rot90(part, axes=(1, 2)).copy() if part.ndim == 3 else part for part in (images, noise)]
    np.testing.assert_allclose(estimator.score(*turned), scores, rtol=1e-4, atol=1e-4)
    upright = estimator.detector(torch.as_tensor(images[:, None].repeat(3, 1), dtype=torch.float32))
    assert not torch.allclose(upright, estimator.detector(torch.as_tensor(turned[0][:, None].repeat(3, 1)).float()))


def test_estimators_without_one_keep_their_reference():
    estimator = load_estimator("euclid-vis-sie-subtracted")
    assert estimator.detector is None
    images = np.random.default_rng(0).standard_normal((2, *estimator.field))
    scores = estimator.score(images, np.ones(2))
    np.testing.assert_array_equal(scores, estimator.predict_and_score(images, np.ones(2))[1])
    np.testing.assert_allclose(scores[:, 0], estimator.reference.score(estimator.embed(images, np.ones(2))), rtol=1e-5)
    bare = replace(estimator, reference=None)
    assert np.isnan(bare.score(images, np.ones(2))).all()


def test_a_set_without_a_composition_is_refused(kept):
    plain = yaml.safe_dump(load_config(FILES / "training_euclid.yaml", SimulateConfig).model_dump(mode="json"))
    with pytest.raises(InputError, match="has no composition"):
        train_detector(load_estimator(kept), plain, PLAN, 5)


def test_a_deeper_detector_goes_on_from_a_shallower_one(calibrated, kept, text, tmp_path):
    card = read_card(kept)
    deeper = card.network.model_copy(update={"blocks": (0, 1), "fine": 4})
    torch.manual_seed(8)
    changed, weights = card.model_copy(update={"network": deeper}), build_network(deeper, (SIDE, SIDE), 1).state_dict()
    save_estimator(changed, weights, tmp_path / "deeper")
    plan = PLAN.model_copy(update={"start_from": str(calibrated), "learning_rate": 1e-12})
    made_deeper = train_detector(load_estimator(tmp_path / "deeper"), text, plan, 5)
    images = torch.randn((6, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1))
    before = load_estimator(calibrated).detector
    made_deeper.trunk.load_state_dict(
        deepened_trunk(card.network, deeper, before.trunk.state_dict()), strict=False
    )  # its statistics, which training moves
    torch.testing.assert_close(made_deeper.score(images), before.score(images), rtol=1e-4, atol=1e-4)
    wider = card.network.model_copy(update={"widths": (8, 12)})
    changed, weights = card.model_copy(update={"network": wider}), build_network(wider, (SIDE, SIDE), 1).state_dict()
    save_estimator(changed, weights, tmp_path / "wider")
    with pytest.raises(InputError, match="another layout"):
        train_detector(load_estimator(tmp_path / "wider"), text, plan, 5)


def test_a_detector_is_trained_in_the_precision_of_its_estimator(kept):
    card = read_card(kept)
    assert not made.in_half_precision(card)
    for precision, half in (("float32", False), ("bfloat16", True)):
        trained = card.model_copy(update={"training": {"config": f"precision: {precision}"}})
        assert made.in_half_precision(trained) is half
