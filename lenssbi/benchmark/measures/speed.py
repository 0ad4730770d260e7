"""Speed: stamps per second of prediction and of training, on the available threads and, if there is one, on a GPU.

A prediction is timed twice: the network alone with all its passes, stamps read from the set block by block, and the
whole of `lenssbi predict`, which also measures the noise, draws from the posteriors and summarises them. A training runs
for some seconds in a folder that is removed again.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi.benchmark.config import Training
from lenssbi.dataset.hdf5 import StampSet, blocks
from lenssbi.pipelines.results import Progress, silent

if TYPE_CHECKING:
    from lenssbi.estimators.estimator import Estimator

PACKAGES = (
    "lenssbi",
    "torch",
    "lightning",
    "sbi",
    "zuko",
    "numpy",
    "scipy",
    "numba",
    "nautilus-sampler",
    "h5py",
    "galsim",
)
NETWORK, COMMAND, TRAINING = "network", "lenssbi predict", "training"
STAMP_PASSES = 15_000_000  # of the paper's training: 100,000 stamps, 150 epochs
Row = dict[str, Any]


def machine() -> dict[str, str]:
    """This machine and the versions of its software: name -> text."""
    import torch

    graphics = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    threads = str(torch.get_num_threads())
    known = {"processor": processor(), "threads": threads, "GPU": graphics, "Python": platform.python_version()}
    for package in PACKAGES:
        try:
            known[package] = version(package)
        except PackageNotFoundError:
            known[package] = "not installed"
    return known


def processor() -> str:
    """Model of the processor, if the system provides it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.processor() or platform.machine()


def prediction_speed(name: str, folder: str, path: Path, progress: Progress = silent) -> Iterator[Row]:
    """A row for the network alone on each device, and one for the whole command.

    Parameters
    ----------
    name
        Name of the method.
    folder
        Name or folder of its estimator.
    path
        Path of a set.
    progress
        Function that is called with (done, total, text).
    """
    import torch

    from lenssbi.estimators.load import load_estimator
    from lenssbi.pipelines.predict import run as predict

    for device, there in (("cpu", True), ("cuda", torch.cuda.is_available())):
        if not there:
            yield _row(name, NETWORK, "GPU", status="not measured: this machine has no GPU", peak_memory_mb=None)
            continue
        estimator = load_estimator(folder)
        for density in estimator.densities:
            density.to(device)
        yield _network_alone(name, estimator, path, device, progress)
    start = time.perf_counter()
    result = predict([str(path)], estimator=folder, progress=progress)
    device = "GPU" if torch.cuda.is_available() else "CPU"
    yield _row(name, COMMAND, device, stamps=len(result.items), seconds=time.perf_counter() - start)


def training_speed(name: str, plan: Training, path: Path, folder: Path, progress: Progress = silent) -> Row:
    """Stamp passes per second of a training, on the GPU if there is one.

    Parameters
    ----------
    name
        Name of the training.
    plan
        Configuration and duration of the training.
    path
        Path of the set; for validation only, if the plan simulates its stamps.
    folder
        Folder of the training; it is removed at the end.
    progress
        Function that is called with (done, total, text).
    """
    import torch

    from lenssbi.estimators.state import load_state
    from lenssbi.pipelines.train import run as train

    shutil.rmtree(folder, ignore_errors=True)
    try:
        data, validation = ([], path) if plan.config.fresh else ([path], None)
        train(plan.config, data, folder, validation=validation, base=plan.base, progress=progress)
        state = load_state(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert state is not None  # written by the finished training
    device = "GPU" if torch.cuda.is_available() else "CPU"
    return _row(name, TRAINING, device, stamps=state.step * plan.config.batch_size, seconds=state.seconds)


def _network_alone(name: str, estimator: Estimator, path: Path, device: str, progress: Progress) -> Row:
    import torch

    with StampSet(path) as stamps:
        count = len(stamps)
        estimator.predict(stamps.images(slice(1)), stamps.noise(slice(1)))  # one-time costs are not timed
        start = time.perf_counter()
        for rows in blocks(range(count)):
            estimator.predict(stamps.images(rows), stamps.noise(rows))
            progress(rows.stop, count, f"timing on {device}")
        seconds = time.perf_counter() - start
    measured = {"stamps": count, "seconds": seconds, "passes": estimator.card.passes}
    if device == "cpu":
        return _row(name, NETWORK, "CPU", **measured)
    memory = torch.cuda.max_memory_allocated() / 2**20
    return _row(name, NETWORK, "GPU", **measured, peak_memory_mb=memory, processor=torch.cuda.get_device_name())


def _row(name: str, what: str, device: str, **measured: Any) -> Row:
    """A row of `speed.csv`; the memory is the largest of the process so far, or of the GPU."""
    import torch

    row: Row = {"name": name, "what": what, "device": device, "threads": torch.get_num_threads(), "passes": None}
    row |= {"stamps": None, "seconds": None, "stamps_per_second": None}
    row |= {"peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10, "processor": processor()}
    row |= {"load": round(os.getloadavg()[0], 1), "date": datetime.now(UTC).date().isoformat()}
    row |= {"status": "done", **measured}
    if row["seconds"]:
        row["stamps_per_second"] = row["stamps"] / row["seconds"]
    return row
