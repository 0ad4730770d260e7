"""The notebooks run from top to bottom at toy size, and what is committed of them is a real run of what they say."""

import ast
import io
import json
import re
from pathlib import Path

import matplotlib
import pytest
from matplotlib.figure import Figure

from ..quick_fits import quick_fits

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
MAGIC = "%matplotlib inline"  # shows figures in Jupyter; the one line that is not Python
ALLOWED_BYTES = 3_700_000  # of all six notebooks together


def read(name):
    return json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())


def cells(name, kind="code"):
    return [cell for cell in read(name)["cells"] if cell["cell_type"] == kind]


def source(cell):
    return "".join(cell["source"])


def shown(cell):
    """What the committed outputs of a cell are: figures, other values of its last line, printed text."""
    data = [output["data"] for output in cell["outputs"] if "data" in output]
    kinds = {"figure" if "image/png" in one else "value" for one in data}
    return kinds | ({"text"} if any(output["output_type"] == "stream" for output in cell["outputs"]) else set())


def execute(cell, namespace):
    """Run a cell as Jupyter would, and return the value of its last line."""
    tree = ast.parse(source(cell).replace(MAGIC, ""))
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        tree.body[-1] = ast.Assign([ast.Name("_", ast.Store())], tree.body[-1].value)
    namespace["_"] = None
    exec(compile(ast.fix_missing_locations(tree), "<cell>", "exec"), namespace)
    return namespace["_"]


def test_there_are_six():
    assert [name[0] for name in NAMES] == ["1", "2", "3", "4", "5", "6"]
    assert sum((NOTEBOOKS / f"{name}.ipynb").stat().st_size for name in NAMES) < ALLOWED_BYTES


def files():
    """What an execution must leave alone."""
    folders = NOTEBOOKS, NOTEBOOKS.parent / "lenssbi" / "estimators" / "shipped"
    return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.filterwarnings("ignore")  # sbi's: so few stamps prove nothing
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_and_shows_what_the_committed_run_shows(name, tmp_path, monkeypatch, capsys):
    pytest.importorskip("galsim", reason="the notebooks simulate, which takes GalSim")
    before = files()
    relative = any('"../' in source(cell) for cell in cells(name))  # reads the project's configurations
    monkeypatch.chdir(NOTEBOOKS if relative else tmp_path)  # the others run from any folder
    monkeypatch.setenv("LENSSBI_NOTEBOOK_SIZE", "toy")
    quick_fits(monkeypatch)
    namespace = {"__name__": "__main__"}
    with matplotlib.rc_context():
        for cell in cells(name):
            value = execute(cell, namespace)
            kinds = {"text"} if capsys.readouterr().out else set()
            if isinstance(value, Figure):
                value.savefig(io.BytesIO(), dpi=20)
            kinds |= set() if value is None else {"figure" if isinstance(value, Figure) else "value"}
            assert kinds == shown(cell), source(cell)
    assert files() == before


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_run_is_one_whole_real_run(name):
    """Every cell once, in order, at real size, without an error or a warning."""
    code = cells(name)
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    assert sum("figure" in shown(cell) for cell in code) >= 3
    (parameters,) = [cell for cell in code if "parameters" in cell["metadata"].get("tags", [])]
    assert '"LENSSBI_NOTEBOOK_SIZE", "real"' in source(parameters)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_in_it_belongs_to_one_machine(name):
    notebook = read(name)
    text = "".join(source(cell) for cell in notebook["cells"])
    text += json.dumps(
        [output for cell in cells(name) for output in cell["outputs"] if "image/png" not in output.get("data", {})]
    )
    # user names come with the paths of home folders
    assert not re.findall(r"(?<![\w.)<])(?:~|[A-Z]:)?[/\\](?:home|root|tmp|work|Users|usr|opt|var|private)[/\\]", text)
    assert not set(notebook["metadata"]) - {"kernelspec", "language_info"}


@pytest.mark.parametrize("name", NAMES)
def test_it_leads_somewhere(name):
    """Prose before and between the cells, and links that exist."""
    first, *_ = read(name)["cells"]
    assert first["cell_type"] == "markdown"
    assert source(first).startswith(f"# {name[0]} · ")
    assert len(cells(name, "markdown")) >= 5
    for cell in cells(name, "markdown"):
        for link in re.findall(r"\]\(([^)#:]+)\)", source(cell)):
            assert (NOTEBOOKS / link).exists(), link
