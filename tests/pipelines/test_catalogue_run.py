"""A catalogue has a row for every stamp, whatever happens (several workers: `test_catalogue_faults.py`)."""

import dataclasses
import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from lenssbi import catalogue as tables
from lenssbi.catalogue.arrays import texts
from lenssbi.pipelines import catalogue, check
from lenssbi.pipelines.catalogue import CatalogueConfig
from lenssbi.pipelines.catalogue import ask as asking
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.catalogue.lock import locked
from lenssbi.pipelines.results import ItemResult
from lenssbi.posteriors import Summary
from lenssbi.status import InputError, ItemError, Status

from .made_up_rings import ring_set, rings, untrained

COUNT = 5
running = import_module("lenssbi.pipelines.catalogue.run")  # the package calls its function so


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("estimator"))


@pytest.fixture(scope="module")
def stamps(tmp_path_factory):
    """A set of five stamps with a ring, of which number 3 is no image at all."""
    images = rings(COUNT)
    images[3] = np.nan
    return ring_set(tmp_path_factory.mktemp("set") / "set.h5", images)


@pytest.fixture
def run(estimator, stamps, tmp_path, monkeypatch):
    # an untrained network knows no Einstein radius
    monkeypatch.setattr("lenssbi.estimators.misspecification.is_imprecise", lambda mean, sigma: False)

    def run(refine="none", inputs=None, out="out"):
        config = CatalogueConfig(refine=refine, estimator=str(estimator), tables=("ecsv",))
        return catalogue.run(inputs or [str(stamps)], config=config, out=tmp_path / out)

    return run


@pytest.fixture
def fits(monkeypatch):
    """The fits that were asked for; they succeed at once, but for stamp 1, which times out."""
    asked = []

    def fit(source, config, out, *, estimator, figure, show):
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


def test_a_second_run_does_nothing_twice(run, fits):
    run("all")
    assert sorted(fits) == [f"set.h5:{index}" for index in (0, 1, 2, 4)]
    fits.clear()
    result = run("all")
    assert fits == ["set.h5:1"], "only the one that is not done"
    assert [item.status == "done" for item in result.items] == [True, False, True, False, True]
    assert result.items[1].params["einstein_radius"].median == 1.0, "what was found in time"
    assert result.items[2].flags == ("edge", "needs_human")


def test_a_run_that_was_killed_goes_on(run, monkeypatch):
    answered = []
    real = asking.answers
    monkeypatch.setattr(running, "CHUNK", 2)

    def counts(sources, *rest):
        answered.extend(source.index for source in sources)
        return real(sources, *rest)

    def dies_in_the_second_chunk(sources, *rest):
        if len(answered) == 2:
            answered.extend(source.index for source in sources)
            raise KeyboardInterrupt
        return counts(sources, *rest)

    monkeypatch.setattr(asking, "answers", dies_in_the_second_chunk)
    with pytest.raises(KeyboardInterrupt):
        run(out="killed")
    monkeypatch.setattr(asking, "answers", counts)
    again = rows(run(out="killed"))
    assert answered == [0, 1, 2, 3, 2, 3, 4]
    run(out="killed")
    assert answered == [0, 1, 2, 3, 2, 3, 4, 3], "only the one that failed is tried again"
    monkeypatch.setattr(asking, "answers", real)
    assert again == rows(run(out="whole"))


def test_rows_do_not_depend_on_the_order(run, stamps):
    forwards = tables.read(run(out="forwards").path)
    backwards = tables.read(run(inputs=[f"{stamps}:{i}" for i in (4, 2, 0, 3, 1)], out="backwards").path)
    assert [Path(name).name for name in backwards["name"]] == [f"set.h5:{i}" for i in (4, 2, 0, 3, 1)]
    backwards.sort("name")
    for name in ("einstein_radius", "e1_upper", "q_lower", "misspecification", "rank_einstein_radius"):
        assert forwards[name].tolist() == pytest.approx(backwards[name].tolist(), rel=0, abs=0, nan_ok=True)


def test_another_order_asks_nothing_anew(run, stamps, monkeypatch):
    run(out="out", inputs=[f"{stamps}:0", f"{stamps}:1"])
    monkeypatch.setattr(asking, "answers", None)
    table = tables.read(run(out="out", inputs=[f"{stamps}:1", f"{stamps}:0"]).path)
    assert table["name"].tolist() == ["set.h5:1", "set.h5:0"]


def test_one_stamp_that_breaks_the_program_takes_no_other_down(run, monkeypatch):
    real = asking.row_of

    def breaks(name, *rest):
        if name.endswith(":1"):
            raise RuntimeError("a bug")
        return real(name, *rest)

    monkeypatch.setattr(
        asking, "row_of", lambda name, item, *rest: breaks(name, item, *rest) if item.ok else real(name, item, *rest)
    )
    table = tables.read(run().path)
    assert table["status"].tolist()[:3] == ["done", f"{Status.FAILED.value} (RuntimeError: a bug)", "done"]


def test_the_second_of_two_runs_is_refused(run, tmp_path):
    with locked(tmp_path / "out"), pytest.raises(InputError, match="is writing here"):
        run()
    run()


