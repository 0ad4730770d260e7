"""`lenssbi --help` answers at once: it loads the parser of the command line and nothing else. A command loads what it needs."""

import subprocess
import sys
import time

import pytest

from lenssbi_cli.main import COMMANDS

from ..dataset.made_up_fits import image, stamp

HEAVY = {
    *(
        "pydantic",
        "yaml",
        "numpy",
        "scipy",
        "astropy",
        "h5py",
        "torch",
        "lightning",
        "sbi",
        "zuko",
        "numba",
        "nautilus",
    ),
    *("dask", "distributed", "matplotlib", "galsim", "jinja2", "PIL", "pyarrow", "safetensors"),
}
CODE = """
import sys
from lenssbi_cli.main import app
for words in (line.split() for line in sys.argv[1:]):
    try:
        app(words)
    except SystemExit as end:
        assert end.code in (0, None), end.code
print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(*lines):
    """First names of the modules that these commands load."""
    done = subprocess.run([sys.executable, "-c", CODE, *lines], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Usage: ") == sum("--help" in line for line in lines)
    return set(done.stderr.splitlines()[-1].split())


def test_help_loads_nothing():
    started = time.perf_counter()
    found = loaded("--help", "--version")
    print(f"lenssbi --help: {time.perf_counter() - started:.2f} s")  # pytest -rP shows it; a time is not judged
    assert "typer" in found
    assert found & HEAVY == set()


def test_the_help_of_a_command_loads_nothing():
    found = loaded(*(f"{name} --help" for name in COMMANDS))
    assert found & HEAVY <= {"pydantic"}  # Typer asks it, where it is there, about the types of options


UNUSED = {
    *("sbi", "pyro", "nflows", "arviz", "pandas", "sklearn", "joblib", "matplotlib", "corner", "PIL"),
    *("lightning", "tensorboard", "numba", "nautilus", "distributed", "galsim", "jinja2", "coolest"),
}
"""What neither looking at a stamp nor predicting needs: training, figures, fits, clusters, other programs."""


@pytest.mark.parametrize(
    ("command", "needed", "unused"),
    [
        ("check", {"astropy"}, {*UNUSED, "torch", "zuko"}),
        ("predict", {"astropy", "torch", "zuko", "numba"}, UNUSED - {"numba"}),
    ],
)
def test_a_command_loads_only_what_it_needs(command, needed, unused, tmp_path):
    """With the shipped estimator: a process that loads it pays for torch, zuko and numba's loops, not for all that sbi imports."""
    path = stamp(tmp_path / "stamp.fits", data=image((100, 100)))
    out = tmp_path / "table.ecsv"
    found = loaded(f"check {path} --json" if command == "check" else f"predict {path} --quiet --out {out}")
    assert needed <= found
    assert found & unused == set()
    if command == "predict":
        assert "done" in out.read_text()
