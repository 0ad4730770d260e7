"""Items of an iterator prefetched by a thread: while the network trains on one block of stamps, the next is composed on another core."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")
SECONDS = 0.2  # between checks whether more items are needed


def prefetched(items: Iterator[T], count: int) -> Iterator[T]:
    """The items in their order, at most `count` of them prefetched; 0 makes each when it is needed.

    An exception in the thread is raised in place of its item. The thread ends with the iterator, or when that is closed.
    """
    if not count:
        yield from items
        return
    waiting: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(count)
    over = threading.Event()

    def put(whole: bool, item: T | BaseException | None) -> bool:
        while not over.is_set():
            try:
                waiting.put((whole, item), timeout=SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(True, item):
                    return
        except BaseException as error:
            put(False, error)
        else:
            put(False, None)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield from _received(waiting)
    finally:
        over.set()
        thread.join()


def _received(waiting: queue.Queue[tuple[bool, T | BaseException | None]]) -> Iterator[T]:
    """Items until the thread has no more or raises."""
    while True:
        whole, item = waiting.get()
        if whole:
            yield item  # type: ignore[misc]
        elif isinstance(item, BaseException):
            raise item
        else:
            return
