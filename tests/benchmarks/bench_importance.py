"""Evaluations that importance sampling takes, and Nautilus beside it, on posteriors known in closed form.

    python tests/benchmarks/bench_importance.py [--runs 5] [--no-nautilus]

Eight parameters, correlated, of widths from 0.005 to 0.1 in a prior of width 2. `off` is the log evidence minus the true one: its
mean over the runs, and its scatter beside the error that the runs claim. Processor's time is that of the sampler alone, the
toy likelihoods cost nothing. Nothing here fails for being slow.
"""

# ruff: noqa: E402  (the number of threads is set before NumPy is imported)
from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")  # before NumPy loads its BLAS

import argparse
import time
from collections.abc import Callable

import numpy as np

from lenssbi.parameters import Prior, Uniform
from lenssbi.refinement.sampling import importance, nautilus
from lenssbi.refinement.sampling.draws import Draws
from lenssbi.refinement.sampling.mixtures import Mixture

D = 8
PRIOR = Prior(tuple("abcdefgh"), (Uniform(-1.0, 1.0),) * D)
SIGMA = np.geomspace(0.005, 0.1, D)
_TURN = np.random.default_rng(1).standard_normal((D, D))
_SHAPE = _TURN @ _TURN.T + np.eye(D)
COVARIANCE = _SHAPE * np.outer(SIGMA, SIGMA) / np.sqrt(np.outer(np.diag(_SHAPE), np.diag(_SHAPE)))
FACTOR = np.linalg.cholesky(COVARIANCE)
LOG_EVIDENCE = 0.5 * D * np.log(2 * np.pi) + np.log(np.diag(FACTOR)).sum() - D * np.log(2)


def gaussian(x: np.ndarray) -> np.ndarray:
    """Gaussian log likelihood, 0 at the peak."""
    return -0.5 * np.sum(np.linalg.solve(FACTOR, x.T) ** 2, axis=0)


def rough(x: np.ndarray) -> np.ndarray:
    """The same with steps of one nat, as a mesh that changes its topology makes them."""
    return gaussian(x) + 0.5 * np.sign(np.sin(1e5 * x.sum(axis=1))) - np.log(np.cosh(0.5))


def banana(x: np.ndarray) -> np.ndarray:
    """The same, bent."""
    z = np.linalg.solve(FACTOR, x.T)
    z[1] += 0.5 * (z[0] ** 2 - 1)
    return -0.5 * np.sum(z**2, axis=0)


def modes(x: np.ndarray) -> np.ndarray:
    """Two of them, 4 to 1."""
    return np.logaddexp(np.log(0.8) + gaussian(x), np.log(0.2) + gaussian(x - 0.5))


def one(mean: np.ndarray | float, covariance: np.ndarray) -> Mixture:
    """A start of one component."""
    return Mixture(np.ones(1), np.broadcast_to(np.asarray(mean, dtype=float), (1, D)), covariance[None])


DIAGONAL = np.diag(SIGMA**2)
PAIR = Mixture(np.ones(2), np.array([np.zeros(D), np.full(D, 0.5)]), np.stack([9 * COVARIANCE] * 2))
CASES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Mixture | None]] = {
    "gaussian, start right": (gaussian, one(0.0, COVARIANCE)),
    "gaussian, start 3 x too wide": (gaussian, one(0.0, 9 * COVARIANCE)),
    "gaussian, 3 x, no correlations": (gaussian, one(0.0, 9 * DIAGONAL)),
    "gaussian, start 3 x too narrow": (gaussian, one(0.0, COVARIANCE / 9)),
    "gaussian, start 5 sigma off": (gaussian, one(5 * SIGMA / np.sqrt(D), DIAGONAL)),
    "gaussian, start from the prior": (gaussian, None),
    "rough, start 3 x too wide": (rough, one(0.0, 9 * DIAGONAL)),
    "banana, start 3 x too wide": (banana, one(0.0, 9 * COVARIANCE)),
    "two modes, start 3 x too wide": (modes, PAIR),
}
HEAD = f"{'':32}{'evaluations':>12}{'n_eff':>7}{'off':>9}{'scatter':>9}{'claimed':>9}{'cpu [s]':>9}"


def report(label: str, runs: list[tuple[Draws, float]]) -> None:
    """Print one row."""
    draws, seconds = zip(*runs, strict=True)
    off = np.array([run.log_evidence for run in draws]) - LOG_EVIDENCE
    evaluations, n_eff, claimed = (
        np.median([getattr(run, name) for run in draws]) for name in ("evaluations", "n_eff", "log_evidence_error")
    )
    failed = sum(not run.converged for run in draws)
    row = f"{label:32}{evaluations:12.0f}{n_eff:7.0f}{off.mean():+9.3f}{off.std():9.3f}{claimed:9.3f}{np.median(seconds):9.2f}"
    print(row + (f"  ({failed} not converged)" if failed else ""), flush=True)


def timed(run: Callable[[], Draws]) -> tuple[Draws, float]:
    """A run and its processor time."""
    begun = time.process_time()
    draws = run()
    return draws, time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--no-nautilus", action="store_true")
    options = parser.parse_args()
    print(HEAD)
    for label, (log_likelihood, start) in CASES.items():
        settings = [importance.Settings(seed=seed) for seed in range(options.runs)]
        report(
            label,
            [timed(lambda s=s, f=log_likelihood, b=start: importance.sample(PRIOR, f, s, start=b)) for s in settings],
        )
    if not options.no_nautilus:
        limits = nautilus.Settings(n_live=250, n_networks=1, n_eff=300)
        report("Nautilus, gaussian, 250 live", [timed(lambda: nautilus.sample(PRIOR, gaussian, limits))])


if __name__ == "__main__":
    main()
