"""A Gaussian likelihood with a known posterior and evidence."""

import numpy as np

from lenssbi.parameters import Prior, Uniform
from lenssbi.refinement.sampling.mixtures import Mixture

D = 8
PRIOR = Prior(tuple("abcdefgh"), (Uniform(-1.0, 1.0),) * D)
SIGMA = np.geomspace(0.005, 0.1, D)
_TURN = np.random.default_rng(1).standard_normal((D, D))
_COVARIANCE = _TURN @ _TURN.T + np.eye(D)
COVARIANCE = _COVARIANCE * np.outer(SIGMA, SIGMA) / np.sqrt(np.outer(np.diag(_COVARIANCE), np.diag(_COVARIANCE)))
FACTOR, PRECISION = np.linalg.cholesky(COVARIANCE), np.linalg.inv(COVARIANCE)
LOG_EVIDENCE = 0.5 * (D * np.log(2 * np.pi) + np.linalg.slogdet(COVARIANCE)[1]) - D * np.log(2)
DIAGONAL = np.diag(SIGMA**2)


class Gaussian:
    """Gaussian log likelihood that counts, and can stop the run as a kill would."""

    def __init__(self, mean=0.0, stop_after=np.inf):
        self.calls, self.stop_after, self.mean = 0, stop_after, mean

    def __call__(self, x):
        if self.calls >= self.stop_after:
            raise KeyboardInterrupt
        self.calls += len(x)
        step = x - self.mean
        return -0.5 * np.einsum("ni,ij,nj->n", step, PRECISION, step)


def one(mean, covariance):
    return Mixture(np.ones(1), np.broadcast_to(mean, (1, D)), covariance[None])


WIDE = one(0.0, 9 * DIAGONAL)
