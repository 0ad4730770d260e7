"""Jobs of a batch system as a worker pool: a Dask scheduler in this process, its workers in SLURM jobs (dask-jobqueue).

Jobs end at their walltime, when their node fails, or when an administrator stops them. `squeue` is called every `SQUEUE_INTERVAL`
seconds; a job that it no longer lists, or that has lost all its processes, is submitted again, and its items go to other jobs. If
all jobs end before a worker has connected, they have a common fault, which ends the run. The jobs end with this process: it
cancels them if it still can, otherwise they stop a minute after they lose it.
"""

from __future__ import annotations

import getpass
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, field_validator

from lenssbi.batch.remote import SETTINGS, SILENT, SINGLE_THREADED, WorkerPool
from lenssbi.config import Config
from lenssbi.status import InputError

SQUEUE_INTERVAL = 30.0  # seconds between calls of `squeue`: sites object to shorter ones
FRUITLESS = 2  # times the number of jobs: number of jobs that may end without a worker before the run is given up
ADAPTIVE = ("5s", 12)  # a job is released after a minute without work: checked every 5 s, 12 times with the same result

Word = Annotated[str, StringConstraints(pattern=r"^\S+$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\r\n]+$")]
Walltime = Annotated[str, StringConstraints(pattern=r"^(\d+-)?\d{1,2}:\d{2}:\d{2}$")]


class ClusterConfig(Config):
    """Configuration of the jobs of a batch system."""

    kind: Literal["slurm"] = "slurm"
    queue: Word | None = Field(None, description="the partition; None: the site's default")
    account: Word | None = None
    walltime: Walltime = Field("04:00:00", description="of a job, [days-]hours:minutes:seconds")
    jobs: int = Field(4, ge=1, description="at once")
    min_jobs: int | None = Field(None, ge=0, description="kept when there is less to do; None: all of them")
    processes: int = Field(1, ge=1, description="in a job, with one core and one thread each")
    memory: str = Field("4 GB", description="of one process")
    directives: tuple[Line, ...] = Field((), description="more of what follows #SBATCH, such as --qos=long")
    setup: tuple[Line, ...] = Field((), description="shell commands before the processes start, such as module load")
    python: Line | None = Field(None, description="path on the nodes; None: that of this process")
    local_directory: Word | None = Field(None, description="a disk of the node, for Dask's own files")
    log_directory: Word = Field("slurm-logs", description="where the jobs write their output")
    interface: Word | None = Field(None, description="network between this machine and the nodes, such as ib0")

    @field_validator("memory")
    @classmethod
    def _is_a_size(cls, value: str) -> str:
        from dask.utils import parse_bytes

        if parse_bytes(value) < 10**8:
            raise ValueError('a size of at least 100 MB, such as "4 GB"')
        return value

    @field_validator("min_jobs")
    @classmethod
    def _is_below_jobs(cls, value: int | None, info: Any) -> int | None:
        if value is not None and value > info.data.get("jobs", value):
            raise ValueError(f"not more than jobs, which is {info.data['jobs']}")
        return value


