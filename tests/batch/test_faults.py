"""What goes wrong around the items: processes that die, a client that is killed, a scheduler that goes, things that cannot be sent."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import pytest

from lenssbi import batch
from lenssbi.batch import remote
from lenssbi.status import InputError

from .schedulers import scheduler_of_ones_own, wait_until


def slowly(number):
    time.sleep(0.2)
    return number, os.getpid()


def deadly_at_first(number, path, times):
    """Kill the process the first few times that item 1 is tried."""
    tries = path / "tries"
    if number == 1:
        time.sleep(0.5)  # a process that dies as soon as it is there is replaced too, but later
        tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
        if len(tries.read_text()) <= times:
            os._exit(1)
    return number


class Stubborn:
    """Cannot be sent to another process."""

    def __reduce__(self):
        raise RuntimeError("stays where it is")


class Fussy(Exception):
    """Cannot be made again from its arguments alone."""

    def __init__(self, number, sentence):
        super().__init__(f"{number}: {sentence}")


class Payload:
    """A result that can be counted."""


def unsendable(number):
    return Stubborn() if number == 1 else number


def fussy(number):
    raise Fussy(number, "no")


def payload(_):
    return Payload()


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_processes_that_are_killed_cost_no_item():
    values, pids = {}, set()
    for index, (number, pid) in batch.run(slowly, range(20), workers=2):
        values[index] = number
        pids.add(pid)
        if index % 4 == 0 and alive(pid):
            os.kill(pid, signal.SIGKILL)
    assert values == {number: number for number in range(20)}
    assert len(pids) > 2


def test_an_item_survives_a_few_deaths(tmp_path):
    outcomes = dict(batch.run(partial(deadly_at_first, path=tmp_path, times=4), range(4), workers=2))
    assert outcomes == {number: number for number in range(4)}
    assert len((tmp_path / "tries").read_text()) >= 5  # a process may also be lost while it sends its result


def test_a_result_that_cannot_be_sent_spoils_no_other():
    """All of them are asked for in one message, as happens on a busy machine."""
    with remote.local(2) as pool:
        client, gate = pool.client, asyncio.Semaphore(0)
        client._gather_semaphore = gate

        def open_the_gate():
            tasks = client.cluster.scheduler.tasks
            wait_until(lambda: sum(task.state == "memory" for task in list(tasks.values())) == 8, 60)
            client.loop.add_callback(gate.release)

        threading.Thread(target=open_the_gate).start()
        outcomes = dict(pool.map(unsendable, range(8)))
    assert isinstance(outcomes.pop(1), Exception)
    assert outcomes == {number: number for number in (0, 2, 3, 4, 5, 6, 7)}


class TestOneCrew:
    """All in the same two processes, for none of these kills one."""

    @pytest.fixture(scope="class")
    def pool(self):
        with remote.local(2) as found:
            yield found

    def test_an_exception_that_cannot_be_sent_is_a_value_all_the_same(self, pool):
        [(index, error)] = pool.map(fussy, [7])
        assert index == 0
        assert "7: no" in str(error)

    def test_phases_share_their_processes_and_a_phase_may_be_left(self, pool):
        first = {pid for _, (_, pid) in pool.map(slowly, range(8))}
        left = pool.map(slowly, range(1000))
        next(left)
        left.close()
        second = {pid for _, (_, pid) in pool.map(slowly, range(8))}
        assert len(first) == 2
        assert first == second

    def test_nothing_piles_up(self, pool):
        gc.collect()
        tasks = pool.client.cluster.scheduler.tasks
        for index, outcome in pool.map(payload, range(300)):
            assert type(outcome).__name__ == "Payload"
            if index % 50 == 49:
                gc.collect()
                here = sum(type(thing).__name__ == "Payload" for thing in gc.get_objects())
                assert max(here, len(tasks)) <= 4 * remote.IN_FLIGHT_PER_WORKER


def test_nothing_outlives_a_client_that_is_killed(tmp_path):
    script = tmp_path / "client.py"
    script.write_text(
        "import os, time\nfrom lenssbi import batch\n"
        "def work(seconds):\n    end = time.monotonic() + seconds\n    while time.monotonic() < end: pass\n"
        "    return os.getpid()\n"
        "if __name__ == '__main__':\n"
        "    for _, pid in batch.run(work, [0.1] * 8 + [100] * 8, workers=2):\n        print(pid, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    pids = {int(process.stdout.readline()) for _ in range(8)}
    assert any(alive(pid) for pid in pids)
    process.kill()
    process.wait()
    wait_until(lambda: not any(alive(pid) for pid in pids), 60)


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP])
def test_a_scheduler_that_goes_away_is_one_sentence(fate, monkeypatch):
    monkeypatch.setattr(remote, "POLL_INTERVAL", 1.0)
    monkeypatch.setattr(remote, "ANSWER_TIMEOUT", 3.0)
    with scheduler_of_ones_own(workers=1) as (address, scheduler, _):
        outcomes = batch.run(slowly, range(1000), scheduler=address)
        next(outcomes)
        scheduler.send_signal(fate)
        start = time.monotonic()
        with pytest.raises(InputError, match="went away: what is finished is kept, so start a scheduler and run"):
            list(outcomes)
        assert time.monotonic() - start < 60


def test_workers_of_a_scheduler_come_and_go(monkeypatch):
    monkeypatch.setattr(remote, "POLL_INTERVAL", 0.5)
    with scheduler_of_ones_own(workers=0) as (address, _, add):
        threading.Timer(1.0, add).start()  # while the client waits for its first one
        values, pids = {}, []
        for index, (number, pid) in batch.run(slowly, range(40), scheduler=address):
            values[index] = number
            pids.append(pid)
            if len(values) == 3:
                add()
            if len(values) == 10:
                os.kill(pids[0], signal.SIGKILL)
    assert values == {number: number for number in range(40)}
    assert len(set(pids)) > 1
