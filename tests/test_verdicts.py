"""Verdicts of reviewers: what a file may say, which of several counts, and how well reviewers agree."""

import json

import numpy as np
import pytest

from lenssbi import catalogue
from lenssbi.catalogue.agreement import agreement, fleiss_kappa
from lenssbi.catalogue.reviewed import COLUMNS, with_verdicts
from lenssbi.catalogue.verdicts import (
    LONGEST,
    SCHEMA,
    STEPS,
    VERDICTS,
    Verdict,
    consensus,
    merge,
    of_lenses,
    read_kept,
    read_verdicts,
    write_verdicts,
)
from lenssbi.status import InputError

ENTRY = {
    "lens": "a",
    "verdict": "failure",
    "failed_step": "mask",
    "note": "",
    "time": "2026-01-01T00:00:00Z",
    "fit": "f",
}
CARD = {"schema": SCHEMA, "catalogue": "c", "reviewer": "Ada", "saved": "", "verdicts": [ENTRY]}
# Fleiss' worked example as it is usually given: 14 raters, 10 subjects, 5 categories; kappa is 0.210
WORKED = """0 0 0 0 14
0 2 6 4 2
0 0 3 5 6
0 3 9 2 0
2 2 8 1 1
7 7 0 0 0
3 2 6 3 0
2 5 3 2 2
6 5 2 1 0
0 2 2 3 7"""


def said(verdict, reviewer="Ada", step="", *, note="", time="2026-01-01T00:00:00Z", lens="a", fit="f"):
    return Verdict(lens, reviewer, verdict, step, note, time, fit)


@pytest.fixture
def file(tmp_path):
    def write(card=None, **changes):
        path = tmp_path / "verdicts.json"
        path.write_text(json.dumps({**CARD, **changes} if card is None else card))
        return path

    return write


def read(path):
    return read_verdicts(path, "c", {"a", "b"})


def test_a_file_is_read(file):
    assert read(file()) == [said("failure", step="mask")]
    assert read(file(reviewer=" Ada ")) == read(file())
    assert read(file(verdicts=[])) == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"catalogue": "another"}, "another catalogue: give the folder"),
        ({"schema": "lenssbi-verdicts-2"}, "another version"),
        ({"schema": "lenssbi-run-1"}, "not a file of verdicts: save one"),
        ({"reviewer": ""}, "does not name its reviewer"),
        ({"reviewer": "a\x1b[31m"}, "does not name its reviewer"),
        ({"verdicts": {}}, "no list of verdicts"),
        ({"verdicts": ["success"]}, "no object"),
        ({"verdicts": [{**ENTRY, "lens": "z\x1b"}]}, r"no lens 'z\\x1b': correct"),
        ({"verdicts": [{**ENTRY, "verdict": "nice"}]}, "'nice' of the lens 'a' is no verdict: use one of success"),
        ({"verdicts": [{**ENTRY, "failed_step": "luck"}]}, "'luck' of the lens 'a' is no failed_step: use one of mask"),
        ({"verdicts": [{**ENTRY, "verdict": "success"}]}, "a failed step and is no failure"),
        ({"verdicts": [{**ENTRY, "note": 3}]}, "note of the lens 'a' is no text"),
        ({"verdicts": [{**ENTRY, "note": "x" * (LONGEST + 1)}]}, "longer than 10,000 characters: shorten"),
        ({"verdicts": [{**ENTRY, "time": "yesterday"}]}, "no time with a time zone"),
        ({"verdicts": [{**ENTRY, "time": "2026-01-01T00:00:00"}]}, "no time with a time zone"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(file, changes, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        read(file(**changes))
    assert "verdicts.json: " in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"[1]", b'"text"', b"null"])
def test_what_is_not_such_a_file_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_bytes(text)
    with pytest.raises(InputError, match=r"not a JSON file|not a file of verdicts"):
        read(path)
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path / "none.json")


def test_the_later_of_two_verdicts_counts():
    first, later = said("success"), said("unsure", time="2026-01-01T01:00:00+00:30")
    for order in ([first, later], [later, first]):
        assert merge(order) == ([later], 1)
    assert merge([first, first]) == ([first], 0)
    assert len(merge([first, said("unsure", "Bob"), said("unsure", lens="b")])[0]) == 3


