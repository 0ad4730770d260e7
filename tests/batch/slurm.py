"""A stand-in for SLURM on one machine: called with `sbatch`, `squeue` or `scancel` and the arguments of that.

It refuses what the real `sbatch` refuses (an unknown partition, account or option, a malformed time, memory or number, a file that
is no script), runs the script in the background with its output where the script wants it, and ends it at its walltime
as SLURM does: SIGTERM to all of its processes, SIGKILL a little later. `$STAND_IN_SLURM` is the folder that holds one
file per job, with the process group of a running one; `refuse` there makes every submission fail.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(os.environ.get("STAND_IN_SLURM", "."))
PARTITIONS, ACCOUNTS = ("debug",), ("lenses",)
TIME = r"\d+|\d+:\d\d|\d+:\d\d:\d\d|\d+-\d+(:\d\d){0,2}"
OPTIONS = {
    "-J": r"\S+",
    "-e": r"\S+",
    "-o": r"\S+",
    "-p": "|".join(PARTITIONS),
    "-A": "|".join(ACCOUNTS),
    "-n": r"[1-9]\d*",
    "--cpus-per-task": r"[1-9]\d*",
    "--mem": r"[1-9]\d*[KMGT]?",
    "-t": TIME,
    "--qos": r"\w+",
    "--constraint": r"\S+",
}
KILL_WAIT = 2.0  # seconds; the real one's default is 30


def refuse(sentence):
    sys.exit(f"sbatch: error: {sentence}\nsbatch: error: Batch job submission failed")


def directives(script):
    """Options of a script, as far as its first command."""
    lines = script.read_text().splitlines()
    if not lines or not lines[0].startswith("#!"):
        refuse("This does not look like a batch script. The first line must start with #!")
    found = {}
    for line in lines[1:]:
        if line.strip() and not line.startswith("#"):
            break
        if line.startswith("#SBATCH"):
            name, _, value = line.removeprefix("#SBATCH").strip().replace("=", " ", 1).partition(" ")
            if name not in OPTIONS:
                refuse(f"unrecognized option '{name}'")
            if not re.fullmatch(OPTIONS[name], value):
                refuse(f"invalid value of {name} specified: {value}")
            found[name] = value
    return found


def seconds(walltime):
    days, _, clock = walltime.rpartition("-")
    hours, minutes, rest = map(int, clock.split(":"))
    return 86400 * int(days or 0) + 3600 * hours + 60 * minutes + rest


def sbatch(script):
    if (FOLDER / "refuse").exists():
        refuse("Socket timed out on send/recv operation")
    options = directives(Path(script))
    job, own = kept(Path(script).read_text())
    out, err = (Path(options[name].replace("%J", str(job))) for name in ("-o", "-e"))
    environment = os.environ | {"SLURM_JOB_ID": str(job)}
    with out.open("w") as output, err.open("w") as errors:
        process = subprocess.Popen(
            ["bash", own],
            stdout=output,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
    (FOLDER / f"job.{job}").write_text(str(process.pid))
    print(f"Submitted batch job {job}", flush=True)
    watch(job, process, seconds(options["-t"]))


def kept(script):
    """Number and copy of a script, whose caller deletes its own: no number is given twice, however many are submitted at once."""
    job = 1
    while True:
        own = FOLDER / f"script.{job}"
        try:
            with own.open("x") as copy:
                copy.write(script)
            return job, own
        except FileExistsError:
            job += 1


def watch(job, process, walltime):
    """Go into the background and wait for the job's end."""
    if os.fork():
        os._exit(0)  # the job's watchman is the child; the caller waits for this process only
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    os.setsid()
    start = time.monotonic()
    while running(process.pid) and time.monotonic() < start + walltime:
        time.sleep(0.1)
    finish(job)
    os._exit(0)


def running(group):
    """Whether any process of a job is left: neither gone nor only waiting to be collected."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(number) == group and state != "Z":
            return True
    return False


def finish(job):
    path = FOLDER / f"job.{job}"
    if not path.exists():
        return
    group = int(path.read_text())
    for number, wait in ((signal.SIGTERM, KILL_WAIT), (signal.SIGKILL, 0.0)):
        try:
            os.killpg(group, number)
        except ProcessLookupError:
            break
        end = time.monotonic() + wait
        while running(group) and time.monotonic() < end:
            time.sleep(0.05)
    path.unlink(missing_ok=True)


def squeue():
    for path in sorted(FOLDER.glob("job.*")):
        print(path.suffix[1:])


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "sbatch":
        sbatch(*arguments)
    elif command == "squeue":
        squeue()
    else:
        for number in arguments:
            finish(int(number))
