"""The shipped recipe at toy size: one command, stopped as often as one likes, ends with the same weights."""

from pathlib import Path

import numpy as np
import pytest

from lenssbi.config import load_config
from lenssbi.estimators.load import load_estimator
from lenssbi.estimators.plan import TrainConfig
from lenssbi.estimators.state import load_state
from lenssbi.pipelines.simulate import stream
from lenssbi.pipelines.train import run
from lenssbi.rendering.composition import supply
from lenssbi.rendering.composition.sets import ObservedSimulation
from lenssbi.rendering.simulation import SimulateConfig

CONFIGS = Path(__file__).parents[2] / "configs"
TOY = (
    "network.widths=[4, 6, 8]",
    "network.blocks=[0, 0, 0]",
    "network.squeeze=4",
    "network.dense=16",
    "density.transforms=1",
    "density.hidden=8",
    "density.context=8",
    "fresh.stamps=48",
    "fresh.validation=16",
    "batch_size=16",
)


RECIPE = load_config(CONFIGS / "runs" / "euclid_vis_sie.yaml", TrainConfig, [*TOY, "max_epochs=3"])


class Stopped(Exception):
    """What stops a training in the middle of an epoch."""


def stop_in(epoch):
    """A progress that ends the run in its `epoch`."""

    def progress(done, total, text):
        if text.startswith(f"epoch {epoch}, loss"):
            raise Stopped

    return progress


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training of three epochs without a break."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supply, "POOL", 16)
        folder = tmp_path_factory.mktemp("whole")
        run(RECIPE, [], folder, base=CONFIGS / "runs")
    return folder


def test_any_number_of_interruptions_changes_nothing(whole, tmp_path, monkeypatch):
    monkeypatch.setattr(supply, "POOL", 16)
    for epoch in (1, 2, 3):
        with pytest.raises(Stopped):
            run(RECIPE, [], tmp_path / "stopped", base=CONFIGS / "runs", progress=stop_in(epoch))
    # a thread that makes stamps ahead changes none of them
    run(RECIPE.model_copy(update={"ahead": 1}), [], tmp_path / "stopped", base=CONFIGS / "runs")
    stopped, unbroken = load_state(tmp_path / "stopped"), load_state(whole)
    assert stopped.losses == unbroken.losses
    for name, tensor in unbroken.tensors.items():
        assert tensor.numpy().tobytes() == stopped.tensors[name].numpy().tobytes(), name


def test_the_estimator_takes_stamps_as_they_are(whole):
    estimator = load_estimator(whole)
    assert estimator.sees_lens_light
    assert estimator.field == (80, 80)
    names = ("einstein_radius", "e1", "e2", "shear1", "shear2", "centre_x", "centre_y")
    assert estimator.space.names == names
    narrow, wide = estimator.card.psf_fwhm
    assert 0.1 < narrow < 0.17 < wide < 0.3
    config = load_config(CONFIGS / "populations" / "euclid_observed.yaml", SimulateConfig)
    made = ObservedSimulation(config.population, config.instrument, config.selection, config.composition)
    stamps = made.stamps([stream(3, i) for i in range(2)])
    (one, other) = estimator.predict(stamps.images, stamps.noise)
    assert one.names == names
    # neither the unit nor the convention of the noise map nor a constant matters
    again = estimator.predict(7 * stamps.images + 0.3, stamps.noise * 3)
    np.testing.assert_allclose(again[0].mean, one.mean, atol=2e-3)
    assert not np.array_equal(one.mean, other.mean)


def test_channels_that_do_not_match_are_refused():
    with pytest.raises(Exception, match="set it to 3"):
        load_config(CONFIGS / "runs" / "euclid_vis_sie.yaml", TrainConfig, ["network.channels=1"])
