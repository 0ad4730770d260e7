"""One lens for hierArc (Birrer et al. 2020, A&A 643, A165): the parameters from imaging that its lens posteriors use, in a JSON file.

hierArc's `LensPosterior` classes, such as KinConstraints, take ``z_lens``, ``z_source``, ``theta_E``, ``theta_E_error``, ``gamma`` and
``gamma_error``, draw theta_E [arcsec] and gamma from Gaussians of these means and standard deviations, and hand them to lenstronomy's power
law, whose definitions of both are ours. The means are medians, the errors half of the interval between the 16th and 84th percentiles. Their
parameters from spectroscopy and photometry of the lens galaxy (``r_eff``, ``sigma_v_measured`` and others) are not known here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lenssbi
from lenssbi.files import atomic
from lenssbi.parameters.conversions import ISOTHERMAL
from lenssbi.posteriors.export.coolest import Observed
from lenssbi.posteriors.samples import Samples
from lenssbi.status import InputError

SCHEMA = "lenssbi-hierarc-1"
NO_REDSHIFTS = (
    "hierArc needs the redshifts of lens and source: run predict, refine or catalogue again with --z-lens and --z-source, "
    "or with the columns z_lens and z_source of a table"
)
NOT_KNOWN = ("r_eff", "r_eff_error", "sigma_v_measured", "kwargs_aperture", "kwargs_seeing", "anisotropy_model")


def write(samples: Samples, path: str | Path, observed: Observed) -> Path:
    """Write the output of :func:`keywords`.

    Raises
    ------
    InputError
        If a redshift is missing, or the file cannot be written.
    """
    path = Path(path)
    found = keywords(samples, observed)
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(found, indent=2, allow_nan=False))
    return path


def keywords(samples: Samples, observed: Observed) -> dict[str, Any]:
    """HierArc's keyword arguments of one lens, under ``kwargs_lens_posterior``.

    Parameters
    ----------
    samples
        Posterior of einstein_radius [arcsec] and, if it was inferred, slope.
    observed
        The stamp's name and redshifts.

    Raises
    ------
    InputError
        If a redshift is missing.
    """
    if observed.z_lens is None or observed.z_source is None:
        raise InputError(f"{observed.name}: {NO_REDSHIFTS}")
    summary = samples.summary()
    radius, error = _value(summary["einstein_radius"])
    inferred = "slope" in summary
    slope, slope_error = _value(summary["slope"]) if inferred else (ISOTHERMAL, 0.0)
    found = {"z_lens": observed.z_lens, "z_source": observed.z_source, "theta_E": radius, "theta_E_error": error}
    return {
        "schema": SCHEMA,
        "lenssbi_version": lenssbi.__version__,
        "name": observed.name,
        "kwargs_lens_posterior": found | {"gamma": slope, "gamma_error": slope_error},
        "not_given": list(NOT_KNOWN),
        "notes": [] if inferred else ["the slope was not inferred: gamma is 2 by assumption, and its error is not 0"],
    }


def _value(summary: Any) -> tuple[float, float]:
    return summary.median, (summary.upper - summary.lower) / 2
