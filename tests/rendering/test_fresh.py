"""Stamps without a disk: of the population, the selection and the noise that `simulate` writes."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from lenssbi.config import load_config
from lenssbi.pipelines.simulate import stream
from lenssbi.rendering.fresh import FreshStamps
from lenssbi.rendering.simulation import SimulateConfig, Simulation

POPULATIONS = Path(__file__).parents[2] / "configs" / "populations"
SMALL = ["instrument.shape=[60, 60]", "rendering.oversampling=2"]
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]


def loaded(name, *more):
    return load_config(POPULATIONS / f"{name}.yaml", SimulateConfig, [*SMALL, *more])


@pytest.mark.parametrize("device", DEVICES)
def test_batches_are_full_and_never_the_same(device):
    first, second = islice(FreshStamps(loaded("training_sie"), device).batches(20), 2)
    for batch in (first, second):
        assert batch.images.shape == batch.noise.shape == (20, 60, 60)
        assert batch.images.device.type == device
        assert torch.isfinite(batch.images).all()
        assert (batch.noise > 0).all()
        assert all(values.shape == (20,) for values in batch.params.values())
    assert not torch.isin(first.params["einstein_radius"], second.params["einstein_radius"]).any()


def test_the_same_seed_gives_the_same_batches():
    one, other = (next(FreshStamps(loaded("training_sie"), seed=3).batches(10)) for _ in range(2))
    assert torch.equal(one.images, other.images)


def test_a_system_is_used_again_with_other_noise_and_then_replaced(monkeypatch):
    monkeypatch.setattr("lenssbi.rendering.fresh.POOL", 12)
    first, second, third, fourth = islice(FreshStamps(loaded("training_sie"), reuse=3).batches(6), 4)
    radii = [batch.params["einstein_radius"].tolist() for batch in (first, second, third, fourth)]
    assert len({*radii[0], *radii[1]}) == 12
    again = {*radii[2], *radii[3]}
    assert len(again) == 12
    assert len(again & {*radii[0], *radii[1]}) == 8  # a third was replaced
    pairs = [(i, j) for i, r in enumerate(radii[0]) for j, other in enumerate(radii[2]) if r == other]
    assert pairs
    for i, j in pairs:
        assert torch.equal(first.noise[i], third.noise[j])
        pulls = (first.images[i] - third.images[j]) / (first.noise[i] * 2**0.5)
        assert pulls.std() == pytest.approx(1, abs=0.06)


def test_they_are_what_simulate_writes():
    """Einstein radii and peaks in sigma come from the same distributions (Kolmogorov-Smirnov at 0.1 per cent)."""
    config = loaded("training_sie", "rendering.engine=batched")
    fresh = next(FreshStamps(config, seed=5).batches(150))
    written = Simulation(config).stamps([stream(6, i) for i in range(150)])
    ours = (fresh.images / fresh.noise).amax(dim=(1, 2)).numpy()
    theirs = (written.images / written.noise).max(axis=(1, 2))
    for one, other in (
        (fresh.params["einstein_radius"].numpy(), written.params["einstein_radius"]),
        (ours, theirs),
    ):
        assert stats.ks_2samp(one, other).pvalue > 1e-3
    pulls = (fresh.images / fresh.noise).numpy(), written.images / written.noise
    middles = [np.median(values) for values in pulls]
    widths = [np.median(np.abs(values - middle)) for values, middle in zip(pulls, middles, strict=True)]
    assert middles[0] == pytest.approx(middles[1], abs=0.03)
    assert widths[0] == pytest.approx(widths[1], rel=0.03)


@pytest.mark.parametrize("name", ["training_euclid", "hydro_real_los"])
def test_every_kind_of_system_goes(name):
    pytest.importorskip("photutils")
    pytest.importorskip("colossus")
    batch = next(FreshStamps(loaded(name)).batches(6))
    assert torch.isfinite(batch.images).all()
    assert all(torch.isfinite(values).all() for values in batch.params.values())
    assert (len(set(batch.psf_fwhm.tolist())) > 1) == (name == "training_euclid")
