"""What README and docs tell a stranger to type works, one line after the other, at toy size; what is not run says why not.

A block of ```bash is run. Any other block with a command in it has a comment above it, `<!-- not run: the reason -->`. A command that
stands in several places is run once.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lenssbi_cli.main import COMMANDS, app

from ..quick_fits import quick_fits

ROOT = Path(__file__).parents[2]
RUNNER = CliRunner()
PROGRAMS = ("lenssbi", "make", "pip", "python", "export", "sbatch", "dask")
ON_THE_PATH = 'export PATH="$PWD/.venv/bin:$PATH"'
EXCUSE = re.compile(r"<!-- not run: (?P<why>\S+(?: \S+){2,}) -->")
SMALLER = {
    "--count 200": "--count 104",  # a population wants a hundred truths of its prior
    "--count 100": "--count 44",  # calibrate wants forty
    "max_epochs=3": "max_epochs=1",
    "--workers 2": "--workers 1",  # tests/batch has more of them; here each would load torch anew
    "predict walk/test.h5 --estimator": "predict walk/test.h5:0-3 --estimator",  # fits the lens light of each stamp
    "catalogue walk/test.h5": "catalogue walk/test.h5:0-19",
}
SMALL_FIT = ("sampler.max_evaluations=150", "mesh.pixels=49", "start.candidates=16")  # an export makes its search again
SHORTER = {
    "refine": [word for key in SMALL_FIT for word in ("--set", key)],
    "catalogue cutouts": [word for key in SMALL_FIT for word in ("--set", f"fit.{key}")],
}
DONE, SOME = 0, 3
EXPECTED = {
    "refine": (DONE, SOME),  # stopped at its limit
    "catalogue": (DONE, SOME),
    "calibrate": (DONE, SOME),  # so few stamps miss nominal
    "doctor": (DONE, SOME),  # whatever this machine is like
}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: where it is, its language, its commands, and the excuse above it."""

    page: str
    number: int
    language: str
    lines: tuple[str, ...]
    above: str

    @property
    def where(self) -> str:
        return f"{self.page}, line {self.number}"

    @property
    def commands(self) -> list[str]:
        joined = re.sub(r"\\\n\s*", "", "\n".join(self.lines))
        return [line.strip() for line in joined.splitlines() if line.split()[:1] and line.split()[0] in PROGRAMS]


def pages() -> list[Path]:
    """README first, then the site's pages in the order of its contents, then whatever else there is."""
    contents = (ROOT / "mkdocs.yml").read_text()
    listed = [ROOT / "docs" / name for name in re.findall(r"^ +- ([\w/]+\.md)$", contents, re.MULTILINE)]
    others = sorted({*(ROOT / "docs").rglob("*.md"), ROOT / "CONTRIBUTING.md"} - set(listed))
    return [ROOT / "README.md", *(page for page in (*listed, *others) if page.exists())]


def blocks_of(page: Path) -> list[Block]:
    found, opened, above = [], None, ""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = re.match(r"\s*(`{3,}|~{3,})\s*(\S*)", line)
        if opened is None and fence:
            opened, inside = (number, fence[1], fence[2], above), []
        elif opened is not None and fence and fence[1] == opened[1] and not fence[2]:
            found.append(Block(str(page.relative_to(ROOT)), opened[0], opened[2], tuple(inside), opened[3]))
            opened, above = None, ""
        elif opened is not None:
            inside.append(line)
        elif line.strip():
            above = line.strip()
    assert opened is None, f"{page}: the block of line {opened and opened[0]} has no end"
    return found


BLOCKS = [block for page in pages() for block in blocks_of(page)]
RUN = [block for block in BLOCKS if block.language == "bash"]
PYTHON = ["\n".join(block.lines) for block in BLOCKS if block.language == "python"]
READS = [example for example in PYTHON if "refine_stamp" not in example]  # of results that the commands have left


def test_the_pages_are_found():
    assert {block.page for block in RUN} >= {
        "README.md",
        "docs/start/tutorial.md",
        "docs/guides/real_stamps.md",
        "docs/guides/catalogues.md",
    }


