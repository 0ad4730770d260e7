"""A catalogue has a row for every stamp, whatever happens, and the same rows for any number of workers."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lenssbi import catalogue as tables
from lenssbi.dataset.hdf5 import write_set
from lenssbi.estimators.checkpoint import EstimatorCard, ParameterCard, save_estimator
from lenssbi.estimators.network import NetworkConfig, build_network
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.instrument import PSF
from lenssbi.parameters import SIE_SPACE
from lenssbi.pipelines import catalogue
from lenssbi.pipelines.catalogue import CatalogueConfig, needs_fit
from lenssbi.pipelines.results import ItemResult
from lenssbi.posteriors import Summary
from lenssbi.status import InputError, ItemError, Status

SIDE, COUNT = 40, 5


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    """An untrained network: its answers are nonsense, but always the same."""
    folder = tmp_path_factory.mktemp("estimator")
    torch.manual_seed(1)
    network = NetworkConfig()
    cards = tuple(ParameterCard(**parameter) for parameter in SIE_SPACE.as_json())
    card = EstimatorCard(
        name="untrained",
        network=network,
        preprocessing=ImagePreprocessing(),
        parameters=cards,
        field=(SIDE, SIDE),
        pixel_scale=0.1,
        band="VIS",
        passes=4,
        seed=0,
    )
    save_estimator(card, build_network(network, (SIDE, SIDE), len(cards)).state_dict(), folder)
    return folder


@pytest.fixture(scope="module")
def stamps(tmp_path_factory):
    """A set of five stamps with a ring, of which number 3 is no image at all."""
    path = tmp_path_factory.mktemp("set") / "set.h5"
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    ring = 50 * np.exp(-((np.hypot(x, y) - 10) ** 2) / 8)
    images = (ring + rng.normal(0, 5, (COUNT, SIDE, SIDE))).astype(np.float32)
    images[3] = np.nan
    block = {
        "images": images,
        "noise": np.full_like(images, 5.0),
        "params": {name: np.full(COUNT, 0.1) for name in ("einstein_radius", "e1", "e2")},
        "info": {"snr": np.full(COUNT, 33.0)},
    }
    attributes = {
        "seed": 0, "config": "", "lenssbi_version": "0", "pixel_scale": 0.1, "zero_point": 25.0, "band": "VIS",
        "unit": "electron", "lens_light_subtracted": True, "psf": PSF.gaussian(0.17),
    }  # fmt: skip
    write_set(path, [block], COUNT, {"einstein_radius": "arcsec", "e1": "", "e2": ""}, attributes)
    return path


@pytest.fixture
def run(estimator, stamps, tmp_path):
    def run(refine="none", inputs=None, out="out", workers=1):
        config = CatalogueConfig(refine=refine, estimator=str(estimator), max_relative_error=1e9)
        return catalogue.run(inputs or [str(stamps)], config=config, out=tmp_path / out, workers=workers)

    return run


@pytest.fixture
def fits(monkeypatch):
    """The fits that were asked for; they succeed at once, but for stamp 1, which times out."""
    asked = []

    def fit(source, config, out, *, estimator, figure):
        asked.append(source.name)
        status = Status.TIMED_OUT if source.index == 1 else Status.DONE
        params = {"einstein_radius": Summary(1.0, 0.9, 1.1, 1.0, 0.1, "arcsec")}
        return ItemResult(
            source.name, status.value, params, flags=("edge",) if source.index == 2 else (), evaluations=7
        )

    monkeypatch.setattr("lenssbi.pipelines.refine.refine_source", fit)
    return asked


def rows(result):
    """The table as text, without the times."""
    table = tables.read(result.path)
    table.remove_column("seconds")
    return table.pformat(max_width=-1, max_lines=-1)


def test_a_row_for_every_stamp(run):
    result = run()
    table = tables.read(result.path)
    assert [Path(name).name for name in table["name"]] == [f"set.h5:{index}" for index in range(COUNT)]
    assert [status == "done" for status in table["status"]] == [True, True, True, False, True]
    assert result.failed == 1
    assert table["snr"][0] == 33.0
    assert np.isfinite(table["cov_einstein_radius_e1"][0])
    assert table["needs_human"].tolist() == [False, False, False, True, False]
    assert json.loads(table.meta["config"])["refine"] == "none"


def test_rows_do_not_depend_on_the_workers(run):
    assert rows(run(out="one")) == rows(run(out="two", workers=2))


def test_a_second_run_does_nothing_twice(run, fits):
    run("all")
    assert sorted(fits) == [f"set.h5:{index}" for index in (0, 1, 2, 4)]
    fits.clear()
    result = run("all")
    assert fits == ["set.h5:1"], "only the one that is not done"
    assert [item.status == "done" for item in result.items] == [True, False, True, False, True]
    assert result.items[1].params["einstein_radius"].median == 1.0, "what was found in time"
    assert result.items[2].flags == ("edge", "needs_human")


def test_a_run_that_was_killed_goes_on(run, fits, monkeypatch):
    answered = []
    real = catalogue.answers
    monkeypatch.setattr(catalogue, "CHUNK", 2)

    def dies_in_the_second_chunk(sources, *rest):
        answered.extend(source.index for source in sources)
        if len(answered) == 4:
            raise KeyboardInterrupt
        return real(sources, *rest)

    monkeypatch.setattr(catalogue, "answers", dies_in_the_second_chunk)
    with pytest.raises(KeyboardInterrupt):
        run(out="killed")
    monkeypatch.setattr(
        catalogue, "answers", lambda s, *rest: answered.extend(one.index for one in s) or real(s, *rest)
    )
    again = rows(run(out="killed"))
    assert answered == [0, 1, 2, 3, 2, 3, 4]
    monkeypatch.setattr(catalogue, "answers", real)
    assert again == rows(run(out="whole"))


def test_where_a_fit_fails_the_networks_answer_stays(run, monkeypatch):
    def fails(source, *rest, **options):
        raise ItemError(Status.NO_ARCS, source.name) if source.index else RuntimeError("a bug")

    monkeypatch.setattr("lenssbi.pipelines.refine.refine_source", fails)
    table = tables.read(run("all").path)
    assert table["status"][0] == f"{Status.FAILED.value} (RuntimeError: a bug)"
    assert table["status"][1] == Status.NO_ARCS.value
    assert table["method"].tolist()[:3] == ["network"] * 3
    assert np.isfinite(table["einstein_radius"][:3]).all()


def test_a_full_disk_ends_the_run(run, monkeypatch):
    def full(source, *rest, **options):
        raise InputError("out: cannot be written")

    monkeypatch.setattr("lenssbi.pipelines.refine.refine_source", full)
    with pytest.raises(InputError, match="cannot be written"):
        run("all")


def test_a_changed_configuration_is_another_fit(run, fits, estimator, stamps, tmp_path):
    run("all")
    fits.clear()
    config = CatalogueConfig(refine="all", estimator=str(estimator))
    deeper = replace_sampler(config, n_live=999)
    catalogue.run([str(stamps)], config=deeper, out=tmp_path / "out")
    assert len(fits) == 4


def replace_sampler(config, **changes):
    sampler = config.fit.sampler.model_copy(update=changes)
    return config.model_copy(update={"fit": config.fit.model_copy(update={"sampler": sampler})})


@pytest.mark.parametrize(
    ("refine", "status", "error", "wanted"),
    [
        ("none", "done", 0.5, False),
        ("all", "done", 0.0, True),
        ("auto", "done", 0.01, False),
        ("auto", "done", 0.03, True),
        ("auto", Status.NO_PSF.value, 0.0, False),
        ("auto", f"{Status.NOT_APPLICABLE.value} (its pixels are 1 arcsec wide)", 0.0, True),
        ("none", Status.NOT_APPLICABLE.value, 0.0, False),
    ],
)
def test_the_rule(refine, status, error, wanted):
    radius = {"median": 1.0, "lower": 1.0 - error, "upper": 1.0 + error}
    row = {"status": status, "params": {"einstein_radius": radius} if status == "done" else {}}
    assert needs_fit(row, CatalogueConfig(refine=refine)) is wanted


def test_an_unwritable_folder_is_one_sentence(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        run(out="file/out")
