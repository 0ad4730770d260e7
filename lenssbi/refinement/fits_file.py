"""A fit as one FITS file, for DS9, astropy and whatever reads images.

    PRIMARY        no image; status, flags, versions, median and errors of every parameter
    DATA           the stamp, its sky taken off, lens light and all [unit]; NaN where a pixel cannot be used
    NOISE          one sigma as it was used [unit]
    FITTED         1 where a pixel was fitted
    MODEL          lens light and lensed source [unit]; NaN where nothing was fitted
    RESIDUAL       (DATA - MODEL) / NOISE; NaN where nothing was fitted
    LENS_LIGHT     the lens light [unit], blurred; 0 if there is none
    LENSED_SOURCE  light of the source through the lens [unit], blurred; NaN where nothing was fitted
    SOURCE         the source itself [unit/arcsec^2], in the source plane; NaN outside its mesh
    PSF            the point spread function

Images of the stamp have the stamp's celestial WCS, if it has one, and as WCS "A" the frame of the parameters: x and y [arcsec] from the
stamp's centre. A stamp without a celestial WCS has that frame as its first. SOURCE has the same frame with pixels of its own, which lie
where the lens model traces the image to. Models are those of the highest likelihood, not of the medians. The first row is the bottom row.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lenssbi import __version__
from lenssbi.arrays import FloatArray
from lenssbi.dataset.header import as_ascii
from lenssbi.dataset.redshifts import known
from lenssbi.dataset.stamp import WCS
from lenssbi.files import atomic
from lenssbi.parameters.conventions import COORDINATES, convention
from lenssbi.posteriors import Summary
from lenssbi.posteriors.cosmology import DEFAULT, in_words
from lenssbi.refinement.drawn_light import fit_quantities
from lenssbi.refinement.photometry import UNITS, photometry, source_flux
from lenssbi.refinement.result import FitResult

if TYPE_CHECKING:
    from astropy.io import fits

SCHEMA = "lenssbi-fit-1"
STATISTICS = {"median": "", "lower": "_lower", "upper": "_upper"}
"""Of a parameter, and what its name gets in the header: the names of a catalogue's columns."""
WORDS = {"median": "median", "lower": "16th percentile", "upper": "84th percentile"}
Card = tuple[str, Any, str]


def write(fit: FitResult, path: str | Path) -> Path:
    """Write the file of a fit; the same fit makes the same bytes.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    path = Path(path)
    hdus = to_hdus(fit)
    with atomic(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # cards whose comment is cut off
        hdus.writeto(temporary, overwrite=True)
    return path


def to_hdus(fit: FitResult) -> fits.HDUList:
    """The file of a fit in memory, images as float32."""
    from astropy.io import fits

    stamp, arcs = fit.stamp, fit.best.image
    light = np.zeros(stamp.shape) if fit.lens_light is None else fit.lens_light
    planes: dict[str, tuple[FloatArray, str]] = {
        "DATA": (np.where(stamp.mask, stamp.image + light, np.nan), stamp.unit),
        "NOISE": (np.where(stamp.mask, stamp.noise, np.nan), stamp.unit),
        "MODEL": (light + arcs, stamp.unit),
        "RESIDUAL": (fit.residual, ""),
        "LENS_LIGHT": (light, stamp.unit),
        "LENSED_SOURCE": (arcs, stamp.unit),
    }
    frame = [*_stamp_frame(fit), *_known(fit)]
    images = [_image(name, np.float32(pixels), [*frame, *_unit(unit)]) for name, (pixels, unit) in planes.items()]
    images.insert(2, _image("FITTED", fit.mask.astype(np.uint8), frame))
    source = [*_source_frame(fit), *_known(fit), *_unit(f"arcsec-2 {stamp.unit}".strip())]
    psf = [("PIXSCALE", stamp.psf.pixel_scale, "[arcsec] side of a pixel"), ("PSFKIND", stamp.psf.kind, "")]
    images += [_image("SOURCE", np.float32(fit.best.source.image), source)]
    images += [_image("PSF", np.float32(stamp.psf.image), psf)]
    return fits.HDUList([_primary(fit), *images])


def _image(name: str, pixels: Any, cards: list[Card]) -> fits.ImageHDU:
    from astropy.io import fits

    return fits.ImageHDU(pixels, fits.Header([*cards]), name=name)


def _primary(fit: FitResult) -> fits.PrimaryHDU:
    from astropy.io import fits

    first = fits.PrimaryHDU()
    for name, value, comment in (*_about(fit), *_known(fit), *_photometry(fit), *_parameters(fit)):
        first.header[name] = (value, comment)
    text = f"Images are those of the model of the highest likelihood. Parameters: {COORDINATES}."
    first.header["COMMENT"] = as_ascii(text)
    for name in fit.params():
        if convention(name):
            first.header["COMMENT"] = as_ascii(f"{name}: {convention(name)}")
    return first


def _about(fit: FitResult) -> Iterator[Card]:
    info = fit.info
    yield "SCHEMA", SCHEMA, "layout of this file"
    yield "CREATOR", f"lenssbi {__version__}", "program that fitted and wrote"
    yield "OBJECT", as_ascii(fit.stamp.name), "name of the stamp"
    yield "INPUT", as_ascii(str(info.get("observation", {}).get("read", {}).get("input", ""))), "file of the stamp"
    yield "STATUS", fit.status.name, "how the fit ended"
    yield "STATUSIS", as_ascii(fit.status.value), "the same in words"
    yield "FLAGS", " ".join(fit.flags), "what to look at"
    yield "PRIOR", fit.mode, "prior of the mass that was sampled"
    yield "SAMPLER", str(info.get("sampler", "")), ""
    yield "FITKEY", str(info.get("key", "")), "identity of data, choices and versions"
    yield "LOGEVID", _number(fit.samples.log_evidence), "natural log of the evidence"
    yield "LOGLIKE", _number(fit.best.log_likelihood), "natural log likelihood of the model shown"
    yield "CHI2PIX", _number(fit.best.chi2), "mean square of RESIDUAL"
    yield "NPIXELS", int(fit.mask.sum()), "pixels fitted"
    yield "NDRAWS", len(fit.samples), "draws of the posterior"
    yield "NEFF", _number(fit.samples.n_eff), "effective number of draws"
    yield "NEVAL", fit.evaluations, "likelihood evaluations"


def _known(fit: FitResult) -> Iterator[Card]:
    """What every image says of the stamp."""
    stamp = fit.stamp
    if stamp.band:
        yield "FILTER", as_ascii(stamp.band), ""
    if stamp.zero_point is not None:
        yield "MAGZERO", stamp.zero_point, "[mag] AB magnitude of one unit"
    facts = known(stamp.info)
    if "z_lens" in facts:
        yield "ZLENS", facts["z_lens"], "redshift of the lens"
    if "z_source" in facts:
        yield "ZSOURCE", facts["z_source"], "redshift of the source"
    if facts:
        yield "COSMO", in_words(facts.get("cosmology") or DEFAULT), "of lengths and masses"


def _photometry(fit: FitResult) -> Iterator[Card]:
    """What follows from the fit, under the names of a catalogue's columns, and of the light also in the model that is shown."""
    best = photometry(fit.stamp, fit.best, fit.lens_light)._asdict()
    for name, value in best.items():
        unit = f"[{UNITS[name]}] " if UNITS[name] else ""
        yield f"HIERARCH {name}_best", _number(value), f"{unit}model shown"
    unknown = {name: Summary(*(float("nan"),) * 5, UNITS[name]) for name in best}
    for name, summary in (unknown | fit_quantities(fit.samples, fit.stamp)).items():
        yield from _summary(name, summary)
    yield "SRCFLUX", source_flux(fit.best.source), "flux of SOURCE, in the unit of DATA"


