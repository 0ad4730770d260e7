"""The law of the engine: every item comes back once, with the same outcome however many processes worked on it."""

import itertools
import os
import signal
import subprocess
import sys
import time

import pytest

from lenssbi import batch
from lenssbi.batch import remote
from lenssbi.batch.remote import SINGLE_THREADED
from lenssbi.status import InputError


def fragile(number):
    if number == 3:
        raise ValueError(f"{number} is unlucky")
    return number**2


def deadly(number):
    if number == 2:
        os._exit(1)
    return number


def threads(_):
    return [os.environ[name] for name in SINGLE_THREADED]  # torch, BLAS and Numba read these when they are imported


def check_outcomes(outcomes):
    assert sorted(outcomes) == list(range(6))
    assert [outcomes[index] for index in (0, 1, 2, 4, 5)] == [0, 1, 4, 16, 25]
    assert isinstance(outcomes[3], ValueError)
    assert "unlucky" in str(outcomes[3])


def test_in_process_is_lazy_and_in_order():
    drawn = []
    items = (drawn.append(number) or number for number in itertools.count())
    results = batch.run(fragile, items)
    assert next(results) == (0, 0)
    assert next(results) == (1, 1)
    assert drawn == [0, 1]


def test_a_failing_item_is_a_value():
    check_outcomes(dict(batch.run(fragile, range(6))))


def test_no_dask_in_one_process():
    code = "import sys; from lenssbi import batch; list(batch.run(abs, [1])); sys.exit('dask' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_workers_must_be_positive():
    with pytest.raises(ValueError, match="at least 1"):
        batch.run(abs, [], workers=0)


class TestTwoProcesses:
    """All in the same two: they take longer to start than to do this."""

    @pytest.fixture(scope="class")
    def spread(self):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OMP_NUM_THREADS", "8")  # the client's own
            with batch.worker_pool(workers=2) as found:
                yield found

    def test_they_agree_with_one(self, spread):
        check_outcomes(dict(spread(fragile, range(6))))

    def test_the_items_are_drawn_a_few_at_a_time(self, spread):
        drawn = []
        items = (drawn.append(number) or number for number in range(1000))
        results = spread(abs, items)
        for _ in range(20):
            next(results)
        assert len(drawn) <= 20 + 4 * 2
        results.close()

    def test_they_have_one_thread_each_whatever_the_client_has(self, spread):
        assert dict(spread(threads, [0])) == {0: ["1"] * 4}


def test_an_item_that_always_kills_is_given_up(monkeypatch):
    monkeypatch.setattr(remote, "DEATHS", 3)
    outcomes = dict(batch.run(deadly, range(5), workers=2))
    died = outcomes.pop(2)
    assert isinstance(died, remote.WorkersDied)
    assert "3 processes died" in str(died)
    assert outcomes == {0: 0, 1: 1, 3: 3, 4: 4}


def test_no_scheduler_is_one_sentence():
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        list(batch.run(abs, [1], scheduler="nonsense://here"))


def test_no_scheduler_leaves_nothing_behind():
    """A client that was made and failed is closed by the garbage collector, which then prints a traceback."""
    addresses = ("tls://127.0.0.1:9", "tcp://127.0.0.1:9", "nonsense", "")
    code = (
        "import gc, sys\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "from lenssbi.batch.remote import existing\nfrom lenssbi.status import InputError\n"
        "def ask(address):\n"
        "    try:\n        with existing(address): return 'answered'\n"
        "    except InputError as error: return str(error)\n"
        "with ThreadPoolExecutor(4) as threads:\n"  # each waits ten seconds for an answer
        "    print(*threads.map(ask, sys.argv[1:]), sep='\\n')\ngc.collect()"
    )
    words = [sys.executable, "-c", code, *addresses]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True)
    for address, line in zip(addresses, done.stdout.splitlines(), strict=True):
        assert line.startswith(f"no Dask scheduler answers at {address}: start one")
    assert "Traceback" not in done.stderr


def test_an_interrupt_ends_it(tmp_path):
    script = tmp_path / "sleepy.py"
    script.write_text(
        "import signal\nimport time\nfrom lenssbi import batch\n"
        "if __name__ == '__main__':\n"
        # a shell starts what it puts into the background, this test-suite perhaps, with interrupts ignored
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "    for outcome in batch.run(time.sleep, [0] + 40 * [1], workers=2):\n"
        "        print(outcome, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout.readline().strip() == b"(0, None)"
    start = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert time.monotonic() - start < 15
    assert b"KeyboardInterrupt" in errors
