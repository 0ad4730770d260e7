"""The page of a catalogue's folder, and its links."""

import importlib
import json
import re

import pytest
import typer
from typer.testing import CliRunner

from lenssbi import catalogue
from lenssbi.catalogue.shard import Entry, write_shard
from lenssbi.pipelines.catalogue.config import CatalogueConfig
from lenssbi.pipelines.catalogue.job import shard_path
from lenssbi.pipelines.report import page as page_module
from lenssbi.pipelines.report import run
from lenssbi.pipelines.report.links import link
from lenssbi.status import InputError
from lenssbi_cli.report import report

from .made_up_report import CARD, rows, thumbnails
from .read_report import Read


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A catalogue's folder; its page is made without figures, which take the longest."""
    monkeypatch.setattr(page_module, "draw", lambda *_: [])
    made = rows(30)
    pictures = thumbnails(catalogue.build(made))
    path = tmp_path / "run"
    path.mkdir()
    card = {**CARD, "config": CatalogueConfig().model_dump(mode="json"), "asked": "a", "fitted": "b", "shards": 1}
    (path / "run.json").write_text(json.dumps(card))
    catalogue.write(catalogue.build(made), path / "catalogue.ecsv")
    asked = [row | {"method": "network", "key": "k", "place": number, "shard": 0} for number, row in enumerate(made)]
    write_shard(shard_path(path, 0), [Entry(row, None, pictures.get(row["name"], b"")) for row in asked], "a")
    return path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "//elsewhere/x",
        "../x.h5",
        "lenses/../../x.h5",
        "..",
        ".",
        "a\\..\\b",
        "\\\\host\\x",
        "a\nb",
        "\u202ea",
    ],
)
def test_what_is_not_linked(path):
    assert link(path) is None


@pytest.mark.parametrize(
    "path", ["javascript:alert(1)", "http://x/y", "data:text/html,x", "a?b#c", "lenses/ö & ä.h5", '"><b>', "%2e%2e/x"]
)
def test_what_is_linked_stays_below_the_page(path):
    from urllib.parse import unquote, urljoin, urlsplit

    address = link(path, "run")
    whole = urljoin("file:///pages/report.html", address)
    assert whole.startswith("file:///pages/run/")
    assert urlsplit(whole).query == urlsplit(whole).fragment == ""
    assert unquote(urlsplit(whole).path) == "/pages/run/" + re.sub("/+", "/", path)


def test_nothing_is_linked_where_the_folder_is_elsewhere():
    assert link("lenses/a.h5", None) is None


def test_a_folder_becomes_a_page(folder):
    told = []
    result = run(folder, progress=lambda *said: told.append(said))
    assert result.path == folder / "report.html"
    assert (result.lenses, result.flagged) == (30, 4)
    assert told[-1] == (30, 30, "writing the page")
    data = Read(result.path.read_text(encoding="utf-8")).data()
    assert data["links"]["posterior"][data["name"].index("lens 00003")] == "lenses/lens%2000003.h5"
    assert max(data["thumbnails"]) == 28


def test_a_page_elsewhere_links_only_what_lies_below_it(folder, tmp_path):
    above = Read(run(folder, tmp_path / "page.html").path.read_text(encoding="utf-8")).data()
    assert "run/lenses/lens%2000003.h5" in above["links"]["posterior"]
    beside = Read(run(folder, tmp_path / "other" / "page.html").path.read_text(encoding="utf-8"))
    assert set(beside.data()["links"]["posterior"]) == {None}
    assert any("outside the catalogue" in words for words in beside.words)


def test_a_page_says_of_which_folder_it_is_and_where_its_links_work(folder):
    text = run(folder).path.read_text(encoding="utf-8")
    assert "<title>run: catalogue of strong lenses</title>" in text
    assert "a page that is sent alone" in text


def test_more_lenses_than_a_browser_can_show(folder, monkeypatch):

    monkeypatch.setattr(importlib.import_module("lenssbi.pipelines.report.run"), "MOST_THUMBNAILS", 5)
    page = Read(run(folder).path.read_text(encoding="utf-8"))
    shown = [name for name, place in zip(page.data()["name"], page.data()["thumbnails"], strict=True) if place >= 0]
    assert shown == [name for name in page.data()["name"][:5] if name != "lens 00007"]  # which failed
    assert any("have a thumbnail here" in words for words in page.words)


def test_a_folder_that_is_no_catalogue_is_refused(tmp_path):
    with pytest.raises(InputError, match="not the folder of a catalogue"):
        run(tmp_path)


def test_the_command(folder):
    app = typer.Typer()
    app.command()(report)
    done = CliRunner().invoke(app, [str(folder), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["lenses"], said["flagged"], said["path"]) == (30, 4, str(folder / "report.html"))
    refused = CliRunner().invoke(app, [str(folder.parent)])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "make one with `lenssbi catalogue`" in refused.stderr
