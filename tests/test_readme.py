"""What the README tells a stranger to type works, one line after the other; here with fewer stamps and a shorter fit."""

import ast
import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from lenssbi.estimators.load import DEFAULT, shipped_estimators

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SMALLER = {"--count 200": "--count 40", "--count 100": "--count 60", "max_epochs=3": "max_epochs=1"}
SHORTER = ["--set", "sampler.max_evaluations=500"]
DONE, STOPPED_AT_ITS_LIMIT, MISSES = 0, 3, 3


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def commands():
    lines = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("lenssbi ")]
    for long, short in SMALLER.items():
        lines = [line.replace(long, short) for line in lines]
    return [shlex.split(line)[1:] for line in lines]


@pytest.mark.slow
def test_the_walk_through(tmp_path):
    pytest.importorskip("galsim", reason="the walk-through simulates, which takes GalSim")
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    verbs = []
    for arguments in commands():
        needs_weights = arguments[0] in ("refine", "catalogue") or "catalogue" in arguments[-1]
        if needs_weights and DEFAULT not in shipped_estimators():
            continue
        short = SHORTER if arguments[0] == "refine" else []
        program = [sys.executable, "-c", "from lenssbi_cli.main import main; main()", *arguments, *short]
        done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, env=os.environ, check=False)
        expected = {"refine": (DONE, STOPPED_AT_ITS_LIMIT), "calibrate": (DONE, MISSES)}.get(arguments[0], (DONE,))
        assert done.returncode in expected, f"lenssbi {shlex.join(arguments)}\n{done.stdout}\n{done.stderr}"
        verbs.append(arguments[0])
    assert verbs[:5] == ["simulate", "simulate", "train", "calibrate", "predict"]
    if DEFAULT not in shipped_estimators():
        pytest.skip(f"went as far as predict: the weights {DEFAULT} are not shipped")
    assert verbs[5:] == ["refine", "catalogue", "check"]


def test_the_example_in_python_uses_names_that_exist():
    (example,) = blocks("python")
    assert len(example.splitlines()) <= 24
    for node in ast.walk(ast.parse(example)):
        if isinstance(node, ast.ImportFrom):
            module = import_module(node.module)
            assert all(hasattr(module, alias.name) for alias in node.names)


def test_every_option_that_the_readme_names_exists(monkeypatch):
    from typer.testing import CliRunner

    from lenssbi_cli.main import COMMANDS, app

    monkeypatch.setenv("COLUMNS", "200")  # help is not to be wrapped within a word
    known = {"--help"}
    for verb in COMMANDS:
        known |= set(re.findall(r"--[a-z][\w-]*", CliRunner().invoke(app, [verb.__name__, "--help"]).stdout))
    typed = " ".join(re.findall(r"^lenssbi .*$", README, re.MULTILINE)) + " ".join(re.findall(r"`(--[\w-]+)", README))
    assert set(re.findall(r"--[a-z][\w-]*", typed)) <= known
