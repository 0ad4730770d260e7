"""Every density behind one name: its folder, its beliefs, sbi's tools, ensembles, and files that were tampered with."""

import ast
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lenssbi.dataset.stamp import Stamp
from lenssbi.estimators.checkpoint import EstimatorCard, ParameterCard, read_card, save_estimator
from lenssbi.estimators.densities import build_density, pack, unpack
from lenssbi.estimators.density_config import DensityConfig
from lenssbi.estimators.load import load_estimator
from lenssbi.estimators.network import NetworkConfig
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.instrument import PSF
from lenssbi.parameters import SIE_SPACE
from lenssbi.status import InputError

ROOT = Path(__file__).parents[2]
FIELD = (16, 16)
KINDS = ("bnn", "mdn", "nsf")


def write(folder, kind, members=1):
    """An untrained estimator's folder."""
    network = NetworkConfig(widths=(4, 8), blocks=(0, 0), squeeze=4, dense=16, dropout=0.2)
    config = DensityConfig(kind=kind, components=3, transforms=2, hidden=16, bins=4, context=8)
    card = EstimatorCard(
        name=kind,
        network=network,
        density=config,
        members=members,
        preprocessing=ImagePreprocessing(),
        parameters=tuple(ParameterCard(**p) for p in SIE_SPACE.as_json()),
        field=FIELD,
        pixel_scale=0.1,
        band="VIS",
        passes=12,
        seed=3,
    )
    torch.manual_seed(7)
    densities = [build_density(config, network, FIELD, 3, 12) for _ in range(members)]
    with torch.no_grad():
        for weight in (w for d in densities for w in d.parameters()):
            weight.add_(0.02 * torch.randn_like(weight))
    save_estimator(card, pack([d.state_dict() for d in densities]), folder)
    return folder


@pytest.fixture(scope="module", params=[(kind, members) for kind in KINDS for members in (1, 2)], ids=str)
def folder(request, tmp_path_factory):
    return write(tmp_path_factory.mktemp("estimator") / "run", *request.param)


@pytest.fixture(scope="module")
def stamps():
    rng = np.random.default_rng(0)
    return rng.normal(0, 5, (5, *FIELD)), np.full((5, *FIELD), 1.0)


def stamp_of(images, noise):
    return Stamp(images[0], noise[0], np.ones(FIELD, bool), PSF.gaussian(0.2), 0.1, "one")


def test_beliefs_are_mixtures_and_do_not_depend_on_the_batch(folder, stamps):
    estimator = load_estimator(folder)
    members, per = len(estimator.densities), 12 if estimator.name == "bnn" else 512
    one, other = estimator.predict(*stamps, batch=2), estimator.predict(*stamps)
    for a, b in zip(one, other, strict=True):
        assert a.means.shape == (members * per, 3)
        np.testing.assert_allclose(a.means, b.means, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(a.sigmas, b.sigmas, rtol=1e-3, atol=1e-5)


def test_features_are_those_of_the_first_member(folder, stamps):
    estimator = load_estimator(folder)
    features = estimator.embed(*stamps, batch=2)
    prepared = torch.from_numpy(estimator.card.preprocessing(*stamps))
    with torch.no_grad():
        expected = estimator.densities[0].embedding_net(prepared).numpy()
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-5)


def test_belief_score_and_features_take_one_run_of_the_convolutions(folder, stamps):
    estimator, seen = load_estimator(folder), []
    count = estimator.densities[0].embedding_net.register_forward_hook(lambda module, args, out: seen.append(len(out)))
    mixtures, scores, features = estimator.predict_score_and_embed(*stamps, batch=2)
    count.remove()
    assert seen == [2, 2, 1]
    np.testing.assert_array_equal(features, estimator.embed(*stamps, batch=2))
    assert len(mixtures) == 5
    assert np.isnan(scores).all(), "it has neither a detector nor a reference"


def test_log_score_is_the_log_density_in_physical_units(folder, stamps):
    """That of the dropout network is its mixture's; for the others, a change of units moves it by the Jacobian."""
    estimator, space = load_estimator(folder), SIE_SPACE
    truths = np.random.default_rng(1).uniform(space.low, space.high, (5, 3))
    found = estimator.log_prob(*stamps, truths, batch=2)
    if estimator.name == "bnn":
        expected = [m.log_prob(t) for m, t in zip(estimator.predict(*stamps), truths, strict=True)]
    else:
        prepared = torch.from_numpy(estimator.card.preprocessing(*stamps))
        targets = torch.from_numpy(space.to_targets(truths)).float()
        with torch.no_grad():
            densities = [np.exp(-d.loss(targets, prepared).double().numpy()) for d in estimator.densities]
        expected = np.log(np.mean(densities, axis=0) / np.prod((space.high - space.low) / 10))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-2)


def test_members_differ_and_take_turns(tmp_path, stamps):
    estimator = load_estimator(write(tmp_path, "mdn", members=2))
    means = estimator.predict(*stamps)[0].means
    for member in range(2):
        prepared = torch.from_numpy(estimator.card.preprocessing(*stamps))
        with torch.no_grad():
            own, _ = estimator.densities[member].components(estimator.densities[member].embed(prepared))
        np.testing.assert_allclose(means[member::2], SIE_SPACE.from_targets(own[:, 0].double().numpy()), rtol=1e-4)
    assert np.abs(means[0::2].mean(axis=0) - means[1::2].mean(axis=0)).max() > 1e-3


