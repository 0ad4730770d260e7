"""Simulated sets: the same stamps for any number of workers and kills."""

import time

import numpy as np
import pytest

pytest.importorskip("galsim")

from lenssbi.config import load_config
from lenssbi.dataset import StampSet, check_set
from lenssbi.dataset import shards as shards_module
from lenssbi.pipelines import simulate
from lenssbi.pipelines.simulate import SimulateConfig, run, stream
from lenssbi.rendering import simulation
from lenssbi.rendering.simulation import Simulation
from lenssbi.status import InputError

from .made_up_rings import command, in_process

QUICK = [
    "instrument.shape=[40, 40]",
    "population.mass.einstein_radius=[0.6, 1.2]",
    "rendering.oversampling=2",
    "rendering.engine=batched",
]


@pytest.fixture(scope="module")
def config():
    return load_config(None, SimulateConfig, QUICK)


@pytest.fixture(autouse=True)
def small_shards(monkeypatch):
    monkeypatch.setattr(shards_module, "SHARD", 4)


@pytest.fixture(scope="module")
def whole(config, tmp_path_factory):
    """One set, made in one go by one worker."""
    old, shards_module.SHARD = shards_module.SHARD, 4
    path = tmp_path_factory.mktemp("whole") / "set.h5"
    run(config, path, 10, seed=3)
    shards_module.SHARD = old
    return path


def test_a_set_passes_its_check(whole):
    report = check_set(whole)
    assert report["stamps"] == 10
    assert {"snr", "magnification", "multiplicity", "source_kind", "z_lens", "z_source", "tried"} <= set(report["info"])
    with StampSet(whole) as stamps:
        assert (stamps.info["snr"] > 20).all()
        assert (stamps.info["magnification"] > 3).all()
        assert (stamps.info["multiplicity"] >= 2).all()
    assert not whole.with_name("set.h5.parts").exists()


def test_exposures_that_vary_come_with_their_psf_and_zero_point(tmp_path):
    varied = ["variation.psf_fwhm=[0.9, 1.2]", "variation.exposure_time=[0.5, 1.5]"]
    run(load_config(None, SimulateConfig, [*QUICK, *varied]), tmp_path / "set.h5", 5, seed=3)
    check_set(tmp_path / "set.h5")
    with StampSet(tmp_path / "set.h5") as stamps:
        info = stamps.info
        for i in range(5):
            stamp = stamps.stamp(i)
            assert stamp.psf.fwhm == pytest.approx(info["psf_fwhm"][i], rel=0.01)
            assert stamp.zero_point == pytest.approx(25.5 + 2.5 * np.log10(info["exposure_time"][i]))
        assert len(set(info["psf_fwhm"])) == 5


def test_a_set_tells_what_its_systems_are(whole):
    with StampSet(whole) as stamps:
        info = stamps.info
        assert info["image_x"].shape == (10, 5)
        assert set(info["suite"]) == {b"training"}
        assert set(info["lens"]) == {b"sie"}
        place = stamps.stamp(2).info["image_x"]
        assert np.isfinite(place).sum() == min(info["multiplicity"][2], 5)


@pytest.mark.slow
def test_two_workers_make_the_same_bytes(config, whole, tmp_path):
    run(config, tmp_path / "set.h5", 10, seed=3, workers=2)
    assert (tmp_path / "set.h5").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("killed_after", [0, 1, 2])
def test_a_killed_run_goes_on(config, whole, tmp_path, monkeypatch, killed_after):
    class Killed(BaseException):
        pass

    original, calls = simulate.simulate_shard, []

    def dying(span, **kwargs):
        if len(calls) == killed_after:
            raise Killed
        calls.append(span)
        return original(span, **kwargs)

    monkeypatch.setattr(simulate, "simulate_shard", dying)
    with pytest.raises(Killed):
        run(config, tmp_path / "set.h5", 10, seed=3)
    monkeypatch.setattr(simulate, "simulate_shard", original)
    run(config, tmp_path / "set.h5", 10, seed=3)
    assert (tmp_path / "set.h5").read_bytes() == whole.read_bytes()


def test_killed_while_the_set_is_assembled(config, whole, tmp_path, monkeypatch):
    def dying(*_, **__):
        raise KeyboardInterrupt

    original = simulate.write_set
    monkeypatch.setattr(simulate, "write_set", dying)
    with pytest.raises(KeyboardInterrupt):
        run(config, tmp_path / "set.h5", 10, seed=3)
    assert not (tmp_path / "set.h5").exists()
    monkeypatch.setattr(simulate, "write_set", original)
    run(config, tmp_path / "set.h5", 10, seed=3)
    assert (tmp_path / "set.h5").read_bytes() == whole.read_bytes()


def test_a_finished_set_is_not_made_again(config, whole):
    before = whole.stat().st_mtime_ns
    assert run(config, whole, 10, seed=3).count == 10
    assert whole.stat().st_mtime_ns == before


@pytest.mark.parametrize("change", [{"seed": 4}, {"count": 11}])
def test_another_set_is_never_overwritten(config, whole, change):
    with pytest.raises(InputError, match="exists already"):
        run(config, whole, change.get("count", 10), seed=change.get("seed", 3))


def test_shards_of_another_simulation_are_refused(config, tmp_path, monkeypatch):
    monkeypatch.setattr(simulate, "write_set", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run(config, tmp_path / "set.h5", 2, seed=3)
    with pytest.raises(InputError, match="another configuration or seed"):
        run(config, tmp_path / "set.h5", 2, seed=4)


def test_a_run_that_wrote_nothing_is_not_in_the_way(config, tmp_path):
    hopeless = load_config(
        None, SimulateConfig, [*QUICK, "population.source={kind: galaxy, catalogue: fits_folder, path: x}"]
    )
    with pytest.raises(InputError, match="x"):
        run(hopeless, tmp_path / "set.h5", 2, seed=3)
    assert run(config, tmp_path / "set.h5", 2, seed=3).count == 2


def test_stamp_i_is_always_stamp_i(config, whole):
    """Whatever is simulated beside it, up to the rounding of vectorised functions."""
    with StampSet(whole) as stamps:
        alone = Simulation(config).stamps([stream(3, 7)])
        np.testing.assert_allclose(stamps.images(slice(7, 8)), alone.images, atol=0.1)
        assert all(stamps.truth(7)[name] == values[0] for name, values in alone.params.items())


def test_an_impossible_selection_is_a_sentence(monkeypatch):
    monkeypatch.setattr(simulation, "MAX_TRIES", 8)
    config = load_config(None, SimulateConfig, [*QUICK, "selection.min_magnification=1e6"])
    with pytest.raises(InputError, match="failed the selection"):
        Simulation(config).stamps([stream(1, 0)])


def test_an_unwritable_folder_is_a_sentence(config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        run(config, tmp_path / "file" / "set.h5", 2)


@pytest.mark.slow
def test_a_process_killed_for_real_goes_on(tmp_path):
    arguments = ["simulate", "--count", 70, "--quiet", *(word for item in QUICK for word in ("--set", item))]
    killed, whole = tmp_path / "killed.h5", tmp_path / "whole.h5"
    process = command(*arguments, "--out", killed)
    while not list(killed.with_name("killed.h5.parts").glob("[0-9]*.npz")):
        assert process.poll() is None, "it ended before its first shard"
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert not killed.exists()
    for path in (killed, whole):
        assert in_process(*arguments, "--out", path)[0] == 0
    assert killed.read_bytes() == whole.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"killed.h5", "whole.h5"}
