"""Memory of a fit, in a new process that has imported nothing else."""

from __future__ import annotations

import multiprocessing
import resource
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from lenssbi.benchmark.runners.records import LensJob, Record
from lenssbi.status import InputError, Status


def memory(name: str, job: LensJob) -> dict[str, Any]:
    """A row of `memory.csv`: the peak of the fit of one lens [MB].

    Raises
    ------
    InputError
        If the fit crashes.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        try:
            megabytes, record = pool.submit(_weigh, job).result()
        except Exception as error:  # as in `records.collect`, a fit that crashes does not end the run
            raise InputError(f"{Status.FAILED.value} ({error!r})") from error
    within = record.info.get("peak_memory_mb", megabytes)  # of a fit that ran in the peer's interpreter
    return {"method": name, "lens": job.index, "peak_memory_mb": within, "status": record.status}


def _weigh(job: LensJob) -> tuple[float, Record]:
    record = job.solve()
    shutil.rmtree(job.work, ignore_errors=True)
    return _peak(), record


def _peak() -> float:
    """Peak memory of this process [MB]; on Linux `getrusage` would include that of the parent process."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:  # other systems
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(kilobytes) / 2**10
