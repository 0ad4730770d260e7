"""Start of the search: many lenses of the prior are evaluated quickly, and the best ones that differ are kept.

A lens is judged by how well concentric round Gaussians behind it explain the image. At this stage the camera needs no
convolution: the PSF and the pixel smear a Gaussian in the source plane by the ellipse that they have there, sigma^2 + A A^T s^2,
with A the Jacobian of the traced angles at the pixel and s the PSF's width. The source lies at the mean traced place of the bright pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction import profiles_kernel as kernel
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.refinement.search.space import SearchSpace

SIGMAS = np.geomspace(0.6, 0.02, 7)  # [arcsec]
RIDGE = 1e-6
BRIGHT = 3.0  # sigma
STEP = 1e-4  # [arcsec]


class Candidate(NamedTuple):
    """A lens that was evaluated: its chi^2 and its vector."""

    misfit: float
    vector: FloatArray


@dataclass(frozen=True, eq=False)
class QuickLook:
    """Judges lenses on one stamp.

    Parameters
    ----------
    imaging
        Stamp; if it shows the lens light, ``data`` is the image without it.
    data
        Image that the source is to explain [flux/pixel], shape (ny, nx).
    space
        Space of the search's vectors.
    """

    imaging: Imaging
    data: FloatArray
    space: SearchSpace

    def __call__(self, mass: FloatArray) -> Candidate:
        """Judge the lens of these mass parameters."""
        middle, right, up = self.space.trace(mass, self._theta)
        traced = kernel.Traced(middle[:, None], (right - middle) * self._width, (up - middle) * self._width, 0.0)
        centre = complex(np.average(middle, weights=self._weight))
        light = np.empty((middle.size, SIGMAS.size, 1))
        count = np.empty(middle.size, np.int64)
        kernel.gaussians(traced, centre, 0j, SIGMAS, light, count)
        design = np.where(np.arange(SIGMAS.size) < count[:, None], light[:, :, 0], 0.0).T * self._inverse_noise
        norm = np.sqrt(np.einsum("ij,ij->i", design, design))
        norm[norm == 0] = 1.0  # all light of this width misses the image
        upper = cholesky(design @ design.T / np.outer(norm, norm) + RIDGE * np.eye(norm.size))
        fluxes, _ = nnls(upper, solve_triangular(upper, design @ self._signal / norm, trans="T"))
        residual = (fluxes / norm) @ design - self._signal
        shape = [centre.real, centre.imag, 0.0, 0.0] * self.space.sources
        return Candidate(float(residual @ residual), np.append(mass, shape))

    @cached_property
    def _theta(self) -> ComplexArray:
        """Centres of the mask's pixels, and points to the right of and above them, shape (3, n)."""
        centres = self.imaging.theta.reshape(-1, self.imaging.subgrid**2)[self.imaging.fitted].mean(axis=1)
        return np.array([centres, centres + STEP, centres + 1j * STEP])

    @cached_property
    def _width(self) -> float:
        """Width of the Gaussian with the peak of the PSF [arcsec], over the step."""
        peak = float(self.imaging.response.max())
        return self.imaging.pixel_scale / np.sqrt(2 * np.pi * min(peak, 1.0)) / STEP

    @cached_property
    def _inverse_noise(self) -> FloatArray:
        return 1 / self.imaging.noise[self.imaging.mask]

    @cached_property
    def _signal(self) -> FloatArray:
        return self.data[self.imaging.mask] * self._inverse_noise

    @cached_property
    def _weight(self) -> FloatArray:
        bright = np.where(self._signal > BRIGHT, self.data[self.imaging.mask], 0.0)
        return bright if bright.any() else np.ones(bright.size)


def promising(candidates: list[Candidate], count: int, space: SearchSpace, apart: float) -> list[Candidate]:
    """The best ``count`` candidates of which no two are nearer than ``apart`` (in the scales of the mass parameters)."""
    chosen: list[Candidate] = []
    size = len(space.names)
    for candidate in sorted(candidates, key=lambda c: c.misfit):
        gaps = [(candidate.vector - other.vector)[:size] / space.scale[:size] for other in chosen]
        if all(np.sqrt(np.mean(gap**2)) > apart for gap in gaps):
            chosen.append(candidate)
        if len(chosen) == count:
            break
    return chosen
