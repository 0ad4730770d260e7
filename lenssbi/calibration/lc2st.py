"""LC2ST: local test of posteriors with a classifier of truths and draws (Linhart et al. 2023, arXiv:2306.03580).

sbi's `LC2ST` trains a classifier on pairs (value, image), half of them with the true value, half with a draw. If the
posteriors are right, it can only guess, for every image. Its statistic at one image is the mean of (probability - 1/2)^2 over draws;
classifiers that were trained with permuted labels give its distribution by chance. As in the paper for flows
(eq. 17), the values are in the base space of the posterior: z = Phi^-1(F(value)) of each parameter, unit normal for draws.
The image is the estimator's embedding, reduced to its first principal components.

The classifier is a logistic regression on the products of up to three of its inputs. It is sensitive to a wrong width or correlation
(z z), a bias (z), and their dependence on the image (z z x, z x), and its training on a few thousand stamps takes milliseconds.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from lenssbi.calibration.coverage import Passes, marginal_cdf
from lenssbi.calibration.ranks import Finding
from lenssbi.calibration.splits import EVERYTHING

COMPONENTS = 4
TRIALS = 40
PLACES = 20  # number of stamps at which the statistic is computed
DRAWS = 100
TINY = 1e-12
EDGE = 1e-6  # limit of the distribution function: z = 4.8
SEED = 1


class LocalTest(NamedTuple):
    """Result of the test.

    Parameters
    ----------
    statistic
        Statistic at each of the places, shape (place,).
    null
        Statistics of classifiers that can only guess, shape (place, trial).
    stamps
        Number of stamps in the training of the classifier.
    """

    statistic: NDArray[np.float64]
    null: NDArray[np.float64]
    stamps: int

    @property
    def p(self) -> float:
        """Probability that a right posterior has so large a statistic, averaged over the places."""
        return float((1 + np.sum(self.null.mean(axis=0) >= self.statistic.mean())) / (1 + self.null.shape[1]))

    @property
    def rejected(self) -> float:
        """Share of the places at which the posterior is rejected at 5 per cent."""
        return float((np.mean(self.null >= self.statistic[:, None], axis=1) < 0.05).mean())

    def findings(self) -> list[Finding]:
        """The two numbers as rows of a table."""
        found = {"p": self.p, "share rejected at 5 per cent": self.rejected}
        return [Finding(EVERYTHING, "LC2ST", "joint", key, value, self.stamps) for key, value in found.items()]


def lc2st(
    posteriors: Passes, truths: NDArray[np.floating], embedding: NDArray[np.floating], trials: int = TRIALS
) -> LocalTest:
    """Run the test.

    Parameters
    ----------
    posteriors
        Posteriors of the stamps.
    truths
        True values, shape (stamp, parameter), in the unit of the posteriors.
    embedding
        Features of the stamps, shape (stamp, feature).
    trials
        Number of classifiers under the null hypothesis.
    """
    import torch
    from sbi.diagnostics import LC2ST
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    rng = np.random.default_rng(SEED)
    z = torch.from_numpy(ndtri(np.clip(marginal_cdf(posteriors, truths), EDGE, 1 - EDGE)))
    drawn = torch.from_numpy(base_draws(posteriors, rng, 1)[0])
    x = torch.from_numpy(principal(embedding))
    products = ("products", PolynomialFeatures(3, include_bias=False))
    steps = [products, ("scaled", StandardScaler()), ("classifier", LogisticRegression(C=0.003))]
    test = LC2ST(z, x, drawn, SEED, classifier=Pipeline, classifier_kwargs={"steps": steps}, num_trials_null=trials)
    test.train_on_observed_data(verbosity=0).train_under_null_hypothesis(verbosity=0)
    places = rng.permutation(len(truths))[:PLACES]
    draws = torch.from_numpy(base_draws(posteriors.take(places), rng, DRAWS))
    queries = [{"theta_o": draws[:, i], "x_o": x[place]} for i, place in enumerate(places)]
    statistic = [test.get_statistic_on_observed_data(**one) for one in queries]
    null = [test.get_statistics_under_null_hypothesis(**one).scores for one in queries]  # type: ignore[union-attr]
    return LocalTest(np.array(statistic), np.array(null), len(truths))


def base_draws(posteriors: Passes, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Draws as z = Phi^-1(F(draw)) of each parameter, shape (draw, stamp, parameter)."""
    found = [marginal_cdf(posteriors, posteriors.draws(1, rng)[0]) for _ in range(count)]
    return ndtri(np.clip(found, EDGE, 1 - EDGE))


def principal(features: NDArray[np.floating], count: int = COMPONENTS) -> NDArray[np.float64]:
    """The first `count` principal components of features (stamp, feature), or the features if there are no more; scatter 1."""
    from scipy.sparse.linalg import svds

    centred = np.asarray(features, dtype=float) - features.mean(axis=0)
    if min(centred.shape) <= count:
        return centred / np.maximum(centred.std(axis=0), TINY)
    left, _, _ = svds(centred, k=count, v0=np.ones(min(centred.shape)))
    return left[:, ::-1] * np.sqrt(len(features))
