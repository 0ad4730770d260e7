"""Trainings that start from another estimator, its trunk trained on or frozen."""

import numpy as np
import pytest
import torch

from lenssbi.config import ConfigError
from lenssbi.dataset.hdf5 import StampSet
from lenssbi.dataset.loader import Examples
from lenssbi.estimators.augmentation import turn_images, turn_targets
from lenssbi.estimators.densities import build_density
from lenssbi.estimators.load import load_estimator
from lenssbi.estimators.state import load_state
from lenssbi.estimators.warm_start import frozen, start_from
from lenssbi.pipelines.train import run
from lenssbi.status import InputError

LAYOUT = {"widths": [8, 16], "blocks": [0, 0], "squeeze": 8, "dense": 32}
FIELD = (24, 24)
PAPER = {"kind": "paper", "widths": [4, 4, 4, 4, 4, 4], "kernels": [3, 3, 3, 3, 3, 3], "dense": 8}
SMALL = {"hidden": 16, "transforms": 2, "components": 3, "context": 8, "bins": 4}


def fresh(config):
    torch.manual_seed(99)
    return build_density(config.density, config.network, FIELD, len(config.space))


def upright_density(folder):
    return load_estimator(folder).densities[0].net


def same(one, other):
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(name == name2 and torch.equal(a, b) for (name, a), (name2, b) in pairs)


def test_all_weights_where_all_match(trained, plan):
    config = plan(start_from=str(trained), network={**LAYOUT, "dropout": 0.01})
    density = fresh(config)
    start_from(config, density, FIELD)
    assert same(density, upright_density(trained))


@pytest.mark.parametrize(
    "changes",
    [
        {"parameters": "power_law"},
        {"shear": True},
        {"density": {"kind": "nsf", **SMALL}},
        {"network": {**LAYOUT, "dense": 16}},
    ],
)
def test_the_trunk_where_something_else_differs(trained, plan, changes):
    config = plan(start_from=str(trained), **changes)
    density = fresh(config)
    start_from(config, density, FIELD)
    assert same(density.embedding_net, upright_density(trained).embedding_net)


@pytest.mark.parametrize("added", [{"blocks": [1, 2]}, {"fine": 4}, {"blocks": [2, 1], "fine": 4}])
def test_a_deeper_trunk_says_the_same_until_it_is_trained(trained, plan, added):
    config = plan(start_from=str(trained), network={**LAYOUT, **added})
    density, source = fresh(config).eval(), upright_density(trained)
    start_from(config, density, FIELD)
    images = torch.randn(4, 1, *FIELD)
    with torch.no_grad():
        assert torch.allclose(density.embed(images), source.embed(images), atol=1e-5)
    assert len(density.state_dict()) > len(source.state_dict())


@pytest.mark.parametrize(
    "changes",
    [{"network": {**LAYOUT, "squeeze": 4}}, {"preprocessing": {"scale": 2.0}}, {"network": PAPER}],
)
def test_another_trunk_is_refused(trained, plan, changes):
    config = plan(start_from=str(trained), **changes)
    with pytest.raises(InputError, match="start_from needs"):
        start_from(config, fresh(config), FIELD)


def test_frozen_features_are_those_of_every_symmetry(trained, plan):
    config, density = plan(), upright_density(trained)
    generator = torch.Generator().manual_seed(1)
    images, values = torch.randn(300, 1, 24, 24, generator=generator), 10 * torch.rand(300, 3, generator=generator)
    told = []
    features = frozen(density, Examples(images, values), config.space, 8, lambda *word: told.append(word))
    assert features.inputs.dtype == torch.float16
    assert len(features) == 8 * 300
    assert told[-1][:2] == (2400, 2400)
    middle = torch.as_tensor(config.space.to_targets(np.zeros(3)), dtype=torch.float32)
    for symmetry in (0, 3, 6):
        found_values, found = features[torch.arange(300 * symmetry, 300 * symmetry + 300)]
        with torch.no_grad():
            expected = density.embed(turn_images(images, symmetry))
        torch.testing.assert_close(found.float(), expected, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(found_values, turn_targets(values, config.space.names, middle, symmetry))


@pytest.mark.parametrize("kind", ["bnn", "mdn", "nsf"])
def test_a_frozen_trunk_stays_and_the_rest_learns(rings, trained, tmp_path, plan, kind):
    dense = 32 if kind != "bnn" else 16  # of a bnn too, all but the trunk is new
    config = plan(
        start_from=str(trained),
        freeze=True,
        density={"kind": kind, **SMALL},
        network={**LAYOUT, "dense": dense},
        max_epochs=2,
        batch_size=64,
    )
    run(config, rings, tmp_path / "run")
    state, found = load_state(tmp_path / "run"), load_estimator(tmp_path / "run")
    assert same(found.densities[0].embedding_net, upright_density(trained).embedding_net)
    assert state.losses[-1] < 4.2  # the prior's own is 3 ln 10 = 6.9
    with StampSet(rings) as stamps:
        beliefs = found.predict(stamps.images(slice(400, 440)), stamps.noise(slice(400, 440)))
        truth = stamps.params["einstein_radius"][400:440]
    assert np.std([belief.means[:, 0].mean() for belief in beliefs] - truth) < 0.3


def test_what_freeze_needs(plan):
    with pytest.raises(ConfigError, match="start_from"):
        plan(freeze=True)
    with pytest.raises(ConfigError, match="leave out fresh"):
        plan(freeze=True, start_from="x", fresh={"populations": [{"population": "x.yaml"}]})
