"""Lens models as lenstronomy's keyword arguments (Birrer & Amara 2018, Phys. Dark Universe 22, 189), in a JSON file.

    lens_model_list, kwargs_lens                       EPL, and SHEAR if a shear was inferred
    source_light_model_list, kwargs_source             INTERPOL: the source of a fit [unit/arcsec^2]
    lens_light_model_list, kwargs_lens_light           INTERPOL: the lens' light of a fit [unit/arcsec^2], blurred as it is observed
    kwargs_pixel_grid, kwargs_psf                      of the stamp

The parameters are converted by :mod:`lenssbi.parameters.conversions`. INTERPOL accepts lists of lists as arrays. The lens' light
is already convolved with the PSF: lenstronomy must not blur it a second time. A PSF with the pixel in it (``includes_pixel``) belongs to
light at the centres of the pixels, or finer points; one without it to light that is averaged over the pixels.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import lenssbi
from lenssbi.arrays import FloatArray
from lenssbi.files import atomic
from lenssbi.parameters.conventions import CONVENTIONS, COORDINATES
from lenssbi.parameters.conversions import NOT_INFERRED, to_lenstronomy
from lenssbi.posteriors.export.coolest import Observed
from lenssbi.posteriors.export.model import FittedModel
from lenssbi.posteriors.samples import Samples

SCHEMA = "lenssbi-lenstronomy-1"


def write(
    samples: Samples,
    path: str | Path,
    observed: Observed | None = None,
    model: FittedModel | None = None,
    notes: tuple[str, ...] = (),
) -> Path:
    """Write the output of :func:`keywords`.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    path = Path(path)
    found = keywords(samples, observed, model)
    found["notes"] += notes
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(found, allow_nan=False))
    return path


def keywords(samples: Samples, observed: Observed | None = None, model: FittedModel | None = None) -> dict[str, Any]:
    """Lenstronomy's keyword arguments as numbers, text and lists.

    Parameters
    ----------
    samples
        Posterior of einstein_radius [arcsec], e1, e2, and slope, shear1, shear2, centre_x, centre_y [arcsec] if they were inferred.
    observed
        Properties of the stamp.
    model
        The model of a fit; None for the lens of the medians, without a source.
    """
    observed = observed or Observed()
    medians = {name: summary.median for name, summary in samples.summary().items()}
    lens = to_lenstronomy(medians if model is None else model.params)
    found: dict[str, Any] = {
        "schema": SCHEMA,
        "lenssbi_version": lenssbi.__version__,
        "name": observed.name,
        "point": "medians of the posterior" if model is None else "model of the highest likelihood",
        "z_lens": observed.z_lens,
        "z_source": observed.z_source,
        "lens_model_list": list(lens),
        "kwargs_lens": [{name: float(value) for name, value in one.items()} for one in lens.values()],
        "source_light_model_list": [],
        "kwargs_source": [],
        "lens_light_model_list": [],
        "kwargs_lens_light": [],
        "lenssbi_coordinates": COORDINATES,
        "lenssbi_conventions": {name: text for name, text in CONVENTIONS.items() if name in samples.derived().names},
        "notes": [f"{name} was not inferred: {v:g}" for name, v in NOT_INFERRED.items() if name not in samples.names],
    }
    return found if model is None else found | _light(model)


def _light(model: FittedModel) -> dict[str, Any]:
    image, (left, right, bottom, top), step = model.square_source()
    found: dict[str, Any] = {
        "source_light_model_list": ["INTERPOL"],
        "kwargs_source": [_interpol(image, step, (left + right) / 2, (bottom + top) / 2)],
        "kwargs_pixel_grid": _pixel_grid(model),
        "kwargs_psf": _psf(model),
        "includes_pixel": model.psf.kind == "effective",
    }
    if model.lens_light is not None:
        brightness = np.nan_to_num(model.lens_light) / model.pixel_scale**2
        found |= {"lens_light_model_list": ["INTERPOL"]}
        found |= {"kwargs_lens_light": [_interpol(brightness, model.pixel_scale, 0.0, 0.0)]}
    return found


def _interpol(image: FloatArray, scale: float, x: float, y: float) -> dict[str, Any]:
    return {"image": image.tolist(), "amp": 1.0, "center_x": x, "center_y": y, "phi_G": 0.0, "scale": scale}


def _pixel_grid(model: FittedModel) -> dict[str, Any]:
    """Arguments of lenstronomy's PixelGrid: the middle of the stamp is at 0."""
    (ny, nx), scale = model.shape, model.pixel_scale
    corner = {"ra_at_xy_0": -(nx - 1) / 2 * scale, "dec_at_xy_0": -(ny - 1) / 2 * scale}
    return {"nx": nx, "ny": ny, "transform_pix2angle": [[scale, 0.0], [0.0, scale]], **corner}


def _psf(model: FittedModel) -> dict[str, Any]:
    """Arguments of lenstronomy's PSF; a kernel with pixels that do not divide the stamp's is resampled to a fifth of them."""
    finer = model.pixel_scale / model.psf.pixel_scale
    factor, kernel = round(finer), model.psf.image
    if abs(finer - factor) > 1e-6 * finer:
        factor = 5
        step = model.pixel_scale / factor
        half = int(min(kernel.shape) // 2 * model.psf.pixel_scale / step)
        kernel = model.psf.sampled(np.arange(-half, half + 1) * step)
    known = {"psf_type": "PIXEL", "point_source_supersampling_factor": factor}
    return {**known, "kernel_point_source": (kernel / kernel.sum()).tolist()}
