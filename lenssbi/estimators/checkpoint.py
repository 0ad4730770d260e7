"""An estimator as a folder: `weights.safetensors` and `estimator.json`; nothing in it is executed when it is read.

The card describes the network, its parameters, the stamps that it takes, its training and its calibration. It
carries the SHA-256 of the weights, so that weights of another network are detected.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from lenssbi import __version__
from lenssbi.config import Config, ConfigError, parse
from lenssbi.estimators.density_config import DensityConfig
from lenssbi.estimators.network import NetworkConfig
from lenssbi.estimators.preprocessing import ImagePreprocessing
from lenssbi.estimators.recalibration import Recalibration
from lenssbi.files import atomic
from lenssbi.parameters import ParameterSpace
from lenssbi.status import InputError

SCHEMA = "lenssbi-estimator-1"
CARD = "estimator.json"
WEIGHTS = "weights.safetensors"


class ParameterCard(Config):
    """One parameter: its unit, and the range that is scaled to 0-10."""

    name: str
    unit: str
    low: float
    high: float


class RecalibrationCard(Config):
    """Recalibration of one parameter's posterior (`estimators/recalibration.py`)."""

    scale: float = Field(gt=0)
    tail: float = Field(ge=0)
    levels: tuple[tuple[float, float], ...] = Field(default=(), description="(credibility wanted, that to use)")

    @model_validator(mode="after")
    def _usable(self) -> "RecalibrationCard":
        Recalibration(("",), (self.scale,), (self.tail,), (self.levels,))
        return self


class CalibrationCard(Config):
    """Recalibration by parameter, and the coverage that was measured on stamps it was not fitted to."""

    recalibration: dict[str, RecalibrationCard]
    stamps: int = Field(gt=0, description="held-out stamps that the coverage was measured on")
    set: str = Field(description="the set they came from")
    before: dict[str, dict[str, float]]
    after: dict[str, dict[str, float]]


class DetectorCard(Config):
    """The network that gives the scores of an estimator of observed stamps (`estimators/detector.py`), laid out as the estimator's."""

    kinds: tuple[str, ...] = Field(min_length=1, description="alterations that it was trained to detect")
    stamps: int = Field(gt=0, description="stamps shown to it, counting repetitions")
    seed: int = Field(ge=0, description="seed of its training")
    start_from: str | None = Field(default=None, description="estimator whose detector it continues")
    spread: float = Field(
        default=0.0, ge=0, description="weight of the log of the relative error of einstein_radius in the score"
    )
    sha256: str = Field(description="of its file")


class MisspecificationCard(Config):
    """The reference that detects stamps unlike the training's (`estimators/misspecification.py`), a file next to the weights."""

    threshold: float = Field(description="score above which a stamp is flagged")
    several: float | None = Field(
        default=None, description="score of several lens galaxies above which a stamp is flagged"
    )
    false_alarms: float = Field(gt=0, lt=1, description="share of the held-out stamps above a threshold")
    stamps: int = Field(gt=0, description="held-out stamps that the threshold was fixed on")
    set: str = Field(description="the set they came from")
    weights_sha256: str = Field(description="weights whose features the reference holds")
    sha256: str = Field(description="of the reference")
    detector: DetectorCard | None = Field(default=None, description="what gives the scores; None: the reference does")


class EstimatorCard(Config):
    """`estimator.json`."""

    schema_: Literal["lenssbi-estimator-1"] = Field(default="lenssbi-estimator-1", alias="schema")
    lenssbi_version: str = __version__
    name: str
    network: NetworkConfig
    density: DensityConfig = DensityConfig()
    members: int = Field(default=1, gt=0, description="number of networks in the equal mixture")
    symmetric: bool = Field(default=False, description="average over the eight orientations of a stamp")
    preprocessing: ImagePreprocessing
    parameters: tuple[ParameterCard, ...]
    field: tuple[int, int] = Field(description="(y, x) of a stamp [pixels]")
    pixel_scale: float = Field(gt=0, description="[arcsec]")
    band: str
    psf_fwhm: tuple[float, float] | None = Field(
        default=None, description="narrowest and widest PSF of its training, without the pixel [arcsec]; None: unknown"
    )
    passes: int = Field(gt=0)
    seed: int = Field(ge=0)
    training: dict[str, Any] = Field(default={}, description="how it was made: configuration, set, epochs, scores")
    calibration: CalibrationCard | None = None
    misspecification: MisspecificationCard | None = None
    weights_sha256: str = ""

    @property
    def space(self) -> ParameterSpace:
        """The parameters that are inferred."""
        return ParameterSpace.from_json([p.model_dump() for p in self.parameters])


def save_estimator(card: EstimatorCard, weights: Mapping[str, Any], folder: Path) -> EstimatorCard:
    """Write weights (name -> tensor) and card into `folder`, and return the card with the weights' SHA-256."""
    from safetensors.torch import save

    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()})
    card = card.model_copy(update={"weights_sha256": write_described(folder / WEIGHTS, data)})
    save_card(card, folder)
    return card


def save_card(card: EstimatorCard, folder: Path) -> None:
    """Write `estimator.json`."""
    with atomic(folder / CARD) as temporary:
        temporary.write_text(json.dumps(card.model_dump(mode="json", by_alias=True), indent=2) + "\n")


def read_card(folder: Path) -> EstimatorCard:
    """Read `estimator.json`.

    Raises
    ------
    InputError
        If the folder or the file is missing, or is not that of an estimator.
    """
    path = folder / CARD
    if not folder.is_dir():
        raise InputError(
            f"{folder}: there is no such estimator: train one with `lenssbi train` or give the name of a shipped one"
        )
    if not path.is_file():
        raise InputError(
            f"{path}: is missing: the folder is not an estimator, or its training has not ended: run it again"
        )
    try:
        data = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        raise InputError(f"{path}: not JSON: copy the estimator again") from None
    found = data.get("schema") if isinstance(data, dict) else None
    if found != SCHEMA:
        raise InputError(
            f"{path}: the schema is {found!r}, not {SCHEMA!r}: give an estimator that this version of lenssbi made"
        )
    try:
        return parse(data, EstimatorCard, str(path))
    except ConfigError as error:
        raise InputError(f"{error}: copy the estimator again or train a new one") from None


def read_described(path: Path, sha256: str, what: str) -> bytes:
    """Read a file that a card describes by its SHA-256.

    Parameters
    ----------
    path
        Path of the file, in the folder of the card.
    sha256
        SHA-256 that the card states.
    what
        Name of the contents for messages.

    Raises
    ------
    InputError
        If the file is missing, cut short, or a different one.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): copy the estimator again") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InputError(f"{path}: not the {what} that {CARD} describes: copy both files again")
    return data


def write_described(path: Path, data: bytes) -> str:
    """Write a file for a card to describe, and return its SHA-256."""
    with atomic(path) as temporary:
        temporary.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def read_weights(card: EstimatorCard, folder: Path) -> dict[str, Any]:
    """Read the weights that `card` belongs to, name -> tensor.

    Raises
    ------
    InputError
        If the file is missing or cut short, or has other weights than those of the card.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = folder / WEIGHTS
    data = read_described(path, card.weights_sha256, "weights")
    try:
        return load(data)
    except SafetensorError as error:
        raise InputError(f"{path}: not a safetensors file ({error}): copy the estimator again") from None