def job_options(config: ClusterConfig) -> dict[str, Any]:
    """The configuration as keyword arguments of `dask_jobqueue.SLURMCluster`."""
    from dask.utils import parse_bytes

    pinned = {**SINGLE_THREADED, "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
    return {
        "queue": config.queue,
        "account": config.account,
        "walltime": config.walltime,
        "cores": config.processes,
        "processes": config.processes,
        "memory": f"{parse_bytes(config.memory) * config.processes} B",
        "job_extra_directives": list(config.directives),
        "job_script_prologue": [*(f"export {name}={value}" for name, value in pinned.items()), *config.setup],
        "python": config.python,
        "local_directory": config.local_directory,
        "log_directory": config.log_directory,
        "interface": config.interface,
        "scheduler_options": {"dashboard_address": ":0"},
        "job_name": "lenssbi",
        "silence_logs": SILENT,
    }


@contextmanager
def submitted(config: ClusterConfig) -> Iterator[WorkerPool]:
    """Submit jobs and yield their processes; the jobs are cancelled at the end.

    Raises
    ------
    InputError
        If this machine cannot submit jobs, or the batch system refuses one.
    """
    import dask

    slurm_cluster = _slurm_cluster()
    from distributed import Client

    settings = SETTINGS | {"distributed.deploy.lost-worker-timeout": "1 day"}  # `_Jobs` replaces the lost ones
    with (
        dask.config.set(settings),
        slurm_cluster(**job_options(config)) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        jobs = _Jobs(cluster, config)
        try:
            jobs.submit()
            yield WorkerPool(client, cluster.scheduler_address, jobs.count)
        finally:
            jobs.give_up_refused()


def _slurm_cluster() -> Any:
    missing = [name for name in ("sbatch", "squeue", "scancel") if shutil.which(name) is None]
    if missing:
        raise InputError(
            f"no {missing[0]} on this machine: start where SLURM jobs are submitted, or use --workers or --scheduler"
        )
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError:
        raise InputError("dask-jobqueue is not installed: pip install 'lenssbi[slurm]'") from None
    return SLURMCluster


@dataclass
class _Jobs:
    """The jobs of a cluster, with the number of those that ended without a worker."""

    cluster: Any
    config: ClusterConfig
    arrived: set[str] = field(default_factory=set)
    absent: set[str] = field(default_factory=set)
    fruitless: int = 0
    last_query: float = field(default_factory=time.monotonic)

    def submit(self) -> None:
        """Submit the first jobs, check that the batch system accepts them, and leave the others to `adapt`."""
        least = self.config.jobs if self.config.min_jobs is None else self.config.min_jobs
        try:
            self.cluster.sync(_scaled, self.cluster, max(1, least))
        except (RuntimeError, OSError) as error:
            raise InputError(f"SLURM does not take the job: {_complaint(error)}: correct the cluster's file") from error
        interval, wait_count = ADAPTIVE
        self.cluster.adapt(minimum_jobs=least, maximum_jobs=self.config.jobs, interval=interval, wait_count=wait_count)

    def count(self) -> int:
        """Number of processes if all jobs run; replaces the jobs that have ended."""
        workers = self.cluster.scheduler_info["workers"].values()
        names = {str(worker["name"]) for worker in workers}
        if names - self.arrived:
            self.fruitless = 0
        self.arrived |= names
        if time.monotonic() > self.last_query + SQUEUE_INTERVAL:
            self.last_query = time.monotonic()
            self.cluster.sync(self._drop_ended, _listed(), names)
        if self.fruitless >= FRUITLESS * self.config.jobs and not names:
            raise InputError(
                f"{self.fruitless} jobs in a row ended before a process of theirs reported: their output is in "
                f"{self.config.log_directory}; correct setup, python, memory or interface in the cluster's file"
            )
        return self.config.jobs * self.config.processes

    def give_up_refused(self) -> None:
        """Mark the jobs that the batch system refused, which the library cannot close otherwise."""
        from distributed import Status

        for job in self.cluster.workers.values():
            if job.job_id is None:
                job.status = Status.failed

    async def _drop_ended(self, listed: set[str] | None, here: set[str]) -> None:
        """Remove the jobs that have ended, or that had no processes at the last two checks; `adapt` submits others."""
        if listed is None:
            return
        self.give_up_refused()
        absent = set()
        for name, job in list(self.cluster.workers.items()):
            own = {str(name), *(f"{name}-{k}" for k in range(self.config.processes))}
            if own & here:
                continue
            if job.job_id in listed and not (own & self.arrived and name in self.absent):
                absent.add(name)
                continue
            del self.cluster.workers[name]
            await job.close()
            self.fruitless += not own & self.arrived
            self.arrived -= own  # the next job has the same name
        self.absent = absent


async def _scaled(cluster: Any, jobs: int) -> None:
    """Submit jobs; an error of the batch system is raised, which `scale` alone would only log."""
    cluster.scale(jobs=jobs)
    await cluster


def _listed() -> set[str] | None:
    """Numbers of the user's jobs, pending ones included; None if the batch system does not answer."""
    command = ["squeue", "--noheader", "--format=%A", f"--user={getpass.getuser()}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (subprocess.SubprocessError, OSError):
        return None
    return set(done.stdout.split())


def _complaint(error: Exception) -> str:
    """The message of the batch system, from dask-jobqueue's error."""
    text = str(error).partition("stderr:\n")[2].strip() or str(error)
    return " ".join(text.split())[:300]
