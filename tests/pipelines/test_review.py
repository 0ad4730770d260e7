"""Verdicts are merged into a catalogue, and lenses with a verdict are fitted again while every other row stays."""

import json

import pytest

from lenssbi import catalogue as tables
from lenssbi.catalogue.reviewed import COLUMNS
from lenssbi.catalogue.verdicts import SCHEMA, VERDICTS
from lenssbi.dataset.reading import ReadOptions
from lenssbi.pipelines import catalogue, review
from lenssbi.pipelines.catalogue import CatalogueConfig
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.catalogue.redo import redo
from lenssbi.pipelines.report import run as report
from lenssbi.pipelines.results import ItemResult
from lenssbi.posteriors import Summary
from lenssbi.status import Status

from .made_up_rings import in_process, ring_set, rings, untrained

COUNT = 4
RADII = {"now": 1.0}  # what the next fits find


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("estimator"))


@pytest.fixture
def fits(monkeypatch):
    """Names of the stamps that were fitted; the fits find `RADII`."""
    asked = []

    def fit(source, config, out, *, estimator, figure, show):
        asked.append(source.name)
        params = {"einstein_radius": Summary(RADII["now"], 0.9, 1.1, 1.0, 0.1, "arcsec")}
        return ItemResult(source.name, Status.DONE.value, params, evaluations=7)

    monkeypatch.setitem(RADII, "now", 1.0)
    monkeypatch.setattr("lenssbi.pipelines.refine.refine_source", fit)
    return asked


@pytest.fixture
def config(estimator):
    return CatalogueConfig(refine="all", estimator=str(estimator), tables=("ecsv", "parquet"), images=False)


@pytest.fixture
def folder(tmp_path, config, fits):
    stamps = ring_set(tmp_path / "set.h5", rings(COUNT))
    found = catalogue.run([str(stamps)], config=config, out=tmp_path / "out").folder
    fits.clear()
    return found.path


def verdicts(folder, path, reviewer, said, time="2026-01-01T00:00:00Z", **changes):
    """A file of one reviewer; `said` is number of a stamp -> verdict."""
    found = CatalogueFolder.open(folder)
    fits = found.fits()
    entries = [
        {"lens": f"set.h5:{number}", "verdict": verdict, "time": time, "fit": fits[f"set.h5:{number}"]}
        for number, verdict in said.items()
    ]
    card = {"schema": SCHEMA, "catalogue": found.identity, "reviewer": reviewer, "verdicts": entries}
    path.write_text(json.dumps(card | changes))
    return path


def rows(folder, kind="ecsv"):
    table = tables.read(folder / f"catalogue.{kind}")
    return {str(row["name"]): {name: row[name] for name in table.colnames} for row in table}


def column(folder, name, kind="ecsv"):
    return [row[name] for row in rows(folder, kind).values()]


def changed(config):
    sampler = config.fit.sampler.model_copy(update={"n_live": 999})
    return config.model_copy(update={"fit": config.fit.model_copy(update={"sampler": sampler})})


def test_verdicts_become_columns_and_are_counted(folder, tmp_path):
    ada = verdicts(folder, tmp_path / "a.json", "Ada", {0: "success", 1: "failure", 2: "unsure"})
    bob = verdicts(folder, tmp_path / "b.json", "Bob", {0: "success", 1: "not_a_lens", 2: "unsure"})
    before = rows(folder)
    code, out, _ = in_process("review", folder, ada, bob, "--json")
    assert code == 0
    found = json.loads(out)
    assert (found["lenses"], found["reviewed"], found["replaced"], found["outdated"]) == (4, 3, 0, 0)
    assert found["counts"] == dict.fromkeys(VERDICTS, 0) | {"success": 1, "unsure": 2}
    assert found["reviewers"] == {"Ada": 3, "Bob": 3}
    # both agree on 2 of 3; by chance on 1/9 + 1/9
    assert found["agreement"]["kappa"] == pytest.approx((2 / 3 - 2 / 9) / (1 - 2 / 9))
    for kind in ("ecsv", "parquet"):
        assert column(folder, "verdict", kind) == ["success", "unsure", "unsure", ""]
        assert column(folder, "reviewers", kind) == [2, 2, 2, 0]
        assert column(folder, "reviewers_agree", kind) == [2, 0, 2, 0]
    assert [{**row, **dict.fromkeys(COLUMNS)} for row in rows(folder).values()] == [
        pytest.approx({**row, **dict.fromkeys(COLUMNS)}, nan_ok=True) for row in before.values()
    ]


def test_files_may_come_one_after_the_other_and_the_later_verdict_counts(folder, tmp_path):
    review.run(folder, [verdicts(folder, tmp_path / "a.json", "Ada", {0: "success", 1: "failure"})])
    later = verdicts(folder, tmp_path / "b.json", "Ada", {1: "success"}, "2026-01-02T00:00:00Z")
    code, out, _ = in_process("review", folder, later, tmp_path / "a.json")
    assert code == 0
    assert "1 verdicts replaced: a later one of the same reviewer on the same lens counts" in out
    assert column(folder, "verdict") == ["success", "success", "", ""]
    assert review.run(folder).counts["success"] == 2


def test_other_redshifts_keep_the_verdicts(folder, tmp_path, config):
    review.run(folder, [verdicts(folder, tmp_path / "a.json", "Ada", {0: "success", 1: "failure"})])
    stamps = str(tmp_path / "set.h5")
    catalogue.run([stamps], config=config, out=folder, read=ReadOptions(z_lens=0.5, z_source=2.0))
    assert column(folder, "verdict") == ["success", "failure", "", ""]
    assert review.run(folder).outdated == 0
    catalogue.run([stamps], config=changed(config), out=folder)
    assert review.run(folder).outdated == 2, "of other fits"


