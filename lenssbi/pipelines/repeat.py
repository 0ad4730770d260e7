"""Repetition of a run from the description in its output: inputs, options of reading, network and configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lenssbi import __version__
from lenssbi.dataset.reading import ReadOptions
from lenssbi.posteriors.cosmology import DEFAULT, in_words
from lenssbi.status import InputError


class Said(NamedTuple):
    """Inputs and options of a run.

    Parameters
    ----------
    inputs
        Files, folders, tables and sets, with paths that are valid from any folder.
    read
        Options of reading the stamps.
    network
        Name of shipped weights or folder of a run; None if no network was used.
    """

    inputs: list[str]
    read: ReadOptions
    network: str | None


def provenance(inputs: Sequence[str], read: ReadOptions, estimator: str | Path | None = None) -> dict[str, Any]:
    """Inputs and options of a run, which its output stores so that the run can be repeated.

    Parameters
    ----------
    inputs
        Files, folders, tables and sets, as the user named them.
    read
        Options of reading the stamps.
    estimator
        Lasting name of the network (:func:`lasting_name`); None if none is used.

    Returns
    -------
    dict
        ``version``, ``inputs``, ``folder`` (to which the inputs are relative), ``read``, ``network``, ``cosmology`` as text; for JSON.
    """
    return {
        "version": __version__,
        "inputs": [str(one) for one in inputs],
        "folder": str(Path.cwd()),
        "read": read.as_json(),
        "cosmology": in_words(read.cosmology or DEFAULT),
        "network": None if estimator is None else str(estimator),
    }


def lasting_name(estimator: str | Path | None) -> str:
    """Name of shipped weights (the default ones for None) or absolute path of a folder, valid in any working directory."""
    from lenssbi.estimators.load import DEFAULT

    name = DEFAULT if estimator is None else estimator
    return str(Path(name).absolute()) if Path(name).is_dir() else str(name)


def said_in(card: Mapping[str, Any], source: str | Path, *more: str) -> Said:
    """Inputs and options of the run that wrote `card`.

    Parameters
    ----------
    card
        Result of :func:`provenance` of an output, from JSON or the metadata of a table.
    source
        Origin of the card, for messages.
    more
        Names of further entries that the caller needs from the card.

    Raises
    ------
    InputError
        If the output does not contain them.
    """
    try:
        if not card.keys() >= set(more):
            raise KeyError
        folder, inputs, read = (_plain(card[name]) for name in ("folder", "inputs", "read"))
        options = ReadOptions.of_json(read, Path(folder))
        return Said([str(Path(folder) / text) for text in inputs], options, _plain(card.get("network")))
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"{source}: does not contain the options of reading the stamps: give the whole command again"
        ) from None


def card_of(path: Path, command: str) -> dict[str, Any]:
    """The JSON object in the output of a run.

    Raises
    ------
    InputError
        If there is none, or it is of another command.
    """
    try:
        card = json.loads(path.read_text())
    except (OSError, ValueError):
        card = None
    if not isinstance(card, dict) or card.get("command") != command:
        raise InputError(f"{path}: not an output of `lenssbi {command}`: give the folder of one of its runs")
    return card


def _plain(value: Any) -> Any:
    """Value from JSON or from the metadata of a table, in which it may be one line of JSON."""
    return json.loads(value) if isinstance(value, str) and value[:1] in ("[", "{", '"') else value
