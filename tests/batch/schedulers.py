"""A Dask scheduler and its workers as processes of their own, as a site has them."""

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def scheduler_of_ones_own(workers):
    """A scheduler and workers as processes of their own: its address, its process, and a function that adds a worker."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address, started = f"tcp://127.0.0.1:{port}", []
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}  # where its workers find the functions

    def start(*words):
        command = [sys.executable, "-m", *words, "--no-dashboard"]
        nowhere = subprocess.DEVNULL
        started.append(subprocess.Popen(command, stdout=nowhere, stderr=nowhere, env=environment))
        return started[-1]

    def add():
        return start("distributed.cli.dask_worker", address, "--nthreads", "1", "--host", "127.0.0.1")

    def listens():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        scheduler = start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port))
        wait_until(listens, 30)
        for _ in range(workers):
            add()
        yield address, scheduler, add
    finally:
        for process in started:
            process.kill()
            process.wait()


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)
