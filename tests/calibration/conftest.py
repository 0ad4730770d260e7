"""A problem whose posteriors are known: prior N(0, 1), one look x with error sigma, of each of three numbers.

theta | x ~ N(x / (1 + sigma^2), sigma^2 / (1 + sigma^2)),   sigma of each stamp and parameter its own
"""

import numpy as np
import pytest

from lenssbi.calibration.coverage import Passes

NAMES = ("a", "b", "c")
STAMPS, PASSES = 1500, 20


def solve(widths, seed: int = 4, stamps: int = STAMPS):
    """Posteriors that claim `widths` (number, or of shape (stamp, 1)) times the true sigma; truths; images that tell x and sigma."""
    rng = np.random.default_rng(seed)
    truths = rng.normal(size=(stamps, 3))
    noise = rng.uniform(0.3, 0.6, (stamps, 3))
    x = truths + noise * rng.normal(size=truths.shape)
    exact = noise / np.sqrt(1 + noise**2)
    sigma = (widths * exact)[:, None]
    scatter = rng.normal(size=(stamps, PASSES, 3))
    scatter = (scatter - scatter.mean(axis=1, keepdims=True)) / scatter.std(axis=1, keepdims=True)
    means = (x / (1 + noise**2))[:, None] + 0.3 * sigma * scatter
    own = np.broadcast_to(np.sqrt(1 - 0.3**2) * sigma, means.shape)
    return Passes(means, own, NAMES), truths, np.concatenate([x, noise], axis=1)


@pytest.fixture(scope="session")
def problem():
    """`solve`."""
    return solve


@pytest.fixture(scope="session", params=[1.0, 0.6, 1.7], ids=["exact", "too narrow", "too wide"])
def toy(request):
    """A width, and the posteriors, truths and images of it."""
    return request.param, *solve(request.param)
