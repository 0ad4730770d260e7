"""Application of a function to many items: in this process, in several processes, or on a Dask cluster.

A failure of an item does not end the run: its exception is yielded as its result, as is a `WorkersDied` for an item that
repeatedly killed its process. Only a bounded number of items is in progress at a time, so neither the items nor the
results accumulate in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from lenssbi.batch.cluster import ClusterConfig

Item = TypeVar("Item")
Result = TypeVar("Result")


class Map(Protocol):
    """A function that maps another function over many items."""

    def __call__(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[tuple[int, Result | Exception]]:
        """Yield (index, result or exception) for every item, in the order in which they finish.

        Parameters
        ----------
        function
            Function of one item. It is sent to other processes, so it must be importable: a module-level function
            or a `functools.partial` of one.
        items
            Items, which are drawn lazily, a few in advance.

        Raises
        ------
        InputError
            If the connection to the scheduler is lost.
        """


@contextmanager
def worker_pool(workers: int = 1, scheduler: str | None = None, cluster: ClusterConfig | None = None) -> Iterator[Map]:
    """Hold processes for several phases of work, and close those that were started at the end.

    Parameters
    ----------
    workers
        Number of processes on this machine. With 1 (and neither scheduler nor cluster) everything happens in this process, one
        item at a time.
    scheduler
        Address of a running Dask scheduler, such as "tcp://node1:8786"; `workers` is then ignored.
    cluster
        Batch system whose jobs are used instead; `workers` is then ignored.

    Raises
    ------
    InputError
        If no scheduler answers at the address, or no job can be submitted.
    """
    _check(workers, scheduler, cluster)
    if workers == 1 and scheduler is None and cluster is None:
        yield _in_process
        return
    from lenssbi.batch import remote

    if scheduler is not None:
        processes = remote.existing(scheduler)
    elif cluster is not None:
        from lenssbi.batch.cluster import submitted

        processes = submitted(cluster)
    else:
        processes = remote.local(workers)
    with processes as pool:
        yield pool.map


def run(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int = 1,
    scheduler: str | None = None,
    cluster: ClusterConfig | None = None,
) -> Iterator[tuple[int, Result | Exception]]:
    """Run a single phase of work: `worker_pool` and its `Map` in one call, with their arguments."""
    _check(workers, scheduler, cluster)
    return _one_phase(function, items, workers, scheduler, cluster)


def _one_phase(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    scheduler: str | None,
    cluster: ClusterConfig | None,
) -> Iterator[tuple[int, Result | Exception]]:
    with worker_pool(workers, scheduler, cluster) as map_items:
        yield from map_items(function, items)


def _check(workers: int, scheduler: str | None, cluster: ClusterConfig | None) -> None:
    if workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    if scheduler is not None and cluster is not None:
        raise ValueError("a scheduler or a cluster, not both")


def _in_process(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[int, Result | Exception]]:
    for index, item in enumerate(items):
        outcome: Result | Exception
        try:
            outcome = function(item)
        except Exception as error:
            outcome = error
        yield index, outcome
