"""`benchmark` on a Dask scheduler: the same stamps and records as in this process, and one sentence where there is none."""

import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from distributed import LocalCluster, get_worker
from typer.testing import CliRunner

pytest.importorskip("galsim")

from lenssbi.benchmark.config import BenchmarkConfig
from lenssbi.benchmark.run import run
from lenssbi.benchmark.runners import fits
from lenssbi.benchmark.runners.records import Record, collect
from lenssbi.config import parse
from lenssbi.pipelines.results import silent
from lenssbi.status import InputError, ItemError, Status

NOWHERE = "nonsense://here"


def on_worker():
    """Whether a worker of a cluster does this."""
    try:
        get_worker()
    except ValueError:
        return False
    return True


@pytest.fixture(scope="module")
def address():
    """Of a scheduler with one worker, in this process so that it sees what the tests replace."""
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0"
    ) as one:
        yield one.scheduler_address


@dataclass(frozen=True)
class Job:
    """A fit that tells where it ran."""

    index: int
    path: Path
    identity: str = "one"

    @property
    def work(self):
        return self.path.with_suffix(".work")

    def solve(self):
        if self.index == 2:
            raise ZeroDivisionError("a bug")
        return Record(self.index, Status.DONE.value, evaluations=10 * self.index, info={"worker": on_worker()})


def jobs(folder):
    return [Job(index, folder / f"{index}.json") for index in range(4)]


def test_records_are_those_of_this_process(address, tmp_path):
    (here,) = collect([jobs(tmp_path / "here")], 1, silent)
    (there,) = collect([jobs(tmp_path / "there")], 1, silent, scheduler=address)
    assert [record.info for record in there if record.index != 2] == [{"worker": True}] * 3
    assert [record.info for record in here if record.index != 2] == [{"worker": False}] * 3
    for one, other in zip(here, there, strict=True):
        assert (one.index, one.status, one.evaluations) == (other.index, other.status, other.evaluations)
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["0.json", "1.json", "3.json"]


def test_what_is_kept_needs_no_scheduler(tmp_path):
    done = [job for job in jobs(tmp_path) if job.index != 2]
    found = collect([done], 1, silent)
    assert collect([done], 1, silent, scheduler=NOWHERE) == found
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        collect([jobs(tmp_path / "new")], 1, silent, scheduler=NOWHERE)


def plan():
    """One fit of two small lenses."""
    overrides = ["instrument.shape=[24, 24]", "population.lens_light=null", "rendering.oversampling=2"]
    overrides += ["population.mass.einstein_radius=[0.8, 0.9]", "population.source_offset=[0.0, 0.2]"]
    return {"methods": {"blind": {"kind": "fit"}}, "suites": {"small": {"overrides": overrides, "count": 2, "seed": 5}}}


def test_a_run_is_the_same_there(address, tmp_path, monkeypatch):
    remote = []

    def refused(*_, **__):
        remote.append(on_worker())
        raise ItemError(Status.NO_PSF, "made up")

    monkeypatch.setattr(fits, "set_up", refused)
    config = parse(plan(), BenchmarkConfig, "test")
    results = [run(config, tmp_path / name, scheduler=where) for name, where in (("here", None), ("there", address))]
    assert remote == [False, False, True, True]
    assert results[0].outcomes == results[1].outcomes
    stamps = [h5py.File(next((tmp_path / name / "sets").glob("*.h5")))["images"][:] for name in ("here", "there")]
    np.testing.assert_array_equal(*stamps)
    assert len(list((tmp_path / "there" / "results" / "small--blind").iterdir())) == 2


def test_no_scheduler_is_bad_input(tmp_path):
    from lenssbi_cli.main import app

    (tmp_path / "plan.yaml").write_text(json.dumps(plan()))
    out = tmp_path / "out"
    arguments = ["benchmark", str(tmp_path / "plan.yaml"), "--out", str(out), "--scheduler", NOWHERE]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2, result.stderr
    assert f"no Dask scheduler answers at {NOWHERE}" in result.stderr
    assert not out.exists()
