"""The pages of the reference name every status, parameter and command (flags: tests/test_flags.py)."""

import re
from pathlib import Path

import pytest

from lenssbi.parameters.conventions import CONVENTIONS
from lenssbi.status import Status
from lenssbi_cli.main import COMMANDS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def rows(page, heading):
    """Cells of the rows of the table below a heading, by what stands in code marks in their first cell."""
    section = re.split(r"^## ", (REFERENCE / page).read_text(), flags=re.MULTILINE)
    (text,) = [part for part in section if part.startswith(f"{heading}\n")]
    found = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    return {name: row for row in found for name in re.findall(r"`([^`]+)`", row[0])}


@pytest.mark.parametrize("status", Status)
def test_a_status_has_a_row_that_begins_as_it_does(status):
    row = rows("flags.md", "Status")[status.name]
    assert status.value.startswith(row[1]), f"{status.name}: write it as lenssbi/status.py does"


def test_there_is_no_other_status():
    assert set(rows("flags.md", "Status")) == {status.name for status in Status}


def test_every_parameter_is_defined():
    assert set(CONVENTIONS) <= set(rows("parameters.md", "Mass"))


def test_every_command_has_a_line():
    page = (REFERENCE / "commands.md").read_text()
    assert set(re.findall(r"^\| `lenssbi ([\w-]+)`", page, re.MULTILINE)) == set(COMMANDS)
