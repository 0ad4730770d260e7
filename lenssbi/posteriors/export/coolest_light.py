"""Light in a COOLEST template: the source of a fit, and the lens' light, as regular grids of pixels in FITS files in the same folder.

A pixel of COOLEST's PixelatedRegularGrid is a flux per pixel of the image, in both planes. The source, which lenssbi has per arcsec^2, is
therefore multiplied by the area of a pixel of the stamp, and COOLEST's own lensed image is in the unit of the stamp. The lens' light is as
it is observed, blurred by the PSF.

The package's own interpolation (version 0.1.11, `coolest.api.profiles.light`) uses the extent along x for y too, which is only
correct for grids of the same extent along both. The source is therefore interpolated, linearly and to pixels of half the side, on the
square [a, b] x [a, b] that holds it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import map_coordinates

from lenssbi.arrays import FloatArray
from lenssbi.files import atomic
from lenssbi.posteriors.export.model import FittedModel

GRID = "PixelatedRegularGrid"
FINER = 2  # pixels along the side of a source pixel


def add_source(classes: Any, entities: list[Any], model: FittedModel, z_source: float | None, path: Path) -> None:
    """Append the source to the entities of a template, and write its pixels to the folder of `path`.

    Parameters
    ----------
    classes
        Module `coolest.template.lazy`.
    entities
        Entities of the template so far.
    model
        The model of a fit.
    z_source
        Redshift of the source; None if unknown.
    path
        Path of the template.
    """
    image, extent = _on_the_diagonal(model)
    light = classes.LightModel(GRID)
    file = path.with_name(f"{path.stem}_source.fits")
    _fill(light[0], image * model.pixel_scale**2, extent, file)
    entities.append(classes.Galaxy("source", z_source, light_model=light))


def add_lens_light(classes: Any, galaxy: Any, image: FloatArray, pixel_scale: float, path: Path) -> None:
    """Give a galaxy its light, a square image [unit] of the stamp's field, and write it to the folder of `path`."""
    half = len(image) * pixel_scale / 2
    galaxy.light_model = classes.LightModel(GRID)
    file = path.with_name(f"{path.stem}_lens_light.fits")
    _fill(galaxy.light_model[0], np.nan_to_num(image), (-half, half, -half, half), file)


def _on_the_diagonal(model: FittedModel) -> tuple[FloatArray, tuple[float, float, float, float]]:
    """The source on a grid that has the same extent along x and y, 0 where it is unknown."""
    image, (left, right, bottom, top), side = model.square_source()
    step = side / FINER
    first, last = min(left, bottom), max(right, top)
    count = int(np.ceil((last - first) / step - 1e-9))
    places = (np.arange(count) + 0.5) * step + first
    y, x = (places - bottom) / side - 0.5, (places - left) / side - 0.5
    found = map_coordinates(image, np.meshgrid(y, x, indexing="ij"), order=1, mode="grid-constant")
    end = first + count * step
    return found, (first, end, first, end)


def write_image(path: Path, image: FloatArray) -> None:
    """Write an image as a FITS file of one plane, float32."""
    from astropy.io import fits

    with atomic(path) as temporary:
        fits.PrimaryHDU(np.asarray(image, dtype=np.float32)).writeto(temporary)


def _fill(profile: Any, image: FloatArray, extent: tuple[float, float, float, float], file: Path) -> None:
    """Put pixels into a profile of COOLEST's."""
    left, right, bottom, top = extent
    ny, nx = image.shape
    write_image(file, image)
    pixels = profile.parameters["pixels"]
    pixels.set_grid(None, (left, right), (bottom, top), nx, ny, check_fits_file=False)
    pixels.fits_file.path = file.name  # relative, as templates require
