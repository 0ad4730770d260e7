"""Distances to a lens and its source, in a cosmology that the user may choose.

The default is flat LCDM with the parameters of Planck Collaboration 2020 (A&A 641, A6; astropy's Planck18). Redshifts of simulated lenses
are converted to distances by :mod:`lenssbi.populations.cosmology`, which is faster and has that cosmology alone.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from lenssbi.status import InputError

if TYPE_CHECKING:
    from astropy.cosmology import FLRW

DEFAULT = "Planck18"
FLAT = re.compile(r"H0=(?P<H0>[\d.]+),Om0=(?P<Om0>[\d.]+)")


class Distances(NamedTuple):
    """Angular diameter distances [Mpc] to the lens, to the source, and from the lens to the source."""

    lens: float
    source: float
    between: float


@lru_cache(maxsize=8)
def cosmology_of(text: str = DEFAULT) -> FLRW:
    """The cosmology of a name or of parameters.

    Parameters
    ----------
    text
        A name that astropy knows, such as Planck18, or ``H0=70,Om0=0.3`` for flat LCDM.

    Raises
    ------
    InputError
        If the text is neither.
    """
    from astropy import cosmology

    match = FLAT.fullmatch(text.replace(" ", ""))
    try:
        if match is not None:
            hubble, matter = float(match["H0"]), float(match["Om0"])
            if hubble > 0 and 0 < matter <= 1:
                return cosmology.FlatLambdaCDM(H0=hubble, Om0=matter)
        elif text in cosmology.available and getattr(cosmology, text).is_flat:
            return getattr(cosmology, text)
    except ValueError:  # 70.0.0
        pass
    names = ", ".join(cosmology.available)
    raise InputError(
        f"cosmology {text}: write H0=70,Om0=0.3 with H0 above 0 and Om0 between 0 and 1, or one of {names}"
    )


def in_words(text: str = DEFAULT) -> str:
    """A cosmology as text for headers and tables.

    Examples
    --------
    >>> in_words("H0=70,Om0=0.3")
    'FlatLambdaCDM(H0=70 km/s/Mpc, Om0=0.3)'
    """
    found = cosmology_of(text)
    named = "" if found.name is None else f"{found.name}: "
    return f"{named}{type(found).__name__}(H0={found.H0.value:g} km/s/Mpc, Om0={found.Om0:g})"


@lru_cache(maxsize=1024)
def distances(z_lens: float, z_source: float, cosmology: str = DEFAULT) -> Distances:
    """Distances to a lens at redshift `z_lens` and a source at `z_source`, which is larger; all cosmologies here are flat."""
    model = cosmology_of(cosmology)
    to_lens, to_source = (model.angular_diameter_distance(z).to_value("Mpc") for z in (z_lens, z_source))
    between = (
        to_source - (1 + z_lens) / (1 + z_source) * to_lens
    )  # in a flat universe (Hogg 1999, astro-ph/9905116, eq. 19)
    return Distances(float(to_lens), float(to_source), float(between))


def kpc_per_arcsec(z: float, cosmology: str = DEFAULT) -> float:
    """Proper length [kpc] of an arcsecond at redshift `z`."""
    return float(1 / cosmology_of(cosmology).arcsec_per_kpc_proper(z).to_value("arcsec/kpc"))
