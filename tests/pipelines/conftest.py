"""What several files of these tests share."""

import pytest

from ..browser import browser


@pytest.fixture(scope="module")
def started():
    """A browser."""
    with browser() as found:
        yield found
