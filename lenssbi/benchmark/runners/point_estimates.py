"""Estimates and true values of each lens, in the paper's parameters.

Predicted values are the posterior means of einstein_radius, slope and the components of the ellipticity; the axis ratio and the orientation
are those of the mean ellipticity (Pearson et al. 2021, eq. 1). With m = |e| and independent components their errors are

    sigma_m = sqrt(e1^2 sigma_1^2 + e2^2 sigma_2^2) / m,   sigma_q = sigma_m / (q (1 + m)^2),
    sigma_phi = sqrt(e2^2 sigma_1^2 + e1^2 sigma_2^2) / (2 m^2),

the last at most that of an unconstrained orientation, 180 deg / sqrt(12).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lenssbi.benchmark.config import JUDGED
from lenssbi.benchmark.runners.answers import Answers
from lenssbi.benchmark.runners.records import Record, answers_of
from lenssbi.flags import Flag
from lenssbi.parameters.transforms import axis_ratio, position_angle, wrap_angle

if TYPE_CHECKING:
    from lenssbi.dataset.hdf5 import StampSet

Floats = NDArray[np.float64]
SAMPLED = ("einstein_radius", "e1", "e2", "slope")
SPENT = ("seconds", "cpu", "evaluations")
HALF_TURN = 180.0
UNKNOWN_PHI = HALF_TURN / np.sqrt(12)
Which = tuple[str, str]
"""A suite and a row, or a suite and a method."""


@dataclass(frozen=True)
class FailedLens:
    """A lens without a posterior: the reason, and the costs, NaN if unknown."""

    lens: int
    status: str
    seconds: float = np.nan
    cpu: float = np.nan
    evaluations: float = np.nan


@dataclass(frozen=True)
class PointEstimates:
    """Estimates of the method of a row for the lenses of a suite.

    Parameters
    ----------
    suite, row, method
        Suite, row of the tables, and method.
    lens
        Indices of the lenses in the suite, shape (n,).
    names
        Those of the paper's parameters that method and suite both have.
    predicted, true, sigma
        Name -> values, each of shape (n,), in arcsec, deg and pure numbers; sigma is NaN if it is unknown.
    below
        Sampled parameter (einstein_radius, e1, e2, slope) -> mass of the posterior below the truth, shape (n,).
    flagged
        Whether a flag warns of the result, shape (n,).
    flags
        Flags of each lens, joined by spaces.
    seconds, cpu
        Wall time and processor time [s], shape (n,), NaN if unknown. A network's is that of all stamps over their number.
    evaluations
        Number of evaluations of the likelihood, shape (n,), NaN if there are none.
    failed
        Lenses without a posterior.
    """

    suite: str
    row: str
    method: str
    lens: NDArray[np.int_]
    names: tuple[str, ...]
    predicted: Mapping[str, Floats]
    true: Mapping[str, Floats]
    sigma: Mapping[str, Floats]
    below: Mapping[str, Floats]
    flagged: NDArray[np.bool_]
    flags: tuple[str, ...]
    seconds: Floats
    cpu: Floats
    evaluations: Floats
    failed: tuple[FailedLens, ...] = ()

    def __len__(self) -> int:
        return len(self.lens)

    @property
    def attempted(self) -> int:
        """Number of lenses, those without a posterior included."""
        return len(self.lens) + len(self.failed)

    @property
    def out_of_distribution(self) -> NDArray[np.bool_]:
        """Whether the stamp is flagged as unlike the training of the network or its prior, shape (n,)."""
        unlike = [
            bool({Flag.MISSPECIFIED, Flag.PRIOR_CONFLICT, Flag.ESTIMATE_CONFLICT} & set(flags.split()))
            for flags in self.flags
        ]
        return np.array(unlike, dtype=bool)

    def difference(self, name: str) -> Floats:
        """Predicted - true, shape (n,); that of two orientations lies in [-90, 90) deg."""
        difference = self.predicted[name] - self.true[name]
        return np.asarray(wrap_angle(difference, HALF_TURN)) if name == "phi" else difference

    def spent(self, name: str) -> tuple[NDArray[np.int_], Floats]:
        """Lenses of known cost, with and without a posterior, and their "seconds", "cpu" or "evaluations"."""
        lenses = np.concatenate([self.lens, np.array([one.lens for one in self.failed], dtype=int)])
        values = np.concatenate([getattr(self, name), np.array([getattr(one, name) for one in self.failed])])
        known = np.isfinite(values)
        return lenses[known], values[known]


@dataclass(frozen=True)
class Lenses:
    """True properties of the lenses of a suite, by index.

    Parameters
    ----------
    names
        Those of the paper's parameters that vary in the suite.
    snr, multiplicity, einstein_radius, q
        Signal to noise, number of images, radius [arcsec] and axis ratio, each of shape (lens,); NaN if unknown.
    """

    names: tuple[str, ...]
    snr: Floats
    multiplicity: Floats
    einstein_radius: Floats
    q: Floats

    def __len__(self) -> int:
        return len(self.snr)


def lenses_of(stamps: StampSet) -> Lenses:
    """The lenses of a set."""
    params, info = stamps.params, stamps.info
    unknown = np.full(len(stamps), np.nan)
    e = params["e1"] + 1j * params["e2"] if {"e1", "e2"} <= set(params) else None
    known = {"einstein_radius": "einstein_radius" in params, "phi": e is not None, "q": e is not None}
    known["slope"] = "slope" in params and bool(np.ptp(params["slope"]) > 0)
    return Lenses(
        tuple(name for name in JUDGED if known[name]),
        snr=np.asarray(info.get("snr", unknown), dtype=float),
        multiplicity=np.asarray(info.get("multiplicity", unknown), dtype=float),
        einstein_radius=np.asarray(params.get("einstein_radius", unknown), dtype=float),
        q=unknown if e is None else np.asarray(axis_ratio(e), dtype=float),
    )


def of_network(suite: str, method: str, answers: Answers, stamps: StampSet) -> PointEstimates:
    """Estimates of a network for all lenses of a suite."""
    count = len(answers.mean)
    known = ((Flag.MISSPECIFIED, answers.flagged), (Flag.NETWORK_IMPRECISE, answers.broad))
    raised = [(flag, those > 0) for flag, those in known if len(those)]
    return _points(
        suite,
        method,
        np.arange(count),
        answers,
        stamps,
        flagged=answers.warned,
        flags=tuple(" ".join(flag for flag, those in raised if those[i]) for i in range(count)),
        seconds=np.full(count, answers.seconds / count),
        cpu=np.full(count, np.nan),
        evaluations=np.full(count, np.nan),
    )


def of_fits(suite: str, method: str, records: Sequence[Record], which: str, stamps: StampSet) -> PointEstimates | None:
    """Estimates of fits for the lenses of a suite; None if none has this posterior."""
    answers = answers_of(records, which)
    if answers is None:
        return None
    found = [record for record in records if which in record.posteriors]
    failed = [record for record in records if which not in record.posteriors]
    return _points(
        suite,
        method,
        np.array([record.index for record in found]),
        answers,
        stamps,
        flagged=answers.warned,
        flags=tuple(" ".join(record.flags) for record in found),
        **{key: np.array([_number(getattr(record, key)) for record in found]) for key in SPENT},
        failed=tuple(
            FailedLens(record.index, record.status, *(_number(getattr(record, key)) for key in SPENT))
            for record in failed
        ),
    )


def _points(
    suite: str, method: str, lens: NDArray[np.int_], answers: Answers, stamps: StampSet, **others: object
) -> PointEstimates:
    """The results in the paper's parameters; the row is set later."""
    params = {name: np.asarray(values, dtype=float)[lens] for name, values in stamps.params.items()}
    columns = {name: answers.names.index(name) for name in answers.names if name in SAMPLED and name in params}
    mean = {name: answers.mean[:, i] for name, i in columns.items()}
    true = {name: params[name] for name in columns}
    pulls = {name: answers.pulls[:, i] for name, i in columns.items()}
    sigma = {name: _sigma(true[name] - mean[name], pulls[name]) for name in columns}
    below = {name: answers.below[:, i] for name, i in columns.items()}
    predicted, errors = paper_parameters(mean, sigma)
    truths, _ = paper_parameters(true, sigma)
    names = tuple(name for name in JUDGED if name in predicted)
    return PointEstimates(suite, "", method, lens, names, predicted, truths, errors, below, **others)  # type: ignore[arg-type]


