"""What the engine costs per task, and whether it grows: in this process, on 1 and 2 of its own, on a scheduler that runs already.

    python tests/benchmarks/bench_engine.py --where process|1|2|scheduler [--tasks 20000] [--bytes 0] [--out DIR]

The tasks do nothing and return as many bytes as they are told. Milliseconds per task are wall clock over all tasks, after
100 that are not counted, and processor time of all processes together, which other people on the machine change less.
Memory is the resident set [MB] after a tenth of the tasks and at the end: of this process (the client; with it the scheduler of
processes of its own), of a scheduler that is a process, and the largest of the workers. With `--out` a row is added to
engine.csv there. Nothing here fails for being slow.
"""

# ruff: noqa: E402  (the number of threads is set before NumPy is imported)
from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")  # before NumPy loads its BLAS

import argparse
import csv
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import psutil

from lenssbi import batch
from lenssbi.batch import remote

WARM = 100
COLUMNS = (
    "where", "workers", "tasks", "bytes", "ms_per_task", "cpu_ms_per_task",
    *(f"{who}_mb_{when}" for who in ("client", "scheduler", "worker") for when in ("early", "end")),
)  # fmt: skip


def nothing(_: int, size: int) -> bytes:
    """Return some bytes."""
    return bytes(size)


def megabytes(pid: int | None = None) -> float:
    """Resident memory of a process."""
    return psutil.Process(pid).memory_info().rss / 1e6


@contextmanager
def scheduler_and_two() -> Iterator[tuple[remote.WorkerPool, int]]:
    """A pool on a scheduler and two workers that are processes of their own, and the scheduler's number."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    commands = [
        ("dask_scheduler", "--host", "127.0.0.1", "--port", port),
        *[("dask_worker", address, "--nthreads", "1")] * 2,
    ]
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parent),
        "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    }
    started = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{command}", *words, "--no-dashboard"],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        for command, *words in commands
    ]
    try:
        time.sleep(5)
        with remote.existing(address) as pool:
            pool.client.wait_for_workers(2, timeout=60)
            yield pool, started[0].pid
    finally:
        for process in started:
            process.kill()


def cpu_seconds(pid: int | None = None) -> float:
    """Processor time that a process has had."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


@dataclass
class Watch:
    """Looks at everybody who takes part: this process, workers of a pool, a scheduler that is a process."""

    pool: remote.WorkerPool | None = None
    scheduler: int | None = None

    def memory(self) -> dict[str, float]:
        """Resident memory [MB] by role."""
        found = {"client": megabytes()}
        if self.pool is not None:
            found["worker"] = max(self.pool.client.run(megabytes).values())
        return found if self.scheduler is None else found | {"scheduler": megabytes(self.scheduler)}

    def cpu(self) -> float:
        """Processor time [s] of all of them."""
        workers = 0.0 if self.pool is None else sum(self.pool.client.run(cpu_seconds).values())
        return cpu_seconds() + workers + (0.0 if self.scheduler is None else cpu_seconds(self.scheduler))


def measure(spread: batch.Map, count: int, size: int, watch: Watch) -> dict[str, float]:
    """Time per task [ms], and the memory early and at the end."""
    outcomes = spread(partial(nothing, size=size), range(WARM + count))
    list(islice(outcomes, WARM))
    before = watch.cpu()
    start = time.perf_counter()
    list(islice(outcomes, count // 10))
    pause = time.perf_counter()
    early = watch.memory()
    resumed = time.perf_counter()
    for _ in outcomes:
        pass
    seconds = time.perf_counter() - resumed + pause - start
    cpu, end = watch.cpu() - before, watch.memory()
    found = {f"{who}_mb_early": value for who, value in early.items()}
    found |= {f"{who}_mb_end": value for who, value in end.items()}
    return found | {"ms_per_task": 1e3 * seconds / count, "cpu_ms_per_task": 1e3 * cpu / count}


def row(where: str, count: int, size: int) -> dict[str, object]:
    """Measure one place."""
    if where == "process":
        with batch.worker_pool() as spread:
            return {"workers": 1} | measure(spread, count, size, Watch())
    if where == "scheduler":
        with scheduler_and_two() as (pool, pid):
            return {"workers": 2} | measure(pool.map, count, size, Watch(pool, pid))
    with remote.local(int(where)) as pool:
        return {"workers": int(where)} | measure(pool.map, count, size, Watch(pool))


def main() -> None:
    """Measure, print and keep one row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--where", choices=("process", "1", "2", "scheduler"), required=True)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=0)
    parser.add_argument("--out", type=Path)
    said = parser.parse_args()
    place = {"process": "this process", "scheduler": "a scheduler"}.get(said.where, "own processes")
    found = {"where": place, "tasks": said.tasks, "bytes": said.bytes} | row(said.where, said.tasks, said.bytes)
    shown = {
        name: f"{found[name]:.4g}" if isinstance(found.get(name), float) else found.get(name, "") for name in COLUMNS
    }
    print(*(f"{name} {value}" for name, value in shown.items()), sep="\n")
    if said.out:
        said.out.mkdir(parents=True, exist_ok=True)
        path = said.out / "engine.csv"
        new = not path.exists()
        with path.open("a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow(shown)


if __name__ == "__main__":
    main()
