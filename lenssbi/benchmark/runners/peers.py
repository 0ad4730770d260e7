"""PyAutoLens for comparison: its interpreter processes the same stamp, mask, sub-grid and PSF.

It has its own environment, so a job is a folder: `stamp.npz` and `job.json` are the input, `answer.json` the output
(`autolens_script.py`). Without such an interpreter its jobs are skipped with the reason.

PyAutoLens convolves light that was averaged over the pixels of a sub-grid with a kernel of one number per pixel. It is given the PSF at the
centres of the pixels, as its users do: an effective PSF as it is, an optical one without the pixel, which the averaging includes.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi import __version__
from lenssbi.benchmark.methods import AutolensMethod
from lenssbi.benchmark.runners.answers import digest
from lenssbi.benchmark.runners.fits import card_of, estimator_of
from lenssbi.benchmark.runners.records import RESULT, LensJob, PosteriorSummary, Record
from lenssbi.config import load_config
from lenssbi.dataset.inputs import StampSource
from lenssbi.dataset.stamp import Stamp
from lenssbi.parameters.conversions import to_autolens
from lenssbi.pipelines.results import sentence
from lenssbi.posteriors import Samples
from lenssbi.refinement.config import PINNED, RefineConfig
from lenssbi.refinement.likelihood import build_imaging
from lenssbi.refinement.observation import Observation, observe
from lenssbi.refinement.priors.modes import build_priors
from lenssbi.status import InputError, ItemError, Status

if TYPE_CHECKING:
    from lenssbi.dataset.hdf5 import StampSet
    from lenssbi.posteriors import DiagonalMixture
    from lenssbi.reconstruction.imaging import Imaging

SCRIPT = Path(__file__).with_name("autolens_script.py")
ASK_VERSION = "import autolens; print('version', autolens.__version__)"
MAX_ELLIPTICITY = 0.43  # of a uniform prior in its components: q above 0.4
ENVIRONMENT = {
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
}


class PeerError(RuntimeError):
    """The other interpreter failed; the message is its last line."""


@dataclass(frozen=True)
class Peer:
    """An interpreter, and the version of the PyAutoLens that it has; None with a `reason` if it has none."""

    python: str
    version: str | None
    reason: str = ""

    def run_job(self, folder: Path, job: Mapping[str, Any], arrays: Mapping[str, Any], limit: float) -> dict[str, Any]:
        """Run a job and return its output.

        Parameters
        ----------
        folder
            Folder of the job; a stopped run continues from its files.
        job, arrays
            Input of the job.
        limit
            Time limit [s].

        Raises
        ------
        PeerError
            If it ends without an answer.
        subprocess.TimeoutExpired
            If it was stopped.
        """
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / "stamp.npz", **arrays)
        (folder / "job.json").write_text(json.dumps(job))
        answer = folder / "answer.json"
        answer.unlink(missing_ok=True)
        script = shutil.copy(
            SCRIPT, folder
        )  # run in its own folder, Python would import our modules instead of others of the same name
        done = subprocess.run(
            [self.python, str(script), str(folder.resolve())],
            cwd=folder,
            env={**os.environ, **ENVIRONMENT},
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )
        if not answer.exists():
            lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
            raise PeerError(f"PyAutoLens: {lines[-1]}")
        found: dict[str, Any] = json.loads(answer.read_text())
        return found


@lru_cache(maxsize=4)
def find_peer(python: str | None) -> Peer:
    """The peer behind an interpreter."""
    if python is None:
        return Peer("", None, "no interpreter with PyAutoLens was named: give --autolens-python")
    try:
        done = subprocess.run(
            [python, "-c", ASK_VERSION],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env={**os.environ, **ENVIRONMENT},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Peer(python, None, f"the interpreter for PyAutoLens does not start ({type(error).__name__})")
    output = done.stdout.split()
    if done.returncode or "version" not in output:
        return Peer(python, None, "the interpreter named by --autolens-python cannot import autolens")
    return Peer(python, output[output.index("version") + 1])


@dataclass(frozen=True)
class PeerFits:
    """PyAutoLens's fit of each lens.

    Parameters
    ----------
    method
        Configuration of the method.
    peer
        Interpreter with PyAutoLens.
    """

    method: AutolensMethod
    peer: Peer

    def posteriors(self) -> tuple[str, ...]:
        """Names of the posteriors that are evaluated: it has one."""
        return (RESULT,)

    def reason_against(self, stamps: StampSet) -> str | None:
        """Why the fit does not apply to the lenses of a set; None if it does."""
        if self.peer.version is None:
            return self.peer.reason
        if self.method.suites is None and any(np.any(stamps.params.get(key, 0.0)) for key in ("shear1", "shear2")):
            return "its lenses are sheared, and this fit has no shear"
        if self.method.suites is None and np.ptp(stamps.params.get("slope", np.full(1, 2.0))) > 0:
            return "its slopes vary, and the fit is isothermal"
        return None

    def jobs(self, sources: list[StampSource], out: Path, name: str) -> list[LensJob]:
        """A job for each source, whose records are kept in the folder `name` of the results."""
        card = "" if self.method.estimator is None else card_of(self.method.estimator)
        settings = self.method.model_dump_json(exclude={"suites", "count", "estimator"})  # identified by its card
        jobs: list[LensJob] = []
        for source in sources:
            index = source.index or 0
            identity = digest(Path(source.path).name, str(index), settings, card, str(self.peer.version), __version__)
            places = out / "results" / name / f"{index:05d}.json", out / "work" / name / f"{index:05d}-{identity}"
            jobs.append(PeerJob(source, index, self.method, self.peer, *places, identity=identity))
        return jobs


@dataclass(frozen=True)
class PeerJob:
    """PyAutoLens's fit of one lens: stamp, method, interpreter, and the paths of record and state."""

    source: StampSource
    index: int
    method: AutolensMethod
    peer: Peer
    path: Path
    work: Path
    identity: str

    def solve(self) -> Record:
        """Fit the lens; a killed fit continues from its state."""
        try:
            job, arrays = self.question()
        except ItemError as error:
            return Record(self.index, sentence(error))
        limit = 60 * self.method.minutes - self._spent().get("seconds", 0.0)
        try:
            answer = self.peer.run_job(self.work, job, arrays, max(limit, 1.0))
        except subprocess.TimeoutExpired:
            spent = self._spent()
            status = f"stopped after {self.method.minutes:g} minutes"
            kept = {key: spent.get(key) for key in ("evaluations", "seconds", "cpu")}
            return Record.from_json({"index": self.index, "status": status, "beliefs": {}, "flags": (), **kept})
        draws = Samples(answer["values"], tuple(answer["names"]), ("",) * 5, np.log(answer["weights"]))
        posteriors = {RESULT: PosteriorSummary.of(draws, self.source.truth or {})}
        numbers: dict[str, Any] = {key: answer[key] for key in ("evaluations", "seconds", "cpu", "log_evidence")}
        info = {key: answer[key] for key in ("version", "best", "peak_memory_mb")}
        return Record(self.index, Status.DONE.value, posteriors, **numbers, info=info)

    def question(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The job and the arrays of this lens."""
        config = load_config(None, RefineConfig, ("mass.shear=false", *self.method.overrides))
        stamp = self.source.load()
        seen = observe(stamp, config)
        imaging = imaging_of(seen, config)
        learned = None
        if self.method.prior == "cnn-gaussian":
            if self.method.estimator is None:
                raise InputError("the prior cnn-gaussian of PyAutoLens's fit needs an estimator: name one")
            learned = estimator_of(self.method.estimator).predict_stamp(stamp)
        low, high = (10**value for value in config.prior.log10_strength)
        job = job_of(imaging, self.method.pixels) | {
            "task": "fit",
            "case": {"mesh": self.method.mesh, "solver": self.method.solver, "columns": 0},
            "priors": priors_of(config, seen, learned),
            # its source is in the image's unit and its coefficient is squared, ours in units of flux_scale
            "coefficients": [np.sqrt(low) / imaging.flux_scale, np.sqrt(high) / imaging.flux_scale],
            **{key: getattr(self.method, key) for key in ("n_live", "n_eff")},
            "seed": config.sampler.seed + 1,
        }
        return job, arrays_of(stamp, imaging)

    def _spent(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.work / "clock.json").read_text())
        except (OSError, ValueError):
            return {}
        return found


def imaging_of(seen: Observation, config: RefineConfig) -> Imaging:
    """The stamp as in our fit."""
    return build_imaging(seen.stamp, seen.mask, config.mesh)


def job_of(imaging: Imaging, pixels: int) -> dict[str, Any]:
    """Entries of every job for the stamp."""
    return {"pixel_scale": imaging.pixel_scale, "subgrid": imaging.subgrid, "pixels": pixels}


def arrays_of(stamp: Stamp, imaging: Imaging, light: Any = 0.0) -> dict[str, Any]:
    """The stamp's arrays; `lit` has lens light added."""
    kernel = replace(stamp.psf, kind="effective").response(imaging.pixel_scale, 1, imaging.reach * imaging.pixel_scale)
    arrays = {"image": imaging.data, "lit": imaging.data + light, "noise": imaging.noise, "psf": kernel / kernel.sum()}
    return {**{key: np.nan_to_num(value) for key, value in arrays.items()}, "mask": imaging.mask}


def priors_of(
    config: RefineConfig, seen: Observation, learned: DiagonalMixture | None
) -> dict[str, tuple[str, float, float]]:
    """Our priors for PyAutoLens's parameters: its (kind, mean, sigma) or (kind, low, high)."""
    centre = ("normal", 0.0, max(config.prior.centre_sigma, PINNED))
    found = {"centre.centre_0": centre, "centre.centre_1": centre}
    names = ("einstein_radius", "ell_comps.ell_comps_0", "ell_comps.ell_comps_1")
    if learned is None:
        blind = config.model_copy(update={"prior": config.prior.model_copy(update={"mode": "blind"})})
        low, high = build_priors(blind, seen.circle, None).sampled.blocks[0].quantile(np.array([[0.0], [1.0]])).ravel()
        wide = ("uniform", -MAX_ELLIPTICITY, MAX_ELLIPTICITY)
        return found | dict(zip(names, [("uniform", float(low), float(high)), wide, wide], strict=True))
    draws = learned.sample(4000, np.random.default_rng(0))
    theirs = to_autolens({name: draws.column(name) for name in ("einstein_radius", "e1", "e2")})
    moved = (theirs["einstein_radius"], theirs["ell_comps_0"], theirs["ell_comps_1"])
    return found | {key: ("normal", float(v.mean()), float(v.std())) for key, v in zip(names, moved, strict=True)}
