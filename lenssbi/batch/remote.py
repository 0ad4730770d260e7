"""Processes of a Dask scheduler: several on this machine, or those of a scheduler that is already running.

A process may die for reasons unrelated to its item (it is killed, its machine fails), so an item is tried again, after the
others, until `DEATHS` processes have died while working on it. If processes are killed at random once per duration of an item
on average, a try succeeds with probability exp(-1), and a harmless item is given up with (1 - exp(-1))**20, 1 in 10,000.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from lenssbi.status import InputError

IN_FLIGHT_PER_WORKER = 4  # enough that no worker waits for the next item, few enough that memory stays constant
DEATHS = 20
POLL_INTERVAL = 10.0  # seconds between checks of the scheduler and its workers
ANSWER_TIMEOUT = 20.0  # seconds within which a running scheduler answers
SILENT = logging.CRITICAL + 1  # errors are returned as values, so Dask need not print them too
SINGLE_THREADED = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
# By default the workers' malloc returns every array to the system, and half of the time is spent on allocating it again
KEEPS_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,  # every death is reported, and counted here
    "distributed.scheduler.worker-saturation": 1.0,  # nothing queues behind an item that may kill its worker
    "distributed.worker.multiprocessing-method": "spawn",  # torch does not survive a fork
    "distributed.worker.profile.enabled": False,  # its records grow by 16 MB a minute
    # set before the process starts: later is too late for malloc and for the thread pools
    "distributed.nanny.pre-spawn-environ": SINGLE_THREADED | KEEPS_MEMORY,
}


class WorkersDied(Exception):
    """The processes that worked on an item died, one after the other."""


@dataclass
class WorkerPool:
    """Processes that work on items.

    Parameters
    ----------
    client
        A Dask client.
    address
        Address of its scheduler, for messages.
    count
        Function that returns the number of processes, which may change; it is called every `POLL_INTERVAL` seconds and raises an
        InputError if work cannot continue.
    """

    client: Any
    address: str
    count: Callable[[], int]
    _count: int = field(default=1, init=False)
    _polled: float = field(default=float("-inf"), init=False)

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """Yield (index, result or exception) for every item; see `engine.Map`."""
        phase = _Phase(self, function, enumerate(items))
        try:
            phase.fill()
            while phase.under_way:
                work = phase.next_finished()
                phase.fill()
                yield work.index, work.outcome
        finally:
            phase.close()

    def worker_count(self, at_once: bool = False) -> int:
        """Number of processes, from the last check or a new one."""
        if at_once or time.monotonic() > self._polled + POLL_INTERVAL:
            self._count = max(1, self.count())
            self._polled = time.monotonic()
        return self._count

    def connection_lost(self) -> InputError:
        """The error to raise if the scheduler no longer runs."""
        return InputError(
            f"the Dask scheduler at {self.address} went away: what is finished is kept, "
            "so start a scheduler and run the same command again"
        )


@dataclass
class _Work:
    """One item in progress, its Dask future, and its failures so far."""

    index: int
    item: Any
    future: Any = None
    outcome: Any = None
    raised: bool = False
    deaths: int = 0
    fetches: int = 0


@dataclass
class _Phase:
    """One function over some items, and those of them that are in progress."""

    pool: WorkerPool
    function: Callable[[Any], Any]
    waiting: Iterator[tuple[int, Any]]
    under_way: dict[int, _Work] = field(default_factory=dict)
    ready: SimpleQueue[_Work] = field(default_factory=SimpleQueue)

    def fill(self) -> None:
        """Send items until every process has its next ones."""
        while len(self.under_way) < IN_FLIGHT_PER_WORKER * self.pool.worker_count():
            following = next(self.waiting, None)
            if following is None:
                return
            work = _Work(*following)
            self.under_way[work.index] = work
            self._send(work)

    def next_finished(self) -> _Work:
        """Wait for an item to finish, whichever it is."""
        while True:
            try:
                work = self.ready.get(timeout=POLL_INTERVAL)
            except Empty:
                self.pool.worker_count()
                continue
            if (work.future is None or self._is_final(work)) and not self._tried_again(work):
                del self.under_way[work.index]
                return work

    def close(self) -> None:
        """Release the items in progress: the scheduler drops results that no client waits for."""
        for work in self.under_way.values():
            if work.future is not None:
                work.future.release()

    def _send(self, work: _Work) -> None:
        try:
            work.future = self.pool.client.submit(self.function, work.item, pure=False)
        except Exception as error:
            if self.pool.client.status != "running":
                raise self.pool.connection_lost() from error
            work.outcome = error  # the item cannot be sent
            self.ready.put(work)
            return
        self._wait_for(work)

    def _wait_for(self, work: _Work) -> None:
        self.pool.client.loop.add_callback(self._deliver, work)

    async def _deliver(self, work: _Work) -> None:
        """Get the result of an item as soon as it is available; in Dask's own thread, for many at once."""
        try:
            work.outcome, work.raised = await work.future.result(), False
        except Exception as error:
            work.outcome, work.raised = error, True
            if work.future.status == "finished" and not isinstance(error, OSError):
                await self._fetch_alone(work)
        self.ready.put(work)

    async def _fetch_alone(self, work: _Work) -> None:
        """Get a single result: Dask packs concurrent requests into one message, which fails if one result cannot be sent."""
        try:
            response = await self.pool.client.scheduler.gather(keys=[work.future.key])
            if response["status"] == "OK":
                work.outcome, work.raised = response["data"][work.future.key], False
        except Exception as error:
            work.outcome = error

    def _is_final(self, work: _Work) -> bool:
        """Whether an outcome is final; False if the result was lost with its process and is computed again."""
        odd = work.raised and work.future.status != "error"  # not raised by the function
        if odd and work.future.status == "cancelled":
            raise self.pool.connection_lost()
        # other errors than OSError come from a result that cannot be sent
        if odd and isinstance(work.outcome, OSError) and work.fetches < DEATHS:
            self.pool.worker_count(at_once=True)
            work.fetches += 1
            self._wait_for(work)
            return False
        work.future.release()
        work.future = None
        return True

    def _tried_again(self, work: _Work) -> bool:
        """Whether an item is tried again because its process died."""
        from distributed import KilledWorker

        if not isinstance(work.outcome, KilledWorker):
            return False
        work.deaths += work.outcome.allowed_failures + 1
        if work.deaths < DEATHS:
            self._send(work)
            return True
        work.outcome = WorkersDied(f"{work.deaths} processes died while they worked on it: out of memory, or a crash")
        return False