def test_the_folder_read_back(run, tmp_path):
    run()
    folder = CatalogueFolder.open(tmp_path / "out")
    names = [f"set.h5:{i}" for i in (0, 1, 2, 4)]
    assert folder.card["finished"]
    assert folder.card["counts"]["failed"] == 1
    pictures = dict(folder.thumbnails())
    assert list(pictures) == names
    assert all(picture[8:12] == b"WEBP" for picture in pictures.values())
    posteriors = dict(folder.all_samples())
    assert list(posteriors) == names
    row = folder.table()[0]
    assert np.median(posteriors["set.h5:0"].column("einstein_radius")) == pytest.approx(
        row["einstein_radius"], rel=0.05
    )
    assert (tmp_path / "out" / row["posterior"]).is_file()
    assert folder.samples("set.h5:3") is None
    assert folder.samples("set.h5:4").values.shape == (1000, 3)
    assert check.run(tmp_path / "out").details["posteriors"] == len(names)
    assert check.run(tmp_path / "out/network/000000.h5").details == {"lenses": COUNT, "posteriors": len(names)}
    with pytest.raises(InputError, match="no lens is called"):
        folder.samples("set.h5:9")
    with pytest.raises(InputError, match="not the folder of a catalogue"):
        CatalogueFolder.open(tmp_path)


def test_ranks_and_truths(run, tmp_path):
    run()
    folder = CatalogueFolder.open(tmp_path / "out")
    table, draws = folder.table(), folder.samples("set.h5:2")
    assert table["truth_e1"][2] == pytest.approx(0.1)
    assert table["rank_e1"][2] == pytest.approx((draws.column("e1") < 0.1).mean(), abs=0.03)


def test_the_networks_answer_stays_beside_a_fit(run, fits):
    alone, fitted = tables.read(run(out="alone").path), tables.read(run("all", out="fitted").path)
    assert fitted["method"].tolist() == ["refined", "refined", "refined", "network", "refined"]
    for name in ("einstein_radius", "q_lower", "phi_upper"):
        np.testing.assert_array_equal(fitted[f"network_{name}"], alone[name])
        np.testing.assert_array_equal(alone[f"network_{name}"], alone[name])
    assert np.isnan(fitted["network_einstein_radius"]).tolist() == [False, False, False, True, False]
    assert fitted["einstein_radius"][0] == 1.0
    item = json.loads(json.dumps(run("all", out="fitted").as_json()))["items"][0]
    assert item["network"]["params"]["q"]["lower"] == fitted["network_q_lower"][0]


def test_a_network_that_is_called_misspecified_is_shown(run, fits, monkeypatch):
    real = asking.answers

    def doubts(sources, *rest):
        for answer in real(sources, *rest):
            told = answer.item.network and answer.item.network._replace(flags=("misspecified",))
            flags = ("misspecified", "noise_doubtful") if told else ()  # the second speaks of the stamp
            yield answer._replace(item=dataclasses.replace(answer.item, network=told, flags=flags))

    monkeypatch.setattr(asking, "answers", doubts)
    table = tables.read(run("all").path)
    assert texts(table, "network_flags") == ["misspecified"] * 3 + ["", "misspecified"], "the network's own"
    assert np.isfinite(table["network_e1"]).tolist() == [True, True, True, False, True]


def test_where_a_fit_fails_the_networks_answer_stays(run, monkeypatch):
    def fails(source, *rest, **options):
        raise ItemError(Status.NO_ARCS, source.name) if source.index else RuntimeError("a bug")

    monkeypatch.setattr("lenssbi.pipelines.refine.refine_source", fails)
    table = tables.read(run("all").path)
    assert table["status"][0] == f"{Status.FAILED.value} (RuntimeError: a bug)"
    assert table["status"][1] == Status.NO_ARCS.value
    assert table["method"].tolist()[:3] == ["network"] * 3
    assert np.isfinite(table["einstein_radius"][:3]).all()


def test_a_fit_that_is_recognised_as_wrong_leaves_the_networks_answer(run, monkeypatch):
    ends = {0: Status.WRONG, 1: Status.NOT_EXPLAINED, 2: Status.TIMED_OUT, 4: Status.DONE}

    def fit(source, *rest, **options):
        params = {"einstein_radius": Summary(7.7, 7.6, 7.8, 7.7, 0.1, "arcsec")}
        flags = ("demagnified",) if source.index == 0 else ()
        return ItemResult(source.name, ends[source.index].value, params, flags=flags, figure="here/lens.png")

    alone = tables.read(run(out="alone").path)
    monkeypatch.setattr("lenssbi.pipelines.refine.refine_source", fit)
    result = run("all", out="fitted")
    table = tables.read(result.path)
    for name in ("einstein_radius", "q_lower", "cov_e1_e2"):
        np.testing.assert_array_equal(table[name][:2], alone[name][:2])
    assert table["einstein_radius"][[2, 4]].tolist() == [7.7, 7.7], "a fit without an end is no wrong one"
    assert table["method"].tolist() == ["network", "network", "refined", "network", "refined"]
    assert table["status"][:2].tolist() == [Status.WRONG.value, Status.NOT_EXPLAINED.value]
    assert table["look_because"][0].startswith(Status.WRONG.value)
    assert table["demagnified"].tolist() == [True, False, False, False, False]
    assert table["needs_human"].tolist() == [True, True, True, True, False]
    assert texts(table, "figure")[0] == "lenses/lens.png"
    drawn = CatalogueFolder.open(result.folder.path).samples("set.h5:0")
    assert drawn is not None
    assert np.median(drawn.column("einstein_radius")) < 7


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


def test_an_unwritable_folder_is_one_sentence(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        run(out="file/out")
