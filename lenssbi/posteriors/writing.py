"""The posterior file of one lens, written; its layout is described in :mod:`lenssbi.posteriors.hdf5`, which reads it.

`Samples.save` calls this module, which therefore imports the classes that it writes for the type checker alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lenssbi.files import atomic

if TYPE_CHECKING:
    import h5py

    from lenssbi.posteriors.mixtures import DiagonalMixture
    from lenssbi.posteriors.samples import Samples

SCHEMA = "lenssbi-posterior-1"


def save_samples(
    path: str | Path,
    samples: Samples,
    *,
    with_prior: Samples | None = None,
    learned: DiagonalMixture | None = None,
    network: DiagonalMixture | None = None,
) -> None:
    """Write a posterior file atomically.

    Parameters
    ----------
    path
        File to write.
    samples
        The posterior.
    with_prior
        The same draws weighted under the learned prior, if there was one.
    learned
        The network's posterior, if the fit used one.
    network
        The posterior of the network that was asked, which is stored if the fit took nothing but starts from it.

    Raises
    ------
    InputError
        If the file cannot be written.
    ValueError
        If ``with_prior`` holds other draws than ``samples``.
    """
    import h5py

    import lenssbi

    if with_prior is not None and with_prior.values.shape != samples.values.shape:
        raise ValueError("with_prior must hold the same draws as samples")
    with atomic(Path(path)) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update(schema=SCHEMA, lenssbi_version=lenssbi.__version__, info=json.dumps(dict(samples.info)))
        file["samples"] = samples.values
        file["names"] = list(samples.names)
        file["units"] = list(samples.units)
        _write_weights(file, samples)
        if with_prior is not None:
            _write_weights(file.create_group("with_prior"), with_prior)
        for name, mixture in {"learned": learned, "network": network if learned is None else None}.items():
            if mixture is not None:
                group = file.create_group(name)
                group["means"], group["sigmas"] = mixture.means, mixture.sigmas
                group["names"], group["units"] = list(mixture.names), list(mixture.units)


def _write_weights(group: h5py.Group, samples: Samples) -> None:
    log_weights = np.zeros(len(samples)) if samples.log_weights is None else samples.log_weights
    group["log_weights"] = log_weights - log_weights.max()
    if samples.log_evidence is not None:
        group.attrs["log_evidence"] = samples.log_evidence
