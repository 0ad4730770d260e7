"""Posteriors in the COOLEST format (Galan et al. 2023, JOSS 8, 5567), through its own package.

    Galaxy     PEMD (theta_E, gamma, q, phi, center_x, center_y), of fixed gamma = 2 for an isothermal lens: COOLEST's own analysis
               supports no other ellipse
    MassField  ExternalShear (gamma_ext, phi_ext), if a shear was inferred
    Galaxy     of a fit: the source's pixels; the lens then has its light as pixels too (:mod:`lenssbi.posteriors.export.coolest_light`)

Both definitions are in :mod:`lenssbi.parameters.conversions`.

Each parameter has mean, median, 16th and 84th percentile; the percentiles of an angle stay on either side of its median, so they may
lie outside (-90, 90]. The point estimate of a fit is its model of the highest likelihood, to which the source
belongs. Otherwise it consists of the medians of the linear parameters (e1, e2, shear1, shear2 and the others), from which q
and the angles follow; if the ellipticity is poorly constrained it is rounder than the median of q. The draws are in a CSV file in the same
folder, with their weights, where `coolest.api` expects them, and the stamp is in a FITS file, without which no template opens.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import lenssbi
from lenssbi.arrays import FloatArray
from lenssbi.files import atomic
from lenssbi.parameters.conventions import CONVENTIONS, COORDINATES
from lenssbi.parameters.conversions import NORTH, NOT_INFERRED, from_north, to_coolest
from lenssbi.posteriors.export import library
from lenssbi.posteriors.export.coolest_light import add_lens_light, add_source, write_image
from lenssbi.posteriors.export.model import FittedModel
from lenssbi.posteriors.samples import Samples, Summary

WEIGHTS = "probability_weights"
PLACEHOLDER = 100  # pixels along the side of an unknown stamp
LENS = {
    "gamma": "slope",
    "theta_E": "einstein_radius",
    "q": "q",
    "phi": "phi",
    "center_x": "centre_x",
    "center_y": "centre_y",
}
"""COOLEST's name to ours; in COOLEST's order."""
LINEAR = ("einstein_radius", "e1", "e2")


@dataclass(frozen=True)
class Observed:
    """Properties of the stamp for a COOLEST file; None if they are not known.

    Parameters
    ----------
    name
        Name of the lens.
    pixel_scale
        Side of a pixel [arcsec].
    image
        The stamp [unit], shape (y, x).
    unit
        Unit of the image.
    band
        Name of the filter.
    zero_point
        AB magnitude of one unit of the image.
    ra, dec
        Place of the stamp's centre [deg].
    z_lens, z_source
        Redshifts.
    cosmology
        Cosmology of the distances (:func:`~lenssbi.posteriors.cosmology.cosmology_of`).
    shape
        Pixels (y, x) of a stamp without an image.
    """

    name: str = "lens"
    pixel_scale: float | None = None
    image: FloatArray | None = None
    unit: str = ""
    band: str = ""
    zero_point: float | None = None
    ra: float | None = None
    dec: float | None = None
    shape: tuple[int, int] | None = None
    z_lens: float | None = None
    z_source: float | None = None
    cosmology: str | None = None

    def grid(self, einstein_radius: float) -> tuple[float, FloatArray]:
        """Side of a pixel [arcsec] and a square image, shape (n, n), for a template, which has neither without the other.

        COOLEST's reader exchanges rows and columns, so an image is padded with NaN to a square. An unknown image is NaN
        everywhere: of the stamp's shape, or of a field of 8 Einstein radii if that is unknown too.
        """
        scale = self.pixel_scale or 8 * einstein_radius / PLACEHOLDER
        if self.image is not None and self.pixel_scale is not None and not np.ptp(self.image.shape) % 2:
            margins = [(max(self.image.shape) - side) // 2 for side in self.image.shape]
            return scale, np.pad(self.image, [(margin, margin) for margin in margins], constant_values=np.nan)
        side = max(self.shape) if self.shape and self.pixel_scale else round(8 * einstein_radius / scale)
        return scale, np.full((side, side), np.nan)


def write(
    samples: Samples,
    path: str | Path,
    observed: Observed | None = None,
    model: FittedModel | None = None,
    notes: tuple[str, ...] = (),
) -> Path:
    """Write a lens as a COOLEST template, and its draws as a chain in the same folder.

    Parameters
    ----------
    samples
        Posterior of einstein_radius [arcsec], e1, e2, and slope, shear1, shear2, centre_x, centre_y [arcsec] if they were inferred.
    path
        The template, ``.json``; the chain has the same name with ``_chain.csv``.
    observed
        Properties of the stamp.
    model
        The model of a fit; its source and lens light are written to the same folder.
    notes
        Sentences for the template's meta.

    Raises
    ------
    InputError
        If the package coolest is not installed, or the file cannot be written.
    ValueError
        If the path has another suffix, or the posterior lacks parameters of the mass.
    """
    path, observed = Path(path), observed or Observed()
    if path.suffix != ".json":
        raise ValueError(f"a COOLEST template ends in .json, got {path.name}")
    missing = [name for name in LINEAR if name not in samples.names]
    if missing:
        raise ValueError(f"the posterior lacks {', '.join(missing)}: a COOLEST lens needs them")
    lens, point = _columns(samples), _point(samples, model)
    chain = path.with_name(f"{path.stem}_chain.csv")
    entities = _entities(observed, samples, model, path)
    for entity in entities:
        for profile in entity.mass_model:
            _fill(profile.parameters, lens, point)
    scale, image = observed.grid(point["theta_E"])
    meta = _about(samples, observed, image) | {"chain_file_name": chain.name}
    meta["notes"] += notes
    if model is not None:
        meta |= {"point_estimate": "model of the highest likelihood", "lens_light": "as observed, blurred by the PSF"}
    write_image(path.with_suffix(".fits"), image)
    template = _template(replace(observed, pixel_scale=scale, image=image), entities, meta, path.with_suffix(".fits"))
    _write_chain(chain, {p.id: lens.column(n) for n, p in _parameters(entities)}, lens.weights)
    with atomic(path) as temporary:
        temporary.write_text(template.to_JSON(indent=2, exclude_keys=template.exclude_keys))
    return path


def _columns(samples: Samples) -> Samples:
    """The draws of positive weight in COOLEST's parameters."""
    used = samples.weights > 0
    values = {name: samples.column(name)[used] for name in samples.names}
    columns = to_coolest(values)
    log_weights = None if samples.log_weights is None else samples.log_weights[used]
    return replace(
        samples,
        values=np.stack(list(columns.values()), 1),
        names=tuple(columns),
        units=("",) * len(columns),
        log_weights=log_weights,
    )


