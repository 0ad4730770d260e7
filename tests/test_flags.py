"""Flags: one list of words, which the documentation repeats."""

import re
from pathlib import Path

import pytest

from lenssbi.flags import Flag, about, words_of

ROOT = Path(__file__).parents[1]
WORD = re.compile(r"[A-Z].*\.$")


@pytest.mark.parametrize("flag", Flag)
def test_a_flag_is_its_name_and_has_words(flag):
    assert flag == flag.value == str(flag)
    assert Flag(flag.value) is flag
    assert flag.about in ("network", "fit", "stamp", "row")
    for text in (flag.sentence, flag.remedy):
        assert len(text.split()) > 2
        assert not WORD.match(text)


def test_each_flag_speaks_of_one_thing():
    assert sorted(flag for one in ("network", "fit", "stamp", "row") for flag in about(one)) == sorted(Flag)


def test_words_of_a_name_that_is_no_flag():
    assert words_of("misspecified") == Flag.MISSPECIFIED.sentence
    assert words_of("seen_by_nobody") == "seen by nobody"


def test_the_documentation_has_every_flag_in_these_words():
    pages = "\n".join(page.read_text() for page in (ROOT / "docs").rglob("*.md"))
    rows = set(re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", pages, re.MULTILINE))
    assert {(flag.value, flag.sentence, flag.remedy) for flag in Flag} <= rows


def test_no_flag_is_raised_by_its_bare_name():
    """A flag that is spelt out in the code has no words. Some names are those of columns, or of other things, as well."""
    names = {flag.value for flag in Flag} - {"edge", "misspecified", "residuals", "needs_human"}
    for path in (ROOT / "lenssbi").rglob("*.py"):
        if path != ROOT / "lenssbi" / "flags.py":
            assert not names & set(re.findall(r'"(\w+)"', path.read_text())), path
