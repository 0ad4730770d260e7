"""SLURM through dask-jobqueue, end to end on a stand-in (`slurm.py`) that runs the job scripts it is given."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lenssbi import batch
from lenssbi.batch import ClusterConfig, cluster, remote
from lenssbi.config import ConfigError, load_config, parse
from lenssbi.status import InputError

pytest.importorskip("dask_jobqueue", reason="SLURM is an extra: pip install 'lenssbi[slurm]'")

STAND_IN = Path(__file__).with_name("slurm.py")
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "configs" / "cluster" / "slurm.yaml"


def slowly(number):
    time.sleep(0.2)
    threads = {os.environ[name] for name in remote.SINGLE_THREADED}
    return number, os.environ["SLURM_JOB_ID"], os.getpid(), threads


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder with the jobs of a machine that has SLURM, as it seems."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "jobs").mkdir()
    for name in ("sbatch", "squeue", "scancel"):
        command = tmp_path / "bin" / name
        command.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} {name} "$@"\n')
        command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # a job must find the functions that it is to run
    monkeypatch.setenv("STAND_IN_SLURM", str(tmp_path / "jobs"))
    monkeypatch.setattr(cluster, "SQUEUE_INTERVAL", 1.0)
    monkeypatch.setattr(remote, "POLL_INTERVAL", 0.5)
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "jobs"
    for job in (tmp_path / "jobs").glob("job.*"):
        os.killpg(int(job.read_text()), signal.SIGKILL)


def config(**changes):
    data = {"queue": "debug", "account": "lenses", "walltime": "00:10:00", "jobs": 2, "memory": "500 MB"}
    return parse(data | changes, ClusterConfig, "test")


def running(site):
    return list(site.glob("job.*"))


def test_work_is_done_in_jobs_that_are_cancelled_at_the_end(site):
    with batch.worker_pool(
        cluster=config(processes=2, directives=["--qos=long"], setup=["export FROM=setup"])
    ) as spread:
        outcomes = [outcome for _, outcome in spread(slowly, range(30))]
        assert len(running(site)) == 2
    assert sorted(number for number, *_ in outcomes) == list(range(30))
    assert {job for _, job, *_ in outcomes} == {"1", "2"}
    assert len({pid for *_, pid, _ in outcomes}) == 4
    assert all(threads == {"1"} for *_, threads in outcomes)
    assert not running(site)
    script = (site / "script.1").read_text()
    for line in ("#SBATCH -p debug", "#SBATCH -A lenses", "#SBATCH --cpus-per-task=2", "#SBATCH --qos=long"):
        assert line in script
    assert script.index("export FROM=setup") < script.index("dask_worker")


def test_jobs_submitted_at_once_have_numbers_of_their_own(site, tmp_path):
    """As dask-jobqueue submits them; two with one number were taken for one job, whose end was that of both."""
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/sh\n#SBATCH -o out.%J\n#SBATCH -e err.%J\n#SBATCH -t 00:01:00\nsleep 60\n")
    submitted = [subprocess.Popen(["sbatch", script], stdout=subprocess.PIPE, text=True) for _ in range(24)]
    numbers = [int(process.communicate()[0].split()[-1]) for process in submitted]
    assert sorted(numbers) == list(range(1, 25))
    assert len(running(site)) == 24


@pytest.mark.slow
def test_a_job_that_dies_is_replaced(site):
    values, jobs = {}, []
    for index, (number, job, *_) in batch.run(slowly, range(30), cluster=config(jobs=1)):
        values[index] = number
        jobs.append(job)
        if len(values) == 5:
            os.killpg(int(running(site)[0].read_text()), signal.SIGKILL)
    assert values == {number: number for number in range(30)}
    assert list(dict.fromkeys(jobs)) == ["1", "2"]


@pytest.mark.slow
def test_jobs_that_reach_their_walltime_are_replaced(site):
    """110 items of 0.2 s are more than a job of one process does within its twenty seconds, of which it needs some to start."""
    outcomes = dict(batch.run(slowly, range(110), cluster=config(jobs=1, walltime="00:00:20")))
    assert sorted(number for number, *_ in outcomes.values()) == list(range(110))
    assert len({job for _, job, *_ in outcomes.values()}) > 1


def test_jobs_that_never_work_end_the_run(site):
    start = time.monotonic()
    with pytest.raises(InputError, match="ended before a process of theirs reported: their output is in slurm-logs"):
        list(batch.run(slowly, range(3), cluster=config(jobs=1, setup=["exit 1"])))
    assert time.monotonic() - start < 60
    assert len(list(site.glob("script.*"))) >= 2


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"queue": "gpu"}, "invalid value of -p specified: gpu"),
        ({"account": "nobody"}, "invalid value of -A specified: nobody"),
        ({"directives": ["--colour=red"]}, "unrecognized option '--colour'"),
    ],
)
def test_what_the_site_refuses_is_one_sentence(site, changes, complaint):
    with pytest.raises(InputError, match=f"SLURM does not take the job: .*{complaint}"):
        list(batch.run(slowly, range(3), cluster=config(**changes)))
    assert not running(site)


@pytest.mark.slow
def test_a_site_that_is_busy_for_a_while_is_asked_again(site):
    values = []
    for _, (number, *_) in batch.run(slowly, range(30), cluster=config(jobs=1)):
        values.append(number)
        if len(values) == 5:
            (site / "refuse").touch()
            os.killpg(int(running(site)[0].read_text()), signal.SIGKILL)
            subprocess.Popen(["sh", "-c", f"sleep 3; rm {site / 'refuse'}"])
    assert sorted(values) == list(range(30))


@pytest.mark.slow
def test_fewer_jobs_where_there_is_less_to_do(site, monkeypatch):
    monkeypatch.setattr(cluster, "ADAPTIVE", ("0.2s", 3))
    with batch.worker_pool(cluster=config(jobs=2, min_jobs=0)) as spread:
        assert len(dict(spread(slowly, range(40)))) == 40
        end = time.monotonic() + 30
        while running(site):
            assert time.monotonic() < end
            time.sleep(0.2)
        assert len(dict(spread(slowly, range(4)))) == 4


def test_a_machine_without_slurm_is_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="no sbatch on this machine: start where SLURM jobs are submitted"):
        list(batch.run(slowly, [1], cluster=config()))


def test_a_cluster_or_a_scheduler():
    with pytest.raises(ValueError, match="not both"):
        batch.run(abs, [1], scheduler="tcp://here:1", cluster=config())


def test_the_example_is_valid():
    assert load_config(EXAMPLE, ClusterConfig).kind == "slurm"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("walltime", "soon"),
        ("walltime", "1:00"),
        ("memory", "a lot"),
        ("memory", "4"),
        ("queue", "debug\n#SBATCH --exclusive"),
        ("setup", ["true\nfalse"]),
        ("jobs", 0),
        ("min_jobs", 3),
        ("kind", "pbs"),
        ("cores", 4),
    ],
)
def test_a_mistake_in_the_file_is_named(key, value):
    with pytest.raises(ConfigError, match=key):
        config(**{key: value})
