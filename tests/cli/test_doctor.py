"""`lenssbi doctor` calls what is well well, and says of what is not how to mend it."""

import importlib.metadata
import json
import shutil
import sys
from pathlib import Path

import numba
import pytest
import torch
from packaging.requirements import Requirement
from typer.testing import CliRunner

from lenssbi.estimators import load
from lenssbi.pipelines import doctor
from lenssbi_cli.main import app

RUNNER = CliRunner()
LEVELS = ("ok", "look", "bad")


def requirement(monkeypatch, *texts):
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: list(texts))


@pytest.fixture(scope="module")
def result():
    """The command's, on this machine."""
    return RUNNER.invoke(app, ["doctor", "--json"])


class TestCommand:
    def test_one_object_says_everything(self, result):
        told = json.loads(result.stdout)
        names = [check["name"] for check in told["checks"]]
        assert {"Python", "GalSim", "GPU", "threads", "memory", "current folder", "kernels", "weights"} <= set(names)
        assert told["counts"] == {level: sum(c["level"] == level for c in told["checks"]) for level in LEVELS}
        assert told["versions"]["torch"] == importlib.metadata.version("torch")

    def test_what_is_wrong_has_a_remedy_and_nothing_else_has(self, result):
        for check in json.loads(result.stdout)["checks"]:
            assert (check["remedy"] != "") == (check["level"] != "ok"), check

    def test_the_exit_code_is_that_of_the_worst(self, result):
        bad = json.loads(result.stdout)["counts"]["bad"]
        assert result.exit_code == (3 if bad else 0), result.output

    @pytest.mark.parametrize(("level", "code"), [("ok", 0), ("look", 0), ("bad", 3)])
    def test_only_what_is_bad_fails(self, monkeypatch, level, code):
        check = doctor.Check("coffee", level, "none [left]", "" if level == "ok" else "make some")
        found = doctor.DoctorResult((check,), {}, 0.1)
        monkeypatch.setattr(doctor, "run", lambda progress: found)
        shown = RUNNER.invoke(app, ["doctor"])
        assert shown.exit_code == code
        assert "none [left]" in shown.stdout  # rich takes it for text
        assert ("make some" in shown.stdout) == (level != "ok")
        assert RUNNER.invoke(app, ["doctor", "--quiet"]).stdout == ""


class TestPackages:
    def test_all_there(self, monkeypatch):
        requirement(monkeypatch, "numpy>=1.0", "typer>=0.1")
        assert [check.level for check in doctor.packages()] == ["ok"]

    def test_missing_and_too_old(self, monkeypatch):
        requirement(monkeypatch, "numpy>=999", "no-such-package>=2", "typer>=0.1", "other; extra == 'simulate'")
        old, missing = doctor.packages()
        assert (old.name, old.level, old.remedy) == ("numpy", "bad", "pip install 'numpy>=999'")
        assert (missing.name, missing.remedy) == ("no-such-package", "pip install 'no-such-package>=2'")

    def test_a_requirement_of_other_systems_does_not_count(self, monkeypatch):
        requirement(monkeypatch, "no-such-package; sys_platform == 'atari'")
        assert [check.level for check in doctor.packages()] == ["ok"]

    def test_an_extra_that_is_missing_is_worth_a_look_only(self, monkeypatch):
        requirement(monkeypatch, "numpy", "no-such-package>=2; extra == 'export'")
        check = doctor.extra("export")
        assert (check.level, check.remedy) == ("look", "for COOLEST and ArviZ files: pip install 'lenssbi[export]'")
        requirement(monkeypatch, "typer; extra == 'export'")
        assert doctor.extra("export").found == f"typer {importlib.metadata.version('typer')}"

    def test_every_extra_is_one_of_the_projects(self):
        pyproject = (Path(__file__).parents[2] / "pyproject.toml").read_text()
        for name in doctor.EXTRAS:
            assert f"\n{name} = [" in pyproject

    def test_python_is_compared_with_what_is_asked_for(self, monkeypatch):
        assert doctor.python().level == "ok"
        monkeypatch.setattr(importlib.metadata, "metadata", lambda name: {"Requires-Python": ">=99"})
        assert doctor.python().remedy == "install Python >=99 and lenssbi into it"


