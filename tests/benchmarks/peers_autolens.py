"""PyAutoLens's simulator on the stamps of `bench_simulator.py`; runs in PyAutoLens's own interpreter.

    python peers_autolens.py lenses.npz images.npz OVERSAMPLING

Reads the arrays einstein_radius, q, phi, x, y (lens), n, effective_radius, source_q, source_phi, source_x, source_y, intensity (source,
at the effective radius), psf (kernel), shape, pixel_scale; writes images (row 0 at the bottom), milliseconds and version.
"""

import os

for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
    os.environ.setdefault(f"{name}_NUM_THREADS", "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import sys  # noqa: E402
import time  # noqa: E402

import numpy as np  # noqa: E402


def tracer(al, t, i):
    """Lens and source number i; their Einstein radius is defined by kappa = einstein_radius / (1 + q) / sqrt(x^2 + y^2 / q^2)."""
    q, degrees = t["q"][i], np.rad2deg(t["phi"][i])
    radius = t["einstein_radius"][i] * (1 + q) / (2 * np.sqrt(q))
    shape = al.convert.ell_comps_from(axis_ratio=q, angle=degrees)
    mass = al.mp.Isothermal(centre=(t["y"][i], t["x"][i]), einstein_radius=radius, ell_comps=shape)
    light = al.lp.Sersic(
        centre=(t["source_y"][i], t["source_x"][i]),
        ell_comps=al.convert.ell_comps_from(axis_ratio=t["source_q"][i], angle=np.rad2deg(t["source_phi"][i])),
        intensity=t["intensity"][i],
        effective_radius=t["effective_radius"][i],
        sersic_index=t["n"][i],
    )
    return al.Tracer(galaxies=[al.Galaxy(redshift=0.5, mass=mass), al.Galaxy(redshift=1.0, bulge=light)])


def main(lenses, images, oversampling):
    """Render and time."""
    import autolens as al

    t = np.load(lenses)
    psf = al.Convolver(kernel=al.Array2D.no_mask(t["psf"], pixel_scales=float(t["pixel_scale"])))
    grid = al.Grid2D.uniform(
        shape_native=tuple(int(n) for n in t["shape"]),
        pixel_scales=float(t["pixel_scale"]),
        over_sample_size=int(oversampling),
    )
    noisy, clean = (
        al.SimulatorImaging(
            exposure_time=2000.0, background_sky_level=1.0, psf=psf, noise_seed=1, add_poisson_noise_to_data=add
        )
        for add in (True, False)
    )
    noisy.via_tracer_from(tracer=tracer(al, t, 0), grid=grid)
    stamps, milliseconds = [], []
    for i in range(len(t["q"])):
        start = time.perf_counter()
        noisy.via_tracer_from(tracer=tracer(al, t, i), grid=grid)
        milliseconds.append(1e3 * (time.perf_counter() - start))
        stamps.append(np.asarray(clean.via_tracer_from(tracer=tracer(al, t, i), grid=grid).data.native)[::-1])
    np.savez(images, images=np.stack(stamps), milliseconds=milliseconds, version=al.__version__)


if __name__ == "__main__":
    main(*sys.argv[1:])
