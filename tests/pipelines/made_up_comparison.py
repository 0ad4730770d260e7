"""A made-up comparison, the same in every run: known scatter and times of every row, some rows missing, some lenses undone."""

from dataclasses import replace

import numpy as np
from scipy.special import ndtr

from lenssbi.benchmark.comparison.compare import Comparison, tabulate
from lenssbi.benchmark.plan import ComparisonPlan
from lenssbi.benchmark.runners.point_estimates import FailedLens, Lenses, PointEstimates, paper_parameters

NAMES = ("einstein_radius", "phi", "q", "slope")
PAPER = {
    "sie_parametric": {"cnn": (0.0090, 4.92, 0.018), "blind": (0.0089, 4.44, 0.027)},
    "sie_real": {"cnn": (0.013, 6.10, 0.029), "blind": (0.013, 4.22, 0.038)},
    "sie_real_los": {"cnn": (0.021, 30.7, 0.067), "blind": (0.029, 33.8, 0.077)},
    "pl_real": {"cnn": (0.050, 7.37, 0.083, 0.27), "blind": (0.065, 6.53, 0.106, 0.29)},
    "pl_real_los": {"cnn": (0.070, 32.2, 0.093, 0.19), "blind": (0.091, 44.1, 0.143, 0.26)},
}
UNIFORM = {
    "sie_parametric": (0.0065, 2.81, 0.021),
    "sie_real": (0.010, 3.02, 0.030),
    "sie_real_los": (0.026, 28.0, 0.068),
    "pl_real": (0.049, 2.63, 0.080, 0.25),
    "pl_real_los": (0.068, 34.1, 0.096, 0.19),
}
GAUSSIAN = {
    "sie_parametric": (0.0055, 2.47, 0.017),
    "sie_real": (0.009, 2.57, 0.026),
    "sie_real_los": (0.023, 27.1, 0.065),
    "pl_real": (0.029, 2.50, 0.062, 0.20),
    "pl_real_los": (0.060, 32.1, 0.091, 0.18),
}
THREE = ("sie_parametric", "sie_real", "pl_real")
SEVEN = ("sie_parametric", "sie_real", "sie_real_los", "pl_real", "pl_real_los", "hydro_real", "hydro_real_los")
TABLE = {"sie_parametric": "Table 1", "sie_real": "Table 2", "sie_real_los": "Table 2", "pl_real": "Table 3"}
TABLE |= {"pl_real_los": "Table 3", "hydro_real": "Table 4", "hydro_real_los": "Table 4"}
ROWS = {
    "cnn_bnn": {"methods": ["paper-sie", "bnn-pl"], "published": "cnn", "title": "dropout network"},
    "cnn_flow": {"methods": ["flow-sie", "flow-pl"], "published": "cnn", "title": "flow"},
    "blind": {"methods": ["blind"], "published": "blind"},
    "cnn_uniform": {"methods": ["uniform+prior"], "published": "cnn_uniform"},
    "cnn_gaussian": {"methods": ["gaussian+prior"], "published": "cnn_gaussian"},
    "cnn_gaussian_divided": {
        "methods": ["gaussian"],
        "published": "cnn_gaussian",
        "title": "the same, prior divided out",
    },
    "importance": {"methods": ["importance"], "published": "cnn_gaussian"},
    "pyautolens_blind": {"methods": ["autolens-blind"], "published": "blind", "title": "PyAutoLens, blind"},
}
SCATTER = dict(zip(ROWS, (1.2, 0.8, 1.0, 0.8, 0.55, 0.6, 0.62, 1.1), strict=True))
"""Row -> its errors over (0.02 arcsec, 0.03 in e1 and e2, 0.1 in slope)."""
SECONDS = dict(zip(ROWS, (0.02, 0.03, 300.0, 220.0, 160.0, 165.0, 14.0, 1500.0), strict=True))
MISSING = {
    ("sie_real", "cnn_flow"): "flow-sie: not asked; flow-pl: does not apply: its lenses have one slope",
    ("pl_real", "importance"): "importance: 0 of 20 done; no arcs",
    **{(s, "pyautolens_blind"): "autolens-blind: does not apply: no interpreter was named" for s in SEVEN[1:]},
}
"""(suite, row) -> why it says nothing."""


