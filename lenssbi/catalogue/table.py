"""One row per lens: the columns, what they mean, and the files they are written to.

A row starts as a plain mapping (it has been through JSON: every lens' row is kept on disk while a catalogue grows) with the
keys of `ROW`; `columns.build` turns many of them into an astropy table, whose columns are the same for every lens:

    name, input, method, status      name of the lens, its file, the method and the outcome
    <p>, <p>_lower, <p>_upper        median, 16th and 84th percentile of each parameter
    network_<p>, _lower, _upper      the same of the network's result, for fitted lenses too; NaN if it is not applicable to such stamps
    network_flags                    flags of that result
    cov_<p>_<r>                      covariance of the mass parameters that are linear (not of q and phi)
    truth_<p>, rank_<p>              true value of simulated lenses, and the share of the posterior below it
    log_evidence, snr                natural log of the evidence; signal-to-noise of the source
    misspecification                 the network's score of how much the stamp differs from its training
    chi2_per_pixel                   mean square of residual over noise of the model image
    <d>, <d>_lower, <d>_upper        the same of derived quantities: effective radius, mass, magnification, magnitudes ...
    z_lens, z_source                 redshifts, in catalogues in which a lens has one
    prior_conflict, misspecified, demagnified, needs_human      reasons to inspect the row
    refined_because, look_because    the reasons of the two decisions

Numbers that a row lacks are NaN, never a number that could be a measurement.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lenssbi.dataset.tables import read_table
from lenssbi.files import atomic, writing
from lenssbi.flags import Flag
from lenssbi.posteriors.quantities import EFFECTIVE, QUANTITIES
from lenssbi.status import InputError

if TYPE_CHECKING:
    from astropy.table import Table

SCHEMA = "lenssbi-catalogue-1"
ESCAPED = "escaped"  # the entry of the metadata that names columns of escaped text

# name -> (unit, description); every catalogue has these, and more if a model has more
PARAMETERS = {
    "einstein_radius": ("arcsec", "radius of the circle with the area inside which the mean convergence is 1"),
    "e1": ("", "ellipticity (1-q^2)/(1+q^2) cos(2 phi) of the mass"),
    "e2": ("", "ellipticity (1-q^2)/(1+q^2) sin(2 phi) of the mass"),
    "q": ("", "axis ratio of the mass, minor over major"),
    "phi": (
        "deg",
        "position angle of the mass' major axis, anticlockwise from +x, 0 to 180 (its interval may reach beyond)",
    ),
}
# those of them that only some models have
OPTIONAL = {
    "slope": ("", "3-D logarithmic slope of the mass density, 2 for isothermal"),
    "shear1": ("", "external shear gamma cos(2 phi), phi the direction in which it stretches images"),
    "shear2": ("", "external shear gamma sin(2 phi)"),
    "centre_x": ("arcsec", "centre of the mass, to the right of the stamp's middle"),
    "centre_y": ("arcsec", "centre of the mass, above the stamp's middle"),
}
# derived from the posterior of every lens, and for a fit from its model of the light
DERIVED = {
    EFFECTIVE: QUANTITIES[EFFECTIVE],
    "magnification": ("", "flux of the lensed source over that of the source, of a fit"),
    "mag_lens_light": ("mag", "AB magnitude of the lens light within the stamp, of a fit"),
    "mag_lensed_source": ("mag", "AB magnitude of the source through the lens, of a fit"),
    "mag_source": ("mag", "AB magnitude of the source without the lens, of a fit"),
    "source_half_light_radius": ("arcsec", "of the reconstructed source: its brightest part with half of its flux"),
}
# quantities that need redshifts, in catalogues in which a lens has them
PHYSICAL = {name: about for name, about in QUANTITIES.items() if name != EFFECTIVE}
PHYSICAL |= {"source_half_light_radius_kpc": ("kpc", "the same in the source plane; needs z_source")}

COVARIANCE = ("einstein_radius", "e1", "e2", "slope", "shear1", "shear2")

FLAGS = (Flag.PRIOR_CONFLICT, Flag.MISSPECIFIED, Flag.DEMAGNIFIED, Flag.NEEDS_HUMAN)
"""Flags with a column of their own; the others are in the column `flags`."""

# name -> (value if there is none, unit, description)
ROW: dict[str, tuple[Any, str, str]] = {
    "name": ("", "", "identifies the lens"),
    "input": ("", "", "file that the stamp was read from"),
    "method": ("", "", "network: the estimator's answer; refined: the pixelised-source fit"),
    "status": ("", "", "done, or what went wrong"),
    "ra": (float("nan"), "deg", "right ascension, where the file gives one"),
    "dec": (float("nan"), "deg", "declination, where the file gives one"),
    "z_lens": (float("nan"), "", "redshift of the lens, if it was said"),
    "z_source": (float("nan"), "", "redshift of the source, if it was said"),
    "log_evidence": (float("nan"), "", "natural log of the evidence"),
    "snr": (
        float("nan"),
        "",
        "signal-to-noise ratio of the source's light; NaN where the lens light was not taken off",
    ),
    "misspecification": (
        float("nan"),
        "",
        "log odds that the stamp is unlike those of the network's training",
    ),
    "chi2_per_pixel": (float("nan"), "", "mean square of residual over noise of the model image"),
    "refined_because": ("", "", "why the lens was fitted"),
    "look_because": ("", "", "why a human must look at it"),
    "seconds": (float("nan"), "s", "time spent on this lens"),
    "evaluations": (0, "", "likelihood evaluations"),
    "posterior": ("", "", "file with the posterior's draws"),
    "figure": ("", "", "file with the figure"),
}

FORMATS = {".ecsv": "ascii.ecsv", ".fits": "fits", ".parquet": "parquet"}


def write(table: Table, path: str | Path) -> Path:
    """Write a catalogue as ECSV, FITS or Parquet, according to the suffix of `path`.

    Raises
    ------
    InputError
        If the suffix is another one, the folder cannot be written, or the format is Parquet and pyarrow is missing.
    """
    path, kind = Path(path), _format(Path(path))
    table = table.copy(copy_data=False)
    if kind != "parquet":
        _escape(table, ascii_only=kind == "fits")
    # FITS headers hold neither nested values nor line breaks, so every format gets one line of JSON
    table.meta = {key: _one_line(value) for key, value in table.meta.items()}
    with atomic(path) as temporary:
        try:
            with warnings.catch_warnings(
                action="ignore"
            ):  # FITS' keywords are short: longer ones are written in its own way
                table.write(temporary, format=kind)
        except ImportError:
            raise InputError(f"{path}: Parquet needs pyarrow: pip install pyarrow, or use .ecsv") from None
    return path


def check_writable(path: str | Path) -> None:
    """Make sure, before the work is done, that a catalogue can be written to `path`; its folder is made.

    Raises
    ------
    InputError
        If the suffix is of no known format, or the folder cannot be written.
    """
    path = Path(path)
    _format(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass


def read(path: str | Path) -> Table:
    """Read a catalogue back.

    Raises
    ------
    InputError
        If the file is missing or is not a catalogue of lenssbi.
    """
    path = Path(path)
    _format(path)
    table = read_table(path)
    table.meta = {key.lower(): value for key, value in table.meta.items()}  # FITS has capitals
    if table.meta.get("schema") != SCHEMA:
        found = table.meta.get("schema", "no schema")
        raise InputError(f"{path}: not a catalogue of this version ({found}, not {SCHEMA}): write it again")
    escaped = str(table.meta.pop(ESCAPED, "")).split()
    for name in table.colnames:
        if table[name].dtype.kind == "U":
            text = ["" if value is None else value for value in table[name].tolist()]
            _replace(
                table, name, [value.encode().decode("unicode_escape") for value in text] if name in escaped else text
            )
    return table


def _escape(table: Table, *, ascii_only: bool) -> None:
    """Write texts that the format would change with the escapes of Python's literals, and record their columns.

    FITS supports only ASCII; ECSV treats a line that begins with # as a comment; both lose spaces at the ends.
    """

    def kept(text: str) -> bool:
        return text.isprintable() and text == text.strip() and text[:1] != "#" and (text.isascii() or not ascii_only)

    found = [name for name in table.colnames if table[name].dtype.kind == "U" and not all(map(kept, table[name]))]
    for name in found:
        _replace(table, name, [_literal(value) for value in table[name].tolist()])
    if found:
        table.meta[ESCAPED] = " ".join(found)


def _literal(text: str) -> str:
    """The body of the Python literal of a text, with its first and last character escaped if necessary."""
    found = text.encode("unicode_escape").decode()
    found = f"\\x{ord(found[0]):02x}{found[1:]}" if found[:1] in ("#", " ") else found
    return f"{found[:-1]}\\x20" if found.endswith(" ") else found


def _replace(table: Table, name: str, text: list[str]) -> None:
    """Replace the cells of a column of text."""
    from astropy.table import Column

    old = table[name]
    table[name] = Column(text, dtype=str, unit=old.unit, description=old.description)


def _one_line(value: Any) -> Any:
    return (
        value
        if isinstance(value, (str, int, float)) and str(value).isascii() and str(value).isprintable()
        else json.dumps(value)
    )


def _format(path: Path) -> str:
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise InputError(f"{path}: a catalogue ends in {', '.join(FORMATS)}: choose one of them") from None
