"""Scores of how much stamps differ from an estimator's training, suite by suite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import FloatArray
from lenssbi.plots.style import INK, NETWORK, PRIOR, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPREAD = 0.3  # half the height of a suite's band of points


def score_figure(
    scores: Mapping[str, FloatArray],
    far: Mapping[str, NDArray[Any]],
    threshold: float,
    labels: tuple[str, str] = ("truth within 3σ", "truth beyond 3σ"),
) -> Figure:
    """Draw the scores of every stamp, a line of points for each suite.

    Parameters
    ----------
    scores
        Suite -> scores of its stamps, from top to bottom; larger for stamps that differ more from the training.
    far
        Suite -> whether the answer is wrong, the truth far from the posterior for example, in the order of the scores.
    threshold
        Score above which a stamp is flagged.
    labels
        Names of the stamps for which `far` is false, and of the others.
    """
    from matplotlib.figure import Figure

    jitter = np.random.default_rng(0)  # fixed seed: the same result gives the same picture
    with house_style():
        figure = Figure(figsize=(7.2, 0.42 * len(scores) + 1.1), layout="constrained")
        axes = figure.subplots()
        axes.axvline(threshold, color=INK, lw=1.2, ls="--", label="threshold")
        for line, (suite, values) in enumerate(scores.items()):
            y = line + jitter.uniform(-SPREAD, SPREAD, len(values))
            for those, colour, name in (
                (~far[suite], NETWORK, labels[0]),
                (far[suite], PRIOR, labels[1]),
            ):
                axes.plot(values[those], y[those], "o", ms=3.2, mew=0, color=colour, label=name if line == 0 else None)
        axes.set_yticks(range(len(scores)), list(scores))
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("misspecification score")
        for side in ("left", "right", "top"):
            axes.spines[side].set_visible(False)
        handles, names = axes.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))
    return figure
