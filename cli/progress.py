"""Progress of a command: a bar on a terminal, plain lines in the log of a batch job.

The rate counts only items of this process, so that it is correct for a continued run; a new phase of the run
(fewer items done than before, or another total) starts a new count.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

SECONDS_PER_LINE = 10.0  # shortest interval between two lines of a log


@dataclass
class Pace:
    """Rate and time left of one phase.

    Parameters
    ----------
    clock
        Function that returns the time [s].
    """

    clock: Callable[[], float] = time.monotonic
    total: int = 0
    done: int = 0
    _first: int = field(default=0, init=False)
    _start: float | None = field(default=None, init=False)

    def note(self, done: int, total: int) -> None:
        """Record that `done` of `total` items are finished."""
        if total != self.total or done < self.done or self._start is None:
            self._first, self._start = done, self.clock()
        self.done, self.total = done, total

    def text(self) -> str:
        """Rate and time left, such as "3.1/s, 0:12:07 left"; empty until an item is finished."""
        made = self.done - self._first
        seconds = 0.0 if self._start is None else self.clock() - self._start
        if made <= 0 or seconds <= 0:
            return ""
        rate = made / seconds
        speed = f"{rate:,.1f}/s" if rate >= 1 else f"{1 / rate:,.1f} s each"
        return f"{speed}, {_duration((self.total - self.done) / rate)} left" if self.done < self.total else speed


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours}:{minutes:02}:{rest:02}"


@dataclass
class Bar:
    """A bar on a terminal."""

    pace: Pace = field(default_factory=Pace)
    _shown: "tuple[Progress, TaskID] | None" = field(default=None, init=False)

    def show(self, done: int, total: int, text: str) -> None:
        """Show that `done` of `total` items are finished; `text` describes the present step."""
        self.pace.note(done, total)
        if self._shown is None:
            bar = _new_bar()
            self._shown = bar, bar.add_task(text, total=total, pace="")
            bar.start()
        bar, task = self._shown
        bar.update(task, completed=done, total=total, description=text, pace=self.pace.text())

    def stop(self) -> None:
        """Remove the bar."""
        if self._shown is not None:
            self._shown[0].stop()


@dataclass
class Log:
    """Plain lines, `SECONDS_PER_LINE` apart, and one for the end."""

    stream: TextIO
    pace: Pace = field(default_factory=Pace)
    _written: float | None = field(default=None, init=False)
    _unwritten: str = field(default="", init=False)

    def show(self, done: int, total: int, text: str) -> None:
        """Write a line with the number of finished items, if the last one is old enough."""
        self.pace.note(done, total)
        words = (f"{text}: {done:,} of {total:,}", self.pace.text())
        self._unwritten = ", ".join(word for word in words if word)
        now = self.pace.clock()
        if self._written is None:
            self._written = now
        if now >= self._written + SECONDS_PER_LINE:
            self._written = now
            self.stop()

    def stop(self) -> None:
        """Write the latest line, if it is not written yet."""
        if self._unwritten:
            print(self._unwritten, file=self.stream, flush=True)
            self._unwritten = ""


def progress_on_stderr() -> Bar | Log:
    """A bar if stderr is a terminal, otherwise a log."""
    from rich.console import Console

    return Bar() if Console(file=sys.stderr).is_terminal else Log(sys.stderr)


def _new_bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[pace]}"),
    )
    return Progress(*columns, console=Console(file=sys.stderr))
