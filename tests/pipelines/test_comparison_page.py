"""The comparison as files: a complete, self-contained page, and tables that are read back unchanged."""

import itertools
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from astropy.table import Table
from matplotlib.figure import Figure

from lenssbi.benchmark.comparison.ecsv import described, write_tables
from lenssbi.benchmark.comparison.page import SECTIONS, write_comparison
from lenssbi.benchmark.comparison.target_tables import counts
from lenssbi.benchmark.comparison.text_tables import three

from .made_up_comparison import MISSING, ROWS, THREE, made_up_comparison
from .table_rows import by

ABOUT = {"command": "lenssbi benchmark <made up>", "date": "2000-01-01", "sie_parametric": "200 lenses, seed 1"}
VOID = {"meta", "img", "br", "hr", "link"}
HOSTILE = "</script><script>alert(1)</script>|x"
FIGURES = ("coverage", "error_distributions", "splits", "scatter", "summary", "cost_and_error", "times")


class Read(HTMLParser):
    """What is in a page; a tag that is not closed in its turn fails."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.tags, self.cells, self.text = [], [], [], [], [], {}, []
        self.key = None  # of the cell that is being read
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        self.sources += [found["src"]] if "src" in found else []
        self.key = found.get("data-cell", self.key if self.open and tag == "small" else None)
        if self.key and tag == "td":
            assert self.key not in self.cells
            self.cells[self.key] = [found.get("class")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.key = None if tag == "td" else self.key

    def handle_data(self, data):
        self.text.append(data)
        if self.key:
            self.cells[self.key].append(data.strip())


@pytest.fixture(scope="module")
def comparison():
    return made_up_comparison(count=60, stamps=60, resamples=20)


@pytest.fixture(scope="module")
def blank():
    """Blank figures, for theirs are other tests: the name of each that was drawn."""
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        for name in FIGURES:
            stub = lambda *_, name=name: drawn.append(name) or Figure((0.1, 0.1))  # noqa: E731
            patch.setattr(f"lenssbi.plots.comparison.{name}", stub)
        yield drawn


@pytest.fixture(scope="module")
def written(comparison, blank, tmp_path_factory):
    """The folder, and the names of the figures."""
    folder = tmp_path_factory.mktemp("comparison")
    blank.clear()
    write_comparison(comparison, folder, ABOUT)
    return folder, list(blank)


@pytest.fixture(scope="module")
def out(written):
    return written[0]


@pytest.fixture(scope="module")
def page(out):
    return Read((out / "index.html").read_text())


class TestPage:
    def test_it_parses_and_has_all_sections(self, page):
        assert {section.name for section in SECTIONS} <= set(page.ids)
        assert len(page.ids) == len(set(page.ids))
        assert page.links == [f"#{section.name}" for section in SECTIONS]
        assert page.tags.count("table") == page.tags.count("thead")

    def test_no_cell_is_left_out(self, comparison, page):
        wanted = {
            f"{suite}/{row}/{parameter}"
            for suite, row in itertools.product(THREE, ROWS)
            for parameter in comparison.lenses[suite].names
        }
        assert set(page.cells) == wanted

    def test_a_cell_says_ours_the_interval_and_the_papers(self, comparison, page):
        row = by(comparison.tables["errors"], suite="sie_real", row="blind", parameter="q", split="all")
        look, text, *beside = (part for part in page.cells["sie_real/blind/q"] if part != "")
        assert text.split() == [f"{row['error']:#.3g}", "✓" if row["met"] else "✗"]
        assert look == ("met" if row["met"] else "short")
        assert beside[0] == f"{row['low']:#.3g}–{row['high']:#.3g}"
        of_paper, low, high = (f"{row[f'of_paper{end}']:#.3g}" for end in ("", "_low", "_high"))
        assert beside[1] == f"paper 0.038 ×{of_paper} ({low}–{high})"
        gaussian = by(comparison.tables["errors"], suite="sie_real", row="cnn_gaussian", parameter="q", split="all")
        assert f"wanted {three(0.7 * gaussian['paper'])}" in page.cells["sie_real/cnn_gaussian/q"]

    def test_what_nobody_answered_has_its_reason_and_the_papers_value(self, page):
        cell = page.cells["sie_real/cnn_flow/q"]
        assert cell[0] == "missing"
        assert {MISSING["sie_real", "cnn_flow"], "paper 0.029"} <= set(cell)

    def test_it_is_self_contained(self, out, page):
        text = (out / "index.html").read_text()
        assert page.sources
        assert all(source.startswith("data:image/png;base64,") for source in page.sources)
        assert not {"script", "link", "iframe", "object"} & set(page.tags)
        assert "url(" not in text
        assert "@import" not in text

    def test_it_says_what_was_run_and_found(self, comparison, page):
        text = "".join(page.text)
        for words in (*ABOUT, *ABOUT.values(), *(comparison.plan.title(row) for row in ROWS)):
            assert words in text
        for paragraph in ("A made-up finding of a suite.", "One of errors.", "In two paragraphs."):
            assert paragraph in text
        assert counts(comparison).text in text
        assert "stopped after 30 minutes: 3" in text

    def test_every_figure_is_drawn_saved_and_shown(self, written, page):
        out, drawn = written
        each = {"error_distributions", "scatter", "splits"}
        assert sorted(drawn) == sorted(["summary", "cost_and_error", "times", "coverage", *each, *each, *each])
        files = sorted(path.name for path in (out / "figures").iterdir())
        assert len(files) == len(drawn) == len(page.sources)
        assert "scatter-pl_real.png" in files

    def test_hostile_names_are_escaped(self, comparison, blank, tmp_path):
        rows = {**comparison.plan.rows, "blind": comparison.plan.rows["blind"].model_copy(update={"title": HOSTILE})}
        changes = {"tables": {HOSTILE: (HOSTILE,)}, "rows": rows, "findings": {HOSTILE: HOSTILE}}
        tables = {
            name: [{**row, "suite": HOSTILE} for row in comparison.tables[name] if row["suite"] == "sie_real"]
            for name in ("errors", "times", "coverage", "failures")
        }
        targets = [{**row, "note": HOSTILE} for row in comparison.tables["targets"]]
        points = [replace(one, suite=HOSTILE) for one in comparison.points if one.suite == "sie_real"]
        hostile = replace(
            comparison,
            plan=comparison.plan.model_copy(update=changes),
            tables={**tables, "targets": targets},
            points=points,
            lenses={HOSTILE: comparison.lenses["sie_real"]},
        )
        page = Read(write_comparison(hostile, tmp_path, {HOSTILE: HOSTILE}).read_text())
        assert "script" not in page.tags
        assert "".join(page.text).count(HOSTILE) > 20
        assert len(list((tmp_path / "figures").glob("*.png"))) == len(page.sources) > 0
        text = (tmp_path / "comparison.md").read_text()
        assert "<script" not in text
        assert all("|" not in line.replace("\\|", "") for line in text.splitlines() if not line.startswith("|"))

    def test_without_answers_there_are_no_figures_but_all_cells(self, comparison, blank, tmp_path):
        nobody = {name: [] for name in comparison.tables}
        errors = [row for row in comparison.tables["errors"] if row["split"] == "all"]
        gone = dict.fromkeys(("error", "low", "high", "met", "decided", "of_paper", "of_paper_low", "of_paper_high"))
        gone |= dict.fromkeys(("of_baseline", "of_baseline_low", "of_baseline_high")) | {
            "reason": "nobody",
            "lenses": 0,
        }
        times = [
            {**row, **{k: None for k in row if k not in ("suite", "row", "method")}, "lenses": 0, "reason": "nobody"}
            for row in comparison.tables["times"]
        ]
        empty = replace(
            comparison, points=[], tables={**nobody, "errors": [{**row, **gone} for row in errors], "times": times}
        )
        blank.clear()
        page = Read(write_comparison(empty, tmp_path, ABOUT).read_text())
        assert blank == []
        assert page.sources == []
        assert len(page.cells) == len(errors)
        assert {cell[0] for cell in page.cells.values()} == {"missing"}


class TestFiles:
    def test_tables_are_read_back_as_they_were(self, comparison, out):
        for name, rows in comparison.tables.items():
            table = Table.read(out / "tables" / f"{name}.ecsv")
            assert table.colnames == list(rows[0])
            assert len(table) == len(rows)
            for key in table.colnames:
                known = [i for i, row in enumerate(rows) if row[key] not in (None, "")]
                assert np.flatnonzero(~np.ma.getmaskarray(table[key])).tolist() == known, (name, key)
                values, wanted = table[key][known].tolist(), [rows[i][key] for i in known]
                if wanted and isinstance(wanted[0], float):
                    np.testing.assert_allclose(values, wanted, rtol=1e-5, err_msg=f"{name}, {key}")
                else:
                    assert values == wanted, (name, key)

    def test_tables_describe_themselves(self, comparison, out):
        for name in comparison.tables:
            table = Table.read(out / "tables" / f"{name}.ecsv")
            assert {"schema", "version", "config", "bootstrap_seed", "about"} <= set(table.meta)
            assert dict(table.meta["about"]) == ABOUT
            assert [key for key in table.colnames if not table[key].description] == []
        assert str(Table.read(out / "tables" / "times.ecsv")["seconds_50"].unit) == "s"
        assert described("times", "low") != ("", "")

    def test_a_table_without_rows_leaves_no_file_of_an_older_run(self, tmp_path):
        (path,) = write_tables({"errors": [{"error": 1.0, "reason": None}]}, tmp_path, {})
        assert path.exists()
        assert write_tables({"errors": []}, tmp_path, {}) == []
        assert not path.exists()

    def test_markdown_has_the_papers_tables(self, comparison, out):
        text = (out / "comparison.md").read_text()
        for title in comparison.plan.tables:
            assert f"## {title}\n" in text
        row = by(comparison.tables["errors"], suite="pl_real", row="cnn_bnn", parameter="slope", split="all")
        (line,) = [line for line in text.split("## Table 3")[1].splitlines() if line.startswith("| dropout network")]
        assert f"**{row['error']:#.3g}** ✓ ({row['low']:#.3g}–{row['high']:#.3g}; paper 0.27" in line
