"""Every score is drawn once, beside its suite, and those of truths far off stand out."""

import numpy as np

from lenssbi.plots import style
from lenssbi.plots.misspecification import score_figure
from lenssbi.plots.style import PRIOR

SCORES = {"like the training": np.array([0.1, 0.4, 2.2]), "neighbour": np.array([3.0, 1.0])}
FAR = {"like the training": np.array([False, False, True]), "neighbour": np.array([True, False])}


def test_every_score_is_drawn_beside_its_suite(tmp_path):
    figure = score_figure(SCORES, FAR, 1.7)
    (axes,) = figure.axes
    threshold, *points = axes.lines
    assert threshold.get_xdata()[0] == 1.7
    assert [text.get_text() for text in axes.get_yticklabels()] == list(SCORES)
    for line, (suite, scores) in enumerate(SCORES.items()):
        drawn = points[2 * line : 2 * line + 2]
        np.testing.assert_array_equal(np.sort(np.concatenate([p.get_xdata() for p in drawn])), np.sort(scores))
        assert all(np.round(p.get_ydata()).tolist() == [line] * len(p.get_xdata()) for p in drawn)
        (red,) = [p for p in drawn if p.get_color() == PRIOR]
        np.testing.assert_array_equal(red.get_xdata(), scores[FAR[suite]])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "threshold",
        "truth within 3σ",
        "truth beyond 3σ",
    ]
    style.save(figure, tmp_path / "scores.png")


def test_stamps_without_a_truth_can_be_named():
    names = [text.get_text() for text in score_figure(SCORES, FAR, 1.7, ("right", "wrong")).legends[0].get_texts()]
    assert names == ["threshold", "right", "wrong"]
