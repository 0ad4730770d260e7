"""Pages are self-contained, escape what they are told, and run nothing."""

import base64

import pytest
from jinja2 import UndefinedError

from lenssbi.pipelines import pages
from lenssbi.pipelines.pages import Section, render
from lenssbi.status import InputError

PAGE = """{% extends "page.html.j2" %}
{% from "figures.html.j2" import figure %}
{% block lead %}<p>{{ words }}</p>{% endblock %}
{% block body %}<h2 id="one">One</h2>
{% for path in paths %}
{{ figure(path, words) }}
{% endfor %}
{% endblock %}
"""
HOSTILE = "<script>alert('x')</script> & \"quoted\""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "own.html.j2").write_text(PAGE)
    (tmp_path / "figure.png").write_bytes(b"\x89PNG made up")
    return tmp_path


def made(folder, **changes):
    values = {"title": "A page", "sections": [Section("one", "The first")], "words": "plain", "paths": []}
    return render(folder, "own.html.j2", **{**values, **changes})


def test_a_page_has_its_title_contents_and_look(folder):
    text = made(folder)
    assert text.startswith("<!DOCTYPE html>")
    assert "<title>A page</title>" in text
    assert '<a href="#one">The first</a>' in text
    assert "position: sticky" in text


def test_what_a_page_is_told_is_escaped(folder):
    text = made(
        folder, title=HOSTILE, words=HOSTILE, sections=[Section('"><b>', HOSTILE)], paths=[folder / "figure.png"]
    )
    assert "<script" not in text
    assert '"><b>' not in text
    assert text.count("&lt;script&gt;") == 6  # twice the title, contents, words; alt text and caption of the figure


def test_a_figure_is_in_the_page(folder):
    text = made(folder, paths=[folder / "figure.png"])
    (inside,) = [part.split('"')[0] for part in text.split("data:image/png;base64,")[1:]]
    assert base64.b64decode(inside) == b"\x89PNG made up"


def test_a_browser_may_load_and_run_nothing(folder):
    assert "default-src 'none'" in made(folder)
    assert "http" not in made(folder, paths=[folder / "figure.png"]).replace("http-equiv", "")


def test_a_figure_that_is_gone_is_told(folder):
    with pytest.raises(InputError, match=r"nowhere\.png: cannot be read .*run the same command again"):
        made(folder, paths=[folder / "nowhere.png"])


def test_a_misspelt_name_in_a_template_raises(folder):
    (folder / "own.html.j2").write_text(PAGE.replace("{{ words }}", "{{ wrods }}"))
    with pytest.raises(UndefinedError, match="wrods"):
        made(folder)


def test_a_page_is_written_whole(tmp_path):
    path = pages.write("θ_E ✓", tmp_path / "new" / "index.html")
    assert path.read_text(encoding="utf-8") == "θ_E ✓"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        pages.write("", tmp_path / "file" / "index.html")
