"""Find an estimator by its name, or by its folder."""

from pathlib import Path

import torch
from torch import Tensor

from lenssbi.estimators.augmentation import middle_of
from lenssbi.estimators.checkpoint import EstimatorCard, read_card, read_weights
from lenssbi.estimators.densities import Density, build_density, unpack
from lenssbi.estimators.detector import read_detector
from lenssbi.estimators.estimator import Estimator
from lenssbi.estimators.folding import Folding
from lenssbi.estimators.misspecification import read_reference
from lenssbi.estimators.symmetric import SymmetricDensity
from lenssbi.status import InputError

SHIPPED = Path(__file__).parent / "shipped"
DEFAULT = "euclid-vis-sie"


def load_estimator(name: str | Path = DEFAULT) -> Estimator:
    """Load a shipped estimator by its name, or one that was trained by its folder.

    Parameters
    ----------
    name
        Name of a shipped estimator, or folder of a run.

    Raises
    ------
    InputError
        If there is no such estimator, or a file of it is missing, foreign or changed.
    """
    folder = find_estimator(name)
    card = read_card(folder)
    weights = read_weights(card, folder)
    try:
        states = unpack(weights, card.members, card.density.kind)
        densities = tuple(_density(card, i, state) for i, state in enumerate(states))
    except (RuntimeError, ValueError):
        raise InputError(
            f"{folder}: the weights are of another network than estimator.json describes: copy both again"
        ) from None
    detector = read_detector(card, folder)
    if detector is not None:
        detector = detector.to(next(densities[0].parameters()).device)
    return Estimator(densities, card, read_reference(card, folder), detector)


def find_estimator(name: str | Path) -> Path:
    """Folder of the estimator; a folder that exists goes before a shipped name.

    Raises
    ------
    InputError
        If there is neither a shipped estimator nor a folder of that name.
    """
    if Path(name).is_dir():
        return Path(name)
    if (SHIPPED / name).is_dir():
        return SHIPPED / name
    names = ", ".join(shipped_estimators()) or "none"
    raise InputError(
        f"{name}: neither a folder nor a shipped estimator (shipped: {names}): train one with `lenssbi train`"
    )


def _density(card: EstimatorCard, member: int, state: dict[str, Tensor]) -> "Density | SymmetricDensity":
    seed = card.seed + member
    density = build_density(card.density, card.network, card.field, len(card.parameters), card.passes, seed)
    density.load_state_dict(state)
    density.folding = Folding()
    if card.symmetric:
        density = SymmetricDensity(density, card.space.names, middle_of(card.space))
    return density.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def shipped_estimators() -> list[str]:
    """Names of the estimators inside the package."""
    return sorted(path.name for path in SHIPPED.glob("*") if (path / "estimator.json").is_file())
