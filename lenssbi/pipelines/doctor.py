"""`lenssbi doctor`: checks of the machine and the installation.

Each check examines one thing and reports the result, with a remedy if there is a problem. `look` is
something that works, but slowly, or without a part that not everybody needs; `bad` is something that will stop a run. The
libraries are loaded and queried, because an installed package may fail to load, and a batch system may provide less
than the machine has.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lenssbi.status import InputError

if TYPE_CHECKING:
    from packaging.requirements import Requirement

Level = Literal["ok", "look", "bad"]
EXTRAS = {
    "simulate": "simulating stamps",
    "export": "COOLEST and ArviZ files",
    "slurm": "catalogues through SLURM",
    "regions": "masks that were drawn in DS9",
}
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
DRIVER = Path("/proc/driver/nvidia/version")  # there where the kernel has a driver of NVIDIA's
GB = 1e9
FIT_MEMORY = 0.6 * GB  # docs/benchmarks: 569 MB at the peak of a fit
SET_DISK = 0.6 * GB  # ten thousand simulated stamps


@dataclass(frozen=True)
class Check:
    """What one look found.

    Parameters
    ----------
    name
        Name of the check.
    level
        "ok"; "look": it works, but could work better; "bad": a run will fail.
    found
        Result of the check.
    remedy
        Remedy; empty if none is needed.
    """

    name: str
    level: Level
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class DoctorResult:
    """All checks, and the versions of the installed packages.

    Parameters
    ----------
    checks
        Checks in the order in which they were made.
    versions
        Versions of the packages that lenssbi requires, by name.
    seconds
        Wall-clock time of the checks [s].
    """

    checks: tuple[Check, ...]
    versions: Mapping[str, str]
    seconds: float

    def count(self, level: Level) -> int:
        """How many checks ended so."""
        return sum(check.level == level for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        counts = {level: self.count(level) for level in ("ok", "look", "bad")}  # type: ignore[arg-type]
        checks = [asdict(check) for check in self.checks]
        return {"checks": checks, "counts": counts, "versions": dict(self.versions), "seconds": self.seconds}


def run(progress: Callable[[int, int, str], None] = lambda done, total, text: None) -> DoctorResult:
    """Make every check; none of them changes anything on this machine."""
    started = time.perf_counter()
    looks: tuple[Callable[[], Check | Iterable[Check]], ...] = (
        python,
        packages,
        lambda: [extra(name) for name in EXTRAS],
        galsim,
        gpu,
        lambda: threads(usable_cores(), os.environ),
        lambda: memory(*_memory()),
        lambda: [folder(Path.cwd(), "current folder"), folder(Path(tempfile.gettempdir()), "temporary folder")],
        kernels,
        weights,
    )
    checks: list[Check] = []
    for number, look in enumerate(looks):
        progress(number, len(looks), "looking")
        found = look()
        checks += [found] if isinstance(found, Check) else found
    progress(len(looks), len(looks), "looking")
    return DoctorResult(tuple(checks), _versions(), time.perf_counter() - started)


def python() -> Check:
    """Compare the version of the interpreter with the one that lenssbi needs."""
    from packaging.specifiers import SpecifierSet

    from lenssbi import __version__

    version = ".".join(str(part) for part in sys.version_info[:3])
    found = f"{version}, lenssbi {__version__} in {Path(__file__).parents[1]}"
    wanted = importlib.metadata.metadata("lenssbi")["Requires-Python"] or ""
    if version in SpecifierSet(wanted):
        return Check("Python", "ok", found)
    return Check("Python", "bad", found, f"install Python {wanted} and lenssbi into it")


def packages() -> list[Check]:
    """What lenssbi cannot do without: one line if it is all there, else one for each that is not."""
    requirements = _requirements()
    wrong = [check for requirement in requirements if (check := _installed(requirement)) is not None]
    if wrong:
        return wrong
    return [Check("packages", "ok", f"all {len(requirements)} are there and new enough")]


def extra(name: str) -> Check:
    """What only some commands need."""
    wanted = _requirements(name)
    if not wanted:
        return Check(name, "look", "lenssbi was installed by an earlier version's list", "install lenssbi again")
    wrong = [check for requirement in wanted if (check := _installed(requirement)) is not None]
    if not wrong:
        return Check(name, "ok", ", ".join(f"{r.name} {importlib.metadata.version(r.name)}" for r in wanted))
    found = "; ".join(f"{check.name}: {check.found}" for check in wrong)
    return Check(name, "look", found, f"for {EXTRAS[name]}: pip install 'lenssbi[{name}]'")


def galsim() -> Check:
    """Whether the renderer loads: an installed GalSim may still miss a library of the system."""
    try:
        from lenssbi.rendering import renderer
    except ImportError as error:
        remedy = "for simulating: pip install 'lenssbi[simulate]', or simulate with --set rendering.engine=batched"
        return Check("GalSim", "look", f"does not load ({error})", remedy)
    return Check("GalSim", "ok", f"loads ({renderer.galsim.__version__})")


def gpu() -> Check:
    """Whether torch sees a GPU, and whether that GPU computes: torch may be built for others."""
    import torch

    if torch.cuda.is_available():
        name = f"{torch.cuda.get_device_name(0)}, {torch.cuda.get_device_properties(0).total_memory / GB:.0f} GB"
        try:
            torch.ones(8, device="cuda").sum().item()
        except RuntimeError as error:
            said = str(error).splitlines()[0]
            remedy = "install the torch that pytorch.org names for it, or hide it: export CUDA_VISIBLE_DEVICES="
            return Check("GPU", "bad", f"{name}: does not compute ({said})", remedy)
        return Check("GPU", "ok", f"{name}, CUDA {torch.version.cuda}")
    if not (DRIVER.exists() or shutil.which("nvidia-smi")):
        return Check("GPU", "ok", "none: networks and fits run on the processor")
    if torch.version.cuda is None:
        return Check("GPU", "look", "there is one, but this torch knows no GPU", "install torch as pytorch.org says")
    built = f"there is one, but torch, built for CUDA {torch.version.cuda}, does not see it"
    return Check("GPU", "look", built, "see whether nvidia-smi runs, and what CUDA_VISIBLE_DEVICES says")


def usable_cores() -> int:
    """Cores that affinity and control groups (a container, a batch system) leave to us."""
    from dask.system import CPU_COUNT

    return CPU_COUNT


def threads(cores: int, environment: Mapping[str, str]) -> Check:
    """Whether some library would start more threads than there are cores, which makes all of them slow."""
    import numba
    import torch

    wanted = {"torch": torch.get_num_threads(), "numba": numba.config.NUMBA_NUM_THREADS}
    wanted |= {name: int(value) for name in THREADS if (value := environment.get(name, "")).isdigit()}
    too_many = [f"{name}: {number}" for name, number in wanted.items() if number > cores]
    if too_many:
        said = " ".join(f"{name}={cores}" for name in THREADS)
        return Check("threads", "look", f"{cores} cores, but {', '.join(too_many)}", f"export {said}")
    listed = ", ".join(f"{name} {number}" for name, number in wanted.items())
    return Check("threads", "ok", f"{cores} cores; {listed}; the workers of a catalogue take one each")


def memory(limit: float, free: float) -> Check:
    """Whether a fit has room; `limit` and `free` in bytes."""
    found = f"{free / GB:.1f} GB free of {limit / GB:.1f}"
    if free < FIT_MEMORY:
        return Check(
            "memory", "bad", found, f"a fit takes {FIT_MEMORY / GB:.1f} GB: end other programs or ask for more"
        )
    return Check("memory", "ok", f"{found}; a fit takes {FIT_MEMORY / GB:.1f}")


def folder(path: Path, name: str) -> Check:
    """Whether files can be written there, and how much room they have."""
    try:
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"lenssbi")
            file.flush()
    except OSError as error:
        return Check(name, "bad", f"{path}: cannot be written to ({error.strerror})", _ELSEWHERE[name])
    free = shutil.disk_usage(path).free
    found = f"{path}: {free / GB:.1f} GB free"
    if free < SET_DISK:
        return Check(name, "look", found, f"ten thousand stamps take {SET_DISK / GB:.1f} GB: make room")
    return Check(name, "ok", found)


_ELSEWHERE = {
    "current folder": "work in a folder of your own",
    "temporary folder": "export TMPDIR=FOLDER, one that you may write to",
}


def kernels() -> Check:
    """Whether Numba can write its cache; without one a fit does not start."""
    try:
        from lenssbi.reconstruction import kernel, rectangular  # noqa: F401 - caches are found when they are imported
    except (RuntimeError, OSError) as error:
        remedy = "export NUMBA_CACHE_DIR=FOLDER, one that you may write to"
        return Check("kernels", "bad", f"Numba has nowhere to keep them ({str(error).splitlines()[0]})", remedy)
    return Check("kernels", "ok", "Numba can keep what it compiles")


def weights() -> list[Check]:
    """Whether the shipped networks are as they were shipped, by their SHA-256."""
    from lenssbi.estimators.load import DEFAULT, SHIPPED, load_estimator, shipped_estimators

    again = "pip install --force-reinstall --no-deps lenssbi"
    names, wrong = shipped_estimators(), list[Check]()
    if DEFAULT not in names:
        wrong.append(Check("weights", "bad", f"{SHIPPED / DEFAULT} is missing", again))
    for name in names:
        try:
            load_estimator(SHIPPED / name)
        except InputError as error:
            wrong.append(Check("weights", "bad", str(error), again))
    return wrong or [Check("weights", "ok", f"{', '.join(names)}: as they were shipped")]


def _requirements(extra: str = "") -> list[Requirement]:
    """What lenssbi asks for on this machine: without an extra's name, what it always does."""
    from packaging.requirements import Requirement

    listed = [Requirement(text) for text in importlib.metadata.requires("lenssbi") or ()]
    always = [r for r in listed if r.marker is None or r.marker.evaluate({"extra": ""})]
    return always if not extra else [r for r in listed if r not in always and r.marker.evaluate({"extra": extra})]  # type: ignore[union-attr]


def _installed(requirement: Requirement) -> Check | None:
    """What is wrong with a package; None where nothing is."""
    remedy = f"pip install '{requirement.name}{requirement.specifier}'"
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return Check(requirement.name, "bad", "is not installed", remedy)
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return Check(requirement.name, "bad", f"{version} is installed, {requirement.specifier} is needed", remedy)


def _versions() -> dict[str, str]:
    """Of everything that lenssbi may use and that is there, by name."""
    wanted = [*_requirements(), *(r for name in EXTRAS for r in _requirements(name))]
    found = {dist.metadata["Name"].lower(): dist.version for dist in importlib.metadata.distributions()}
    return {r.name: found[r.name.lower()] for r in wanted if r.name.lower() in found}


def _memory() -> tuple[int, int]:
    """Bytes that we may use, and those of them that are free."""
    import psutil
    from distributed.system import MEMORY_LIMIT

    return MEMORY_LIMIT, min(MEMORY_LIMIT, psutil.virtual_memory().available)
