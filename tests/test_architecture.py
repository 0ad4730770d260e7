"""The map, the contract of layers, the list of packages and the page of modules all describe the folders that are there."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import lenssbi

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SOURCES = sorted((*(ROOT / "lenssbi").rglob("*.py"), *(ROOT / "cli").rglob("*.py")))
MAX_LINES = 300
HEAVY = ("torch", "sbi", "lightning", "galsim", "numba", "nautilus", "dask", "distributed", "matplotlib", "astropy")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def modules() -> set[str]:
    """Names of the modules and packages directly below lenssbi."""
    found = {path.stem for path in (ROOT / "lenssbi").glob("*.py")} - {"__init__"}
    return found | {path.parent.name for path in (ROOT / "lenssbi").glob("*/__init__.py")}


def layers() -> list[list[str]]:
    contract = PROJECT["tool"]["importlinter"]["contracts"][0]
    return [[part.strip().removeprefix("lenssbi.") for part in layer.split("|")] for layer in contract["layers"]]


def imported(path: Path) -> set[str]:
    """First parts of the names of all modules that a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            found.add((node.module or "").partition(".")[0])
    return found


def dotted(path: Path) -> str:
    """Name under which a file is imported; a package has the name of its folder."""
    folder = "lenssbi_cli" if path.is_relative_to(ROOT / "cli") else "lenssbi"
    top = ROOT / ("cli" if folder == "lenssbi_cli" else "lenssbi")
    return ".".join((folder, *(part for part in path.relative_to(top).with_suffix("").parts if part != "__init__")))


def is_for_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def statements(node: ast.AST):
    """All nodes of a file but those that only a type checker reads: nothing is imported there, so that no circle is closed by them."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not is_for_checkers(child):
            yield from statements(child)


@cache
def import_graph() -> dict[str, set[str]]:
    """Name of every file of ours -> files of ours that it imports, inside functions as well."""
    files = {dotted(path): path for path in SOURCES}
    graph: dict[str, set[str]] = {}
    for module, path in files.items():
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        found = set()
        for node in statements(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                source = ".".join((*above, *([node.module] if node.module else [])))
                names = {alias.name: f"{source}.{alias.name}" for alias in node.names}
                found |= {inner if inner in files else source for inner in names.values()}
        graph[module] = (found & files.keys()) - {module}
    return graph


def folded(graph: dict[str, set[str]], package: str) -> dict[str, set[str]]:
    """The graph of what lies directly in a package: its files, and its folders as one each."""
    depth = package.count(".") + 2

    def of(module: str) -> str:
        return ".".join(module.split(".")[:depth])

    inside = {module for module in graph if module.startswith(f"{package}.")}
    found: dict[str, set[str]] = {of(module): set() for module in inside}
    for module in inside:
        found[of(module)] |= {of(other) for other in graph[module] & inside} - {of(module)}
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Files or folders that import each other in a circle; empty if there are none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})
    assert not circle({"a": {"b", "c"}, "b": {"c"}, "c": set()})
    graph = {"p.a.one": {"p.b.one"}, "p.b.one": set(), "p.b.two": {"p.a.two"}, "p.a.two": set()}
    assert not circle(graph), "no file is in a circle"
    assert circle(folded(graph, "p")), "but the folders are"


def test_no_files_import_each_other_in_a_circle():
    graph = import_graph()
    assert "lenssbi.files" in graph["lenssbi.posteriors.writing"], "the graph has the imports"
    assert "lenssbi_cli.refine" in graph["lenssbi_cli.main"], "relative ones as well"
    assert circle(graph) == []


@pytest.mark.parametrize("package", sorted(dotted(path) for path in SOURCES if path.name == "__init__.py"))
def test_no_folders_import_each_other_in_a_circle(package):
    assert circle(folded(import_graph(), package)) == []


def test_the_map_names_every_module():
    drawn = re.findall(r"^    (\w+) +\S", lenssbi.__doc__, re.MULTILINE)
    assert set(drawn) == modules()


def test_the_map_and_the_layers_have_one_order():
    drawn = re.findall(r"^    (\w+) +\S", lenssbi.__doc__, re.MULTILINE)
    height = {module: -number for number, layer in enumerate(layers()) for module in layer}
    assert [height[module] for module in drawn] == sorted(height[module] for module in drawn)


def test_every_module_has_a_layer():
    assert {module for layer in layers() for module in layer} == modules() | {"lenssbi_cli"}


def test_the_docs_draw_the_same_map():
    page = (ROOT / "docs" / "reference" / "modules.md").read_text()
    assert re.findall(r"^\| `(\w+)`", page, re.MULTILINE) == re.findall(
        r"^    (\w+) +\S", lenssbi.__doc__, re.MULTILINE
    )


def test_every_package_is_installed():
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    found = {".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "lenssbi").rglob("__init__.py")}
    assert listed == found | {"lenssbi_cli", "lenssbi.configs"}


def test_every_dependency_has_a_tested_version():
    tested = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    project = PROJECT["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["simulate"]]
    names = {re.match(r"[\w.-]+", requirement)[0].lower().replace("_", "-") for requirement in wanted}
    assert names <= {version.lower().replace("_", "-") for version in tested}


def test_the_contracts_of_imports_hold():
    program = Path(sys.executable).with_name("lint-imports")
    if not program.exists():
        pytest.skip("import-linter is not installed beside this Python")
    done = subprocess.run(
        [program, "--no-cache", "--no-logo"], cwd=ROOT, capture_output=True, text=True, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_is_a_page_or_two(path):
    lines = path.read_text().splitlines()
    assert len(lines) < MAX_LINES
    assert not lines or ast.get_docstring(ast.parse(path.read_text())), "a file says in its docstring what it is for"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_in_a_file_of_ours_is_executed(path):
    tree = ast.parse(path.read_text())
    forbidden = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    assert not imported(path) & forbidden
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("torch.load", "eval", "exec", "yaml.unsafe_load"), f"line {node.lineno}: {called}"
            allowed = {ast.unparse(keyword.value) for keyword in node.keywords if keyword.arg == "allow_pickle"}
            assert not allowed - {"False"}, f"line {node.lineno}: allow_pickle"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_galsim_has_one_door(path):
    if "rendering" not in path.relative_to(ROOT).parts:
        assert "galsim" not in imported(path)


@pytest.mark.parametrize("module", ["lenssbi", "lenssbi_cli.main", "lenssbi.batch", "lenssbi.catalogue"])
def test_importing_costs_nothing(module):
    code = f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_packages_of_vague_names_do_not_exist():
    assert not [name(path) for path in SOURCES if path.stem in ("utils", "helpers", "misc", "common")]
