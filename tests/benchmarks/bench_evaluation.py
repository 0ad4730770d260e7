"""Milliseconds per evidence on one core, where they go, and the arithmetic's floor.

    python tests/benchmarks/bench_evaluation.py

A Euclid-like stamp made here: annulus 0.5-3.0 arcsec = 2,748 image pixels, 2 x 2 sub-grid, PSF of 11 x 11 pixels, about 680 source
pixels. Where PyAutoLens is installed it evaluates the same stamp in the same run. Times are the processor's, medians over lens
models that differ, so that a busy machine disturbs them little; `wall` is the clock's. Nothing here fails for being slow.
"""

# ruff: noqa: E402  (the number of threads is set before NumPy is imported)
from __future__ import annotations

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")  # before NumPy loads its BLAS

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy.special import ndtr

from lenssbi.lensing import EllipticalPowerLaw
from lenssbi.light.blurred import GaussianBlur
from lenssbi.reconstruction import kernel
from lenssbi.reconstruction.cholesky import backward, factor, forward, workspace
from lenssbi.reconstruction.delaunay import Delaunay
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.inversion import Inversion
from lenssbi.reconstruction.mesh import Mesh
from lenssbi.reconstruction.rectangular import Rectangular
from lenssbi.reconstruction.regularisation import Constant

SCALE, SIDE, SUBGRID, REACH = 0.1, 70, 2, 5
EINSTEIN_RADIUS, Q, PHI = 1.6, 0.75, np.pi / 4
PSF_SIGMA = 0.17 / 2.3548
STRENGTH, REPEATS = 1.0, 40


def deflection(theta: np.ndarray, radius: float) -> np.ndarray:
    """Singular isothermal ellipsoid (Kormann et al. 1994)."""
    f, z = np.sqrt(1 - Q**2), theta * np.exp(-1j * PHI)
    psi = np.hypot(Q * z.real, z.imag)
    return (
        radius * np.sqrt(Q) / f * (np.arctan(f * z.real / psi) + 1j * np.arctanh(f * z.imag / psi)) * np.exp(1j * PHI)
    )


def response(subgrid: int) -> np.ndarray:
    """Gaussian PSF and pixel, in closed form."""
    n = (2 * REACH + 1) * subgrid
    offset = (np.arange(n) - (n - 1) / 2) * SCALE / subgrid
    profile = ndtr((offset + SCALE / 2) / PSF_SIGMA) - ndtr((offset - SCALE / 2) / PSF_SIGMA)
    return np.outer(profile, profile)


def make_stamp() -> Imaging:
    """Gaussian source of 0.15 arcsec, peak signal to noise 10."""
    shape = (SIDE, SIDE)
    angle = (np.arange(SIDE) - (SIDE - 1) / 2) * SCALE
    distance = np.hypot(angle[None, :], angle[:, None])
    mask = (distance >= 0.5) & (distance < 3.0)
    fine = Imaging(np.zeros(shape), np.ones(shape), mask, response(4), SCALE, 4)
    beta = fine.theta - deflection(fine.theta, EINSTEIN_RADIUS)
    light = 12 * np.exp(-0.5 * abs(beta - 0.1 - 0.05j) ** 2 / 0.15**2)
    tiles, image = fine.tiles, np.random.default_rng(0).normal(size=shape)
    image.ravel()[tiles.place[tiles.place >= 0]] += kernel.blur(tiles, light.reshape(-1, 16))[tiles.place >= 0]
    return Imaging(image, np.ones(shape), mask, response(SUBGRID), SCALE, SUBGRID)


def median_ms(work: Callable[[], object], clock: Callable[[], float] = time.thread_time) -> float:
    """Median over repeats, the first not counted."""
    took = []
    for _ in range(REPEATS):
        start = clock()
        work()
        took.append(clock() - start)
    return 1e3 * float(np.median(took[1:]))


def each(values: list) -> Callable[[], object]:
    """Go round the values."""
    number = iter(range(10**9))
    return lambda: values[next(number) % len(values)]


def all_rows(tiles: kernel.Tiles, mapping: kernel.Mapping, n: int) -> int:
    """Every blurred row once, as `normal_equations` forms them."""
    local, block, total = np.full(n, -1), np.empty((n, kernel.WIDTH)), 0
    for t in range(tiles.start.size - 1):
        total += kernel.blurred_rows(tiles, t, mapping, local, block)
        local[:] = -1
    return total