def paper_parameters(
    mean: Mapping[str, Floats], sigma: Mapping[str, Floats]
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Sampled parameters and their errors -> the paper's parameters and their errors.

    Parameters
    ----------
    mean, sigma
        Sampled parameter -> values, each of shape (n,).
    """
    values = {name: mean[name] for name in ("einstein_radius", "slope") if name in mean}
    errors = {name: sigma[name] for name in values}
    if "e1" in mean and "e2" in mean:
        e = mean["e1"] + 1j * mean["e2"]
        q, m = np.asarray(axis_ratio(e)), np.maximum(np.abs(e), 1e-12)
        radial = np.hypot(e.real * sigma["e1"], e.imag * sigma["e2"]) / m
        across = np.hypot(e.imag * sigma["e1"], e.real * sigma["e2"]) / m
        values |= {"phi": np.degrees(np.asarray(position_angle(e))), "q": q}
        errors |= {"phi": np.minimum(np.degrees(across / (2 * m)), UNKNOWN_PHI)}
        errors |= {"q": radial / (np.maximum(q, 1e-12) * (1 + m) ** 2)}
    return values, errors


def _sigma(away: Floats, pulls: Floats) -> Floats:
    """Standard deviation of a posterior from the error and the pull of its mean; NaN if both are zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(pulls == 0, np.nan, np.abs(away / pulls))


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
