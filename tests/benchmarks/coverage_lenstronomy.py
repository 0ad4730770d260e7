"""Coverage of refined posteriors on stamps that another code rendered: lenstronomy (Birrer & Amara 2018).

    python tests/benchmarks/coverage_lenstronomy.py [--count 30] [--seed 1]

SIE lenses of 0.8 to 2 arcsec, Sersic sources of 0.1 to 0.4 arcsec and index 0.7 to 3, the paper's PSF, pixels integrated on a 5 x 5 grid,
Gaussian noise for a signal to noise of 20 to 120. Nothing of lenssbi is in the stamps. Every fit has the defaults, without a network.
Prints one line per lens and, in the end, how often the truth lay within the central intervals of 68.3, 95.5 and 99.7 per cent.
"""

# ruff: noqa: E402  (the number of threads is set before NumPy is imported)
from __future__ import annotations

import argparse
import os

for name in ("OMP", "OPENBLAS", "NUMBA"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")

import numpy as np
from lenstronomy.Data.pixel_grid import PixelGrid
from lenstronomy.Data.psf import PSF as TheirPSF
from lenstronomy.ImSim.image_model import ImageModel
from lenstronomy.LensModel.lens_model import LensModel
from lenstronomy.LightModel.light_model import LightModel

from lenssbi.dataset.stamp import Stamp
from lenssbi.instrument import PSF
from lenssbi.refinement.config import MassConfig, RefineConfig
from lenssbi.refinement.prepare import refine_stamp
from lenssbi.status import ItemError

SIDE, SCALE, FWHM = 80, 0.1, 0.17
NAMES = ("einstein_radius", "e1", "e2", "centre_x", "centre_y")
LEVELS = (0.683, 0.955, 0.997)


def draw(rng: np.random.Generator) -> tuple[Stamp, dict[str, float]]:
    """A stamp and its true parameters in lenssbi's definitions."""
    radius, q, phi = rng.uniform(0.8, 2.0), rng.uniform(0.5, 1.0), rng.uniform(0, np.pi)
    centre, offset = rng.normal(0, 0.05, 2), rng.normal(0, 0.12, 2)
    g = (1 - q) / (1 + q) * np.exp(2j * phi)
    # Their EPL has theta_E on the intermediate axis, as einstein_radius here.
    mass = {"theta_E": radius, "gamma": 2.0, "e1": g.real, "e2": g.imag, "center_x": centre[0], "center_y": centre[1]}
    q_s, phi_s = rng.uniform(0.4, 1.0), rng.uniform(0, np.pi)
    g_s = (1 - q_s) / (1 + q_s) * np.exp(2j * phi_s)
    place = centre + offset
    source = {"amp": 1.0, "R_sersic": np.exp(rng.uniform(np.log(0.1), np.log(0.4))), "n_sersic": rng.uniform(0.7, 3)}
    source |= {"e1": g_s.real, "e2": g_s.imag, "center_x": place[0], "center_y": place[1]}
    corner = -(SIDE - 1) / 2 * SCALE
    grid = PixelGrid(nx=SIDE, ny=SIDE, transform_pix2angle=np.eye(2) * SCALE, ra_at_xy_0=corner, dec_at_xy_0=corner)
    psf = TheirPSF(psf_type="GAUSSIAN", fwhm=FWHM, pixel_size=SCALE, truncation=5)
    numerics = {"supersampling_factor": 5, "supersampling_convolution": True}
    model = ImageModel(grid, psf, LensModel(["EPL"]), LightModel(["SERSIC_ELLIPSE"]), kwargs_numerics=numerics)
    image = model.image([mass], [source], unconvolved=False)
    image *= rng.uniform(20, 120) / np.sqrt(np.sum(image**2))  # optimally weighted signal to noise, noise 1
    noise = np.ones_like(image)
    e = (1 - q**2) / (1 + q**2) * np.exp(2j * phi)
    truth = dict(zip(NAMES, (radius, e.real, e.imag, *centre), strict=True))
    stamp = Stamp(
        image + rng.normal(size=image.shape), noise, np.ones(image.shape, bool), PSF.gaussian(FWHM), SCALE, ""
    )
    return stamp, truth


def main() -> None:
    """Fit and count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    choices = RefineConfig(mass=MassConfig(shear=False), lens_light="none", noise_scale="claimed")
    below = []
    for index in range(arguments.count):
        stamp, truth = draw(np.random.default_rng((arguments.seed, index)))
        try:
            fit = refine_stamp(stamp, choices)
        except ItemError as error:
            print(f"{index:3d}  {error}")
            continue
        samples = fit.samples
        below.append([float(samples.weights[samples.column(n) < truth[n]].sum()) for n in NAMES])
        pulls = [(s.mean - truth[n]) / s.sigma for n in NAMES for s in [fit.params()[n]]]
        print(
            f"{index:3d}  S/N {np.sqrt(np.sum(fit.best.image[fit.mask] ** 2)):4.0f}  pulls",
            " ".join(f"{p:5.1f}" for p in pulls),
            f" sigma {fit.params()['einstein_radius'].sigma:.4f}  {fit.evaluations} evaluations {fit.seconds:.0f} s",
            *fit.flags,
            flush=True,
        )
    off = np.abs(np.array(below) - 0.5)
    print("\n" + "  ".join(["level", *NAMES, "all"]))
    for level in LEVELS:
        inside = off < level / 2
        print(f"{level:.3f}", *(f"{share:.2f}" for share in inside.mean(axis=0)), f"{inside.mean():.3f}")


if __name__ == "__main__":
    main()
