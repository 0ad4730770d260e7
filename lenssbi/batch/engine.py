"""One function over many items: in this process, in a few of them, or on a Dask cluster.

An item that fails is a value, not the end of the run: its exception comes back in its place, and so does
`distributed.KilledWorker` for an item that took its worker process down (twice: a worker can die for other reasons, so
an item gets a second chance). Only a bounded number of items is under way at a time, so neither the items nor the
results ever pile up in memory.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any, TypeVar

from lenssbi.status import InputError

Item = TypeVar("Item")
Result = TypeVar("Result")

IN_FLIGHT_PER_WORKER = 4  # enough that no worker waits for the next item, few enough that memory stays constant
SINGLE_THREADED = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
# Dask has its workers' malloc hand every array back to the system, which then takes half of the time to give it out again
KEEPS_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}


def run(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int = 1,
    scheduler: str | None = None,
) -> Iterator[tuple[int, Result | Exception]]:
    """Yield (index, result or exception) for every item, in the order in which they finish.

    Parameters
    ----------
    function
        What to do with one item. It is sent to other processes, so it must be importable: a module-level function or
        a `functools.partial` of one.
    items
        The items; drawn lazily, a few ahead of the work.
    workers
        Processes on this machine. With 1 (and no scheduler) everything happens in this process, one item at a time.
    scheduler
        The address of a running Dask scheduler, such as "tcp://node1:8786"; `workers` is then ignored.

    Raises
    ------
    InputError
        If nothing answers at the scheduler's address.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    if scheduler is None and workers == 1:
        return _in_process(function, items)
    return _distributed(function, items, workers, scheduler)


def _in_process(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[int, Result | Exception]]:
    for index, item in enumerate(items):
        outcome: Result | Exception
        try:
            outcome = function(item)
        except Exception as error:
            outcome = error
        yield index, outcome


def _distributed(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int, scheduler: str | None
) -> Iterator[tuple[int, Result | Exception]]:
    from distributed import as_completed

    waiting = enumerate(items)
    with ExitStack() as stack:
        client = stack.enter_context(_remote(scheduler)) if scheduler else _local(workers, stack)
        under_way: dict[str, int] = {}
        finished = as_completed()

        def submit_some() -> None:
            # asked anew each time for a cluster, which may grow while we work
            width = sum(client.nthreads().values()) if scheduler else workers
            while len(under_way) < IN_FLIGHT_PER_WORKER * max(1, width):
                following = next(waiting, None)
                if following is None:
                    return
                index, item = following
                future = client.submit(function, item, pure=False)
                under_way[future.key] = index
                finished.add(future)

        submit_some()
        while under_way:
            future = next(finished)
            index = under_way.pop(future.key)
            outcome = _outcome(future)
            future.release()
            submit_some()
            yield index, outcome


def _outcome(future: Any) -> Any:
    """The result or the exception of an item; where the cluster was closed under it, that is raised.

    A result that lay on a worker that has died since is worked out again, so this may wait.
    """
    from concurrent.futures import CancelledError

    try:
        return future.result()
    except CancelledError:
        raise
    except Exception as error:
        return error


def _local(workers: int, stack: ExitStack) -> Any:
    """A client of single-threaded worker processes on this machine, closed when the stack is."""
    import dask
    from distributed import Client, LocalCluster

    settings = {
        "distributed.scheduler.allowed-failures": 1,
        "distributed.scheduler.worker-saturation": 1.0,  # nothing queues behind an item that may kill its worker
        "distributed.worker.multiprocessing-method": "spawn",  # torch does not survive a fork
        "distributed.worker.profile.enabled": False,  # its records grow by 16 MB a minute
        # set before the process starts: later is too late for malloc and for the thread pools
        "distributed.nanny.pre-spawn-environ": SINGLE_THREADED | KEEPS_MEMORY,
    }
    stack.enter_context(dask.config.set(settings))
    cluster = LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        processes=True,
        dashboard_address=":0",  # any free port: two runs on one machine must not warn of each other
        silence_logs=logging.CRITICAL,
    )
    stack.enter_context(cluster)
    return stack.enter_context(Client(cluster))


def _remote(scheduler: str) -> Any:
    from distributed import Client

    try:
        return Client(scheduler, timeout=10)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {scheduler}: start one with `dask scheduler`, or use --workers"
        ) from error