@pytest.mark.parametrize("block", [b for b in BLOCKS if b not in RUN and b.commands], ids=lambda block: block.where)
def test_what_is_not_run_says_why(block):
    assert EXCUSE.search(block.above), f"{block.where}: {block.commands[0]}: make it ```bash, or say why it is not run"


@pytest.mark.parametrize("block", RUN, ids=lambda block: block.where)
def test_what_is_run_is_all_of_it(block):
    assert not EXCUSE.search(block.above), "a block that is run needs no excuse"
    left = [line for line in block.lines if line.strip() and not line.startswith(("lenssbi ", "#"))]
    assert [line for line in left if line != ON_THE_PATH] == [], "only lenssbi's own commands are run here"


def test_every_option_that_the_pages_name_exists(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")  # help is not to be wrapped within a word
    known: dict[str, set[str]] = {name: set() for name in COMMANDS}
    for verb, options in known.items():
        options |= set(re.findall(r"--[a-z][\w-]*", RUNNER.invoke(app, [verb, "--help"]).stdout))
    for block in BLOCKS:
        for line in block.commands:
            program, *words = shlex.split(line, comments=True)
            if program == "lenssbi":
                typed = {word for word in words[1:] if word.startswith("--")}
                assert typed <= known[words[0]], f"{block.where}: {line}"
    inline = {word for page in pages() for word in re.findall(r"`(--[\w-]+)", page.read_text())}
    assert inline <= set().union(*known.values())


@pytest.mark.slow
def test_the_commands_work(tmp_path, monkeypatch):
    pytest.importorskip("galsim", reason="the walk-through simulates, which takes GalSim")
    monkeypatch.chdir(tmp_path)
    quick_fits(monkeypatch)  # and so are the searches that the exports make again
    one = ["simulate", "configs/populations/sie_parametric.yaml", "--count", "1", "--out", "one.h5"]
    assert RUNNER.invoke(app, one).exit_code == DONE
    write_cutout(Path("one.h5"), Path("cutouts/lens.fits"))
    done = set()
    for block in RUN:
        for line in block.commands:
            if line == ON_THE_PATH or line in done:
                continue
            arguments = toy(line)
            result = RUNNER.invoke(app, arguments)
            assert result.exit_code in EXPECTED.get(arguments[0], (DONE,)), (
                f"{block.where}: {line}\n{result.output[-3000:]}\n{result.exception!r}"
            )
            done.add(line)
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    assert {"walk/predictions.ecsv", "walk/refined/test.h5_0.png", "walk/catalogue/catalogue.ecsv"} <= made
    assert {"walk/catalogue/report.html", "euclid/catalogue.ecsv", "euclid/report.html"} <= made
    assert any(name.startswith("walk/coolest/") for name in made)
    assert "walk/population.ecsv" in made
    drawn: list[tuple[int, int]] = []  # a toy fit has fewer draws than corner wants to draw
    monkeypatch.setattr("corner.corner", lambda draws: drawn.append(draws.shape))
    for example in READS:
        exec(example, {})
    assert [columns for _, columns in drawn] == [3]


def toy(line: str) -> list[str]:
    """The arguments of a command, made smaller."""
    for long, short in SMALLER.items():
        line = line.replace(long, short)
    _, *arguments = shlex.split(line, comments=True)
    return [*arguments, *SHORTER.get(arguments[0], SHORTER.get(" ".join(arguments[:2]), []))]


def write_cutout(stamps: Path, path: Path) -> None:
    """A stamp of a set as a Euclid cut-out."""
    from astropy.io import fits

    from lenssbi.dataset import StampSet

    stamp = StampSet(stamps).stamp(0)
    path.parent.mkdir()
    units = [fits.PrimaryHDU()]
    for name, plane in (("VIS_BGSUB", stamp.image), ("VIS_RMS", stamp.noise), ("VIS_PSF", stamp.psf.image)):
        units.append(fits.ImageHDU(np.asarray(plane), name=name))
    step = stamp.pixel_scale / 3600
    units[1].header.update(
        {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 57.0, "CRVAL2": -51.0, "CRPIX1": 50.5, "CRPIX2": 50.5}
    )
    units[1].header.update({"CD1_1": -step, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": step, "MAGZERO": 24.6})
    fits.HDUList(units).writeto(path)