def _point(samples: Samples, model: FittedModel | None) -> dict[str, float]:
    """The lens of a fit's model, or of the medians without a fit, in COOLEST's parameters."""
    medians = {name: summary.median for name, summary in samples.summary().items()}
    lens = medians if model is None else {name: model.params[name] for name in medians if name in model.params}
    return {name: float(value) for name, value in to_coolest(lens).items()}


def _summary(lens: Samples, name: str) -> Summary:
    """Summary of one of COOLEST's parameters; angles from +y [deg], the median in (-90, 90]."""
    one = lens.select((name,))
    if not name.startswith("phi"):
        return one.summary()[name]
    found = replace(one, names=("phi",)).summary()["phi"]  # the name for which a summary uses circular statistics
    turn = from_north(found.median + NORTH) - found.median
    median, lower, upper, mean = (place + turn for place in (found.median, found.lower, found.upper, found.mean))
    return Summary(median, lower, upper, mean, found.sigma, "deg")


def _fill(parameters: Mapping[str, Any], lens: Samples, point: Mapping[str, float]) -> None:
    """Put values into the parameters of a profile of COOLEST's."""
    statistics = library("coolest.template.classes.probabilities").PosteriorStatistics
    for name, parameter in parameters.items():
        parameter.set_point_estimate(point[name])
        if np.ptp(lens.column(name)) == 0 and NOT_INFERRED.get(LENS.get(name, "")) == point[name]:
            parameter.fix()
            continue
        found = _summary(lens, name)
        parameter.set_posterior(
            statistics(mean=found.mean, median=found.median, percentile_16th=found.lower, percentile_84th=found.upper)
        )


