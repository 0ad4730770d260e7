"""The README's example in Python uses what is there; its commands are run with those of the docs (tests/docs/test_commands.py)."""

import ast
import re
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_example_in_python_uses_names_that_exist():
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(example.splitlines()) <= 24
    for node in ast.walk(ast.parse(example)):
        if isinstance(node, ast.ImportFrom):
            module = import_module(node.module)
            assert all(hasattr(module, alias.name) for alias in node.names)


def test_every_file_that_the_readme_links_to_is_there():
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", README)
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []
