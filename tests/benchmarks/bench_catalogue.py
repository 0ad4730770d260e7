"""How long a catalogue takes, and what its processes hold, with one worker and with two.

    python tests/benchmarks/bench_catalogue.py STAMPS --out DIR [--refine none|all] [--workers 1 2] [--every 2]

runs `lenssbi catalogue STAMPS` once for each number of workers, looks at its processes every few seconds, and writes `catalogue.csv` (a
row per run) and `memory.csv` (a row per process and look) into DIR.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

PROGRAM = [sys.executable, "-c", "from lenssbi_cli.main import main; main()"]
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def look(pid):
    """(pid, role, megabytes, CPU seconds) of every process of a run."""
    found = []
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        try:
            role = (
                "client"
                if process.pid == pid
                else ("worker" if "spawn_main" in " ".join(process.cmdline()) else "other")
            )
            times = process.cpu_times()
            found.append((process.pid, role, process.memory_info().rss / 1e6, times.user + times.system))
        except psutil.Error:  # it has just ended
            continue
    return found


def measure(stamps, out, workers, refine, every):
    """Run once: the row of the table, and what was seen."""
    command = [
        *PROGRAM,
        "catalogue",
        stamps,
        "--out",
        str(out),
        "--refine",
        refine,
        "--workers",
        str(workers),
        "--quiet",
    ]
    start, seen = time.time(), []
    run = subprocess.Popen(command, env=os.environ | THREADS)
    while run.poll() is None:
        try:
            seen += [(workers, round(time.time() - start, 1), *one) for one in look(run.pid)]
        except psutil.Error:
            break
        time.sleep(every)
    seconds, code = time.time() - start, run.wait()
    if code not in (0, 3):
        sys.exit(f"the run ended with {code}")
    card = json.loads((out / "run.json").read_text())
    cpu = {}
    for _, _, pid, _, _, used in seen:
        cpu[pid] = max(used, cpu.get(pid, 0.0))
    peak = {role: max((m for _, _, _, r, m, _ in seen if r == role), default=0.0) for role in ("client", "worker")}
    count = card["counts"]["refined"] if refine == "all" else card["counts"]["stamps"]
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return {
        "workers": workers, "refine": refine, **card["counts"], "seconds": round(seconds, 1),
        "per_second": round(count / seconds, 3), "cpu_seconds_each": round(sum(cpu.values()) / count, 4),
        "client_peak_mb": round(peak["client"]), "worker_peak_mb": round(peak["worker"]),
        "kilobytes_each": round(size / count / 1e3, 1),
    }, seen  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stamps")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--refine", default="none")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--every", type=float, default=2.0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows, seen = [], []
    for workers in options.workers:
        out = options.out / f"{options.refine}-{workers}"
        row, more = measure(options.stamps, out, workers, options.refine, options.every)
        rows.append(row)
        seen += more
        print(row, flush=True)
    with open(options.out / "catalogue.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with open(options.out / "memory.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("workers", "seconds", "pid", "role", "megabytes", "cpu_seconds"))
        writer.writerows((*one[:4], round(one[4], 1), round(one[5], 1)) for one in seen)


if __name__ == "__main__":
    main()
