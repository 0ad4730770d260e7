"""Whatever breaks, every good stamp has its row, every bad one its reason, and what was finished is neither lost nor repeated."""

import json
import os
import resource
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from matplotlib.figure import Figure

from lenssbi import catalogue as tables
from lenssbi.files import file_stem
from lenssbi.pipelines.catalogue.folder import CatalogueFolder
from lenssbi.pipelines.catalogue.lock import locked
from lenssbi.pipelines.catalogue.status import status_of
from lenssbi.status import Status

from ..batch.schedulers import scheduler_of_ones_own, wait_until
from .made_up_rings import SIDE, command, in_process, outcome, ring_file, ring_set, rings, untrained

GOOD, WAYS, EACH = 250, 10, 5
RINGS, SHARDS = 320, 5
KILLS = 2
ONLY_THE_NETWORK = ("--refine", "none", "--set", "tables=[ecsv]", "--set", "images=false", "--quiet")


@pytest.fixture(scope="module")
def estimator(tmp_path_factory):
    return untrained(tmp_path_factory.mktemp("estimator"))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A set of rings, five shards of them."""
    return ring_set(tmp_path_factory.mktemp("set") / "set.h5", rings(RINGS))


@pytest.fixture(scope="module")
def calm(tmp_path_factory, many, estimator):
    """The table of all of them, as text, of a run that nothing disturbed."""
    out = tmp_path_factory.mktemp("calm") / "out"
    assert in_process("catalogue", many, "--estimator", estimator, "--out", out, *ONLY_THE_NETWORK)[0] == 0
    return lines(out)


def broken(folder):
    """Ten ways in which a stamp is broken, five stamps each: rows of a table, and what their status must begin with."""
    ring = rings(1)[0]
    (folder / "truncated.fits").write_bytes(ring_file(folder / "whole.fits").read_bytes()[:9000])
    (folder / "a_folder.fits").mkdir()
    files = {
        ring_file(folder / "no_psf.fits", psf=False).name: Status.NO_PSF,
        ring_file(folder / "nan.fits", image=np.full_like(ring, np.nan)).name: Status.ALL_NAN,
        "truncated.fits": Status.TRUNCATED,
        ring_file(folder / "infrared.fits", band="NIR_H").name: Status.NO_IMAGE,
        ring_file(folder / "shape.fits", noise=np.full((SIDE, SIDE - 1), 5.0)).name: Status.BAD_SHAPE,
        ring_file(folder / "zero_noise.fits", noise=0.0).name: Status.ALL_NAN,
        "a_folder.fits": Status.NOT_FITS,
        "": Status.NO_PATH,
        ring_file(folder / "ground.fits", scale=0.26).name: Status.NOT_APPLICABLE,
    }
    rows = [(f"{name}-{i}", name, "", status) for name, status in files.items() for i in range(EACH)]
    return rows + [(f"good-{i}", "set.h5", str(i), Status.DUPLICATE) for i in range(EACH)]


@pytest.mark.slow
def test_three_hundred_stamps_of_which_fifty_are_broken(tmp_path, many, estimator):
    (tmp_path / "set.h5").symlink_to(many)
    bad = broken(tmp_path)
    assert len(bad) == WAYS * EACH
    good = [(f"good-{i}", "set.h5", str(i), Status.DONE) for i in range(GOOD)]
    rows = [*good, *bad]
    order = np.random.default_rng(3).permutation(len(rows))
    # the first of two rows with one id is the good one
    rows = sorted((rows[i] for i in order), key=lambda row: row[3] is Status.DUPLICATE)
    text = "".join(f"{name},{path},{index}\n" for name, path, index, _ in rows)
    (tmp_path / "stamps.csv").write_text("id,path,index\n" + text)
    arguments = ("catalogue", tmp_path / "stamps.csv", "--estimator", estimator, "--out", tmp_path / "out")
    code, _, error = in_process(*arguments, *ONLY_THE_NETWORK)
    assert code == 3, error
    table = tables.read(tmp_path / "out/catalogue.ecsv")
    assert len(table) == len(rows) == GOOD + WAYS * EACH
    for found, (name, _, _, status) in zip(table, rows, strict=True):
        assert found["status"].startswith(status.value), found["name"]
        assert (found["name"] == name) is (status is not Status.DUPLICATE)
        assert found["needs_human"] == (found["look_because"] != "")
        if status is Status.DONE:
            assert np.isfinite(found["einstein_radius"])
        else:
            assert found["look_because"] == found["status"]
    assert len(set(table["name"])) == len(table)
    assert CatalogueFolder.open(tmp_path / "out").card["counts"]["failed"] == 50
    # mended files are asked about again, and nothing else
    times = {file: file.stat().st_mtime_ns for file in (tmp_path / "out/network").iterdir()}
    (tmp_path / "nan.fits").unlink()
    ring_file(tmp_path / "nan.fits")
    code, out, _ = in_process(*arguments, *ONLY_THE_NETWORK, "--json")
    assert code == 3
    assert sum(item["status"] == "done" for item in json.loads(out)["items"]) == GOOD + EACH
    assert sum(file.stat().st_mtime_ns == then for file, then in times.items()) >= 3, "whole shards stay as they are"


def test_a_killed_client_goes_on_where_it_was(tmp_path, many, estimator, calm):
    out = tmp_path / "out"
    arguments = ("catalogue", many, "--estimator", estimator, *ONLY_THE_NETWORK)
    process = command(*arguments, "--out", out, "--workers", 2)
    while len(list((out / "network").glob("[0-9]*.h5"))) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    running = status_of(out)
    assert running.holder["process"] == process.pid
    assert not running.finished
    assert 64 <= running.asked <= RINGS
    process.kill()
    process.wait()
    time.sleep(1)  # workers finish what they are at, or not
    before = {file.name: file.stat().st_mtime_ns for file in (out / "network").glob("[0-9]*.h5")}
    assert in_process(*arguments, "--out", out)[0] == 0
    after = {file.name: file.stat().st_mtime_ns for file in (out / "network").glob("[0-9]*.h5")}
    assert len(after) == SHARDS
    assert all(after[name] == then for name, then in before.items()), "finished work was repeated"
    assert not list(out.rglob(".*.h5")), "half a file was left"
    assert lines(out) == calm
    assert status_of(out).finished
    assert status_of(out).holder is None


def lines(folder):
    """The table as text, without the times."""
    table = tables.read(folder / "catalogue.ecsv")
    table.remove_column("seconds")
    return table.pformat(max_width=-1, max_lines=-1)


@pytest.mark.slow
def test_killed_workers_cost_nothing_but_time(tmp_path, many, estimator, calm):
    """Their client is this process."""
    arguments = ("catalogue", many, "--estimator", estimator, *ONLY_THE_NETWORK)
    out, killed = tmp_path / "out", []

    def kill(ended):
        while len(killed) < KILLS and not ended.is_set():
            # one for every shard that is finished, in the middle of the next
            finished = len(list((out / "network").glob("[0-9]*.h5")))
            if len(killed) < finished and (workers := busy_workers()):
                killed.append(workers[len(killed) % len(workers)])
                os.kill(killed[-1], signal.SIGKILL)
            time.sleep(0.05)

    ended = threading.Event()
    with ThreadPoolExecutor(1) as threads:
        killing = threads.submit(kill, ended)
        try:
            code, _, error = in_process(*arguments, "--out", out, "--workers", 2)
        finally:
            ended.set()
    killing.result()
    assert code == 0, error
    assert len(killed) == KILLS
    assert lines(out) == calm


@pytest.mark.slow
def test_a_scheduler_that_goes_away_loses_nothing_that_is_finished(tmp_path, many, estimator, calm):
    out = tmp_path / "out"
    arguments = ("catalogue", many, "--estimator", estimator, *ONLY_THE_NETWORK)
    with scheduler_of_ones_own(workers=2) as (address, scheduler, _):
        process = command(*arguments, "--out", out, "--scheduler", address)
        wait_until(lambda: len(list((out / "network").glob("[0-9]*.h5"))) >= 2 or process.poll() is not None, 300)
        scheduler.kill()
        code, _, error = outcome(process)
    assert code == 2
    assert error.count("\n") == 1
    assert "went away: what is finished is kept" in error
    before = {file.name: file.stat().st_mtime_ns for file in (out / "network").glob("[0-9]*.h5")}
    assert 2 <= len(before) <= SHARDS  # all, where a loaded machine is slow to kill
    assert not (out / "catalogue.ecsv").exists()
    assert in_process(*arguments, "--out", out)[0] == 0
    after = {file.name: file.stat().st_mtime_ns for file in (out / "network").glob("[0-9]*.h5")}
    assert len(after) == SHARDS
    assert all(after[name] == then for name, then in before.items()), "finished work was repeated"
    assert lines(out) == calm


def busy_workers():
    """Processes that work: children that have torch in memory."""
    children = psutil.Process().children(recursive=True)
    return [child.pid for child in children if child.is_running() and child.memory_info().rss > 2e8]


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path, many, estimator):
    arguments = ("catalogue", f"{many}:0-129", "--estimator", estimator, "--out", tmp_path / "out", *ONLY_THE_NETWORK)

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))  # no file may be larger: a shard is
    try:
        code, _, error = in_process(*arguments)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 2
    assert error.count("\n") == 1
    assert "free some space" in error
    assert not list((tmp_path / "out/network").glob("*.h5"))
    assert not list(tmp_path.rglob(".0*"))
    assert in_process(*arguments)[0] == 0


def test_the_second_of_two_runs_into_one_folder(tmp_path, many, estimator):
    out = tmp_path / "out"
    arguments = ("catalogue", f"{many}:0-9", "--estimator", estimator, "--out", out, *ONLY_THE_NETWORK)
    with locked(out):
        code, _, error = in_process(*arguments)
    assert code == 2
    assert error.count("\n") == 1
    assert f"process {os.getpid()}" in error
    assert "choose another --out" in error
    assert [path.name for path in out.iterdir()] == [".lock"]


HOSTILE = (
    "../../outside", "/etc/outside", "..", ".", ".hidden", "<script>alert(1)</script>", "a\"b'c", "x" * 300, "日本語 レンズ",
    "null\\0byte", "$(touch outside)", "CON", "name with spaces", "‮reversed", "a/b", "a_b", "-rf",
)  # fmt: skip


def test_hostile_names_stay_inside_the_folder(tmp_path, many, estimator, monkeypatch):
    from astropy.table import Table

    inner = tmp_path / "deep/inner"
    inner.mkdir(parents=True)
    rows = {"id": list(HOSTILE), "path": [str(many)] * len(HOSTILE), "index": list(range(len(HOSTILE)))}
    Table(rows).write(inner / "stamps.ecsv")
    before = set(tmp_path.rglob("*"))
    arguments = ("catalogue", inner / "stamps.ecsv", "--estimator", estimator, "--out", inner / "out")
    options = (
        "--refine",
        "all",
        "--set",
        "fit.sampler.max_evaluations=20",
        "--set",
        "fit.start.place=network",
        "--quiet",
    )
    monkeypatch.chdir(inner)
    monkeypatch.setattr(
        "lenssbi.plots.lens.lens_figure", lambda *_: Figure((0.1, 0.1))
    )  # the names of the files are tested
    code, _, error = in_process(*arguments, *options, "--set", "fit.mesh.pixels=36")
    assert code in (0, 3), error
    new = set(tmp_path.rglob("*")) - before
    assert all((inner / "out") in (path, *path.parents) for path in new)
    table = tables.read(inner / "out/catalogue.ecsv")
    assert table["name"].tolist() == list(HOSTILE)
    files = [row["figure"] for row in table if row["figure"]]  # a fit that is refused leaves its figure in the row
    assert len(set(files)) == len(files) > 0, "every fit has a file of its own"
    assert all(not Path(path).is_absolute() and ".." not in Path(path).parts for path in table["posterior"])
    assert len({file_stem(name) for name in HOSTILE}) == len(HOSTILE)
    assert max(len(file_stem(name).encode()) for name in HOSTILE) < 120


def test_a_scheduler_that_nobody_started(tmp_path, many, estimator):
    arguments = ("catalogue", f"{many}:0-9", "--estimator", estimator, "--out", tmp_path / "out", *ONLY_THE_NETWORK)
    code, _, error = in_process(*arguments, "--scheduler", "nonsense://here")
    assert code == 2
    assert "scheduler" in error
