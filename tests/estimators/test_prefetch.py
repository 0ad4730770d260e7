"""Items made ahead by a thread."""

import threading
import time
from itertools import count, islice

import pytest

from lenssbi.estimators.prefetch import prefetched


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_order_and_end_are_those_of_the_iterator(ahead):
    assert list(prefetched(iter(range(20)), ahead)) == list(range(20))
    assert list(prefetched(iter(()), ahead)) == []


def test_the_next_item_is_made_while_one_is_used():
    made = []

    def items():
        for i in count():
            made.append(i)
            yield i

    stream = prefetched(items(), 2)
    assert next(stream) == 0
    deadline = time.monotonic() + 10
    while len(made) < 4 and time.monotonic() < deadline:  # two wait, and one is in the thread's hand
        time.sleep(0.01)
    time.sleep(0.1)
    assert made == [0, 1, 2, 3]
    stream.close()


def test_an_error_is_raised_where_its_item_was_wanted():
    def items():
        yield 1
        raise ValueError("no more")

    stream = prefetched(items(), 2)
    assert next(stream) == 1
    with pytest.raises(ValueError, match="no more"):
        next(stream)


def test_the_thread_ends_when_nobody_wants_more():
    before = threading.active_count()
    stream = prefetched(count(), 1)
    assert list(islice(stream, 3)) == [0, 1, 2]
    stream.close()
    assert threading.active_count() == before
