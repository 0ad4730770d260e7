"""The clock that limits a fit: seconds of processor time, so that other work on the machine takes nothing away from it.

A limit of the wall clock would make the answer depend on the machine's load: beside eight other processes a fit of 90 seconds would
end after a tenth of its evaluations. On a quiet machine the two agree.
"""

from __future__ import annotations

import time


def processor_seconds(threads: int = 1) -> float:
    """Processor time of this process so far, as long as it takes `threads` threads that are busy together [s]."""
    return time.process_time() / threads
