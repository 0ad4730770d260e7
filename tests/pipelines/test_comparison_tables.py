"""The comparison's tables as text, and in the terminal."""

import io
from dataclasses import replace

import pytest

from lenssbi.benchmark.comparison import sections
from lenssbi.benchmark.comparison.target_tables import counts, target_tables
from lenssbi.benchmark.comparison.text_tables import Cell, interval, three, where

from .made_up_comparison import ROWS, THREE, made_up_comparison
from .table_rows import by


@pytest.fixture(scope="module")
def comparison():
    return made_up_comparison(count=60, stamps=60, resamples=20)


def with_errors(comparison, **changes):
    """The comparison, the errors of one cell changed."""
    rows = [
        {**row, **changes} if (row["suite"], row["row"], row["parameter"]) == ("sie_real", "blind", "q") else row
        for row in comparison.tables["errors"]
    ]
    return replace(comparison, tables={**comparison.tables, "errors": rows})


class TestTextTables:
    def test_a_suite_without_published_values_says_so(self, comparison):
        plan = comparison.plan.model_copy(update={"tables": {"Table 2": ("sie_real",), "Table 4": ("pl_real",)}})
        errors = [row if row["suite"] == "sie_real" else {**row, "paper": None} for row in comparison.tables["errors"]]
        two, four = sections.paper_tables(replace(comparison, plan=plan, tables={"errors": errors}))
        assert (two.title, four.title) == ("Table 2", "Table 4")
        assert sections.NOT_HELD in four.parts[0].title
        assert sections.NOT_HELD not in two.parts[0].title
        assert len(four.parts[0].rows) == len(ROWS)

    def test_looks_follow_what_was_wanted(self, comparison):
        def cell(**changes):
            (table,) = [t for t in sections.paper_tables(with_errors(comparison, **changes)) if t.title == "Table 2"]
            (row,) = [row for row in table.parts[0].rows if row[0].text == "blind"]
            return row[1 + table.headings[1:].index("q")]

        assert (cell(met=True).css_class, cell(met=True).mark) == ("met", "✓")
        assert (cell(met=False).css_class, cell(met=False).mark) == ("short", "✗")
        assert (cell(met=None).css_class, cell(met=None).mark) == ("", "")
        assert "undecided" in cell(met=False, decided=False).details
        assert "undecided" not in cell(met=False, decided=True).details

    def test_coverage_has_a_part_for_each_suite_and_every_level(self, comparison):
        pooled, *each = sections.coverage_tables(comparison)
        assert [part.title for part in pooled.parts] == list(THREE)
        assert pooled.headings[1:4] == ("68.3%", "95.5%", "99.7%")
        assert [table.title for table in each] == list(THREE)
        assert all(len(row) == len(pooled.headings) for part in pooled.parts for row in part.rows)

    def test_every_line_has_a_cell_under_every_heading(self, comparison):
        tables = [*target_tables(comparison), *sections.paper_tables(comparison), *sections.coverage_tables(comparison)]
        tables += [sections.relative_table(comparison), sections.failures_table(comparison)]
        tables += [
            sections.doubles_table(comparison),
            sections.times_table(comparison),
            *sections.split_tables(comparison),
        ]
        for table in tables:
            assert any(part.rows for part in table.parts)
            for part in table.parts:
                assert {len(row) for row in part.rows} <= {len(table.headings)}, table.title

    def test_the_baseline_is_not_compared_with_itself(self, comparison):
        table = sections.relative_table(comparison)
        titles = [row[0].text for row in table.parts[0].rows]
        assert titles == [comparison.plan.title(row) for row in ROWS if row != "blind"]
        row = by(comparison.tables["errors"], suite="sie_parametric", row="cnn_gaussian", parameter="phi", split="all")
        assert table.parts[0].rows[titles.index("cnn_gaussian")][2].text == three(row["of_baseline"])

    def test_doubles_stand_over_the_others(self, comparison):
        table = sections.doubles_table(comparison)
        rows = where(comparison.tables["errors"], suite="pl_real", row="blind", split="doubles")
        (line,) = [line for line in table.parts[-1].rows if line[0].text == "blind"]
        assert [cell.text for cell in line[1:]] == [three(row["of_others"]) for row in rows]

    def test_targets_are_counted(self, comparison):
        targets = comparison.tables["targets"]
        assert counts(comparison).text == f"{sum(bool(row['met']) for row in targets)} of {len(targets)}"
        assert counts(comparison).met is False
        all_met = replace(comparison, tables={"targets": [{**targets[0], "met": True}]})
        assert counts(all_met) == Cell("1 of 1", (), True)

    @pytest.mark.parametrize(
        ("low", "high", "text"), [(0.01, 0.02, "0.0100–0.0200"), (-0.05, 0.02, "-0.0500 to 0.0200"), (None, None, "")]
    )
    def test_intervals(self, low, high, text):
        assert interval({"low": low, "high": high}) == text
        assert interval({"share_low": low, "share_high": high}, "share") == text


class TestTerminal:
    def test_the_targets_are_printed(self, comparison):
        from rich.console import Console

        from lenssbi_cli.benchmark_tables import comparison_tables

        console = Console(width=200, record=True, file=io.StringIO())
        for shown in comparison_tables(comparison):
            console.print(shown)
        text = console.export_text()
        assert f"{counts(comparison).text} targets met" in text
        assert all(table.title in text for table in target_tables(comparison))
        worst = by(comparison.tables["targets"], kind="error", row="blind", suites="pl_real")
        (line,) = [line for line in text.splitlines() if line.startswith("blind ")]
        assert line.split()[-2:] == [f"{worst['value']:#.3g}", "✓" if worst["met"] else "✗"]
