"""The rate and the time left, and how often a log hears of them."""

import io

import pytest

from lenssbi_cli import progress
from lenssbi_cli.progress import Bar, Log, Pace


class Clock:
    """Time that passes when it is told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def noted(clock, *events):
    """A pace after (seconds later, done, total) each."""
    pace = Pace(clock)
    for seconds, done, total in events:
        clock.now += seconds
        pace.note(done, total)
    return pace.text()


def test_nothing_is_said_before_something_is_done(clock):
    assert noted(clock, (0, 0, 100), (5, 0, 100)) == ""


def test_the_rate_and_the_time_left(clock):
    assert noted(clock, (0, 0, 100), (10, 20, 100)) == "2.0/s, 0:00:40 left"


def test_slow_items_are_told_in_seconds(clock):
    assert noted(clock, (0, 0, 200), (100, 4, 200)) == "25.0 s each, 1:21:40 left"


def test_days_are_days(clock):
    assert noted(clock, (0, 0, 10_000), (60, 1, 10_000)).endswith("6 d 22 h left")


def test_what_an_earlier_run_did_does_not_count(clock):
    fresh = noted(clock, (0, 0, 50), (10, 10, 50))
    continued = noted(clock, (0, 950, 1000), (10, 960, 1000))
    assert continued == fresh == "1.0/s, 0:00:40 left"


def test_a_new_phase_is_a_new_count(clock):
    assert noted(clock, (0, 0, 10), (1, 10, 10), (60, 0, 10), (20, 5, 10)) == "4.0 s each, 0:00:20 left"
    assert noted(clock, (0, 0, 10), (1, 5, 10), (60, 5, 40), (20, 15, 40)) == "2.0 s each, 0:00:50 left"


def test_no_time_is_left_at_the_end(clock):
    assert noted(clock, (0, 0, 10), (5, 10, 10)) == "2.0/s"


def test_a_log_has_a_line_every_ten_seconds_and_one_for_the_end(clock):
    stream = io.StringIO()
    log = Log(stream, Pace(clock))
    for done in range(101):
        log.show(done, 1000, "fitting")
        clock.now += 0.5
    log.stop()
    log.stop()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "fitting: 20 of 1,000, 2.0/s, 0:08:10 left"
    assert [line.split(",")[0] for line in lines] == [f"fitting: {n} of 1" for n in (20, 40, 60, 80, 100)]


def test_a_short_run_leaves_one_line(clock):
    stream = io.StringIO()
    log = Log(stream, Pace(clock))
    log.show(0, 2, "fitting")
    log.show(2, 2, "fitting")
    log.stop()
    assert stream.getvalue() == "fitting: 2 of 2\n"


def test_what_stderr_is_decides(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    assert isinstance(progress.progress_on_stderr(), Log)
    stream.isatty = lambda: True
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(progress.progress_on_stderr(), Bar)


def test_the_bar_shows_the_pace_and_takes_text_as_it_is(monkeypatch, clock):
    stream = io.StringIO()
    stream.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    bar = Bar(Pace(clock))
    bar.show(0, 10, "fitting [bold]lens[/]")
    clock.now += 10
    bar.show(5, 10, "fitting [bold]lens[/]")
    bar.stop()
    bar.stop()
    assert "2.0 s each, 0:00:10 left" in stream.getvalue()
    assert "fitting [bold]lens[/]" in stream.getvalue()