def _parameters(fit: FitResult) -> Iterator[Card]:
    """Median and errors of every parameter, and its value in the model that is shown."""
    for name, summary in fit.params().items():
        yield from _summary(name, summary)
        if name in fit.best.params:
            unit = f"[{summary.unit}] " if summary.unit else ""
            yield f"HIERARCH {name}_best", _number(fit.best.params[name]), f"{unit}model shown"


def _summary(name: str, summary: Summary) -> Iterator[Card]:
    unit = f"[{summary.unit}] " if summary.unit else ""
    for statistic, suffix in STATISTICS.items():
        yield f"HIERARCH {name}{suffix}", _number(getattr(summary, statistic)), unit + WORDS[statistic]


def _stamp_frame(fit: FitResult) -> Iterator[Card]:
    stamp = fit.stamp
    (ny, nx), celestial = stamp.shape, stamp.info.get(WCS) or {}
    for name, value in celestial.items():
        yield name, value, ""
    middle = ((nx + 1) / 2, (ny + 1) / 2)
    yield from _linear("LENS", middle, (0.0, 0.0), (stamp.pixel_scale,) * 2, "A" if celestial else "")
    yield "PIXSCALE", stamp.pixel_scale, "[arcsec] side of a pixel"


def _source_frame(fit: FitResult) -> Iterator[Card]:
    left, right, bottom, top = fit.best.source.extent
    ny, nx = fit.best.source.image.shape
    steps = ((right - left) / nx, (top - bottom) / ny)
    yield from _linear("SOURCE PLANE", (0.5, 0.5), (left, bottom), steps)
    yield "PIXSCALE", steps[0], "[arcsec] side of a pixel"


def _linear(
    name: str, pixel: tuple[float, float], value: tuple[float, float], steps: tuple[float, float], key: str = ""
) -> Iterator[Card]:
    """A flat frame in arcsec, with `value` at `pixel`, counted from 1."""
    yield f"WCSNAME{key}", name, ""
    for axis, label in enumerate("XY"):
        yield f"CTYPE{axis + 1}{key}", label, "along the pixels of the stamp"
        yield f"CUNIT{axis + 1}{key}", "arcsec", ""
        yield f"CRPIX{axis + 1}{key}", pixel[axis], ""
        yield f"CRVAL{axis + 1}{key}", value[axis], ""
        yield f"CDELT{axis + 1}{key}", steps[axis], ""


def _unit(unit: str) -> list[Card]:
    return [("BUNIT", as_ascii(unit), "")] if unit else []


def _number(value: float | None) -> float | None:
    """A number as a header can hold it: without a value where it is not finite."""
    return None if value is None or not np.isfinite(value) else float(value)