def test_a_verdict_on_an_earlier_result_does_not_count():
    assert of_lenses([said("success"), said("unsure", "Bob", fit="old")], {"a": "f"}) == {"a": [said("success")]}


def test_most_reviewers_decide():
    two = [said("failure", "Ada", "source", note="x"), said("failure", "Bob", "mask"), said("success", "Cyd", note="y")]
    assert consensus(two) == ("failure", "mask", "Ada: x; Cyd: y", 3, 2)
    assert consensus([said("failure"), said("success", "Bob")])[:2] == ("unsure", "")
    assert consensus([said("not_a_lens", note="a star")]) == ("not_a_lens", "", "a star", 1, 1)
    steps = [said("failure", str(number), step) for number, step in enumerate(("other", "basin", "basin", "mask"))]
    assert consensus(steps).failed_step == "basin"


def test_what_is_kept_is_read_again(tmp_path):
    path = tmp_path / "review.json"
    assert read_kept(path, "c", {"a"}) == []
    write_verdicts(path, "c", [said("failure", "Ada", "mask", note="<b>\ud83d"), said("success", "Bob", lens="gone")])
    assert read_kept(path, "c", {"a"}) == [said("failure", "Ada", "mask", note="<b>?")], "half a character is none"
    with pytest.raises(InputError, match=r"remove it, and merge"):
        read_kept(path, "d", {"a"})


@pytest.mark.parametrize("suffix", catalogue.FORMATS)
def test_columns_of_a_review_survive_every_format(tmp_path, suffix):
    table = catalogue.build([{"name": "a", "status": "done"}, {"name": "b", "status": "done"}])
    note = "<script>\nα  "
    reviewed = with_verdicts(table, {"a": [said("failure", "Ada", "mask", note=note)]})
    back = catalogue.read(catalogue.write(reviewed, tmp_path / f"c{suffix}"))
    assert [list(back[name]) for name in COLUMNS] == [["failure", ""], ["mask", ""], [note, ""], [1, 0], [1, 0]]
    assert with_verdicts(back, {}).colnames == table.colnames


def test_words_have_keys_of_their_own():
    assert len(VERDICTS) <= 9
    assert len({name[0] for name in STEPS}) == len(STEPS)
    assert not {name[0] for name in STEPS} & {"n", "z"}


def test_fleiss_kappa_of_the_worked_example():
    counts = np.array([row.split() for row in WORKED.splitlines()], int)
    assert fleiss_kappa(counts) == pytest.approx(0.210, abs=5e-4)


def test_cohens_kappa_of_a_two_by_two_table():
    labels = [["y", "y"]] * 20 + [["y", "n"]] * 5 + [["n", "y"]] * 10 + [["n", "n"]] * 15
    found = agreement(labels)
    assert found.measure == "Cohen's kappa"
    assert found.kappa == pytest.approx((0.7 - 0.5) / (1 - 0.5))


def test_fleiss_of_two_raters_is_scotts_pi():
    a, b = np.random.default_rng(0).integers(0, 3, (2, 200))
    counts = np.stack([(np.stack([a, b]) == category).sum(axis=0) for category in range(3)], axis=1)
    chance = (np.bincount(np.concatenate([a, b])) / 400) @ (np.bincount(np.concatenate([a, b])) / 400)
    assert fleiss_kappa(counts) == pytest.approx(((a == b).mean() - chance) / (1 - chance))


def test_kappa_at_its_ends():
    assert agreement([["a"] * 3, ["b"] * 3]).kappa == 1
    assert np.isnan(agreement([["a"] * 3] * 4).kappa)
    assert np.isnan(agreement([["a"] * 2] * 4).kappa)
    chance = np.random.default_rng(1).choice(list("abc"), (4000, 4))
    assert abs(agreement(chance.tolist()).kappa) < 0.02  # one sigma is 0.005
    with pytest.raises(ValueError, match="same number of raters"):
        fleiss_kappa(np.array([[2, 0], [1, 2]]))
