"""Results of a command: one for each input, and the JSON object that ``--json`` prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lenssbi.posteriors import Summary
from lenssbi.status import ItemError, Status

Progress = Callable[[int, int, str], None]
"""Function that is called with (items done, items in all, description of the present step)."""


def sentence(error: ItemError) -> str:
    """Text of the status of a stamp that failed, with details."""
    return error.status.value + (f" ({error.detail})" if error.detail else "")


def silent(done: int, total: int, text: str) -> None:
    """Progress function that does nothing."""


class NetworkAnswer(NamedTuple):
    """Result of the network for a stamp, whether or not it was used.

    Parameters
    ----------
    params
        Mapping of name to summary of each mass parameter, with q and phi [deg].
    flags
        Flags of the result.
    """

    params: Mapping[str, Summary]
    flags: tuple[str, ...] = ()

    @classmethod
    def of_info(cls, info: Mapping[str, Any] | None) -> NetworkAnswer | None:
        """The result in a posterior file; None if there is none."""
        if info is None:
            return None
        return cls({name: Summary(**summary) for name, summary in info["params"].items()}, tuple(info["flags"]))

    def as_info(self) -> dict[str, Any]:
        """The result in the form for a posterior file."""
        return {"params": {name: s._asdict() for name, s in self.params.items()}, "flags": list(self.flags)}

    def as_json(self) -> dict[str, Any]:
        """The result in the form for ``--json``."""
        return {"params": _summaries(self.params), "flags": list(self.flags)}


@dataclass(frozen=True)
class ItemResult:
    """The result for one stamp.

    Parameters
    ----------
    input
        Name of the stamp: its file, or file and index.
    status
        Status of the stamp: "done", or the sentence of a :class:`~lenssbi.status.Status` with details.
    params
        Mapping of name to summary of each mass parameter, with e1, e2 and the derived q and phi [deg]; a learned prior is
        divided out.
    params_with_prior
        Summaries under the learned prior; None if there was none.
    truth
        Mapping of name to true value of simulated stamps; None for others.
    log_evidence
        Natural log of the evidence, of the result in ``params``.
    flags
        Flags of the result.
    misspecification
        Score of the network for stamps unlike its training, natural log of the odds; None if there is no score.
    seconds
        Wall-clock time spent on this stamp [s].
    evaluations
        Number of likelihood evaluations of a fit.
    posterior, figure
        Files written; None if there is none.
    derived
        Mapping of name to summary of derived quantities: the effective radius; lengths, mass and dispersion if redshifts are known; and,
        for a fit, magnification, magnitudes and size of the source.
    network
        Posterior of the network, for a fit too; None if no network was used or it is not applicable to such stamps.
    """

    input: str
    status: str
    params: Mapping[str, Summary] = field(default_factory=dict)
    params_with_prior: Mapping[str, Summary] | None = None
    truth: Mapping[str, float] | None = None
    log_evidence: float | None = None
    flags: tuple[str, ...] = ()
    misspecification: float | None = None
    seconds: float = 0.0
    evaluations: int | None = None
    posterior: str | None = None
    figure: str | None = None
    network: NetworkAnswer | None = None
    derived: Mapping[str, Summary] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the work on this stamp is done."""
        return self.status == Status.DONE.value

    def as_json(self) -> dict[str, Any]:
        """The result in the form for ``--json``."""
        return {
            "input": self.input,
            "status": str(self.status),
            "params": _summaries(self.params),
            "params_with_prior": None if self.params_with_prior is None else _summaries(self.params_with_prior),
            "derived": _summaries(self.derived),
            "network": None if self.network is None else self.network.as_json(),
            "truth": None if self.truth is None else dict(self.truth),
            "log_evidence": self.log_evidence,
            "flags": list(self.flags),
            "misspecification": self.misspecification,
            "seconds": round(self.seconds, 3),
            "evaluations": self.evaluations,
            "posterior": self.posterior,
            "figure": self.figure,
        }


@dataclass(frozen=True)
class RunResult:
    """The result of a command.

    Parameters
    ----------
    items
        Results, one for each stamp, in the order of the inputs.
    seconds
        Wall-clock time of the run [s].
    config
        Resolved configuration.
    path
        Table or folder that was written.
    """

    items: tuple[ItemResult, ...]
    seconds: float
    config: Mapping[str, Any]
    path: str | None = None

    @property
    def count(self) -> int:
        """Number of stamps."""
        return len(self.items)

    @property
    def failed(self) -> int:
        """Number of stamps that are not done."""
        return sum(not item.ok for item in self.items)

    def as_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {
            "items": [item.as_json() for item in self.items],
            "seconds": round(self.seconds, 3),
            "config": dict(self.config),
        }


def _summaries(params: Mapping[str, Summary]) -> dict[str, dict[str, float | str]]:
    found = {name: summary.as_json() for name, summary in params.items()}
    # unknown limits are NaN, which JSON does not have
    return {name: {k: None if v != v else v for k, v in one.items()} for name, one in found.items()}  # type: ignore[misc]