def _entities(observed: Observed, samples: Samples, model: FittedModel | None, path: Path) -> Any:
    """The lens, the shear's field if there is a shear, and the source of a fit."""
    classes = library("coolest.template.lazy")
    found = [classes.Galaxy(observed.name, observed.z_lens, mass_model=classes.MassModel("PEMD"))]
    if "shear1" in samples.names:
        found.append(
            classes.MassField("external shear", observed.z_lens, mass_model=classes.MassModel("ExternalShear"))
        )
    if model is not None:
        add_source(classes, found, model, observed.z_source, path)
    if model is not None and model.lens_light is not None:
        scale, light = replace(observed, image=model.lens_light, pixel_scale=model.pixel_scale).grid(1.0)
        if np.isfinite(light).any():  # an image that cannot be padded to a square is blank
            add_lens_light(classes, found[0], light, scale, path)
    return classes.LensingEntityList(*found)


def _parameters(entities: Any) -> list[tuple[str, Any]]:
    """Name and object of each parameter."""
    return [pair for entity in entities for profile in entity.mass_model for pair in profile.parameters.items()]


def _template(observed: Observed, entities: Any, meta: dict[str, Any], image: Path) -> Any:
    classes, standard = library("coolest.template.lazy"), library("coolest.template.standard")
    known = observed.ra is not None and observed.dec is not None
    origin = (f"{observed.ra}d", f"{observed.dec}d") if known else ()
    assert observed.image is not None
    assert observed.pixel_scale is not None
    side, scale = len(observed.image), observed.pixel_scale
    edges = (-side * scale / 2, side * scale / 2)
    pixels = classes.PixelatedRegularGrid(None, edges, edges, side, side, check_fits_file=False)
    pixels.fits_file.path = image.name  # relative, as templates require; coolest checks paths from the current folder
    return standard.COOLEST(
        "MAP",
        classes.CoordinatesOrigin(*origin),
        entities,
        classes.Observation(pixels=pixels, mag_zero_point=observed.zero_point),
        classes.Instrument(scale, band=observed.band),
        metadata=meta,
    )


def _about(samples: Samples, observed: Observed, image: FloatArray) -> dict[str, Any]:
    """The template's meta: its author, and the conversions and unknown properties."""
    notes = [f"{name} was not inferred: {value:g}" for name, value in NOT_INFERRED.items() if name not in samples.names]
    if observed.ra is None or observed.dec is None:
        notes.append("the stamp's place on the sky is not known: coordinates_origin is a placeholder")
    if observed.pixel_scale is None:
        notes.append("the side of a pixel and the field are not known: 8 Einstein radii in 100 pixels are placeholders")
    if not np.isfinite(image).any():
        notes.append("the image is not known, or cannot be padded to a square: every pixel is blank")
    elif observed.image is not None and observed.image.shape != image.shape:
        notes.append(f"the image of {observed.image.shape[1]} x {observed.image.shape[0]} pixels is padded with NaN")
    return {
        "lenssbi_version": lenssbi.__version__,
        "posterior": {"draws": len(samples), "n_eff": samples.n_eff, "log_evidence": samples.log_evidence},
        "point_estimate": "medians of einstein_radius, e1, e2, slope, shear1, shear2, centre_x and centre_y",
        "angles": f"anticlockwise from +y: the position angle of lenssbi minus {NORTH:g} deg",
        "image_unit": observed.unit,
        "lenssbi_coordinates": COORDINATES,
        "lenssbi_conventions": {name: text for name, text in CONVENTIONS.items() if name in samples.derived().names},
        "notes": notes,
    }


def _write_chain(path: Path, columns: Mapping[str, FloatArray], weights: FloatArray) -> None:
    with atomic(path) as temporary, temporary.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([*columns, WEIGHTS])
        lines.writerows(np.stack([*columns.values(), weights], axis=1).tolist())
