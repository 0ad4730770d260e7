"""Error bars that include the departures of the mass from a smooth lens.

A posterior says how well the image determines the parameters of the model. Where galaxies are not ellipsoids of one slope, or haloes lie
along the line of sight, the model that fits best is not the one that describes the mass best, and more light does not help. How far
apart the two are is measured on simulated lenses whose mass is known (`docs/benchmarks/paper/README.md`), and added to each draw,

    truth = draw + departure,    departure ~ Student's t of `degrees` degrees of freedom,

the heavy tails because a lens in fifty has a halo in the way. It is added to the posterior under the broad prior: a learned prior, which
is a belief about the mass and not about the model, is multiplied in afterwards. The evidence stays that of the model.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lenssbi.posteriors import Samples
from lenssbi.refinement.config import ModelErrorConfig

COPIES = 8  # of each draw: a narrower prior that is multiplied in later finds enough of them


def widened(samples: Samples, error: ModelErrorConfig, seed: int = 0) -> Samples:
    """Draws of the parameters of the mass, from those of the model that fits.

    Parameters
    ----------
    samples
        Posterior of the model under the broad prior.
    error
        Scales of the departures.
    seed
        Seed of the random numbers.

    Returns
    -------
    Samples
        Draws, `COPIES` times as many; unchanged if all scales are zero.
    """
    if not error.any:
        return samples
    rng = np.random.default_rng((seed, 8))
    values = np.repeat(samples.values, COPIES, axis=0)
    width = np.sqrt(error.degrees / rng.chisquare(error.degrees, size=len(values)))  # one for all parameters of a draw
    scales = {"e1": error.ellipticity, "e2": error.ellipticity, "slope": error.slope}
    for i, name in enumerate(samples.names):
        departure = width * rng.normal(size=len(values))
        if name == "einstein_radius":
            values[:, i] *= np.exp(error.einstein_radius * departure)
        else:
            values[:, i] += scales.get(name, 0.0) * departure
    log_weights = np.repeat(np.zeros(len(samples)) if samples.log_weights is None else samples.log_weights, COPIES)
    if {"e1", "e2"} <= set(samples.names):
        e1, e2 = (values[:, samples.names.index(name)] for name in ("e1", "e2"))
        log_weights = np.where(np.hypot(e1, e2) < 1, log_weights, -np.inf)  # no ellipse
    return replace(samples, values=values, log_weights=log_weights)
