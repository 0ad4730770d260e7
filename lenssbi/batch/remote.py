"""Processes behind a Dask scheduler: a few of this machine's, or those of a scheduler that runs already.

A process may die for reasons of its own (killed, its machine lost), so an item is tried again, behind the others, until
`DEATHS` processes have died under it. Where processes are killed at random as often as items take long, a try succeeds
with a chance of exp(-1), and an innocent item is given up with one of (1 - exp(-1))**20, 1 in 10,000.
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
LOOK = 10.0  # seconds from one look at the scheduler and its workers to the next
ANSWER = 20.0  # seconds in which a scheduler that is there has answered
SILENT = logging.CRITICAL + 1  # what goes wrong comes back as a value, so Dask need not print it too
SINGLE_THREADED = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
# Dask has its workers' malloc hand every array back to the system, which then takes half of the time to give it out again
KEEPS_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)}
SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,  # every death is told, and counted here
    "distributed.scheduler.worker-saturation": 1.0,  # nothing queues behind an item that may kill its worker
    "distributed.worker.multiprocessing-method": "spawn",  # torch does not survive a fork
    "distributed.worker.profile.enabled": False,  # its records grow by 16 MB a minute
    # set before the process starts: later is too late for malloc and for the thread pools
    "distributed.nanny.pre-spawn-environ": SINGLE_THREADED | KEEPS_MEMORY,
}


class WorkersDied(Exception):
    """An item under which one process after the other died."""


@dataclass
class Crew:
    """Processes that work on items.

    Parameters
    ----------
    client
        A Dask client.
    address
        Of its scheduler, for messages.
    count
        Tells how many processes there are; asked every `LOOK` seconds, for they may come and go. Raises an InputError
        where work cannot go on.
    """

    client: Any
    address: str
    count: Callable[[], int]
    _count: int = field(default=1, init=False)
    _looked: float = field(default=float("-inf"), init=False)

    def spread(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """Yield (index, result or exception) for every item; see `engine.Spread`."""
        phase = _Phase(self, function, enumerate(items))
        try:
            phase.fill()
            while phase.under_way:
                work = phase.next_finished()
                phase.fill()
                yield work.index, work.outcome
        finally:
            phase.close()

    def look(self, at_once: bool = False) -> int:
        """How many processes there are, by the last look or a new one."""
        if at_once or time.monotonic() > self._looked + LOOK:
            self._count = max(1, self.count())
            self._looked = time.monotonic()
        return self._count

    def gone(self) -> InputError:
        """What to say where the scheduler is no longer there."""
        return InputError(
            f"the Dask scheduler at {self.address} went away: what is finished is kept, "
            "so start a scheduler and run the same command again"
        )


@dataclass
class _Work:
    """One item that is under way, what stands for its result, and what went wrong with it so far."""

    index: int
    item: Any
    future: Any = None
    outcome: Any = None
    raised: bool = False
    deaths: int = 0
    fetches: int = 0


@dataclass
class _Phase:
    """One function over some items, and those of them that are under way."""

    crew: Crew
    function: Callable[[Any], Any]
    waiting: Iterator[tuple[int, Any]]
    under_way: dict[int, _Work] = field(default_factory=dict)
    ready: SimpleQueue[_Work] = field(default_factory=SimpleQueue)

    def fill(self) -> None:
        """Send items until every process has its next ones."""
        while len(self.under_way) < IN_FLIGHT_PER_WORKER * self.crew.look():
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
                work = self.ready.get(timeout=LOOK)
            except Empty:
                self.crew.look()
                continue
            if (work.future is None or self._is_final(work)) and not self._tried_again(work):
                del self.under_way[work.index]
                return work

    def close(self) -> None:
        """Forget what is under way: the scheduler drops what nobody waits for."""
        for work in self.under_way.values():
            if work.future is not None:
                work.future.release()

    def _send(self, work: _Work) -> None:
        try:
            work.future = self.crew.client.submit(self.function, work.item, pure=False)
        except Exception as error:
            if self.crew.client.status != "running":
                raise self.crew.gone() from error
            work.outcome = error  # the item cannot be sent
            self.ready.put(work)
            return
        self._wait_for(work)

    def _wait_for(self, work: _Work) -> None:
        self.crew.client.loop.add_callback(self._deliver, work)

    async def _deliver(self, work: _Work) -> None:
        """Get the result of an item as soon as it is there; in Dask's own thread, for many at once."""
        try:
            work.outcome, work.raised = await work.future.result(), False
        except Exception as error:
            work.outcome, work.raised = error, True
            if work.future.status == "finished" and not isinstance(error, OSError):
                await self._fetch_alone(work)
        self.ready.put(work)

    async def _fetch_alone(self, work: _Work) -> None:
        """Get a result by itself: Dask packs what is asked for at one time into one message, and what cannot be sent spoils it."""
        try:
            response = await self.crew.client.scheduler.gather(keys=[work.future.key])
            if response["status"] == "OK":
                work.outcome, work.raised = response["data"][work.future.key], False
        except Exception as error:
            work.outcome = error

    def _is_final(self, work: _Work) -> bool:
        """Whether an outcome is the item's own; False where the result died with its process and is worked out again."""
        odd = work.raised and work.future.status != "error"  # not raised by the function
        if odd and work.future.status == "cancelled":
            raise self.crew.gone()
        # what is odd and no OSError comes from a result that cannot be sent
        if odd and isinstance(work.outcome, OSError) and work.fetches < DEATHS:
            self.crew.look(at_once=True)
            work.fetches += 1
            self._wait_for(work)
            return False
        work.future.release()
        work.future = None
        return True

    def _tried_again(self, work: _Work) -> bool:
        """Whether an item goes back to the others because its process died."""
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
def local(workers: int) -> Iterator[Crew]:
    """Single-threaded processes on this machine, closed at the end."""
    import dask
    from distributed import Client, LocalCluster

    with (
        # a process that dies while it starts is given up by its nanny, so both are replaced
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
        yield Crew(client, cluster.scheduler_address, lambda: workers)


@contextmanager
def existing(scheduler: str) -> Iterator[Crew]:
    """The workers of a scheduler that runs already, however many there are at a time."""
    from distributed import Client
    from distributed.utils import silence_logging_cmgr

    try:
        # first by itself: a client that failed to start is closed by the garbage collector, which hangs and prints a traceback
        with ThreadPoolExecutor(1) as thread:  # a notebook's own has a running event loop
            thread.submit(lambda: asyncio.run(_greet(scheduler))).result()
        client = Client(scheduler, timeout=10, set_as_default=False)
    except Exception as error:  # the library's own, of many types
        raise InputError(
            f"no Dask scheduler answers at {scheduler}: start one with `dask scheduler`, or use --workers"
        ) from error

    def count() -> int:
        try:
            return sum(client.nthreads(callback_timeout=ANSWER).values())
        except Exception as error:  # the library's own, of many types
            raise crew.gone() from error

    with silence_logging_cmgr(SILENT), client:
        crew = Crew(client, scheduler, count)
        yield crew


async def _greet(scheduler: str) -> None:
    """Open a connection to a scheduler and close it again; raises what the library raises."""
    from distributed.comm import connect

    comm = await connect(scheduler, timeout=10)
    await comm.close()
