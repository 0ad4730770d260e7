"""Training: it learns, stops, continues, and leaves nothing outside its folder."""

import csv
import time

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lenssbi.dataset.hdf5 import StampSet
from lenssbi.estimators.checkpoint import read_card
from lenssbi.estimators.learner import running_mean
from lenssbi.estimators.load import load_estimator
from lenssbi.estimators.schedule import Schedule
from lenssbi.estimators.state import FILE, TrainingState, load_state
from lenssbi.pipelines.train import run
from lenssbi.status import InputError


def rows(folder):
    with (folder / "metrics.csv").open() as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_it_learns(trained):
    history = rows(trained)
    assert [row["epoch"] for row in history] == list(range(1, 13))
    assert history[-1]["val_loss"] < history[0]["val_loss"] - 1
    assert history[-1]["error_einstein_radius"] < 0.2  # the prior's own is 0.54
    assert history[-1]["learning_rate"] < 1e-4
    assert {"train_loss", "error_q", "error_phi", "seconds"} <= set(history[0])


def test_the_folder_holds_everything_and_nothing_is_written_elsewhere(rings, tmp_path, monkeypatch, capfd, plan):
    monkeypatch.chdir(tmp_path)
    told = []
    result = run(plan(max_epochs=1), rings, "run", progress=lambda *word: told.append(word))
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    names = {p.name for p in (tmp_path / "run").iterdir()}
    assert names == {FILE, "metrics.csv", "training.png", "events", "weights.safetensors", "estimator.json"}
    assert told[-1][0] == told[-1][1] == 1000
    assert result.finished == "all epochs are done"
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")


def test_continued_equals_uninterrupted(rings, tmp_path, plan):
    run(plan(max_epochs=3, schedule={"kind": "constant"}), rings, tmp_path / "whole")
    run(plan(max_epochs=1, schedule={"kind": "constant"}), rings, tmp_path / "parts")
    second = int(time.time())
    while int(time.time()) == second:  # TensorBoard orders its files by name: the second, then numbers as text
        time.sleep(0.05)
    run(plan(max_epochs=3, schedule={"kind": "constant"}), rings, tmp_path / "parts")
    whole, parts = (load_state(tmp_path / name) for name in ("whole", "parts"))
    assert whole.losses == parts.losses
    for name, tensor in whole.part("model").items():
        np.testing.assert_array_equal(tensor, parts.part("model")[name])
    events = EventAccumulator(str(tmp_path / "parts" / "events")).Reload()
    seen = [(event.step, event.value) for event in events.Scalars("val_loss")]
    assert seen == [(i, pytest.approx(loss, rel=1e-6)) for i, loss in enumerate(whole.losses, 1)]


def test_the_running_mean_is_validated_and_kept(rings, tmp_path, plan):
    run(plan(max_epochs=2, averaging=0.9), rings, tmp_path / "run")
    state = load_state(tmp_path / "run")
    best, last, mean = (state.part(name) for name in ("best", "model", "averages"))
    assert state.losses[1] < state.losses[0]
    moved = 0
    for name, tensor in best.items():
        np.testing.assert_array_equal(tensor, mean[f"module.{name}"])
        moved += not np.array_equal(tensor, last[name])
    assert moved > len(best) / 2


def test_the_running_mean_in_closed_form():
    class Density(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(3))
            self.register_buffer("seen", torch.zeros(()))

    density, kept = Density(), 0.8
    averages = running_mean(density, kept, TrainingState("toy"))
    for k in range(1, 6):
        density.weight.data.fill_(float(k))
        density.seen.fill_(10.0 * k)
        averages.update_parameters(density)
    expected = kept**4 * 1 + sum((1 - kept) * kept ** (5 - k) * k for k in range(2, 6))
    np.testing.assert_allclose(averages.module.weight, expected, rtol=1e-6)
    np.testing.assert_allclose(averages.module.seen, 10 * expected, rtol=1e-6)


def test_minutes_end_the_training_and_the_learning_rate(rings, tmp_path, plan):
    result = run(plan(max_epochs=5000, max_minutes=0.03), rings, tmp_path / "run")
    assert result.finished == "the minutes are up"
    assert 1.5 < result.seconds < 10
    assert rows(tmp_path / "run")[-1]["learning_rate"] < 1e-3


def test_patience_ends_the_training(rings, tmp_path, plan):
    short = plan(max_epochs=50, patience=1, schedule={"kind": "constant", "learning_rate": 1e-9})
    result = run(short, rings, tmp_path / "run")
    assert result.epochs < 50
    assert "stopped falling" in result.finished


