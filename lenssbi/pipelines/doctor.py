"""`lenssbi doctor`: checks of the machine and the installation.

Each check examines one thing and reports the result, with a remedy if there is a problem. The level `look` is for
something that works, but slowly or without an optional part; `bad` is for a problem that will stop a run. The
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
DRIVER = Path("/proc/driver/nvidia/version")  # exists if the kernel has a driver of NVIDIA
GB = 1e9
FIT_MEMORY = 0.6 * GB  # docs/benchmarks: 569 MB at the peak of a fit
SET_DISK = 0.6 * GB  # ten thousand simulated stamps


@dataclass(frozen=True)
class Check:
    """Result of one check.

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
        """Number of checks with this level."""
        return sum(check.level == level for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        counts = {level: self.count(level) for level in ("ok", "look", "bad")}  # type: ignore[arg-type]
        checks = [asdict(check) for check in self.checks]
        return {"checks": checks, "counts": counts, "versions": dict(self.versions), "seconds": self.seconds}


def run(progress: Callable[[int, int, str], None] = lambda done, total, text: None) -> DoctorResult:
    """Make all checks; none of them changes anything on the machine."""
    started = time.perf_counter()
    makers: tuple[Callable[[], Check | Iterable[Check]], ...] = (
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
    for number, make in enumerate(makers):
        progress(number, len(makers), "checking")
        found = make()
        checks += [found] if isinstance(found, Check) else found
    progress(len(makers), len(makers), "checking")
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
    """Check of the required packages: one line if all are installed, otherwise one for each that is not."""
    requirements = _requirements()
    wrong = [check for requirement in requirements if (check := _installed(requirement)) is not None]
    if wrong:
        return wrong
    return [Check("packages", "ok", f"all {len(requirements)} are installed and recent enough")]


def extra(name: str) -> Check:
    """Check of an optional group of packages, which only some commands need."""
    wanted = _requirements(name)
    if not wanted:
        return Check(name, "look", "the installed lenssbi does not list these packages", "install lenssbi again")
    wrong = [check for requirement in wanted if (check := _installed(requirement)) is not None]
    if not wrong:
        return Check(name, "ok", ", ".join(f"{r.name} {importlib.metadata.version(r.name)}" for r in wanted))
    found = "; ".join(f"{check.name}: {check.found}" for check in wrong)
    return Check(name, "look", found, f"for {EXTRAS[name]}: pip install 'lenssbi[{name}]'")


def galsim() -> Check:
    """Check whether the renderer loads; an installed GalSim may lack a library of the system."""
    try:
        from lenssbi.rendering import renderer
    except ImportError as error:
        remedy = "for simulating: pip install 'lenssbi[simulate]', or simulate with --set rendering.engine=batched"
        return Check("GalSim", "look", f"does not load ({error})", remedy)
    return Check("GalSim", "ok", f"loads ({renderer.galsim.__version__})")


def gpu() -> Check:
    """Check whether torch finds a GPU and can compute on it; torch may be built for other GPUs."""
    import torch

    if torch.cuda.is_available():
        name = f"{torch.cuda.get_device_name(0)}, {torch.cuda.get_device_properties(0).total_memory / GB:.0f} GB"
        try:
            torch.ones(8, device="cuda").sum().item()
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            remedy = "install the torch for this GPU from pytorch.org, or hide it: export CUDA_VISIBLE_DEVICES="
            return Check("GPU", "bad", f"{name}: does not compute ({reason})", remedy)
        return Check("GPU", "ok", f"{name}, CUDA {torch.version.cuda}")
    if not (DRIVER.exists() or shutil.which("nvidia-smi")):
        return Check("GPU", "ok", "none: networks and fits run on the processor")
    if torch.version.cuda is None:
        return Check("GPU", "look", "there is one, but this torch has no GPU support", "install torch from pytorch.org")
    built = f"there is one, but torch, built for CUDA {torch.version.cuda}, does not find it"
    return Check("GPU", "look", built, "check that nvidia-smi runs, and the value of CUDA_VISIBLE_DEVICES")


def usable_cores() -> int:
    """Number of cores that affinity and control groups (a container, a batch system) allow."""
    from dask.system import CPU_COUNT

    return CPU_COUNT


def threads(cores: int, environment: Mapping[str, str]) -> Check:
    """Check whether a library would start more threads than there are cores, which makes all of them slow."""
    import numba
    import torch

    wanted = {"torch": torch.get_num_threads(), "numba": numba.config.NUMBA_NUM_THREADS}
    wanted |= {name: int(value) for name in THREADS if (value := environment.get(name, "")).isdigit()}
    too_many = [f"{name}: {number}" for name, number in wanted.items() if number > cores]
    if too_many:
        settings = " ".join(f"{name}={cores}" for name in THREADS)
        return Check("threads", "look", f"{cores} cores, but {', '.join(too_many)}", f"export {settings}")
    listed = ", ".join(f"{name} {number}" for name, number in wanted.items())
    return Check("threads", "ok", f"{cores} cores; {listed}; the workers of a catalogue take one each")


def memory(limit: float, free: float) -> Check:
    """Check whether the memory is sufficient for a fit; `limit` and `free` in bytes."""
    found = f"{free / GB:.1f} GB free of {limit / GB:.1f}"
    if free < FIT_MEMORY:
        return Check(
            "memory", "bad", found, f"a fit takes {FIT_MEMORY / GB:.1f} GB: end other programs or request more"
        )
    return Check("memory", "ok", f"{found}; a fit takes {FIT_MEMORY / GB:.1f}")


def folder(path: Path, name: str) -> Check:
    """Check whether files can be written to a folder, and the free space."""
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
    """Check whether Numba can write its cache; without one a fit does not start."""
    try:
        from lenssbi.reconstruction import kernel, rectangular  # noqa: F401 - the import locates the caches
    except (RuntimeError, OSError) as error:
        remedy = "export NUMBA_CACHE_DIR=FOLDER, one that you may write to"
        return Check("kernels", "bad", f"Numba cannot store them ({str(error).splitlines()[0]})", remedy)
    return Check("kernels", "ok", "Numba can store compiled functions")


def weights() -> list[Check]:
    """Check that the shipped networks are unchanged, by their SHA-256."""
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
    return wrong or [Check("weights", "ok", f"{', '.join(names)}: unchanged")]


def _requirements(extra: str = "") -> list[Requirement]:
    """Requirements of lenssbi on this machine: those of an extra, or the general ones if none is named."""
    from packaging.requirements import Requirement

    listed = [Requirement(text) for text in importlib.metadata.requires("lenssbi") or ()]
    always = [r for r in listed if r.marker is None or r.marker.evaluate({"extra": ""})]
    return always if not extra else [r for r in listed if r not in always and r.marker.evaluate({"extra": extra})]  # type: ignore[union-attr]


def _installed(requirement: Requirement) -> Check | None:
    """Problem with a package; None if there is none."""
    remedy = f"pip install '{requirement.name}{requirement.specifier}'"
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return Check(requirement.name, "bad", "is not installed", remedy)
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return Check(requirement.name, "bad", f"{version} is installed, {requirement.specifier} is needed", remedy)


def _versions() -> dict[str, str]:
    """Versions of the installed packages that lenssbi may use, by name."""
    wanted = [*_requirements(), *(r for name in EXTRAS for r in _requirements(name))]
    found = {dist.metadata["Name"].lower(): dist.version for dist in importlib.metadata.distributions()}
    return {r.name: found[r.name.lower()] for r in wanted if r.name.lower() in found}


def _memory() -> tuple[int, int]:
    """Available memory, and the part of it that is free [bytes]."""
    import psutil
    from distributed.system import MEMORY_LIMIT

    return MEMORY_LIMIT, min(MEMORY_LIMIT, psutil.virtual_memory().available)
