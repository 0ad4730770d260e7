"""What the package imports is declared: an installation must not depend on what the dependencies of others happen to bring."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = {"lenssbi", "lenssbi_cli"}
PEERS = {
    "autolens",
    "autofit",
    "autoarray",
    "autogalaxy",
}  # programs of others, in environments of their own, that the benchmark calls
FILES = sorted([*(ROOT / "lenssbi").rglob("*.py"), *(ROOT / "cli").rglob("*.py")])


def imported(path):
    """Names of the packages that a file imports, inside functions as well; not those only for a type checker."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.partition(".")[0]


def plain(name):
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", name)[0]).lower()


@pytest.fixture(scope="module")
def declared():
    extras = (
        "simulate",
        "export",
        "slurm",
        "regions",
        "benchmarks",
    )  # what is missing without them is told in a sentence
    return {
        plain(text)
        for text in [*PROJECT["dependencies"], *(t for e in extras for t in PROJECT["optional-dependencies"][e])]
    }


def test_every_package_that_is_imported_is_declared(declared):
    known = packages_distributions()
    missing = {}
    for path in FILES:
        for module in set(imported(path)) - OURS - PEERS - set(sys.stdlib_module_names):
            names = {plain(name) for name in known.get(module, [module])}
            if not names & declared:
                missing.setdefault(module, []).append(path.relative_to(ROOT).as_posix())
    assert not missing


def test_every_dependency_has_a_version_that_was_tested():
    pinned = {
        plain(line.partition("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line
    }
    wanted = [
        *PROJECT["dependencies"],
        *(text for extra in PROJECT["optional-dependencies"].values() for text in extra),
    ]
    assert {plain(text) for text in wanted} <= pinned