def measure(imaging: Imaging, mesh: Mesh) -> dict[str, float]:
    """The breakdown of one mesh [ms]."""
    from numba import njit

    betas = [imaging.theta - deflection(imaging.theta, r) for r in EINSTEIN_RADIUS + np.linspace(-0.02, 0.02, 11)]
    inversion, beta, tiles, sub = Inversion(imaging, mesh), each(betas), imaging.tiles, SUBGRID**2
    inversion.evidence(beta(), STRENGTH)
    laid = mesh.source_mesh(betas[5], imaging)
    assert laid is not None
    n, penalty, rows = laid.vertices.size, Constant().penalty(laid), njit(all_rows)
    matrix, scratch, none = np.empty((n, n)), np.empty((n, n)), np.empty((*tiles.place.shape, 0))
    vector = kernel.normal_equations(tiles, laid.indices, laid.weights, sub, none, matrix)
    kernel.add_penalty(matrix, penalty.rows, penalty.columns, penalty.values)
    mapping = kernel.gather(laid.indices, laid.weights, sub, tiles.kernel.shape[1])
    rows(tiles, mapping, n)
    upper = workspace(n, "matrix")

    def copy() -> None:
        upper[:] = matrix

    def factored() -> None:
        copy()
        factor(upper)

    took = {"source pixels": float(n), "trace, SIE": median_ms(lambda: trace(imaging))}
    took["mesh"] = median_ms(lambda: mesh.source_mesh(beta(), imaging))
    gathered = median_ms(lambda: kernel.gather(laid.indices, laid.weights, sub, tiles.kernel.shape[1]))
    took["blurred rows"] = median_ms(lambda: rows(tiles, mapping, n)) + gathered
    whole = median_ms(lambda: kernel.normal_equations(tiles, laid.indices, laid.weights, sub, none, scratch))
    took["F and D from rows"] = whole - took["blurred rows"]
    fixed = mesh.fixed_topology
    took["H and ln det H"] = 0.0 if fixed else median_ms(lambda: Constant().penalty(mesh.source_mesh(beta(), imaging)))
    took["H and ln det H"] -= 0.0 if fixed else took["mesh"]
    took["Cholesky"] = median_ms(factored) - median_ms(copy)
    took["substitution"] = median_ms(lambda: backward(upper, forward(upper, vector)))
    took["one evaluation"] = median_ms(lambda: inversion.evidence(beta(), STRENGTH)) + took["trace, SIE"]
    took["wall"] = median_ms(lambda: inversion.evidence(beta(), STRENGTH), time.perf_counter)
    return took | solvers(imaging, mesh, beta) | floor(imaging, mapping, n)


def trace(imaging: Imaging) -> np.ndarray:
    """What the package's own SIE costs."""
    lens = EllipticalPowerLaw(EINSTEIN_RADIUS, 0.1, 0.2)
    return imaging.theta - lens.deflection(imaging.theta)


def solvers(imaging: Imaging, mesh: Mesh, beta: Callable[[], np.ndarray]) -> dict[str, float]:
    """The other ways to solve [ms], without the trace."""
    blur = GaussianBlur(response(SUBGRID), SUBGRID, SCALE, imaging.mask.shape)
    light = np.concatenate([blur.columns(np.geomspace(0.02, 3, 20), q, 0.3, 0j) for q in (0.8, 0.6)])
    bright = Imaging(
        imaging.data + 3e4 * light[[5, 12, 28]].sum(axis=0),
        imaging.noise,
        imaging.mask,
        imaging.response,
        SCALE,
        SUBGRID,
    )
    took = {}
    for name, stamp, columns, solver in (
        ("positive", imaging, None, "positive"),
        ("40 columns", bright, light, "linear"),
        ("both", bright, light, "positive"),
    ):
        inversion = Inversion(stamp, mesh, columns=columns, solver=solver)
        inversion.evidence(beta(), STRENGTH)
        took[name] = median_ms(lambda inversion=inversion: inversion.evidence(beta(), STRENGTH))
    return took


