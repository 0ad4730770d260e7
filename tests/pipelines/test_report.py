"""The page of a catalogue: it has the values of the table, is one file with one script, and escapes all text."""

import base64
import json
import re

import numpy as np
import pytest

from lenssbi import catalogue
from lenssbi.calibration.catalogues import coverages
from lenssbi.catalogue.arrays import parameters, texts
from lenssbi.pipelines import pages
from lenssbi.pipelines.report import build
from lenssbi.pipelines.report.lenses import BLOCK, lens_data
from lenssbi.pipelines.report.summary import MOST_KINDS, OTHER, duration, flag_counts, kinds, settings, status_counts
from lenssbi.status import Status

from .made_up_report import CARD, HOSTILE, hostile, rows, thumbnails
from .read_report import Read

COUNT = 300


@pytest.fixture(scope="module")
def table():
    return catalogue.build(rows(COUNT))


@pytest.fixture(scope="module")
def text(table):
    return build(table, CARD, thumbnails(table))


@pytest.fixture(scope="module")
def page(text):
    return Read(text)


def test_the_page_is_one_file_that_loads_nothing(page):
    assert page.links[:5] == ["#summary", "#lenses", "#distributions", "#coverage", "#run"]
    assert all(address.startswith("#") for address in page.links)
    assert all(address.startswith("data:image/png;base64,") for address in page.sources)
    assert len(page.sources) == 4
    assert "link" not in page.tags
    assert page.handlers == []


def test_the_policy_allows_the_one_script_by_its_hash(page):
    code = [kind for kind in page.scripts if kind != "data" and not kind.startswith("thumbnails-")]
    assert code == ["code"]
    parts = dict(part.strip().split(" ", 1) for part in page.policy.split(";"))
    assert parts["script-src"] == f"'{pages.hashed(page.scripts['code'])}'"
    assert parts["default-src"] == "'none'"
    assert parts["img-src"] == "data:"
    assert parts["base-uri"] == parts["form-action"] == "'none'"


