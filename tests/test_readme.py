"""README is short and its links arrive; examples in Python use what is there (commands: tests/docs/test_commands.py)."""

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = [
    pytest.param(found[1], id=f"{page.relative_to(ROOT)}-{number}")
    for page in PAGES
    for number, found in enumerate(re.finditer(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL))
]


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 100
    assert re.search(r"!\[.*\]\(docs/figures/.*\.png\)", "\n".join(README.splitlines()[:20])), "it shows a lens at once"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_in_python_uses_names_that_exist(example):
    assert len(example.splitlines()) <= 24
    for node in ast.walk(ast.parse(example)):
        if isinstance(node, ast.ImportFrom):
            module = import_module(node.module)
            assert all(hasattr(module, alias.name) for alias in node.names)


def test_examples_are_found():
    assert len(EXAMPLES) >= 4


def test_every_file_that_the_readme_links_to_is_there():
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", README)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []
