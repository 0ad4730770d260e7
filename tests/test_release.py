"""What `pip install lenssbi` brings works away from the clone, without GalSim and other extras; a source archive makes the same wheel."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml

import lenssbi

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LEFT_OUT = ("tests/", "docs/", "notebooks/")  # of the copy that is built: no part of the wheel, and large
MISSING = ("galsim", "colossus", "photutils", "skimage", "arviz", "coolest", "dask_jobqueue", "mkdocs", "playwright")
SMALL = ["--set", "mesh.pixels=64", "--set", "sampler.max_evaluations=150", "--set", "start.candidates=64"]
WORK = """
import sys
from lenssbi_cli.main import app
for line in sys.argv[1:]:
    try:
        app(line.split())
    except SystemExit as end:
        if end.code not in (0, None):
            print(f"{line}: {end.code}")
import lenssbi, lenssbi_cli
print(lenssbi.__file__, lenssbi_cli.__file__)
"""


def run(*words, cwd, **environment):
    """A program's standard output; it sees neither the clone nor this test's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "PYTEST"))}
    done = subprocess.run(words, cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of what git would commit: what only lies about here must not end up in a wheel."""
    folder = tmp_path_factory.mktemp("source")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, listed):
        if not name.startswith(LEFT_OUT) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    (folder / "tests").mkdir()
    (folder / "tests" / "test_nothing.py").write_text("")
    return folder


@pytest.fixture(scope="module")
def archives(source, tmp_path_factory):
    """The source archive, and the wheel that was built from it."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, source, cwd=out)
    (archive,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return archive, wheel


@pytest.fixture(scope="module")
def installed(archives, tmp_path_factory):
    """An environment with that wheel and what lenssbi depends on, but none of the extras."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        archives[1],
        cwd=folder,
    )
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    (site / "dependencies.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path) + "\n")
    for name in MISSING:
        (site / f"{name}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{name}'\", name='{name}')\n")
    return folder / "bin"


@pytest.mark.slow
class TestWheel:  # one class, so that workers of the tests do not each build their own
    def test_it_holds_the_package_and_what_belongs_to_it(self, archives):
        names = zipfile.ZipFile(archives[1]).namelist()
        sources = [path for path in (ROOT / "lenssbi").rglob("*.py") if "__pycache__" not in path.parts]
        assert {path.relative_to(ROOT).as_posix() for path in sources} <= set(names)
        assert {f"lenssbi_cli/{path.name}" for path in (ROOT / "cli").glob("*.py")} <= set(names)
        data = [*(ROOT / "lenssbi").rglob("templates/*"), *(ROOT / "lenssbi/estimators/shipped").rglob("*.*")]
        assert {path.relative_to(ROOT).as_posix() for path in (*data, ROOT / "lenssbi/py.typed")} <= set(names)
        configs = {path.relative_to(ROOT).as_posix() for path in (ROOT / "configs").rglob("*.yaml")}
        assert {f"lenssbi/{name}" for name in configs} <= set(names)

    def test_it_holds_nothing_else(self, archives):
        names = zipfile.ZipFile(archives[1]).namelist()
        tops = {name.partition("/")[0] for name in names}
        assert tops == {"lenssbi", "lenssbi_cli", f"lenssbi-{lenssbi.__version__}.dist-info"}
        assert [
            name for name in names if "test" in Path(name).name.split("_") or name.endswith((".pyc", ".ipynb"))
        ] == []

    def test_it_says_how_it_may_be_used_and_cited(self, archives):
        wheel = zipfile.ZipFile(archives[1])
        licences = f"lenssbi-{lenssbi.__version__}.dist-info/licenses"
        for name in ("LICENSE", "CITATION.cff"):
            assert wheel.read(f"{licences}/{name}") == (ROOT / name).read_bytes()
        metadata = wheel.read(f"lenssbi-{lenssbi.__version__}.dist-info/METADATA").decode()
        assert f"\nVersion: {lenssbi.__version__}\n" in metadata
        assert "\nLicense-Expression: BSD-3-Clause\n" in metadata

    def test_the_archive_and_the_folder_make_the_same(self, source, archives, tmp_path):
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, source, cwd=tmp_path)
        (straight,) = tmp_path.glob("*.whl")
        contents = []
        for path in (straight, archives[1]):
            with zipfile.ZipFile(path) as wheel:
                contents.append({name: wheel.read(name) for name in wheel.namelist() if not name.endswith("RECORD")})
        assert contents[0] == contents[1]

    def test_the_program_introduces_itself(self, installed, tmp_path):
        assert run(installed / "lenssbi", "--version", cwd=tmp_path) == f"lenssbi {lenssbi.__version__}\n"
        assert "catalogue" in run(installed / "lenssbi", "--help", cwd=tmp_path)

    def test_it_predicts_and_refines_without_the_extras(self, installed, tmp_path):
        lines = [
            "simulate configs/populations/sie_parametric.yaml --count 1 --set rendering.engine=batched --out set.h5 --quiet",
            "predict set.h5 --out table.ecsv --quiet",
            f"refine set.h5 --config configs/refinement/quick.yaml --no-figures --out fits --quiet {' '.join(SMALL)}",
            "simulate configs/populations/sie_parametric.yaml --count 1 --out no.h5",
        ]
        said = run(installed / "python", "-c", WORK, *lines, cwd=tmp_path).splitlines()
        assert all(str(installed.parent) in path for path in said[-1].split()), (
            "it is the wheel that ran, not the clone"
        )
        assert said[-2] == f"{lines[3]}: 2", "GalSim is missing, and that is a sentence"
        assert said[:-2] in ([], [f"{lines[2]}: 3"]), "the fit may stop at its limit"
        assert (tmp_path / "table.ecsv").is_file()
        assert (tmp_path / "fits" / "set.h5_0.h5").is_file()

    def test_the_doctor_sees_the_wheel(self, installed, tmp_path):
        words = [installed / "python", "-c", "from lenssbi_cli.main import app; app(['doctor', '--json'])"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        told = json.loads(done.stdout)
        checks = {check["name"]: check for check in told["checks"]}
        assert str(installed.parent) in checks["Python"]["found"]
        assert checks["packages"]["level"] == "ok"
        assert checks["weights"]["level"] == "ok"
        assert (checks["GalSim"]["level"], "simulate" in checks["GalSim"]["remedy"]) == ("look", True)


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == lenssbi.__version__
    assert citation["license"] == PROJECT["project"]["license"]


def test_extras_that_pages_name_exist():
    extras = PROJECT["project"]["optional-dependencies"]
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "lenssbi").rglob("*.py")]
    named = {name for page in pages for name in extras_in(page.read_text())}
    assert named <= set(extras)
    assert {"simulate", "export"} <= named


def extras_in(text):
    """Names of extras in commands such as pip install 'lenssbi[simulate,export]'."""
    found = re.findall(r"pip install '(?:lenssbi|\.)\[([\w,]+)\]'", text)
    return {name for names in found for name in names.split(",")}
