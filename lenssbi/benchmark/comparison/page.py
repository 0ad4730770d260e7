"""The comparison as files: one HTML page, tables for programs, a Markdown page, figures.

index.html         everything, self-contained
comparison.md      targets and the paper's tables
tables/*.ecsv      the tables, and the estimates of every row for every lens
figures/*.png      the figures of the page
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lenssbi import __version__
from lenssbi.benchmark.comparison import sections
from lenssbi.benchmark.comparison.ecsv import write_tables
from lenssbi.benchmark.comparison.figures import Shown, draw_all, file_name
from lenssbi.benchmark.comparison.markdown import markdown
from lenssbi.benchmark.comparison.run_tables import rows_table, suites_table
from lenssbi.benchmark.comparison.target_tables import counts, target_tables
from lenssbi.config import config_hash
from lenssbi.pipelines import pages
from lenssbi.pipelines.pages import Section

if TYPE_CHECKING:
    from lenssbi.benchmark.comparison.compare import Comparison

TEMPLATES = Path(__file__).parent / "templates"
TITLE = "The paper's comparison, in lenssbi"
SECTIONS = (
    Section("targets", "What was wanted"),
    Section("errors", "Errors beside the paper's"),
    Section("relative", "Errors and times relative to the baseline"),
    Section("suites", "Suite by suite"),
    Section("coverage", "Coverage"),
    Section("failures", "Catastrophic failures"),
    Section("splits", "Doubles, signal to noise, Einstein radius"),
    Section("times", "Time and evaluations"),
    Section("run", "What was run"),
    Section("files", "The same numbers for programs"),
)


def write_comparison(comparison: Comparison, out: Path, about: Mapping[str, str]) -> Path:
    """Write the page, the tables and the figures of a comparison.

    Parameters
    ----------
    comparison
        Comparison with its tables and points.
    out
        Folder of the files.
    about
        Description of the run: command, machine, versions, date, lenses and seeds of the suites.

    Returns
    -------
    The path of the page.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    plan = comparison.plan
    meta = {"version": __version__, "config": config_hash(plan), "bootstrap_seed": plan.seed, "about": dict(about)}
    tables = write_tables(comparison.tables, out / "tables", meta)
    figures = draw_all(comparison, out / "figures")
    shown = [*target_tables(comparison), *sections.paper_tables(comparison)]
    pages.write(markdown(TITLE, shown, about), out / "comparison.md")
    return pages.write(html(comparison, figures, tables, about), out / "index.html")


def html(comparison: Comparison, figures: list[Shown], tables: list[Path], about: Mapping[str, str]) -> str:
    """The page.

    Parameters
    ----------
    comparison
        Comparison with its tables.
    figures
        Files of the figures with their captions.
    tables
        Files of the tables, for their names.
    about
        Description of the run.
    """
    plan = comparison.plan
    return pages.render(
        TEMPLATES,
        "comparison.html.j2",
        title=TITLE,
        sections=SECTIONS,
        about=about,
        plan=plan,
        anchor=file_name,
        findings={name: text.strip().split("\n\n") for name, text in plan.findings.items()},
        figures=figures,
        files=[path.name for path in tables],
        targets=list(target_tables(comparison)),
        met=counts(comparison),
        papers=[(shown, plan.tables[shown.title]) for shown in sections.paper_tables(comparison)],
        relative=sections.relative_table(comparison),
        coverage=list(sections.coverage_tables(comparison)),
        failures=sections.failures_table(comparison),
        doubles=sections.doubles_table(comparison),
        splits=list(sections.split_tables(comparison)),
        times=sections.times_table(comparison),
        suites=suites_table(comparison),
        rows=rows_table(comparison),
    )
