"""Course of a training: the loss of the training and the validation stamps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lenssbi.plots.style import INK, NETWORK, RESULT, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVES = (("train_loss", "training", NETWORK), ("val_loss", "validation", RESULT))


def training_figure(history: Mapping[str, Sequence[float]]) -> Figure:
    """Draw the training curve.

    Parameters
    ----------
    history
        Columns of `metrics.csv`: "epoch", "train_loss", "val_loss" and, optionally, "learning_rate"; NaN where a
        row has no value.
    """
    from matplotlib.figure import Figure

    with house_style():
        figure = Figure(figsize=(5.6, 3.6), layout="constrained")
        axes = figure.subplots()
        for key, name, colour in CURVES:
            if key in history:
                axes.plot(*_points(history, key), color=colour, lw=1.8, marker="o", ms=2.5, label=name)
        _mark_best(axes, history)
        axes.set_xlabel("epoch")
        axes.set_ylabel("loss: negative log-likelihood")
        if axes.lines:
            axes.legend(loc="upper right")
        for side in ("right", "top"):
            axes.spines[side].set_visible(False)
        if "learning_rate" in history:
            _learning_rate(axes, history)
    return figure


def _points(history: Mapping[str, Sequence[float]], key: str) -> tuple[np.ndarray, np.ndarray]:
    values = np.asarray(history[key], dtype=float)
    epochs = np.asarray(history.get("epoch", np.arange(len(values))), dtype=float)
    known = np.isfinite(values) & np.isfinite(epochs)
    return epochs[known], values[known]


def _mark_best(axes: Axes, history: Mapping[str, Sequence[float]]) -> None:
    if "val_loss" not in history:
        return
    epochs, losses = _points(history, "val_loss")
    if len(losses):
        best = int(np.argmin(losses))
        axes.axvline(epochs[best], color=INK, lw=0.8, ls=":")
        axes.set_title(f"lowest validation loss {losses[best]:.3f} in epoch {epochs[best]:.0f}")


def _learning_rate(axes: Axes, history: Mapping[str, Sequence[float]]) -> None:
    twin = axes.twinx()
    twin.plot(*_points(history, "learning_rate"), color=INK, lw=0.8, alpha=0.5)
    twin.set_yscale("log")
    twin.set_ylabel("learning rate", alpha=0.7)
    twin.spines["top"].set_visible(False)
