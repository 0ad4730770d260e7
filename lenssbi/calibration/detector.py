"""Train the network that detects stamps unlike the training (`estimators/detector.py`).

The training starts from the convolutions of the estimator, or from the detector of another estimator. Its stamps are composed in pairs of
an ordinary and an altered one (`rendering/composition/paired_supply.py`), in random orientations. They are stored, and each is used
`visits` times. The precision is bfloat16 if the estimator was trained in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from math import cos, pi

import torch
import yaml
from pydantic import Field
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from lenssbi.config import Config, parse
from lenssbi.estimators.augmentation import SYMMETRIES, turn_images
from lenssbi.estimators.checkpoint import EstimatorCard, read_card
from lenssbi.estimators.detector import Detector, read_detector
from lenssbi.estimators.estimator import Estimator
from lenssbi.estimators.load import find_estimator
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.estimators.symmetric import single
from lenssbi.estimators.warm_start import deepened_trunk, is_deeper
from lenssbi.rendering.composition.kinds import Alteration
from lenssbi.rendering.composition.paired_supply import PairedStamps
from lenssbi.rendering.composition.supply import ComposedStamps
from lenssbi.rendering.simulation import SimulateConfig
from lenssbi.status import InputError

WEIGHTS: dict[Alteration, float] = {
    "alone": 2.0,
    "companions": 2.0,
    "ring": 1.5,
    "spiral": 1.0,
    "torn": 1.0,
    "stitched": 1.0,
    "points": 1.0,
    "several": 2.0,
    "aside": 1.0,
    "cosmic_ray": 0.7,
    "spike": 0.7,
    "edge": 0.5,
}
"""Relative frequency of each kind: galaxies that are not lenses and several lens galaxies are more frequent, obvious kinds less."""
TOGETHER = 64  # pairs composed at a time
WARMUP = 50  # steps
CLIP = 5.0
EVERY = 20  # steps between two calls of `progress`
DECAY = 0.01
Progress = Callable[[int, int, str], None]


class DetectorPlan(Config):
    """How a detector is trained."""

    passes: int = Field(60_000, gt=0, description="stamps in the training, with repetitions")
    visits: int = Field(3, ge=1, description="number of times that a stamp is used")
    batch: int = Field(32, ge=2, description="stamps per step, half of them ordinary")
    store: int = Field(2048, gt=0, description="stamps stored at a time")
    learning_rate: float = Field(1e-3, gt=0)
    warm: bool = Field(True, description="start from the estimator's convolutions")
    start_from: str | None = Field(
        None, description="name or folder of an estimator with a detector to train further instead"
    )
    without: tuple[Alteration, ...] = Field(
        (), description="kinds to leave out of the training, for tests on unknown kinds"
    )
    seed: int = Field(0, ge=0)


def train_detector(
    estimator: Estimator, text: str, plan: DetectorPlan, seed: int, progress: Progress = lambda *_: None
) -> Detector:
    """Train a detector for an estimator of observed stamps.

    Parameters
    ----------
    estimator
        The estimator.
    text
        Configuration of a set of composed stamps like those of its training, from the attribute `config` of the set.
    plan
        Options of the training.
    seed
        Seed of the stamps; not that of the set. A detector that is trained further gets other stamps than before.
    progress
        Function that is called with (stamps used, stamps in all, text).

    Returns
    -------
    The detector, in evaluation mode.

    Raises
    ------
    InputError
        If the configuration has no composition, or the detector to start from cannot be used.
    """
    config = parse(yaml.safe_load(text), SimulateConfig, "the set's configuration")
    if config.composition is None:
        raise InputError(
            f"{estimator.name}: takes observed stamps, and the configuration of the set has no composition: simulate a set with one"
        )
    weights = {kind: weight for kind, weight in WEIGHTS.items() if kind not in plan.without}
    device = next(estimator.densities[0].parameters()).device
    seed = seed if plan.start_from is None else _seed_after(seed, plan.start_from)
    supply = ComposedStamps(config.population, config.instrument, config.selection, config.composition, device, seed)
    stamps = shown(PairedStamps(supply, weights), estimator.card.preprocessing, plan)
    with torch.random.fork_rng():
        torch.manual_seed(plan.seed)
        detector = Detector(estimator.card.network, estimator.field, tuple(weights))
        if plan.start_from:
            take_over(detector, plan.start_from, estimator, tuple(weights))
        elif plan.warm:
            detector.trunk.load_state_dict(single(estimator.densities[0]).embedding_net.state_dict())
        detector = detector.to(device)
        fit_detector(detector, stamps, plan, progress, in_half_precision(estimator.card))
    return detector.eval()


def _seed_after(seed: int, name: str) -> int:
    """A seed that follows from another one and from the detector of the estimator `name`, which has seen the stamps of `seed`."""
    entry = read_card(find_estimator(name)).misspecification
    before = entry.detector.sha256 if entry is not None and entry.detector is not None else ""
    return int(sha256(f"{seed} {before}".encode()).hexdigest()[:8], 16)


def take_over(detector: Detector, name: str, estimator: Estimator, kinds: tuple[str, ...]) -> None:
    """Copy the weights of another estimator's detector, of the same preprocessing, into a new detector.

    The other network may have fewer residual blocks and no fine path in its stem; the additional layers change nothing at first.

    Raises
    ------
    InputError
        If there is no such estimator, it has no detector, or its detector has another layout.
    """
    folder = find_estimator(name)
    card = read_card(folder)
    other = read_detector(card, folder)
    if other is None:
        raise InputError(f"{folder}: has no detector to start from: name an estimator of observed stamps")
    trunk = {"dropout": 0.0}  # a detector has no dropout
    before, after = (c.network.model_copy(update=trunk) for c in (card, estimator.card))
    alike = before == after or is_deeper(before, after)
    if not alike or card.preprocessing != estimator.card.preprocessing or other.kinds != kinds:
        raise InputError(
            f"{folder}: its detector has another layout, preprocessing or kinds of alterations than {estimator.name} needs: "
            "start from the convolutions of the estimator"
        )
    detector.head.load_state_dict(other.head.state_dict())
    detector.trunk.load_state_dict(deepened_trunk(before, after, other.trunk.state_dict()), strict=before == after)


def in_half_precision(card: EstimatorCard) -> bool:
    """Whether an estimator was trained in bfloat16, so that its detector should be as well."""
    config = yaml.safe_load(card.training.get("config", "")) or {}
    return config.get("precision") == "bfloat16"


def shown(supply: PairedStamps, prepare: ImagePreprocessing, plan: DetectorPlan) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of prepared images (batch, channel, y, x) and labels; stored pairs are used `visits` times in new orders."""
    fresh, half = supply.pairs(TOGETHER), plan.batch // 2
    while True:
        parts = [next(fresh) for _ in range(-(-plan.store // (2 * TOGETHER)))]
        images = torch.cat([prepare.observed(some).half().unflatten(0, (2, -1)) for some, _ in parts], dim=1)
        labels = torch.cat([some.unflatten(0, (2, -1)) for _, some in parts], dim=1)
        for _ in range(plan.visits):
            for rows in torch.randperm(images.shape[1]).to(labels.device).split(half):
                yield images[:, rows].flatten(0, 1).float(), labels[:, rows].flatten()


def fit_detector(
    detector: Detector,
    stamps: Iterator[tuple[Tensor, Tensor]],
    plan: DetectorPlan,
    progress: Progress = lambda *_: None,
    half: bool = False,
) -> None:
    """Train a detector on batches of prepared images and labels from `shown`; in bfloat16 if `half` is true."""
    detector.train()
    optimiser = torch.optim.AdamW(detector.parameters(), plan.learning_rate, weight_decay=DECAY)
    steps = -(-plan.passes // plan.batch)
    for step in range(steps):
        images, labels = next(stamps)
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate * min(1, (step + 1) / WARMUP) * (1 + cos(pi * step / steps)) / 2
        images = turn_images(images, int(torch.randint(SYMMETRIES, (1,))))
        with torch.autocast(images.device.type, torch.bfloat16, enabled=half):
            logits = detector(images)
        loss = cross_entropy(logits.float(), labels)
        optimiser.zero_grad()
        loss.backward()
        clip_grad_norm_(detector.parameters(), CLIP)
        optimiser.step()
        if step % EVERY == 0:
            progress(step * plan.batch, plan.passes, f"training the detector, loss {loss.item():.2f}")
