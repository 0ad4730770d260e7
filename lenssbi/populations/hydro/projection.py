"""From particles to a convergence map: turn, project, smooth, divide by the critical surface density.

A simulation does not resolve the mass below its softening, and particles are a noisy sample of it. Each particle is therefore
spread over a Gaussian; its sigma is the Plummer-equivalent softening, or up to four times wider, so that it contains
`neighbours` particles. N particles under a kernel of area 4 pi sigma^2 leave a noise of N^-1/2 of the surface density,

    noise / Sigma = (m / (4 pi sigma^2 Sigma))^1/2         m the particle mass

2 per cent where the convergence is 0.5 for m = 1e6 Msun and sigma = 0.5 kpc, 4 per cent for EAGLE's dark matter of 1e7 and 0.7 kpc if it
were all mass. Mass is conserved: kernels lose mass at the edge of the map and gain as much from particles beyond it.
"""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.spatial.transform import Rotation

from lenssbi.arrays import FloatArray
from lenssbi.populations.cosmology import critical_surface_density, kpc_per_arcsec
from lenssbi.populations.hydro.particles import Particles

COARSER = (1, 2, 4)  # widths of the kernels, in units of the finest
REACH = 4.0  # [sigma of the widest kernel]: width of the border in which particles contribute
NEIGHBOURS = 1500


def random_orientation(rng: np.random.Generator) -> FloatArray:
    """Rotation matrix, shape (3, 3), uniform on SO(3): a unit quaternion of normal numbers (Shoemake 1992)."""
    return Rotation.from_quat(rng.standard_normal(4)).as_matrix()


def surface_density(
    particles: Particles,
    orientation: FloatArray,
    shape: int,
    pixel: float,
    smoothing: float | None = None,
    neighbours: int = NEIGHBOURS,
) -> FloatArray:
    """Surface density of a galaxy seen along the third axis of a turned frame.

    Parameters
    ----------
    particles
        The galaxy; its centre is that of the map.
    orientation
        Rotation matrix, shape (3, 3), that takes positions to the observer's axes (x, y, line of sight).
    shape
        Number of pixels along the side of the map.
    pixel
        Side of a pixel [kpc].
    smoothing
        Sigma of the finest kernel [kpc]; None takes the softening.
    neighbours
        Number of particles that a kernel should contain, (sum of m)^2 / sum of m^2 if they differ; 0 uses the finest kernel only.

    Returns
    -------
    Surface density [Msun / kpc^2], shape (shape, shape), row 0 at the bottom.
    """
    sigma = (particles.softening if smoothing is None else smoothing) / pixel
    widths = [sigma * factor for factor in COARSER] if neighbours else [sigma]
    margin = int(np.ceil(REACH * widths[-1])) + 1
    while fft.next_fast_len(shape + 2 * margin, real=True) != shape + 2 * margin:
        margin += 1
    full = shape + 2 * margin
    x, y = (particles.position @ (axis / pixel) + (full - 1) / 2 for axis in orientation[:2])
    inside = np.flatnonzero((np.minimum(x, y) >= 0) & (np.maximum(x, y) < full - 1))
    x, y, mass = x[inside], y[inside], particles.mass[inside]
    level = _levels(x, y, mass, widths, neighbours, full)
    total = np.zeros((full, full))
    for k, width in enumerate(widths):
        # between two kernels a particle is in both, so that the transition is continuous
        share = 1 - np.abs(level - k)
        at = np.flatnonzero(share > 0)
        if len(at):
            total += blurred(_deposited(x[at], y[at], mass[at] * share[at], full), width, cloud=True)
    return total[margin : margin + shape, margin : margin + shape] / pixel**2


def convergence_map(
    particles: Particles,
    orientation: FloatArray,
    shape: int,
    pixel_scale: float,
    redshifts: tuple[float, float],
    smoothing: float | None = None,
) -> FloatArray:
    """Convergence of a galaxy at another redshift, its proper size and mass unchanged.

    Parameters
    ----------
    particles, orientation, shape, smoothing
        Arguments of `surface_density`.
    pixel_scale
        Side of a pixel [arcsec].
    redshifts
        Redshifts of the lens and of the source.

    Returns
    -------
    Convergence, shape (shape, shape), row 0 at the bottom.
    """
    pixel = pixel_scale * float(kpc_per_arcsec(redshifts[0]))
    sigma = surface_density(particles, orientation, shape, pixel, smoothing)
    return sigma * pixel**2 / (float(critical_surface_density(*redshifts)) * pixel_scale**2)


def blurred(values: FloatArray, sigma: float, cloud: bool = False) -> FloatArray:
    """A periodic map, shape (ny, nx), convolved with a Gaussian of `sigma` pixels.

    With `cloud`, the variance (1/6 pixel^2) of the distribution of mass over four pixels is subtracted first.
    """
    if cloud:
        sigma = np.sqrt(max(sigma**2 - 1 / 6, 0.0))
    ny, nx = values.shape
    along_y, along_x = (
        np.exp(-2 * (np.pi * sigma * frequency) ** 2) for frequency in (fft.fftfreq(ny), fft.rfftfreq(nx))
    )
    return fft.irfft2(fft.rfft2(values) * along_y[:, None] * along_x, s=values.shape)


def _levels(
    x: FloatArray, y: FloatArray, mass: FloatArray, widths: list[float], neighbours: int, full: int
) -> FloatArray:
    """Kernel of each particle that contains its neighbours, a fraction between two kernels."""
    if len(widths) == 1:
        return np.zeros(len(x))
    pixel = np.rint(y).astype(np.int64) * full + np.rint(x).astype(np.int64)
    # counted with the widest kernel: a narrower one would be noisier
    first, second = (
        blurred(np.bincount(pixel, mass**power, full**2).astype(float).reshape(full, full), widths[-1])
        for power in (1, 2)
    )
    held = first**2 / np.maximum(second, 1e-6 * second.max()) * 4 * np.pi * widths[0] ** 2
    wanted = 0.5 * np.log2(neighbours / np.maximum(held, 1e-6 * neighbours))
    return np.clip(wanted, 0, len(widths) - 1).ravel()[pixel]


def _deposited(x: FloatArray, y: FloatArray, mass: FloatArray, full: int) -> FloatArray:
    """Masses shared among the four nearest pixels of a square map (cloud in cell)."""
    column, row = x.astype(np.int64), y.astype(np.int64)
    right, upper = x - column, y - row
    first = row * full + column
    corner = mass * right * upper
    right, upper = mass * right, mass * upper
    total = np.zeros(full**2)
    shares = (mass - right - upper + corner, right - corner, upper - corner, corner)
    for offset, share in zip((0, 1, full, full + 1), shares, strict=True):
        total[offset:] += np.bincount(first, share, minlength=full**2)[: full**2 - offset]
    return total.reshape(full, full)
