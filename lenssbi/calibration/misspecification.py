"""Fix what an estimator calls unlike its training, and judge it on suites that it never saw.

Half of a set of training-like stamps, and anomalies made of it, train the small network of the reference
(`estimators/misspecification.py`); the other half fixes the threshold at the 95th percentile of its scores, for 5 per cent of false alarms.

A stamp is badly judged where the truth is more than 3 sigma of its posterior away from the mean in any parameter. What counts is how many
of those are flagged: a suite may be new to the network and do no harm.

For whole sets there is the maximum mean discrepancy of sbi, in the space of the features: it finds shifts that no single stamp shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.calibration.anomalies import anomalies
from lenssbi.calibration.coverage import deviates, stack, truths_of
from lenssbi.calibration.observed_anomalies import observed_anomalies
from lenssbi.dataset.hdf5 import StampSet, blocks
from lenssbi.estimators.checkpoint import EstimatorCard, MisspecificationCard, read_card, save_card
from lenssbi.estimators.estimator import Estimator
from lenssbi.estimators.misspecification import LIMIT, Reference, flags, numbers, psf_widths, save_reference
from lenssbi.status import InputError

FALSE_ALARMS = 0.05
AXES = 128
ROOM = 400_000  # numbers of half precision: 0.8 MB
HIDDEN = 64
EPOCHS = 30
EXAMPLES = 600
FEWEST = 40
FAR = 3.0  # [sigma]
MMD_STAMPS = 200
MMD_SHUFFLES = 200
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class SuiteJudgement:
    """How an estimator fares on a suite.

    Parameters
    ----------
    stamps
        In the suite.
    flagged
        Share of the stamps that are flagged.
    far
        Share of the stamps whose error exceeds 3 sigma in a parameter.
    flagged_far
        Share of those that are flagged; NaN where there is none.
    p_value
        Of the set as a whole being like the training's, by sbi's test.
    """

    stamps: int
    flagged: float
    far: float
    flagged_far: float
    p_value: float


def fit_reference(
    estimator: Estimator, stamps: StampSet, rows: range, folder: Path, progress: Progress = lambda *_: None
) -> EstimatorCard:
    """Make the reference of an estimator and put it beside its weights.

    Parameters
    ----------
    estimator
        The estimator.
    stamps
        Stamps like those of its training, which it has not been trained on.
    rows
        Which of them to take.
    folder
        Of the estimator; its card is read again and gets the entry `misspecification`.
    progress
        Called with (done, total, text).

    Returns
    -------
    The card as it is now.

    Raises
    ------
    InputError
        Where there are too few stamps, or the folder cannot be written.
    """
    if len(rows) < FEWEST:
        raise InputError(f"{stamps.path}: {len(rows)} stamps are too few to tell what is usual: simulate more")
    features, odd_ones = embed_all(estimator, stamps, rows, progress)
    fitted, held_out = features[::2], features[1::2]
    reference = train_reference(fitted, odd_ones)
    # held-out ones, since the axes are those of the others
    reference = replace(reference, examples=reference.place(held_out[:EXAMPLES])).rounded()
    threshold = float(np.quantile(reference.score(held_out), 1 - FALSE_ALARMS))
    card = read_card(folder)
    entry = MisspecificationCard(
        threshold=threshold,
        false_alarms=FALSE_ALARMS,
        stamps=len(held_out),
        set=stamps.path.name,
        weights_sha256=card.weights_sha256,
        sha256=save_reference(reference, folder),
    )
    card = card.model_copy(update={"misspecification": entry})
    save_card(card, folder)
    return card


def embed_all(
    estimator: Estimator, stamps: StampSet, rows: range, progress: Progress, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features of the stamps `rows`, shape (n, k), and of as many anomalies, made of every other stamp or like the set's own."""
    if estimator.sees_lens_light:
        return embed_observed(estimator, stamps, rows, progress, seed)
    rng = np.random.default_rng(seed)
    plain, odd = [], []
    for where in blocks(rows):
        images, noise = stamps.images(where), stamps.noise(where)
        plain.append(estimator.embed(images, noise))
        # there and back again: every stamp becomes two anomalies, of different kinds
        twice = np.r_[0 : len(images) : 2, np.arange(0, len(images), 2)[::-1]]
        made = anomalies(images[twice], noise[twice], rng).astype(np.float32)
        odd.append(estimator.embed(made, np.ones(len(made), np.float32)))
        progress(where.stop - rows.start, len(rows), "embedding")
    return np.concatenate(plain), np.concatenate(odd)


