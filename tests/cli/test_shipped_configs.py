"""`configs/...` on a command line is lenssbi's own from any folder, unless there is one in the current folder."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lenssbi import shipped_configs
from lenssbi.shipped_configs import shipped
from lenssbi_cli.main import COMMANDS, app

NAME = Path("configs/refinement/quick.yaml")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_from_anywhere_it_is_the_shipped_one():
    assert shipped(NAME).samefile(ROOT / NAME)


def test_one_in_the_current_folder_goes_first():
    NAME.parent.mkdir(parents=True)
    NAME.write_text("mesh: {pixels: 100}\n")
    assert shipped(NAME) == NAME


def test_a_wheel_has_them_inside_the_package(monkeypatch, tmp_path):
    inside = tmp_path / "site" / "lenssbi"
    (inside / NAME).parent.mkdir(parents=True)
    (inside / NAME).write_text("")
    monkeypatch.setattr(shipped_configs, "ROOTS", (inside, inside.parent))
    assert shipped(NAME) == inside / NAME


@pytest.mark.parametrize(
    "name", ["quick.yaml", "configs/none.yaml", "configs", "configs/../pyproject.toml", "/configs/x.yaml"]
)
def test_nothing_else_is_looked_for(name):
    assert shipped(Path(name)) == Path(name)


def test_none_stays_none():
    assert shipped(None) is None


@pytest.mark.parametrize(
    ("words", "asks"),
    [
        (["refine", "no.fits", "--out", "fits", "--prior", "blind", "--config"], "configs/refinement/quick.yaml"),
        (["catalogue", "no.fits", "--out", "all", "--set", "refine=none", "--config"], "configs/none.yaml"),
        (["simulate", "--count", "1", "--out", "set.h5", "--set", "no=1"], "configs/populations/sie_parametric.yaml"),
        (["train", "--out", "run", "--data", "no.h5"], "configs/estimator/tiny.yaml"),
        (["benchmark", "--out", "bench", "--set", "no=1"], "configs/runs/paper.yaml"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_every_command_that_takes_a_configuration_finds_it(words, asks):
    assert words[0] in COMMANDS
    result = CliRunner().invoke(app, [*words, asks])
    assert result.exit_code == 2, result.output
    found = "none" not in asks
    assert ("cannot be read" in result.stderr) != found, result.stderr
