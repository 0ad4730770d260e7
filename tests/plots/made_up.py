"""A finished fit that looks like one, without fitting anything."""

from types import SimpleNamespace

import numpy as np

from lenssbi.arrays import pixel_grid
from lenssbi.dataset import Stamp
from lenssbi.instrument import PSF
from lenssbi.posteriors import DiagonalMixture, Samples
from lenssbi.status import Status

NAMES, UNITS = ("einstein_radius", "e1", "e2"), ("arcsec", "", "")
TRUTH = {"einstein_radius": 1.203, "e1": 0.11, "e2": -0.16, "q": 0.82, "phi": 152.2}


def ring(theta, radius, brightness):
    angle = np.angle(theta)
    return brightness * np.exp(-((np.abs(theta) - radius) ** 2) / 0.02) * (1.1 + np.cos(3 * angle)) / 2


def circle(radius, centre=0j):
    return centre + radius * np.exp(1j * np.linspace(0, 2 * np.pi, 200))


def samples(sigma, shift=0.0, count=4000, seed=1):
    rng = np.random.default_rng(seed)
    centre = np.array([TRUTH[name] for name in NAMES]) + shift * sigma
    values = centre + rng.normal(size=(count, 3)) * sigma * np.array([0.3, 1.0, 1.0])
    return Samples(values, NAMES, UNITS, log_weights=rng.normal(0, 0.5, count), log_evidence=-4321.5)


def fit(*, learned=True, distrusted=None, lens_light=True, failed=False, side=100):
    """A fit; `distrusted` is the Einstein radius of a network that the fit did not use."""
    theta = pixel_grid((side, side), 0.1)
    rng = np.random.default_rng(0)
    model = ring(theta, 1.2, 60.0)
    noise = np.full(model.shape, 3.0)
    mask = (np.abs(theta) < 2.4) & (np.abs(theta) > 0.4)
    image = model + rng.normal(size=model.shape) * noise
    stamp = Stamp(image, noise, np.ones_like(mask), PSF.gaussian(0.17), 0.1, name="made-up lens")
    blank = np.nan if failed else 1.0
    fine = pixel_grid((100, 100), 0.012)
    result = samples(0.02)
    answer = np.array([distrusted or 1.21, 0.13, -0.12]) + 0.02 * rng.normal(size=(100, 3))
    network = DiagonalMixture(answer, np.full((100, 3), 0.04), NAMES, UNITS)
    return SimpleNamespace(
        status=Status.DONE,
        stamp=stamp,
        lens_light=400 * np.exp(-np.abs(theta) / 0.4) if lens_light else None,
        mask=mask,
        arcs_mask=mask,
        residual=np.where(mask, (image - model) / noise, np.nan) * blank,
        best=SimpleNamespace(
            image=np.where(mask, model, np.nan) * blank,
            source=SimpleNamespace(
                image=500 * np.exp(-(np.abs(fine - 0.1j) ** 2) / 0.02) * blank, extent=(-0.6, 0.6) * 2
            ),
            critical_curves=(circle(1.2),),
            caustics=(0.25 * (circle(1.0).real ** 3 + 1j * circle(1.0).imag ** 3), circle(0.5)),
        ),
        samples=result,
        samples_with_prior=samples(0.017, 0.6, seed=2) if learned else None,
        mode="cnn-gaussian" if learned else "broad",
        learned=network if learned else None,
        network=network if learned or distrusted else None,
        flags=("prior_conflict",) if learned else (),
        evaluations=12345,
        seconds=87.2,
        info={"chi2_per_pixel": 0.99},
        params=lambda: result.derived().summary(),
    )
