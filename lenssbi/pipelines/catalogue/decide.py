"""Selection of the stamps that need a fit, and of the rows that need a human, with reasons as text."""

from __future__ import annotations

from typing import Any

from lenssbi.flags import Flag, about, words_of
from lenssbi.pipelines.catalogue.config import AutoConfig, CatalogueConfig
from lenssbi.status import Status

Row = dict[str, Any]

QUIET = (Flag.NOISE_CONVERTED,)
"""Flags about the processing, which need no human."""
REFUSED = (Status.WRONG.value, Status.NOT_EXPLAINED.value)
"""Statuses of fits with numbers that must not be used."""


def reasons_to_fit(row: Row, config: CatalogueConfig) -> list[str]:
    """Reasons to fit a stamp, from its row with the network's result; none if it is not to be fitted.

    A stamp that cannot be read is not fitted; a stamp to which the network is not applicable is fitted without it.
    """
    if config.refine == "none":
        return []
    applies = _applies(row)
    if row["status"] != Status.DONE.value and applies:
        return []
    if config.refine == "all":
        return ["all are fitted"]
    return doubts(row, config.auto)


def doubts(row: Row, auto: AutoConfig) -> list[str]:
    """Reasons to doubt the result of the network."""
    if not _applies(row):
        return ["the network is not for such stamps"] if auto.misspecified else []
    if row["status"] != Status.DONE.value:
        return []
    found, radius = [], row["params"]["einstein_radius"]
    error = (radius["upper"] - radius["lower"]) / 2 / radius["median"]
    if auto.max_relative_error is not None and not error <= auto.max_relative_error:
        found.append(f"the network knows einstein_radius to {100 * error:.2g} per cent only")
    if auto.misspecified and Flag.MISSPECIFIED in row["flags"]:
        found.append("the stamp is unlike the network's training")
    residual = row.get("chi2_per_pixel")
    if auto.max_residual is not None and residual is not None and not residual <= auto.max_residual:
        found.append(f"the network's model image leaves {residual:.3g} times the noise's variance")
    return found


def usable(fit: Row) -> bool:
    """Whether the numbers of a fit can be used in a catalogue: they exist, and the fit is not recognised as wrong."""
    return bool(fit.get("params")) and not str(fit["status"]).startswith(REFUSED)


def reasons_to_look(row: Row, config: CatalogueConfig) -> list[str]:
    """Reasons for which a finished row needs a human before it is used; none if there are no such reasons."""
    found = [] if row["status"] == Status.DONE.value else [row["status"]]
    fitted = row["method"] == "refined" and not found
    flags = [flag for flag in row.get("flags") or () if flag not in QUIET and not (fitted and flag in about("network"))]
    found += [words_of(flag) for flag in flags]
    residual = row.get("chi2_per_pixel")
    limit = config.auto.max_residual
    if row["method"] == "network" and residual is not None and limit is not None and not residual <= limit:
        found.append(f"the model image leaves {residual:.3g} times the noise's variance, and no fit was made")
    return found


def _applies(row: Row) -> bool:
    return not str(row["status"]).startswith(Status.NOT_APPLICABLE.value)
