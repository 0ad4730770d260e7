"""The posterior file of one lens, read: ``*.h5``, schema ``lenssbi-posterior-1``.

    /samples      (draw, parameter) physical units
    /log_weights  (draw,)           natural log, the heaviest draw at 0
    /names /units (parameter,)      text
    /with_prior/log_weights (draw,) for a fit under a learned prior: the same draws under that prior; the file's own
                                    weights have the learned prior divided out
    /learned/means, sigmas (pass, parameter), names, units
                                    the network's posterior, if the fit used one, so that the fit can be set up again without the network
    /network/...                    the same of a network that only gave starts of the search, since it was flagged or contradicted the arcs

The attributes hold the schema, the package's version, ``log_evidence`` and ``info``, a JSON object with the status, the
timings, and the identity of the estimator and of the configuration.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lenssbi.files import open_hdf5
from lenssbi.posteriors.mixtures import DiagonalMixture
from lenssbi.posteriors.samples import Samples
from lenssbi.posteriors.writing import SCHEMA
from lenssbi.status import InputError

if TYPE_CHECKING:
    import h5py

T = TypeVar("T")


def load_samples(path: str | Path) -> Samples:
    """Read a posterior file.

    Raises
    ------
    InputError
        If the file is missing, not HDF5, or of another schema.
    """
    return _read(path, lambda file: _samples(file, file))


def load_with_prior(path: str | Path) -> Samples | None:
    """The draws weighted under the learned prior, or None if the fit had none; raises as :func:`load_samples`."""
    return _read(path, lambda file: _samples(file, file["with_prior"]) if "with_prior" in file else None)


def load_learned(path: str | Path) -> DiagonalMixture | None:
    """The network's posterior that the fit used, or None if it used none; raises as :func:`load_samples`."""
    return _read(path, lambda file: _mixture(file["learned"]) if "learned" in file else None)


def load_network(path: str | Path) -> DiagonalMixture | None:
    """The posterior of the network that was asked, whether or not the fit used it; None without one; raises as :func:`load_samples`."""
    groups = ("learned", "network")
    return _read(path, lambda file: next((_mixture(file[name]) for name in groups if name in file), None))


def _read(path: str | Path, reader: Callable[[h5py.File], T]) -> T:
    path = Path(path)
    try:
        with open_hdf5(
            path, "make it again with lenssbi refine", missing="no such posterior file: check the path"
        ) as file:
            schema = str(file.attrs.get("schema", ""))
            if not schema.startswith("lenssbi-"):
                raise InputError(f"{path}: an HDF5 file of another program: give a posterior made by lenssbi")
            if schema != SCHEMA:
                raise InputError(f"{path}: a {schema} and no {SCHEMA}: give a posterior made by lenssbi refine")
            return reader(file)
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: not a readable posterior file ({error}): make it again with lenssbi refine"
        ) from error


def _mixture(group: h5py.Group) -> DiagonalMixture:
    names, units = (tuple(group[name].asstr()[()]) for name in ("names", "units"))
    return DiagonalMixture(group["means"][()], group["sigmas"][()], names, units)


def _samples(file: h5py.File, weights: h5py.Group) -> Samples:
    log_evidence = weights.attrs.get("log_evidence")
    samples = Samples(
        values=file["samples"][()],
        names=tuple(file["names"].asstr()[()]),
        units=tuple(file["units"].asstr()[()]),
        log_weights=weights["log_weights"][()],
        info=json.loads(file.attrs["info"]),
    )
    return replace(samples, log_evidence=None if log_evidence is None else float(log_evidence))
