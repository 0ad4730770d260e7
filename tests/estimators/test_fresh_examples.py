"""Training without a disk."""

import numpy as np
import pytest
import torch
import yaml

from lenssbi.config import load_config
from lenssbi.estimators.checkpoint import read_card
from lenssbi.estimators.fresh_examples import FreshBatches, FreshExamples, Supply
from lenssbi.estimators.state import load_state
from lenssbi.parameters import parameter_space
from lenssbi.pipelines.train import run
from lenssbi.rendering.device_batch import Batch
from lenssbi.rendering.simulation import SimulateConfig
from lenssbi.status import InputError

RADII = {"small": [0.6, 0.8], "large": [0.9, 1.1]}
SPACE = parameter_space("power_law", shear=True, centre=True)


def prepare(images, noise):
    return (images / noise).astype(np.float32)[:, None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two populations with Einstein radii of their own."""
    folder = tmp_path_factory.mktemp("populations")
    for name, radii in RADII.items():
        data = {
            "population": {"suite": name, "mass": {"einstein_radius": radii}, "lens_light": None},
            "instrument": {"shape": [30, 30]},
            "variation": {"exposure_time": [0.8, 1.2], "psf_fwhm": [0.9, 1.2]},
            "selection": {"min_snr": 5.0},
            "rendering": {"oversampling": 1, "engine": "batched"},
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(data))
    return folder


@pytest.fixture(scope="module")
def examples(folder):
    """Three small ones for each large one."""
    shares = {"small": 3.0, "large": 1.0}
    supplies = (Supply(n, load_config(folder / f"{n}.yaml", SimulateConfig), share) for n, share in shares.items())
    return FreshExamples(tuple(supplies), SPACE, prepare, stamps=20)


def test_populations_bring_their_shares(examples):
    values, images = next(examples.blocks(16, (1, 1, 0)))
    assert values.shape == (16, 8)
    assert images.shape == (16, 1, 30, 30)
    radius = SPACE.from_targets(values.double().numpy())[:, 0]
    small = radius < 0.85
    assert small.sum() == 12
    assert not small[:12].all()  # mixed
    assert images.dtype == torch.float32
    assert images.amax(dim=(1, 2, 3)).min() > 1


def test_an_epoch_follows_from_seed_number_and_process(examples):
    def epoch(number, rank=0, world=1, seed=1):
        batches = FreshBatches(examples, 8, seed, rank, world)
        batches.epoch = number
        found = list(batches)
        assert len(found) == len(batches) == 20 // world // 8
        return torch.cat([values for values, _ in found]), torch.cat([images for _, images in found])

    first = epoch(0)
    assert all(torch.equal(one, other) for one, other in zip(first, epoch(0), strict=True))
    for other in (epoch(1), epoch(0, 0, 2), epoch(0, 1, 2), epoch(0, seed=2), next(iter(examples.blocks(8, (1, 0))))):
        assert not torch.isin(first[0][:, 0], other[0][:, 0]).all()
    assert not torch.isin(epoch(0, 0, 2)[0][:, 0], epoch(0, 1, 2)[0][:, 0]).any()


def test_a_missing_parameter_is_named(examples):
    batch = Batch(torch.ones(1, 5, 5), torch.ones(1, 5, 5), {"e1": torch.zeros(1)}, torch.ones(1))
    with pytest.raises(InputError, match=r"small.*einstein_radius.*choose other parameters"):
        examples._prepared(examples.supplies[0], batch)


def test_training_without_a_disk_continues_exactly(folder, tmp_path, plan):
    fresh = {"stamps": 64, "validation": 16}
    fresh["populations"] = [{"population": "small.yaml"}, {"population": "large.yaml", "share": 0.5}]
    said = {"fresh": fresh, "schedule": {"kind": "constant"}, "batch_size": 16, "centre": True}
    for name, lengths in (("whole", [2]), ("parts", [1, 2])):
        for epochs in lengths:
            run(plan(max_epochs=epochs, **said), (), tmp_path / name, base=folder)
    whole, parts = (load_state(tmp_path / name) for name in ("whole", "parts"))
    assert whole.step == 8
    assert whole.losses == parts.losses
    assert all(torch.equal(tensor, parts.tensors[name]) for name, tensor in whole.tensors.items())
    card = read_card(tmp_path / "whole")
    assert card.field == (30, 30)
    assert [p["name"] for p in card.training["populations"]] == ["small.yaml", "large.yaml"]
    assert "einstein_radius" in card.training["populations"][0]["config"]
    with pytest.raises(InputError, match="leave out --data"):
        run(plan(**said), "set.h5", tmp_path / "new", base=folder)
    text = (folder / "large.yaml").read_text()
    (folder / "other.yaml").write_text(text.replace("- 30", "- 40"))
    fresh["populations"].append({"population": "other.yaml"})
    with pytest.raises(InputError, match=r"other\.yaml.*another shape"):
        run(plan(**said), (), tmp_path / "new", base=folder)
