"""One function over many items: in this process, in a few of them, or on a Dask cluster.

An item that fails is a value, not the end of the run: its exception comes back in its place, and so does a `WorkersDied`
for an item under which one process after the other died. Only a bounded number of items is under way at a time, so
neither the items nor the results ever pile up in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from lenssbi.batch.cluster import ClusterConfig

Item = TypeVar("Item")
Result = TypeVar("Result")


class Spread(Protocol):
    """One function over many items, by whoever does the work."""

    def __call__(
        self, function: Callable[[Item], Result], items: Iterable[Item]
    ) -> Iterator[tuple[int, Result | Exception]]:
        """Yield (index, result or exception) for every item, in the order in which they finish.

        Parameters
        ----------
        function
            What to do with one item. It is sent to other processes, so it must be importable: a module-level function
            or a `functools.partial` of one.
        items
            The items; drawn lazily, a few ahead of the work.

        Raises
        ------
        InputError
            If the scheduler goes away.
        """


@contextmanager
def crew(workers: int = 1, scheduler: str | None = None, cluster: ClusterConfig | None = None) -> Iterator[Spread]:
    """Hold processes for several phases of work, and close what was started when the work is over.

    Parameters
    ----------
    workers
        Processes on this machine. With 1 (and neither scheduler nor cluster) everything happens in this process, one
        item at a time.
    scheduler
        The address of a running Dask scheduler, such as "tcp://node1:8786"; `workers` is then ignored.
    cluster
        Where to ask for jobs instead; `workers` is then ignored.

    Raises
    ------
    InputError
        If nothing answers at the scheduler's address, or no job can be submitted.
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
    with processes as found:
        yield found.spread


def run(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int = 1,
    scheduler: str | None = None,
    cluster: ClusterConfig | None = None,
) -> Iterator[tuple[int, Result | Exception]]:
    """Work on one phase only: `crew` and its `Spread` in one, with their arguments."""
    _check(workers, scheduler, cluster)
    return _one_phase(function, items, workers, scheduler, cluster)


def _one_phase(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    scheduler: str | None,
    cluster: ClusterConfig | None,
) -> Iterator[tuple[int, Result | Exception]]:
    with crew(workers, scheduler, cluster) as spread:
        yield from spread(function, items)


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