class TestMachine:
    def test_galsim_that_does_not_load(self, monkeypatch):
        for name in [name for name in sys.modules if name.startswith("lenssbi.rendering")]:
            monkeypatch.delitem(sys.modules, name)
        import lenssbi

        monkeypatch.delattr(lenssbi, "rendering", raising=False)
        monkeypatch.setitem(sys.modules, "galsim", None)
        check = doctor.galsim()
        assert check.level == "look"
        assert "lenssbi[simulate]" in check.remedy

    def test_no_gpu(self, monkeypatch, tmp_path):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(doctor, "DRIVER", tmp_path / "none")
        monkeypatch.setattr(shutil, "which", lambda name: None)
        assert doctor.gpu().level == "ok"

    @pytest.mark.parametrize(
        ("built", "words"), [(None, "this torch has no GPU support"), ("12.8", "built for CUDA 12.8")]
    )
    def test_a_gpu_that_torch_does_not_see(self, monkeypatch, tmp_path, built, words):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.version, "cuda", built)
        monkeypatch.setattr(doctor, "DRIVER", tmp_path)
        assert (doctor.gpu().level, words in doctor.gpu().found) == ("look", True)

    def test_a_gpu_that_does_not_compute(self, monkeypatch):
        def refuses(*args, **kwargs):
            raise RuntimeError("no kernel image is available\nmore")

        properties = type("Properties", (), {"total_memory": 80e9})
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Abacus")
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
        monkeypatch.setattr(torch, "ones", refuses)
        check = doctor.gpu()
        assert (check.level, check.found) == ("bad", "Abacus, 80 GB: does not compute (no kernel image is available)")

    def test_more_threads_than_cores(self):
        check = doctor.threads(2, {"OMP_NUM_THREADS": "64", "MKL_NUM_THREADS": "2"})
        assert check.level == "look"
        assert "OMP_NUM_THREADS: 64" in check.found
        assert "MKL" not in check.found
        assert "OMP_NUM_THREADS=2" in check.remedy

    def test_threads_that_fit(self):
        cores = max(torch.get_num_threads(), numba.config.NUMBA_NUM_THREADS)
        assert doctor.threads(cores, {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "many"}).level == "ok"

    def test_memory(self):
        assert doctor.memory(16e9, 8e9).level == "ok"
        assert doctor.memory(16e9, 0.3e9).level == "bad"

    def test_a_folder_that_cannot_be_written_to(self, tmp_path):
        check = doctor.folder(tmp_path / "none", "temporary folder")
        assert (check.level, check.remedy) == ("bad", "export TMPDIR=FOLDER, one that you may write to")

    def test_a_disk_that_is_nearly_full(self, tmp_path, monkeypatch):
        assert not list(tmp_path.iterdir())
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10**7))
        assert doctor.folder(tmp_path, "current folder").level == "look"
        assert not list(tmp_path.iterdir()), "nothing is left behind"


class TestWeights:
    def test_a_changed_byte_is_found(self, tmp_path, monkeypatch):
        for name in ("euclid-vis-sie", "paper-sie"):
            shutil.copytree(load.SHIPPED / name, tmp_path / name)
        monkeypatch.setattr(load, "SHIPPED", tmp_path)
        assert [check.level for check in doctor.weights()] == ["ok"]
        file = tmp_path / "paper-sie" / "weights.safetensors"
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
        (check,) = doctor.weights()
        assert check.level == "bad"
        assert "paper-sie" in check.found
        assert "pip install" in check.remedy

    def test_missing_weights(self, tmp_path, monkeypatch):
        monkeypatch.setattr(load, "SHIPPED", tmp_path)
        (check,) = doctor.weights()
        assert (check.level, "euclid-vis-sie is missing" in check.found) == ("bad", True)


def test_requirements_are_read_with_their_extras(monkeypatch):
    requirement(monkeypatch, "a>=1", "b; extra == 'export'", "c; extra == 'slurm' and sys_platform == 'atari'")
    assert [r.name for r in doctor._requirements()] == ["a"]
    assert [r.name for r in doctor._requirements("export")] == ["b"]
    assert doctor._requirements("slurm") == []
    assert isinstance(doctor._requirements()[0], Requirement)