def test_more_than_two_reviewers_have_the_kappa_of_fleiss(folder, tmp_path):
    said = ({0: "success", 1: "failure"}, {0: "success", 1: "failure"}, {0: "success", 1: "failure", 2: "unsure"})
    files = [verdicts(folder, tmp_path / f"{n}.json", f"R{n}", one) for n, one in enumerate(said)]
    assert review.run(folder, files).agreement == ("Fleiss' kappa", 1.0, 2, 3)
    assert "Fleiss' kappa of 3 reviewers on 2 lenses" in in_process("review", folder, *files)[1]


def test_a_reviewers_name_is_no_markup(folder, tmp_path):
    file = verdicts(folder, tmp_path / "a.json", "[red]Ada[/red] [/]", {0: "success"})
    code, out, _ = in_process("review", folder, file)
    assert code == 0
    assert "[red]Ada[/red] [/] 1" in out


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"catalogue": "x"}, "another catalogue"), ({"schema": "lenssbi-verdicts-7"}, "another version")],
)
def test_a_bad_file_changes_nothing_and_is_exit_code_2(folder, tmp_path, changes, sentence):
    good = verdicts(folder, tmp_path / "a.json", "Ada", {0: "success"})
    bad = verdicts(folder, tmp_path / "b.json", "Bob", {0: "success"}, **changes)
    code, out, error = in_process("review", folder, good, bad)
    assert (code, out) == (2, "")
    assert sentence in error
    assert error.count("\n") == 1
    assert "verdict" not in rows(folder)["set.h5:0"]


def test_a_verdict_is_redone_and_the_other_rows_stay(folder, tmp_path, fits, config):
    review.run(folder, [verdicts(folder, tmp_path / "a.json", "Ada", {0: "success", 1: "failure", 2: "not_a_lens"})])
    before, identity = rows(folder), CatalogueFolder.open(folder).identity
    RADII["now"] = 1.5
    code, _, error = in_process("catalogue", "--out", folder, "--redo", "failure", "--set", "fit.sampler.n_live=999")
    assert code == 0, error
    assert fits == ["set.h5:1"]
    after = rows(folder)
    for name in ("set.h5:0", "set.h5:2", "set.h5:3"):
        assert {k: str(v) for k, v in after[name].items()} == {k: str(v) for k, v in before[name].items()}
    again = after["set.h5:1"]
    assert (again["einstein_radius"], again["verdict"]) == (1.5, ""), "the verdict was on the other fit"
    assert again["refined_because"] == "a reviewer's verdict was failure"
    found = CatalogueFolder.open(folder)
    assert found.identity == identity
    assert found.card["finished"]
    assert found.config.fit.sampler.n_live == config.fit.sampler.n_live, "the catalogue's own options"
    assert found.card["redone"][0]["config"]["fit"]["sampler"]["n_live"] == 999
    assert found.card["redone"][0]["lenses"] == ["set.h5:1"]
    assert review.run(folder).outdated == 1
    # the catalogue's own command goes on to leave the new fit alone
    fits.clear()
    catalogue.run([str(tmp_path / "set.h5")], config=config, out=folder)
    assert fits == []
    assert rows(folder)["set.h5:1"]["einstein_radius"] == 1.5
    assert rows(folder)["set.h5:0"]["verdict"] == "success"
    # with other redshifts too
    catalogue.run([str(tmp_path / "set.h5")], config=config, out=folder, read=ReadOptions(z_lens=0.5, z_source=2.0))
    assert fits == ["set.h5:0", "set.h5:2", "set.h5:3"]
    assert rows(folder)["set.h5:1"]["einstein_radius"] == 1.5
    report(folder)


def test_a_redo_that_was_stopped_goes_on(folder, tmp_path, fits, config, monkeypatch):
    review.run(folder, [verdicts(folder, tmp_path / "a.json", "Ada", {1: "failure", 2: "unsure"})])
    working = __import__("lenssbi.pipelines.refine", fromlist=["x"]).refine_source

    def stops(source, *rest, **options):
        if fits:
            raise KeyboardInterrupt
        return working(source, *rest, **options)

    RADII["now"] = 1.5
    monkeypatch.setattr("lenssbi.pipelines.refine.refine_source", stops)
    with pytest.raises(KeyboardInterrupt):
        redo(folder, ["failure", "unsure"], config=changed(config))
    monkeypatch.setattr("lenssbi.pipelines.refine.refine_source", working)
    redo(folder, ["failure", "unsure"], config=changed(config))
    assert sorted(fits) == ["set.h5:1", "set.h5:2"]
    assert column(folder, "einstein_radius") == [1.0, 1.5, 1.5, 1.0]


def test_what_cannot_be_redone(folder, tmp_path, config, fits):
    def refused(*arguments):
        code, out, error = in_process("catalogue", "--out", folder, *arguments)
        assert (code, out, error.count("\n")) == (2, "", 1), error
        return error

    assert "no lens has the verdict failure: merge the verdicts with" in refused("--redo", "failure")
    assert "use one of success, unsure" in refused("--redo", "bad")
    assert "leave out all but" in refused("--redo", "failure", "--repeat", folder)
    review.run(folder, [verdicts(folder, tmp_path / "a.json", "Ada", {1: "failure"})])
    assert "with these options already: change one" in refused("--redo", "failure")
    ring_set(tmp_path / "other.h5", rings(1))
    assert "set.h5:1 is not among the inputs" in refused(tmp_path / "other.h5", "--redo", "failure")
    assert fits == []
    card = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(card | {"finished": False}))
    assert "not finished: run its command again" in refused("--redo", "failure", "--set", "fit.sampler.n_live=999")
