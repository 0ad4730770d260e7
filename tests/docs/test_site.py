"""The site builds without a warning, shows every module and notebook, and loads nothing from anywhere else."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from typer.main import get_command

from lenssbi_cli.main import app

ROOT = Path(__file__).parents[2]
LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
}
SHEETS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch", "manifest"}


class Page(HTMLParser):
    """What a page loads, where it leads, and what can be led to."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.links, self.anchors, self.scripts, self._inside = [], [], {""}, [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = {name: value or "" for name, value in attributes}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag in LOADED and found.get(LOADED[tag]):
            self.loads.append(found[LOADED[tag]])
        if tag == "link" and SHEETS & set(found.get("rel", "").split()):
            self.loads.append(found.get("href", ""))
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        self._inside = tag == "script"

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.scripts.append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site's pages by their place in it."""
    pytest.importorskip("mkdocs", reason="the site is built by mkdocs, of the extra docs")
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # about the successor of its theme
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.strip() == ""
    return folder, {path.relative_to(folder).as_posix(): Page(path.read_text()) for path in folder.rglob("*.html")}


@pytest.mark.slow
class TestSite:
    def test_every_module_notebook_and_configuration_is_shown(self, site):
        _, pages = site
        for path in (ROOT / "lenssbi").rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if module != "lenssbi":
                page = f"api/{module.split('.')[1]}.html"
                assert module in pages[page].anchors, f"{module} is not on {page}"
        for path in (ROOT / "notebooks").glob("*.ipynb"):
            assert f"notebooks/{path.stem}.html" in pages
        headings = pages["configurations.html"].anchors
        for path in (ROOT / "configs").rglob("*.yaml"):
            assert re.sub(r"[^a-z0-9]+", "-", path.relative_to(ROOT).as_posix().lower()) in headings

    def test_every_page_of_the_docs_is_in_the_contents(self, site):
        _, pages = site
        contents = {unquote(urlsplit(link).path) for link in pages["index.html"].links}
        pages_of_docs = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
        for path in (path for path in pages_of_docs if path.parts[0] != "benchmarks"):
            assert path.with_suffix(".html").as_posix() in contents, f"{path}: name it in mkdocs.yml"

    def test_every_option_of_every_command_is_shown(self, site):
        folder, _ = site
        page = (folder / "reference" / "commands.html").read_text()
        for name, command in get_command(app).commands.items():
            assert f"lenssbi {name}" in page
            assert [
                word for option in command.params for word in option.opts if word.startswith("--") and word not in page
            ] == []

    def test_nothing_is_loaded_from_elsewhere(self, site):
        folder, pages = site
        for name, page in pages.items():
            assert [load for load in page.loads if re.match(r"(https?:)?//", load)] == [], name
            assert [
                script
                for script in page.scripts
                if re.search(r"import\s*\(?\s*[\"'(]?https?:|src\s*=\s*[\"']https?:", script)
            ] == [], name
        for sheet in folder.rglob("*.css"):
            assert re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\"']*", sheet.read_text()) == [], sheet.name

    def test_every_link_arrives(self, site):
        folder, pages = site
        broken = []
        for name, page in pages.items():
            if name == "404.html":
                continue  # its links begin at the server's root
            for link in (*page.links, *page.loads):
                parts = urlsplit(link)
                if parts.scheme or parts.netloc:
                    continue
                target = (folder / name).parent / unquote(parts.path) if parts.path else folder / name
                where = os.path.relpath(target, folder)
                if not target.exists():
                    broken.append(f"{name}: {link}")
                elif parts.fragment and where in pages and unquote(parts.fragment) not in pages[where].anchors:
                    broken.append(f"{name}: {link}: no such place")
        assert broken == []

    def test_docstrings_have_no_other_markup(self, site):
        folder, pages = site
        for name in (name for name in pages if name.startswith("api/")):
            assert re.findall(r":(?:func|class|mod|meth):", (folder / name).read_text()) == []

    def test_nothing_of_this_machine_is_on_it(self, site):
        folder, pages = site
        for name in pages:
            assert str(ROOT.parent) + "/" not in (folder / name).read_text(), name


def test_it_is_built_by_make():
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^docs:.*\n\t.*mkdocs build --strict", makefile, re.MULTILINE)