def test_a_second_set_to_validate_on_and_lazy_reading(rings, tmp_path, make_rings, plan):
    other = make_rings(tmp_path / "other.h5", 60, seed=2)
    result = run(plan(max_epochs=1, in_memory=False, augment=False), rings, tmp_path / "run", validation=other)
    assert result.epochs == 1


def test_several_sets_are_joined(rings, tmp_path, make_rings, plan):
    other = make_rings(tmp_path / "other.h5", 100, seed=7)
    result = run(plan(max_epochs=1), [rings, other], tmp_path / "run")
    training = read_card(result.path).training
    assert [(s["name"], s["seed"], s["trained_on"]) for s in training["sets"]] == [
        ("set.h5", 1, 400),
        ("other.h5", 7, 80),
    ]
    assert training["trained_on"] == 480
    assert "120 stamps" in training["validation"]
    with pytest.raises(InputError, match="another configuration or set"):
        run(plan(max_epochs=1), [rings], tmp_path / "run")
    with pytest.raises(InputError, match=r"wide\.h5.*another shape or pixel scale"):
        run(plan(), [rings, make_rings(tmp_path / "wide.h5", 20, pixel_scale=0.5)], tmp_path / "new")


def test_mixed_precision_learns_as_well(rings, trained, tmp_path, plan):
    changes = {"start_from": str(trained), "schedule": {"learning_rate": 1e-4, "warmup_steps": 0}, "max_epochs": 1}
    run(plan(precision="bfloat16", **changes), rings, tmp_path / "run")
    assert rows(tmp_path / "run")[0]["val_loss"] < rows(trained)[-1]["val_loss"] + 0.1
    assert all(
        tensor.dtype.is_floating_point is False or tensor.element_size() == 4 for tensor in _model(tmp_path / "run")
    )


def _model(folder):
    return load_state(folder).part("model").values()


def test_an_ensemble_is_one_estimator(rings, tmp_path, plan):
    out = tmp_path / "run"
    result = run(plan(max_epochs=1, ensemble=2), rings, out)
    assert result.epochs == 2
    estimator = load_estimator(out)
    assert estimator.card.members == len(estimator.densities) == 2
    with StampSet(rings) as stamps:
        mixture = estimator.predict(stamps.images(slice(3)), stamps.noise(slice(3)))[0]
    assert len(mixture.means) == 48  # 20 passes each, in eight orientations
    for i in range(2):
        best = load_state(out / f"member-{i}").part("best")
        for name, tensor in estimator.densities[i].net.state_dict().items():
            np.testing.assert_array_equal(tensor, best[name])
    one, other = (next(density.parameters()) for density in estimator.densities)
    assert not np.allclose(one.detach(), other.detach())
    before = (out / "weights.safetensors").stat().st_mtime_ns
    assert run(plan(max_epochs=1, ensemble=2), rings, out).epochs == 2
    assert (out / "weights.safetensors").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="holds the training of an ensemble"):
        run(plan(max_epochs=1), rings, out)


def test_wrong_input_is_one_sentence(rings, tmp_path, make_rings, plan):
    run(plan(max_epochs=1), rings, tmp_path / "run")
    with pytest.raises(InputError, match="another configuration or set"):
        run(plan(max_epochs=1, batch_size=16), rings, tmp_path / "run")
    (tmp_path / "run" / FILE).write_bytes(b"nonsense")
    with pytest.raises(InputError, match="remove it"):
        run(plan(max_epochs=1), rings, tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        run(plan(max_epochs=1), rings, tmp_path / "file" / "run")
    with pytest.raises(InputError, match="slope"):
        run(plan(parameters="power_law"), rings, tmp_path / "new")
    with pytest.raises(InputError, match="too few"):
        run(plan(), make_rings(tmp_path / "few.h5", 2), tmp_path / "new")
    with pytest.raises(InputError, match="no such set"):
        run(plan(), tmp_path / "none.h5", tmp_path / "new")
    with pytest.raises(InputError, match="nothing to train on"):
        run(plan(), (), tmp_path / "new")


def test_schedules():
    cosine = Schedule(learning_rate=1.0, warmup_steps=10, floor=0.0)
    assert cosine.rate(0, 0.0) == pytest.approx(0.1)
    assert cosine.rate(100, 0.5) == pytest.approx(0.5)
    assert cosine.rate(100, 1.0) == pytest.approx(0.0)
    plateau = Schedule(kind="plateau", learning_rate=1.0, warmup_steps=0, plateau_epochs=2)
    assert plateau.rate(0, 0.0, [3.0, 2.0]) == 1
    assert plateau.rate(0, 0.0, [3.0, 2.0, 2.5, 2.1]) == pytest.approx(0.1)
    assert Schedule(kind="constant", learning_rate=0.5, warmup_steps=0).rate(9, 0.9) == 0.5
