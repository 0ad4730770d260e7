"""Rows of simulated lenses say how often the truth lies inside, of derived parameters as well: judged on a posterior that is exact."""

from functools import cache

import numpy as np
import pytest

from lenssbi import catalogue
from lenssbi.calibration.catalogues import coverages
from lenssbi.catalogue.arrays import parameters, texts
from lenssbi.pipelines.results import ItemResult
from lenssbi.pipelines.rows import row_of
from lenssbi.posteriors import Samples

LENSES, DRAWS = 1500, 400
PRIOR, NOISE = (
    0.15,
    0.15,
)  # of e1 and e2: many lenses are as good as round, so that nothing is known of their orientation
NAMES = ("einstein_radius", "e1", "e2")


@cache
def rows(spread: float = 1.0, seed: int = 3) -> list[dict]:
    """Lenses from a Gaussian prior with measurements of Gaussian noise, and posteriors `spread` times as wide as the exact one."""
    rng = np.random.default_rng(seed)
    shrink = PRIOR**2 / (PRIOR**2 + NOISE**2)
    sigma = spread * PRIOR * NOISE / np.hypot(PRIOR, NOISE)
    made = []
    for number in range(LENSES):
        e = PRIOR * rng.normal(size=2)
        mean = shrink * (e + NOISE * rng.normal(size=2))
        radius, measured = 1.0, 1.0 + 0.05 * rng.normal()
        draws = np.column_stack(
            [measured + spread * 0.05 * rng.normal(size=DRAWS), mean + sigma * rng.normal(size=(DRAWS, 2))]
        )
        samples = Samples(draws, NAMES, ("arcsec", "", "")).derived()
        truth = dict(zip(NAMES, (radius, *e), strict=True))
        item = ItemResult(f"{number}.fits", "done", samples.summary(), truth=truth)
        made.append(row_of(str(number), item, samples, "network"))
    return made


@pytest.mark.parametrize(("spread", "verdict"), [(1.0, "right"), (1.8, "wide"), (0.5, "narrow")])
def test_coverage_of_derived_parameters_is_that_of_the_posterior(spread, verdict):
    table = catalogue.build(rows(spread))
    (network,) = coverages(texts(table, "method"), parameters(table))
    assert {one.parameter for one in network.judged} == {*NAMES, "q", "phi"}
    for one in network.judged:
        off = one.shares[0].share - 68.27  # one binomial sigma is 1.2 points
        if one.parameter == "q" and verdict == "wide":
            continue  # ellipticities that scatter too much are too large as well, which leaves true q outside
        assert {"right": abs(off) < 3.6, "wide": off > 10, "narrow": off < -10}[verdict], (one.parameter, off)


def test_an_unknown_orientation_has_any_rank():
    """A round lens: the truth is anywhere in the posterior, not always in its middle."""
    ranks = np.array([row["ranks"]["phi"] for row in rows()])
    quartiles = np.quantile(ranks, (0.25, 0.5, 0.75))
    assert quartiles == pytest.approx((0.25, 0.5, 0.75), abs=0.04)  # three sigma of the middle one


@pytest.mark.parametrize("truth", [1.0, 89.0, 179.0])
def test_a_truth_across_the_zero_of_the_angle_is_near(truth):
    """Draws about the truth on both sides, wherever 0 and 180 deg are, and a truth that is a quarter turn away is at an end."""
    phi = np.radians(truth + np.linspace(-5, 5, 101))
    draws = 0.3 * np.exp(2j * phi)
    samples = Samples(np.column_stack([draws.real, draws.imag]), ("e1", "e2"), ("", "")).derived()
    assert samples.share_below("phi", truth + 0.05) == pytest.approx(51 / 101)
    assert samples.share_below("phi", truth + 180.05) == pytest.approx(51 / 101)
    assert samples.share_below("phi", truth + 80.0) == pytest.approx(1.0)
    assert samples.share_below("phi", truth - 80.0) == 0.0