@contextmanager
def local(workers: int) -> Iterator[WorkerPool]:
    """Single-threaded processes on this machine, closed at the end."""
    import dask
    from distributed import Client, LocalCluster

    with (
        # a process that dies during its start is given up by its nanny, so both are replaced
        dask.config.set(SETTINGS | {"distributed.deploy.lost-worker-timeout": "4s"}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=":0",  # any free port: two runs on one machine must not warn of each other
            silence_logs=SILENT,
            env=SINGLE_THREADED,  # wins over what the user has set for one process that has the machine for itself
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        cluster.adapt(minimum=workers, maximum=workers)
        yield WorkerPool(client, cluster.scheduler_address, lambda: workers)


@contextmanager
def existing(scheduler: str) -> Iterator[WorkerPool]:
    """The workers of a running scheduler; their number may change."""
    from distributed import Client
    from distributed.utils import silence_logging_cmgr

    try:
        # a test without a client first: the garbage collector closes a client that failed to start, hangs and prints a traceback
        with ThreadPoolExecutor(1) as thread:  # the main thread of a notebook has a running event loop
            thread.submit(lambda: asyncio.run(_greet(scheduler))).result()
        client = Client(scheduler, timeout=10, set_as_default=False)
    except Exception as error:  # the library's own, of many types
        raise InputError(
            f"no Dask scheduler answers at {scheduler}: start one with `dask scheduler`, or use --workers"
        ) from error

    def count() -> int:
        try:
            return sum(client.nthreads(callback_timeout=ANSWER_TIMEOUT).values())
        except Exception as error:  # the library's own, of many types
            raise pool.connection_lost() from error

    with silence_logging_cmgr(SILENT), client:
        pool = WorkerPool(client, scheduler, count)
        yield pool


async def _greet(scheduler: str) -> None:
    """Open a connection to a scheduler and close it again; raises what the library raises."""
    from distributed.comm import connect

    comm = await connect(scheduler, timeout=10)
    await comm.close()
