"""The same evaluation by PyAutoLens, and in batches on a GPU."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lenssbi.benchmark.measures.evaluation import CASES, MASS, MODELS, EvaluationStamp, Row, row_of
from lenssbi.benchmark.runners.peers import Peer, arrays_of, job_of
from lenssbi.systems import deflectors

PEER = "PyAutoLens"
BATCHED = "lenssbi batched"
LIMIT = 1800.0  # seconds, for all cases of the peer


def peer_evaluations(scene: EvaluationStamp, peer: Peer, folder: Path) -> Iterator[Row]:
    """Rows of PyAutoLens's evaluations of the same stamp: rows with the reason if it is not available."""
    cases = [
        {"mesh": mesh, "solver": solver, "columns": scene.plan.columns if lit else 0}
        for mesh in scene.plan.meshes
        for solver, lit in CASES
    ]
    if peer.version is None:
        for case in cases:
            yield {**row_of(PEER, *case.values()), "status": f"not measured: {peer.reason}"}  # type: ignore[arg-type]
        return
    plain = scene.imaging(lit=False)
    job = job_of(plain, scene.config.mesh.pixels) | {
        "task": "evaluate",
        "cases": cases,
        "models": [[model[name] for name in MASS] for model in scene.models],
        "repeats": scene.plan.repeats,
        "light": scene.gaussians,
        "coefficient": float(np.sqrt(scene.plan.strength) / plain.flux_scale),
    }
    answer = peer.run_job(folder, job, arrays_of(scene.seen.stamp, plain, scene.light), LIMIT)
    for case in answer["cases"]:
        row = row_of(PEER, case["mesh"], case["solver"], case["columns"])
        if case["status"] == "done":
            row |= {key: case[key] for key in ("ms", "low", "high", "wall", "source_pixels")}
            row |= {"image_pixels": plain.n_pixels, "log_evidence": case["merit"][MODELS // 2]}
        yield {**row, "status": case["status"] if case["status"] == "done" else f"not measured: {case['status']}"}


def batched_evaluations(scene: EvaluationStamp) -> Iterator[Row]:
    """Rows of the batched path, on the CPU and, if there is one, on a GPU: milliseconds of each evaluation of a batch."""
    import torch

    from lenssbi.benchmark.batched.inversion import BatchedInversion
    from lenssbi.reconstruction.rectangular import Rectangular

    single = scene.likelihood("rectangular", "linear", lit=False).inversion
    assert isinstance(single.mesh, Rectangular)  # for the type checker
    imaging, count = single.imaging, scene.plan.batch
    models = [scene.models[(MODELS // 2 + k) % MODELS] for k in range(count)]  # the true model first
    beta = np.stack([deflectors(model).source_angle(imaging.theta) for model in models])
    strength = np.full(count, scene.plan.strength)
    for device, kind in (("cpu", "CPU"), ("cuda", "GPU")):
        row = row_of(f"{BATCHED}, {kind}", "rectangular", "linear", 0)
        if device == "cuda" and not torch.cuda.is_available():
            yield {**row, "status": "not measured: this machine has no GPU"}
            continue
        inversion = BatchedInversion(imaging, single.mesh, single.regularisation, device)  # type: ignore[arg-type]
        took = []
        for _ in range(4):
            start = time.perf_counter()
            found = np.asarray(inversion.log_evidence(beta, strength).cpu())  # waits for the GPU
            took.append(1e3 * (time.perf_counter() - start) / count)
        ms = float(np.median(took[1:]))
        row |= {"ms": ms, "wall": ms, "image_pixels": imaging.n_pixels, "log_evidence": float(found[0])}
        yield {**row, "source_pixels": single.mesh.n**2}
