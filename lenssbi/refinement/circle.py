"""Einstein radius of a lens from a circle through its arcs (Pearson et al. 2021, section 3.3).

The pixels above 3 sigma are the arcs; with equal weights a circle is fitted to their positions,

    minimise  sum_i rho((|theta_i - c| - r) / w)  +  |c|^2 / s^2,

in its radius r and centre c, which must be free: the two images of a double lie at unequal distances from the lens, and
their circle is off centre. rho grows linearly for distant pixels, so that neighbours in the field pull little, and the
weak second term keeps a lone arc, which fixes no centre, from choosing a far one. Where all light lies on one side of the
lens, it is an image outside the Einstein ring whose counter-image is lost in the noise: the radius is then 0.75 +- 0.12 of its
distance (the mean and scatter of 200 simulated lenses).

Behind an isothermal sphere the images of a source at b Einstein radii lie at 1 + b and 1 - b Einstein radii and shine in that ratio, so
that the mean distance of their light is 1 + b^2 Einstein radii, or 1 + b where the fainter one is not seen: between one and two, for
there is a second image for b < 1 only. Flat and sheared lenses need some room on either side.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage, optimize

from lenssbi.arrays import ComplexArray, FloatArray, pixel_grid
from lenssbi.dataset.stamp import Stamp
from lenssbi.status import ItemError, Status

THRESHOLD = 3.0  # sigma
MIN_GROUP = 4  # pixels: fewer that touch are noise
FEW = 30  # pixels
SMOOTHING = (3, 5, 7)  # [pixels]: a faint ring shows in none of its pixels
ARC_WIDTH = 0.2  # [arcsec], w
SEARCH = (1.5, 2.2, 3.2)  # [arcsec]
FIELD = 2.0  # Einstein radii
CENTRE_SCALE = 0.3  # [arcsec], s
ONE_SIDED = 0.85  # |mean theta| / mean |theta|
LONE_RADIUS, LONE_ERROR = 0.75, 0.12
MULTIPLE = 0.4, 1.3  # times the mean distance of the light


class Circle(NamedTuple):
    """The circle estimate: radius [arcsec], its error [arcsec], centre x + iy [arcsec], and the pixels it rests on.

    `distance` is the mean distance of the arcs' light from the lens [arcsec].
    """

    radius: float
    error: float
    centre: complex
    arcs: np.ndarray
    distance: float = float("nan")

    @property
    def window(self) -> tuple[float, float]:
        """Smallest and largest Einstein radius [arcsec] of a lens that shows its source several times."""
        if not np.isfinite(self.distance):
            return 0.0, np.inf
        return MULTIPLE[0] * self.distance, MULTIPLE[1] * self.distance


def fit_circle(stamp: Stamp, mask: np.ndarray, lens: complex = 0j, sorted_out: bool = False) -> Circle:
    """Circle through the source's light.

    Parameters
    ----------
    stamp
        Image without the lens light, and the noise to be used.
    mask
        True for pixels that may contain light of the source, shape (y, x).
    lens
        Centre of the lens galaxy [arcsec].
    sorted_out
        Whether the mask is without other galaxies, however far out.

    Raises
    ------
    ItemError
        If no pixel stands out of the noise (``NO_ARCS``).
    """
    arcs = find_arcs(stamp, mask)
    if not arcs.any():
        raise ItemError(Status.NO_ARCS, stamp.name)
    theta = pixel_grid(stamp.shape, stamp.pixel_scale)
    light = np.maximum(stamp.image[arcs], 0.0)
    distance = float(np.average(np.abs(theta[arcs] - lens), weights=light if light.any() else None))
    return (_through if sorted_out else _seen)(theta, arcs)._replace(distance=distance)


def _seen(theta: ComplexArray, arcs: np.ndarray) -> Circle:
    farthest = float(np.abs(theta[arcs]).max())
    # From the inside out, until the images on both sides of the lens are in: what shines farther out is a neighbour.
    parts = [arcs & (np.abs(theta) <= reach) for reach in (*SEARCH, farthest)]
    for reach, within in zip(SEARCH, parts, strict=False):
        if not _is_one_sided(theta[within]) and reach >= FIELD * _through(theta, within).radius:
            return _through(theta, within)
    if _is_one_sided(
        theta[parts[-2]]
    ):  # the counter-image is too faint, and not farther out than the image that is seen
        return _through(theta, next((within for within in parts if within.sum() >= FEW), arcs))
    return _through(theta, arcs)


def _is_one_sided(places: ComplexArray) -> bool:
    return places.size < MIN_GROUP or bool(abs(np.mean(places)) > ONE_SIDED * np.mean(np.abs(places)))


def _through(theta: ComplexArray, arcs: np.ndarray) -> Circle:
    places = theta[arcs]
    if _is_one_sided(places):
        outer = float(np.mean(np.abs(places)))
        return Circle(LONE_RADIUS * outer, LONE_ERROR * outer, 0j, arcs)
    limits = ([-np.inf, -np.inf, 0.0], np.inf)
    fit = optimize.least_squares(_residuals, _start(places), loss="soft_l1", bounds=limits, args=(places,))
    x, y, radius = fit.x
    # Arcs are thick: half of what the circle leaves of them is about how well it is known.
    error = 0.5 * float(np.median(np.abs(np.abs(places - complex(x, y)) - radius)))
    return Circle(float(radius), error, complex(x, y), arcs)


def find_arcs(stamp: Stamp, mask: np.ndarray) -> np.ndarray:
    """Pixels above 3 sigma that touch others, shape (y, x) bool; where they are few, those of the image smoothed, more if need be."""
    usable = stamp.mask & mask
    image = np.where(usable, stamp.image, 0.0)
    variance = np.where(usable, stamp.noise, 0.0) ** 2
    arcs = _groups(image > THRESHOLD * np.where(usable, stamp.noise, np.inf))
    for width in SMOOTHING:
        if arcs.sum() >= FEW:
            break
        total, spread = (ndimage.uniform_filter(a, width) * width**2 for a in (image, variance))  # sums
        # Smoothed noise comes in clumps, hence the higher threshold.
        smoothed = _groups(usable & (total > 1.5 * THRESHOLD * np.sqrt(np.maximum(spread, 0.0))))
        arcs = max(arcs, smoothed, key=np.sum)
    return arcs


def _groups(bright: np.ndarray) -> np.ndarray:
    labels, _ = ndimage.label(bright, structure=np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return sizes[labels] >= MIN_GROUP


def _start(theta: ComplexArray) -> FloatArray:
    return np.array([0.0, 0.0, max(float(np.median(np.abs(theta))), ARC_WIDTH)])


def _residuals(circle: FloatArray, theta: ComplexArray) -> FloatArray:
    x, y, radius = circle
    distance = (np.abs(theta - complex(x, y)) - radius) / ARC_WIDTH
    # The centre's term counts as much as a tenth of the pixels, however many there are.
    weight = np.sqrt(0.1 * len(theta)) / CENTRE_SCALE
    return np.concatenate([distance, [weight * x, weight * y]])