def test_sbi_posterior(folder, stamps):
    estimator = load_estimator(folder)
    posterior = estimator.posterior(stamp_of(*stamps))
    samples = posterior.sample((2000,), show_progress_bars=False)
    assert samples.shape == (2000, 3)
    assert ((samples >= 0) & (samples <= 10)).all()
    assert torch.isfinite(posterior.log_prob(samples[:5])).all()
    best = posterior.map(num_iter=30, num_init_samples=50, num_to_optimize=5, show_progress_bars=False)
    assert float(posterior.log_prob(best.reshape(1, 3))) >= float(posterior.log_prob(samples[:100]).quantile(0.9))


@pytest.mark.parametrize("kind", KINDS)
def test_sbi_ranks(kind, stamps):
    """Draws of the density itself have uniform ranks."""
    from sbi.diagnostics import run_sbc
    from sbi.inference.posteriors import DirectPosterior
    from sbi.utils import BoxUniform

    from lenssbi.estimators.for_sbi import SbiDensity

    torch.manual_seed(0)
    network = NetworkConfig(widths=(4,), blocks=(0,), squeeze=4, dense=8, dropout=0.2)
    density = build_density(DensityConfig(kind=kind, hidden=8, context=4), network, FIELD, 2, 10).eval()
    images = torch.rand(200, 1, *FIELD)
    with torch.no_grad():
        truths = density.sample((1,), images)[0]
    posterior = DirectPosterior(SbiDensity(density), BoxUniform(torch.full((2,), -60.0), torch.full((2,), 70.0)))
    ranks, _ = run_sbc(truths, images, posterior, num_posterior_samples=100, show_progress_bar=False)
    inside = ((ranks / 100 - 0.5).abs() < 0.683 / 2).float().mean(dim=0)
    assert ((inside - 0.683).abs() < 0.11).all()  # three binomial errors of 200 stamps


def test_weights_are_packed_and_unpacked():
    one, other = {"net.trunk.0.weight": torch.zeros(1)}, {"net.trunk.0.weight": torch.ones(1)}
    assert list(pack([one])) == ["trunk.0.weight"]
    assert list(pack([one, other])) == ["0.trunk.0.weight", "1.trunk.0.weight"]
    assert unpack(pack([one, other]), 2, "bnn") == [one, other]
    flow = {"trunk.0.weight": torch.zeros(1), "net.a": torch.ones(1)}
    assert pack([flow]) == flow
    assert unpack(pack([flow, flow]), 2, "nsf") == [flow, flow]


@pytest.mark.parametrize(
    "change",
    [
        {"density": {"kind": "mdn"}},
        {"density": {"kind": "nsf", "transforms": 3}},
        {"density": {"kind": "magic"}},
        {"members": 2},
        {"members": 0},
        {"field": [20, 20]},
        {"network": {"kind": "compact", "widths": [4, 12], "blocks": [0, 0], "squeeze": 4, "dense": 16}},
        {"weights_sha256": "0" * 64},
        {"weights_sha256": ""},
        {"__reduce__": "os.system"},
    ],
    ids=str,
)
def test_a_tampered_card_is_refused_with_a_sentence(tmp_path, change):
    folder = write(tmp_path, "nsf")
    card = json.loads((folder / "estimator.json").read_text())
    (folder / "estimator.json").write_text(json.dumps({**card, **change}))
    with pytest.raises(InputError, match=r"copy (both|the estimator|both files) again") as caught:
        load_estimator(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spoil", [lambda d: d[:-4], lambda d: d[:100], lambda d: b"", lambda d: d[:-1] + b"\x7f"])
def test_tampered_weights_are_refused_with_a_sentence(tmp_path, spoil):
    path = write(tmp_path, "bnn") / "weights.safetensors"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(InputError, match=r"not the weights that estimator\.json describes"):
        load_estimator(tmp_path)


def test_weights_that_are_a_pickle_are_not_opened(tmp_path):
    """Not even where the card vouches for them."""
    import hashlib
    import pickle

    class Trap:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "sprung",))

    folder = write(tmp_path, "bnn")
    data = pickle.dumps(Trap())
    (folder / "weights.safetensors").write_bytes(data)
    card = json.loads((folder / "estimator.json").read_text())
    card["weights_sha256"] = hashlib.sha256(data).hexdigest()
    (folder / "estimator.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match="not a safetensors file"):
        load_estimator(folder)
    assert not (tmp_path / "sprung").exists()


def test_no_code_path_loads_a_pickle():
    modules = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    calls = {"read_pickle", "load_from_checkpoint", "unpickle"}
    found = []
    for path in [*ROOT.glob("lenssbi/**/*.py"), *ROOT.glob("cli/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = set()
            if isinstance(node, ast.Import):
                names = {alias.name.split(".")[0] for alias in node.names} & modules
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").split(".")[0]} & modules
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
                names = {node.func.attr} & calls
                names |= {"torch.load"} if (owner, node.func.attr) == ("torch", "load") else set()
                names |= {"allow_pickle" for word in node.keywords if word.arg == "allow_pickle" and _true(word.value)}
            found += [f"{path.relative_to(ROOT)}:{node.lineno}: {name}" for name in names]
    assert found == []


def test_old_cards_are_those_of_a_dropout_network(tmp_path):
    folder = write(tmp_path, "bnn")
    card = json.loads((folder / "estimator.json").read_text())
    del card["density"], card["members"]
    (folder / "estimator.json").write_text(json.dumps(card))
    assert read_card(folder).density.kind == "bnn"
    assert len(load_estimator(folder).densities) == 1


def _true(value):
    return not (isinstance(value, ast.Constant) and value.value is False)
