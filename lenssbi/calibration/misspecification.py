"""Threshold of an estimator's flag for stamps unlike its training, and the judgement of this flag on other suites.

Half of a set of training-like stamps, and anomalies made from it, train the small network of the reference
(`estimators/misspecification.py`); the other half fixes the threshold at the 95th percentile of its scores, for 5 per cent of false alarms.
For an estimator of observed stamps, a separate network is trained on composed stamps instead (`detector.py`), and the
whole set fixes the threshold.

A posterior is far off if the truth is more than 3 sigma away from its mean in any parameter. The important number is the share of such
stamps that are flagged: a suite may be unlike the training and cause no errors.

For whole sets, sbi's maximum mean discrepancy in the space of the features finds shifts that no single stamp shows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lenssbi.calibration.anomalies import anomalies
from lenssbi.calibration.coverage import deviates, stack, truths_of
from lenssbi.calibration.detector import DetectorPlan, train_detector
from lenssbi.calibration.reference import principal_axes, train_reference
from lenssbi.dataset.hdf5 import StampSet, blocks
from lenssbi.estimators.checkpoint import DetectorCard, EstimatorCard, MisspecificationCard, read_card, save_card
from lenssbi.estimators.detector import save_detector
from lenssbi.estimators.estimator import Estimator
from lenssbi.estimators.misspecification import Reference, flags, numbers, psf_widths, save_reference
from lenssbi.status import InputError

FALSE_ALARMS = 0.05  # of all flags
SPREAD = 1.0  # chosen on simulated stamps: 2 is better for galaxies, worse for pairs and several lens galaxies
FALSE_ALARMS_SEVERAL = 0.01  # of `several_lenses`
EXAMPLES = 600
FEWEST = 40
FAR = 3.0  # [sigma]
MMD_STAMPS = 200
MMD_SHUFFLES = 200
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class SuiteJudgement:
    """Performance of an estimator's flag on a suite.

    Parameters
    ----------
    stamps
        Number of stamps in the suite.
    flagged
        Share of the stamps that are flagged.
    far
        Share of the stamps with an error above 3 sigma in a parameter.
    flagged_far
        Share of those that are flagged; NaN if there is none.
    p_value
        Probability that a set like the training's is at least as far from it, by sbi's test.
    """

    stamps: int
    flagged: float
    far: float
    flagged_far: float
    p_value: float


def fit_reference(
    estimator: Estimator,
    stamps: StampSet,
    rows: range,
    folder: Path,
    progress: Progress = lambda *_: None,
    plan: DetectorPlan | None = None,
) -> EstimatorCard:
    """Make the reference of an estimator and, for observed stamps, its detector, and store them with its weights.

    Parameters
    ----------
    estimator
        The estimator.
    stamps
        Stamps like those of its training, which it was not trained on.
    rows
        Indices of the stamps to use.
    folder
        Folder of the estimator; its card is read again, and the entry `misspecification` is added.
    progress
        Function that is called with (done, total, text).
    plan
        Options for the training of a detector.

    Returns
    -------
    The new card.

    Raises
    ------
    InputError
        If there are too few stamps, an estimator of observed stamps is given others, or the folder cannot be written.
    """
    if len(rows) < FEWEST:
        raise InputError(f"{stamps.path}: {len(rows)} stamps are too few for a reference: simulate more")
    detector = None
    if estimator.sees_lens_light:
        reference, detector, scores = fit_observed(estimator, stamps, rows, folder, plan or DetectorPlan(), progress)
    else:
        reference, scores = fit_embedded(estimator, stamps, rows, progress)
    several = None if np.isnan(scores[:, 1]).any() else float(np.quantile(scores[:, 1], 1 - FALSE_ALARMS_SEVERAL))
    flagged = np.zeros(len(scores), dtype=bool) if several is None else scores[:, 1] > several
    threshold = float(np.quantile(np.where(flagged, np.inf, scores[:, 0]), 1 - FALSE_ALARMS))
    card = read_card(folder)
    entry = MisspecificationCard(
        threshold=threshold,
        several=several,
        false_alarms=FALSE_ALARMS,
        stamps=len(scores),
        set=stamps.path.name,
        weights_sha256=card.weights_sha256,
        sha256=save_reference(reference, folder),
        detector=detector,
    )
    card = card.model_copy(update={"misspecification": entry})
    save_card(card, folder)
    return card


def fit_observed(
    estimator: Estimator, stamps: StampSet, rows: range, folder: Path, plan: DetectorPlan, progress: Progress
) -> tuple[Reference, DetectorCard, NDArray[np.float64]]:
    """Reference of an estimator of observed stamps (without layers), card of its detector, which is stored, and scores of `rows`."""
    features = embed_set(estimator, stamps, rows, progress)
    text, own = str(stamps.attributes["config"]), int(stamps.attributes["seed"])
    detector = train_detector(estimator, text, plan, own + 1, progress)
    detector.spread = SPREAD
    entry = DetectorCard(
        kinds=detector.kinds,
        stamps=plan.passes,
        seed=plan.seed,
        start_from=plan.start_from and Path(plan.start_from).name,
        spread=detector.spread,
        sha256=save_detector(detector, folder),
    )
    with_detector = replace(estimator, detector=detector)
    scores = [with_detector.score(stamps.images(where), stamps.noise(where)) for where in blocks(rows)]
    centre, axes = principal_axes(features[::2])
    places = numbers(features[::2], centre, axes)
    reference = Reference(centre, axes, places.mean(axis=0), np.maximum(places.std(axis=0), 1e-6), places[:0])
    return with_examples(reference, features[1::2]), entry, np.concatenate(scores)


def fit_embedded(
    estimator: Estimator, stamps: StampSet, rows: range, progress: Progress
) -> tuple[Reference, NDArray[np.float64]]:
    """Reference of an estimator of arcs alone, trained on every other stamp of `rows`, and scores of the other stamps."""
    features, odd_ones = embed_all(estimator, stamps, rows, progress)
    reference = with_examples(train_reference(features[::2], odd_ones), features[1::2])
    scores = reference.score(features[1::2])
    return reference, np.stack([scores, np.full_like(scores, np.nan)], axis=1)


def with_examples(reference: Reference, held_out: NDArray[np.float32]) -> Reference:
    """The reference with held-out features (n, k) as examples, because the axes were fitted to the others; rounded as in its file."""
    return replace(reference, examples=reference.place(held_out[:EXAMPLES])).rounded()


def embed_set(estimator: Estimator, stamps: StampSet, rows: range, progress: Progress) -> NDArray[np.float32]:
    """Features of the stamps `rows`, shape (n, k)."""
    found = []
    for where in blocks(rows):
        found.append(estimator.embed(stamps.images(where), stamps.noise(where)))
        progress(where.stop - rows.start, len(rows), "embedding")
    return np.concatenate(found)


def embed_all(
    estimator: Estimator, stamps: StampSet, rows: range, progress: Progress, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Features of the stamps `rows`, shape (n, k), and of as many anomalies, made from every other stamp."""
    rng = np.random.default_rng(seed)
    plain, odd = [], []
    for where in blocks(rows):
        images, noise = stamps.images(where), stamps.noise(where)
        plain.append(estimator.embed(images, noise))
        # forwards and backwards: every stamp becomes two anomalies of different kinds
        twice = np.r_[0 : len(images) : 2, np.arange(0, len(images), 2)[::-1]]
        made = anomalies(images[twice], noise[twice], rng).astype(np.float32)
        odd.append(estimator.embed(made, np.ones(len(made), np.float32)))
        progress(where.stop - rows.start, len(rows), "embedding")
    return np.concatenate(plain), np.concatenate(odd)


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
        Estimator with a reference.
    suites
        Sets by name; a set like the training's measures the false alarms.
    limit
        Maximum number of stamps of each suite.
    progress
        Function that is called with (suites done, suites in all, name).

    Raises
    ------
    InputError
        If the estimator has no reference, or a suite lacks its parameters.
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
    mixtures, features, scores = [], [], []
    for where in blocks(rows):
        images, noise = stamps.images(where), stamps.noise(where)
        found, values, seen = estimator.predict_score_and_embed(images, noise)
        mixtures += found
        scores += [*values]
        features.append(seen)
    truths = truths_of(estimator, stamps)[rows.start : rows.stop]
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
    """Probability that a set like the training's is at least as far from it (sbi's maximum mean discrepancy), for features (n, k).

    The number of stamps is at most a third of that of the examples of the reference, and at most MMD_STAMPS.
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