def test_the_script_reads_nothing_as_markup(page):
    code = page.scripts["code"]
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", "http", "fetch("):
        assert word not in code


def test_the_summary_counts(page, table):
    words = page.words
    failed = int((np.array(table["status"]) != "done").sum())
    assert (failed, int(table["needs_human"].sum())) == (6, 36)
    for name, value in (("lenses", "300"), ("done", "294"), ("failed", "6"), ("refined", "15"), ("to look at", "36")):
        assert words[words.index(name) - 2] == value, name
    assert status_counts(table) == [("done", "", 294), (Status.NO_PSF.value, "", 6)]
    assert {one.name: one.lenses for one in flag_counts(table)} == {
        "prior_conflict": 0,
        "misspecified": 30,
        "demagnified": 0,
        "needs_human": 36,
    }
    assert "0.0.made-up" in words
    assert {"fit.sampler", "nautilus"} <= set(words)


def test_flagged_lenses_come_first_and_keep_their_order(page, table):
    data = page.data()
    flagged = np.array(table["needs_human"])
    names = np.array(table["name"])
    assert data["name"] == [*names[flagged], *names[~flagged]]
    assert [bool(flags) for flags in data["flags"]] == [True] * 36 + [False] * (COUNT - 36)
    assert data["look_because"][0] == "unlike the network's training"


def test_numbers_arrive_and_missing_ones_are_null(page, table):
    data = page.data()
    (radius,) = [one for one in data["parameters"] if one["name"] == "einstein_radius"]
    for name, median, truth in zip(data["name"], radius["median"], radius["truth"], strict=True):
        row = table[table["name"] == name][0]
        if row["status"] == "done":
            assert median == pytest.approx(row["einstein_radius"], rel=1e-5)
            assert truth == pytest.approx(row["truth_einstein_radius"], rel=1e-5)
        else:
            assert median is None
    assert {one["name"] for one in data["numbers"]} >= {"snr", "chi2_per_pixel", "seconds", "misspecification"}
    assert "evaluations" not in {one["name"] for one in lens_data(table[:2], {}, "")["numbers"]}  # none was made
    assert "log_evidence" not in {one["name"] for one in data["numbers"]}  # no lens has one


def test_the_network_is_beside_the_fit(page, table):
    """Its columns are no parameters of their own, and are given where they are not the row itself."""
    data = page.data()
    assert [one["name"] for one in data["parameters"]] == ["einstein_radius", "q", "phi"]
    for one in data["parameters"]:
        for method, median, answer in zip(data["method"], one["median"], one["network"]["median"], strict=True):
            assert (answer is not None) == (method == "refined")
            assert answer is None or answer == pytest.approx(1.1 * median, rel=1e-5)
    flags = dict(zip(data["name"], data["network_flags"], strict=True))
    assert flags["lens 00003"] == "misspecified"
    assert flags["lens 00001"] == ""
    alone = lens_data(table[table["method"] == "network"], {}, "")
    assert {one["network"] for one in alone["parameters"]} == {None}


def test_a_catalogue_of_an_earlier_version_has_no_network_beside_the_fit(table):
    old = table.copy()
    old.remove_columns([name for name in old.colnames if name.startswith("network_")])
    assert {one["network"] for one in lens_data(old, {}, "")["parameters"]} == {None}


def test_every_thumbnail_is_there_once(page, table):
    data, pictures = page.data(), thumbnails(table)
    blocks = [json.loads(page.scripts[f"thumbnails-{number}"]) for number in range(len(page.scripts) - 2)]
    assert sum(map(len, blocks)) == len(pictures) == 294
    for name, place in zip(data["name"], data["thumbnails"], strict=True):
        if name in pictures:
            assert base64.b64decode(blocks[place // BLOCK][place % BLOCK]) == pictures[name]
        else:
            assert place == -1


def test_nothing_that_a_catalogue_says_becomes_markup(page):
    ordinary = page
    table = hostile()
    card = CARD | {
        "version": HOSTILE[0],
        "estimator": HOSTILE[1],
        "inputs": list(HOSTILE),
        "config": {HOSTILE[2]: HOSTILE[3]},
    }
    text = build(table, card, thumbnails(table))
    page = Read(text)
    assert page.handlers == []
    assert set(page.tags) == set(ordinary.tags)
    assert page.tags.count("script") == 3  # the data, one block of thumbnails, the script
    assert page.policy == ordinary.policy
    data = page.data()
    for column in ("name", "input", "status", "method", "refined_because", "look_because"):
        assert data[column] == list(HOSTILE)
    assert not re.search(r"[<>&]", page.scripts["data"])
    assert all(word in page.words for word in (HOSTILE[0], HOSTILE[2], HOSTILE[3]))


def test_text_that_is_no_text_is_written(tmp_path):
    lens = rows(1)[0] | {"name": "half a character \ud83d"}
    text = build(catalogue.build([lens]), CARD | {"inputs": ["\ud83d.fits"]}, {})
    assert "?.fits" in pages.write(text, tmp_path / "report.html").read_text(encoding="utf-8")
    assert Read(text).data()["name"] == [lens["name"]]


@pytest.mark.parametrize(("spread", "verdict"), [(1.0, "right"), (2.0, "wide"), (0.5, "narrow")])
def test_coverage_knows_right_wide_and_narrow_errors(spread, verdict):
    made = rows(2000, seed=5, spread=spread)
    table = catalogue.build(made)
    network, refined = coverages(texts(table, "method"), parameters(table))
    assert (network.method, refined.method) == ("network", "refined")
    assert {one.lenses for one in network.judged} == {1860}
    assert {one.lenses for one in refined.judged} == {100}
    for one in network.judged:
        off = one.shares[0].share - 68.27
        assert {"right": abs(off) < 4.5, "wide": off > 10, "narrow": off < -10}[verdict]  # one sigma is 1.1 points
        middle = one.curve[len(one.curve) // 2]
        assert {"right": abs(middle) < 5, "wide": middle > 10, "narrow": middle < -10}[verdict]


def test_the_band_of_coverage_holds_perfect_posteriors():
    template = parameters(catalogue.build(rows(1)))[0]
    ranks = np.random.default_rng(0).uniform(size=(400, 200))
    known = np.zeros(200)
    shares = []
    for rank in ranks:
        perfect = template._replace(median=known, truth=known, rank=rank)
        shares.append(coverages(["network"] * 200, [perfect])[0].judged[0].shares)
    inside = np.array([[share.inside for share in one] for one in shares]).mean(axis=0)
    # a count is a whole number, so a band holds a little more than it must; 400 repetitions scatter by 0.01
    assert (inside[:2] > 0.925).all()
    assert (inside[:2] < 0.99).all()
    first = shares[0][0]
    assert (first.low, first.high) == pytest.approx((68.27 - 6.6, 68.27 + 6.6), abs=0.6)  # two binomial sigma


def test_orientations_differ_by_at_most_90_degrees():
    lens = rows(1)[0]
    lens["params"]["phi"] |= {"median": 179.0, "lower": 177.0, "upper": 181.0}
    lens["truth"]["phi"] = 2.0
    (phi,) = [one for one in parameters(catalogue.build([lens])) if one.name == "phi"]
    assert phi.difference() == pytest.approx([-3.0])


def test_a_catalogue_without_truths_says_nothing_of_coverage():
    made = [row | {"truth": None, "ranks": None} for row in rows(20)]
    page = Read(build(catalogue.build(made), CARD, {}))
    assert "#coverage" not in page.links
    assert len(page.sources) == 2
    assert all(one["truth"] is None for one in page.data()["parameters"])


@pytest.mark.parametrize(
    "made", [[], [row for row in rows(60) if row["status"] != "done"]], ids=["empty", "all failed"]
)
def test_a_catalogue_with_nothing_to_draw(made):
    page = Read(build(catalogue.build(made), {"finished": False, "seconds": float("nan")}, {}))
    assert page.data()["parameters"] == []
    assert "#distributions" not in page.links
    assert any("not finished" in words for words in page.words)


def test_one_lens_is_a_catalogue():
    page = Read(build(catalogue.build(rows(1)), CARD, {}))
    assert page.data()["name"] == ["lens 00000"]
    assert page.sources == []  # a distribution of one says nothing
    assert page.links == ["#summary", "#lenses", "#run"]


def test_columns_of_other_formats_are_read(tmp_path):
    for suffix in (".fits", ".parquet", ".ecsv"):
        path = catalogue.write(catalogue.build(rows(60)), tmp_path / f"catalogue{suffix}")
        assert lens_data(catalogue.read(path), {}, "") == lens_data(catalogue.build(rows(60)), {}, "")


def test_statuses_are_told_apart_without_their_details():
    assert kinds(["done", f"{Status.NO_PSF} (a)", f"{Status.NO_PSF} (b)"]) == ["done", Status.NO_PSF, Status.NO_PSF]
    many = kinds(["done", "done", *(f"reason {number}" for number in range(2 * MOST_KINDS))])
    assert many.count(OTHER) == MOST_KINDS + 1


def test_durations_and_settings_are_said_as_people_do():
    assert [duration(s) for s in (0.0004, 0.25, 61.0, 99.9, 240.0, 7200.0, 1e6)] == [
        "0.4 ms",
        "250 ms",
        "61 s",
        "100 s",
        "4 min",
        "2 h",
        "278 h",
    ]
    assert list(settings({"a": {"b": 1, "c": None}, "d": [1]})) == [("a.b", "1"), ("a.c", ""), ("d", "[1]")]