def floor(imaging: Imaging, mapping: kernel.Mapping, n: int) -> dict[str, float]:
    """Cholesky, and the half of F from rows without a zero, at this machine's rate of dense products [ms]."""
    a = np.random.default_rng(0).normal(size=(n, n))
    rate = n**3 / median_ms(lambda: a @ a)  # multiply-adds per ms
    local, block = np.full(n, -1), np.empty((n, kernel.WIDTH))
    products = 0
    for t in range(imaging.tiles.start.size - 1):
        size = kernel.blurred_rows(imaging.tiles, t, mapping, local, block)
        touched = np.count_nonzero(block[:size], axis=0)[imaging.tiles.weight[t] > 0]
        products += int((touched * (touched + 1) // 2).sum())
        local[:] = -1
    return {"floor": (n**3 / 6 + products) / rate, "10^6 products in F": products / 1e6, "10^6 per ms": rate / 1e6}


def pyautolens(imaging: Imaging, mesh: Mesh) -> float | None:
    """Its milliseconds for the same stamp and mesh; None where it is not installed."""
    try:
        import autolens as al
    except ImportError:
        return None
    from astropy.io import fits

    with TemporaryDirectory() as folder:
        side = 2 * REACH + 1
        psf = response(1) / response(1).sum()
        for name, image in (("data", imaging.data), ("noise", imaging.noise), ("psf", psf.reshape(side, side))):
            fits.writeto(Path(folder) / f"{name}.fits", image[::-1])  # its rows run from top to bottom
        paths = [Path(folder) / f"{name}.fits" for name in ("data", "noise", "psf")]
        data = al.Imaging.from_fits(data_path=paths[0], noise_map_path=paths[1], psf_path=paths[2], pixel_scales=SCALE)
    mask = al.Mask2D.circular_annular(shape_native=(SIDE, SIDE), pixel_scales=SCALE, inner_radius=0.5, outer_radius=3.0)
    data = data.apply_mask(mask=mask).apply_over_sampling(over_sample_size_pixelization=SUBGRID)
    data = data.apply_sparse_operator_cpu()
    images = None
    if isinstance(mesh, Delaunay):
        grid = al.image_mesh.Overlay(shape=(30, 30)).image_plane_mesh_grid_from(mask=data.mask)
        images = al.AdaptImages(galaxy_name_image_plane_mesh_grid_dict={"('galaxies', 'source')": grid})
        pixels = al.mesh.Delaunay(pixels=grid.shape[0], zeroed_pixels=0)
    else:
        pixels = al.mesh.RectangularBilinearAdaptDensity(shape=(26, 26))
    analysis = al.AnalysisImaging(
        dataset=data, adapt_images=images, settings=al.Settings(use_positive_only_solver=False), use_jax=False
    )
    model = autolens_model(pixels)
    radius = each([EINSTEIN_RADIUS * (1 + Q) / 2 / np.sqrt(Q) + d for d in np.linspace(-0.02, 0.02, 11)])
    evaluate = lambda: analysis.log_likelihood_function(model.instance_from_vector(vector=[radius()]))  # noqa: E731
    evaluate()
    return median_ms(evaluate)


def autolens_model(pixels: object) -> object:
    """The same lens in its words: only the Einstein radius is free."""
    import autofit as af
    import autolens as al

    mass = af.Model(al.mp.Isothermal, centre=(0.0, 0.0))
    mass.ell_comps = al.convert.ell_comps_from(axis_ratio=Q, angle=np.degrees(PHI))
    mass.einstein_radius = af.UniformPrior(lower_limit=1.0, upper_limit=2.0)
    pixelization = al.Pixelization(mesh=pixels, regularization=al.reg.Constant(coefficient=1.0))
    lens = af.Model(al.Galaxy, redshift=0.5, mass=mass)
    source = af.Model(al.Galaxy, redshift=1.0, pixelization=pixelization)
    return af.Collection(galaxies=af.Collection(lens=lens, source=source))


def main() -> int:
    """Print the table."""
    imaging = make_stamp()
    print(f"{imaging.n_pixels} image pixels, {imaging.theta.size} traced angles; load {os.getloadavg()[0]:.1f}")
    for mesh in (Rectangular(26), Rectangular(26, brightness=0.5), Delaunay(680)):
        took = measure(imaging, mesh)
        print(f"\n{mesh}")
        for name, value in took.items():
            print(f"  {name:<20}{value:8.2f}{'' if name[0] == '1' or name.startswith('source') else ' ms'}")
        try:
            other = pyautolens(imaging, mesh)
        except Exception as error:  # another package's changed interface must not cost the table
            print(f"  PyAutoLens           could not be timed: {error!r}")
            continue
        if other is None:
            print("  PyAutoLens           is not installed here")
        else:
            print(f"  {'PyAutoLens':<20}{other:8.2f} ms = {other / took['one evaluation']:.1f} times as long")
    return 0


if __name__ == "__main__":
    sys.exit(main())