def made_up_plan(suites=THREE, **changes):
    """The plan of a comparison of some of `SEVEN`."""
    tables = {name: [s for s in suites if TABLE[s] == name] for name in dict.fromkeys(TABLE[s] for s in suites)}
    published = {s: {**PAPER[s], "cnn_uniform": UNIFORM[s], "cnn_gaussian": GAUSSIAN[s]} for s in suites if s in PAPER}
    published = {
        s: {row: dict(zip(NAMES, values, strict=False)) for row, values in rows.items()}
        for s, rows in published.items()
    }
    without_los = [s for s in ("sie_parametric", "sie_real", "pl_real") if s in suites]
    plan = {
        "baseline": "blind",
        "rows": ROWS,
        "tables": tables,
        "published": published,
        "timed": {"blind": ["blind-nautilus"]},
        "wanted": {"cnn_gaussian": {"share": 0.7, "suites": without_los}},
        "relative": [
            {"row": "cnn_gaussian", "error": 0.63, "seconds": 0.578},
            {"row": "importance", "error": 1.0, "seconds": 0.1},
        ],
        "coverage": {"within": 0.05, "rows": ["cnn_bnn", "cnn_flow", "cnn_gaussian_divided", "importance"]},
        "findings": {suites[0]: "A made-up finding of a suite.", "errors": "One of errors.\n\nIn two paragraphs."},
        "resamples": 200,
    }
    return ComparisonPlan.model_validate({**plan, **changes})


def made_up_lenses(suite, count=200):
    """The lenses of a suite: a third are doubles."""
    rng = np.random.default_rng((1, SEVEN.index(suite)))
    multiplicity = np.where(np.arange(count) % 3 == 0, 2.0, 4.0)
    names = NAMES if suite.startswith("pl") else NAMES[:3]
    snr = np.exp(rng.normal(np.log(60), 0.6, count))
    return Lenses(names, snr, multiplicity, rng.uniform(1.3, 2.6, count), rng.uniform(0.4, 1, count))


def made_up_points(suite, row, lenses, count=100, *, scatter=None, claimed=1.0, undone=0, seed=0):
    """What a row says of the first `count` lenses.

    Its means scatter by `scatter` (see `SCATTER`), doubles' twice as much, by the same random numbers in part as those of other rows;
    its posteriors are Gaussians `claimed` times as wide. One lens in fifty is flagged.
    """
    scatter = SCATTER[row] if scatter is None else scatter
    mine = np.random.default_rng((2, seed, list(ROWS).index(row), SEVEN.index(suite)))
    shared = np.random.default_rng((3, seed, SEVEN.index(suite)))
    phi = np.random.default_rng((4, SEVEN.index(suite))).uniform(0, np.pi, len(lenses))[:count]
    e = (1 - lenses.q[:count] ** 2) / (1 + lenses.q[:count] ** 2) * np.exp(2j * phi)
    true = {"einstein_radius": lenses.einstein_radius[:count], "e1": e.real, "e2": e.imag}
    widths = {"einstein_radius": 0.02, "e1": 0.03, "e2": 0.03}
    if "slope" in lenses.names:
        true["slope"], widths["slope"] = np.random.default_rng(5).uniform(1.5, 2.5, count), 0.1
    size = scatter * np.where(lenses.multiplicity[:count] == 2, 2.0, 1.0)
    mean, sigma, below = {}, {}, {}
    for name, width in widths.items():
        away = size * width * (0.8 * shared.normal(size=count) + 0.6 * mine.normal(size=count))
        mean[name], sigma[name] = true[name] + away, claimed * size * width
        below[name] = ndtr(-away / sigma[name])
    predicted, errors = paper_parameters(mean, sigma)
    truths, _ = paper_parameters(true, sigma)
    network = row in ("cnn_bnn", "cnn_flow")
    seconds = np.full(count, SECONDS[row]) if network else SECONDS[row] * np.exp(mine.normal(0, 0.4, count))
    flagged = np.arange(count) % 50 == 7
    return PointEstimates(
        suite,
        row,
        ROWS[row]["methods"][0],
        np.arange(count),
        tuple(name for name in NAMES if name in predicted),
        predicted,
        truths,
        errors,
        below,
        flagged,
        tuple("misspecified" if one else "" for one in flagged),
        seconds,
        np.full(count, np.nan) if network else 0.9 * seconds,
        np.full(count, np.nan) if network else np.round(100 * seconds),
        tuple(FailedLens(count + i, "stopped after 30 minutes", 1800.0, 1700.0, 9e4) for i in range(undone)),
    )


def made_up_comparison(suites=THREE, count=100, stamps=200, **changes) -> Comparison:
    """All rows about some of `SEVEN` without those `MISSING`: networks of all `stamps`, the others of `count` lenses."""
    plan = made_up_plan(suites, **changes)
    lenses = {suite: made_up_lenses(suite, stamps) for suite in suites}
    points, timed = {}, {}
    for suite in suites:
        for row in ROWS:
            if (suite, row) in MISSING:
                continue
            network = row in ("cnn_bnn", "cnn_flow")
            undone = 3 if row == "pyautolens_blind" else 0
            found = made_up_points(suite, row, lenses[suite], stamps if network else count, undone=undone)
            points[suite, row] = timed[suite, row] = found
        slower = replace(points[suite, "blind"], method="blind-nautilus", seconds=1.3 * points[suite, "blind"].seconds)
        timed[suite, "blind"] = slower
    reasons = {which: reason for which, reason in MISSING.items() if which[0] in suites}
    return tabulate(plan, lenses, points, timed, reasons)