def embed_observed(
    estimator: Estimator, stamps: StampSet, rows: range, progress: Progress, seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features of the stamps `rows`, shape (n, k), and of anomalies composed like them, half as many."""
    plain = []
    for where in blocks(rows):
        plain.append(estimator.embed(stamps.images(where), stamps.noise(where)))
        progress(where.stop - rows.start, len(rows), "embedding")
    text, own = str(stamps.attributes["config"]), int(stamps.attributes["seed"])
    made = observed_anomalies(text, max(len(rows) // 2, 1), own + 1 + seed, progress)
    return np.concatenate(plain), estimator.embed(made, np.ones(len(made), np.float32))


def train_reference(fitted: NDArray[np.floating], odd: NDArray[np.floating], seed: int = 0) -> Reference:
    """Train the network that tells the features (m, k) of training-like stamps from those of anomalies (n, k)."""
    import torch

    centre, axes = principal_axes(fitted)
    both = numbers(np.concatenate([fitted, odd]), centre, axes)
    mean, spread = both.mean(axis=0), np.maximum(both.std(axis=0), 1e-6)
    inputs = torch.from_numpy(np.clip((both - mean) / spread, -LIMIT, LIMIT))
    labels = torch.cat([torch.zeros(len(fitted)), torch.ones(len(odd))])
    weights = torch.where(labels > 0, 0.5 / len(odd), 0.5 / len(fitted)) * len(labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _trained(inputs, labels, weights)
    layers = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    arrays = {f"weights_{i}": layer.weight.detach().numpy().T for i, layer in enumerate(layers, 1)}
    arrays |= {f"bias_{i}": layer.bias.detach().numpy() for i, layer in enumerate(layers, 1)}
    return Reference(centre, axes, mean, spread, examples=inputs[:0].numpy(), **arrays).rounded()


def principal_axes(features: NDArray[np.floating]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean (k,) and leading principal axes (k, d) of features (n, k); no more axes than the reference's file has room for."""
    from scipy.sparse.linalg import svds

    centre = features.mean(axis=0, dtype=np.float32)
    offset = features.astype(np.float32) - centre
    most = min(AXES, ROOM // features.shape[1], min(features.shape) // 2)
    start = np.random.default_rng(0).standard_normal(min(features.shape)).astype(np.float32)
    return centre, svds(offset, k=max(most, 1), v0=start, return_singular_vectors="vh")[2].T


def _trained(inputs: Any, labels: Any, weights: Any) -> Any:
    import torch
    from torch.nn import Dropout, Linear, ReLU, Sequential
    from torch.nn.functional import binary_cross_entropy_with_logits

    first, last = (
        (Linear(inputs.shape[1], HIDDEN), ReLU(), Dropout(0.2)),
        (Linear(HIDDEN, HIDDEN), ReLU(), Linear(HIDDEN, 1)),
    )
    network = Sequential(*first, *last)
    optimiser = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=0.1)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(inputs)).split(256):
            loss = binary_cross_entropy_with_logits(network(inputs[rows])[:, 0], labels[rows], weights[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return network.eval()


def evaluate_suites(
    estimator: Estimator,
    suites: Mapping[str, StampSet],
    limit: int | None = None,
    progress: Progress = lambda *_: None,
) -> dict[str, SuiteJudgement]:
    """Judge the flags of an estimator.

    Parameters
    ----------
    estimator
        With a reference.
    suites
        Sets by name; fresh stamps like the training's among them show the false alarms.
    limit
        At most so many stamps of each.
    progress
        Called with (suites done, suites, name).

    Raises
    ------
    InputError
        Where the estimator has no reference, or a suite lacks its parameters.
    """
    if estimator.reference is None:
        raise InputError(f"{estimator.name}: has no reference of its training: run `lenssbi calibrate` on its folder")
    found = {}
    for done, (name, stamps) in enumerate(suites.items()):
        progress(done, len(suites), name)
        found[name] = judge(estimator, estimator.reference, stamps, range(min(len(stamps), limit or len(stamps))))
    return found


def judge(estimator: Estimator, reference: Reference, stamps: StampSet, rows: range) -> SuiteJudgement:
    """Judge the flags of an estimator on the stamps `rows` of a set; see `evaluate_suites`."""
    mixtures, features = [], []
    for where in blocks(rows):
        images, noise = stamps.images(where), stamps.noise(where)
        mixtures += estimator.predict(images, noise)
        features.append(estimator.embed(images, noise))
    truths = truths_of(estimator, stamps)[rows.start : rows.stop]
    scores = reference.score(np.concatenate(features))
    widths = psf_widths(stamps, rows)
    flagged = np.array([bool(flags(estimator.card, *one)) for one in zip(scores, widths, strict=True)])
    far = (np.abs(deviates(stack(mixtures), truths)) > FAR).any(axis=1)
    return SuiteJudgement(
        stamps=len(rows),
        flagged=float(flagged.mean()),
        far=float(far.mean()),
        flagged_far=float(flagged[far].mean()) if far.any() else float("nan"),
        p_value=set_p_value(reference, np.concatenate(features)),
    )


def set_p_value(reference: Reference, features: NDArray[np.floating]) -> float:
    """How likely a set as far from the training's is by chance (sbi's maximum mean discrepancy), for features (n, k) of its stamps.

    At most a third as many stamps as the reference has examples are taken, and no more than MMD_STAMPS.
    """
    import torch
    from sbi.diagnostics.misspecification import calc_misspecification_mmd

    count = min(MMD_STAMPS, len(reference.examples) // 3, len(features))
    examples = torch.from_numpy(reference.examples[: 3 * count])
    places = torch.from_numpy(reference.place(features[:count]))
    options = {"n_shuffle": MMD_SHUFFLES, "max_samples": 3 * count, "mmd_mode": "unbiased"}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return float(calc_misspecification_mmd(places, examples, **options)[0])
