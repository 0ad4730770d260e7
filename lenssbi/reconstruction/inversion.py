"""The best source for given traced angles, and its evidence.

With image d, noise sigma, and L the mapping from source pixels to blurred image pixels,

    F = L^T C^-1 L,   D = L^T C^-1 d,   s = (F + H)^-1 D,

solved by one Cholesky factorisation, which also gives ln det(F + H). Images of the lens's light may be fitted with the source
(`columns`), always with non-negative amplitudes; they are last, so that the leading block of the Cholesky factor is the source's.
The solver "positive" holds the source pixels at or above 0 as well; its evidence keeps the determinants of the linear source, as
PyAutoLens's does. How either is solved is in `nonnegative`.

Every solution x obeys x^T ((F + H) x - D) = 0, since unknowns at the bound are 0 and the gradient of the rest vanishes
(Karush-Kuhn-Tucker), so chi^2 = d^T C^-1 d - x^T D - s^T H s, whatever the solver. Inside, fluxes are in units of
`Imaging.flux_scale` per pixel. Nothing here raises because of the data or the lens model: a failure is an
`Evidence` of -inf.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Literal, NamedTuple

import numpy as np
from scipy.linalg import lapack

from lenssbi.arrays import ComplexArray, FloatArray
from lenssbi.reconstruction import kernel
from lenssbi.reconstruction.cholesky import factor, forward, workspace
from lenssbi.reconstruction.columns import ScaledColumns, joined, prepare
from lenssbi.reconstruction.evidence import Evidence
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.mesh import Mesh, SourceMesh
from lenssbi.reconstruction.nonnegative import block_pivoting, last_nonnegative
from lenssbi.reconstruction.regularisation import Constant, Penalty, Regularisation
from lenssbi.reconstruction.smooth import SmoothPart
from lenssbi.status import Status

Extent = tuple[float, float, float, float]


class _Solution(NamedTuple):
    evidence: Evidence
    mesh: SourceMesh
    source: FloatArray  # [flux_scale per pixel]
    columns: ScaledColumns  # smooth part and lens light
    amplitudes: FloatArray  # scaled amplitudes of the columns
    upper: FloatArray  # Cholesky factor of F + H, in this thread's workspace: valid until the next evaluation


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A source and its image; all NaN if the inversion failed.

    Parameters
    ----------
    evidence
        Terms of the evidence.
    mesh
        Mesh of the source pixels; None if no mesh could be laid.
    source, source_sigma
        Surface brightness [flux/arcsec^2] of the source at its pixels, smooth part included, and its 1 sigma error, shape (n,). The error
        is that of the unconstrained pixels at fixed fluxes of the columns, whatever the solver: a pixel at 0 has the same
        error.
    model_image
        Blurred light of the source [flux/pixel], shape (ny, nx), NaN outside the mask.
    columns
        Amplitudes of the inversion's columns, in the unit of the images given, shape (m,).
    columns_image
        Light of the columns together [flux/pixel], shape (ny, nx), also outside the mask; None if the inversion has none.
    smooth
        Surface brightness [flux/arcsec^2] of the smooth part at any places [arcsec]; None if the source is pixels alone.
    """

    evidence: Evidence
    mesh: SourceMesh | None
    source: FloatArray
    source_sigma: FloatArray
    model_image: FloatArray
    columns: FloatArray
    columns_image: FloatArray | None = None
    smooth: Callable[[ComplexArray], FloatArray] | None = None

    @property
    def status(self) -> Status:
        """Whether the inversion worked."""
        return self.evidence.status

    def source_on_grid(self, n: int = 100, extent: Extent | None = None) -> tuple[FloatArray, Extent]:
        """The source on a regular grid.

        Parameters
        ----------
        n
            Number of pixels along a side.
        extent
            Extent (x0, x1, y0, y1) [arcsec]; by default a square around the pixels above a tenth of the peak and 3 sigma.

        Returns
        -------
        Surface brightness [flux/arcsec^2], shape (n, n), row 0 at the bottom, NaN outside the mesh; and the extent.
        """
        if self.mesh is None or not np.isfinite(self.source).all():
            return np.full((n, n), np.nan), extent or (-1.0, 1.0, -1.0, 1.0)
        x0, x1, y0, y1 = extent = extent or self._bright_square()
        x, y = (a + (np.arange(n) + 0.5) * (b - a) / n for a, b in ((x0, x1), (y0, y1)))
        points = (x[None, :] + 1j * y[:, None]).ravel()
        image = np.where(self.mesh.inside(points), self.brightness(points), np.nan)
        return image.reshape(n, n), extent

    def brightness(self, places: ComplexArray) -> FloatArray:
        """Surface brightness [flux/arcsec^2] at places of the source plane [arcsec], shape (k,); outside the mesh that of its edge."""
        assert self.mesh is not None  # callers check the status first
        indices, weights = self.mesh.locate(places)
        if self.smooth is None:
            return np.asarray((weights * self.source[indices]).sum(axis=1))
        pixels = self.source - self.smooth(self.mesh.vertices)
        return np.asarray((weights * pixels[indices]).sum(axis=1) + self.smooth(places))

    def _bright_square(self) -> Extent:
        assert self.mesh is not None  # for the type checker: source_on_grid has checked
        bright = (self.source >= 0.1 * self.source.max()) & (self.source >= 3 * self.source_sigma)
        vertices = self.mesh.vertices[bright] if bright.any() else self.mesh.vertices
        low, high = vertices.real.min() + 1j * vertices.imag.min(), vertices.real.max() + 1j * vertices.imag.max()
        x, y, half = (low + high).real / 2, (low + high).imag / 2, 0.6 * max((high - low).real, (high - low).imag, 1e-3)
        return float(x - half), float(x + half), float(y - half), float(y + half)


@dataclass(frozen=True, eq=False)
class Inversion:
    """Evaluates lens models on one stamp. Threads may share it.

    Parameters
    ----------
    imaging
        The stamp.
    mesh
        Kind of mesh.
    regularisation
        Regularisation of the source pixels.
    columns
        Images of unit amplitude, of any scale, that are fitted together with the source with amplitudes >= 0, shape (m, ny, nx);
        they are already blurred and may have any values outside the mask. None for no images.
    smooth
        Gaussians that are added to the pixels; None for pixels alone.
    solver
        Solver: "linear", or "positive" for a source that is nowhere negative. The determinants of the evidence are the same.

    Raises
    ------
    ValueError
        If columns have another shape or are not finite inside the mask, or the solver is unknown.

    Examples
    --------
    A lens model is given by the angles that it traces::

        inversion = Inversion(imaging, Rectangular(26))
        beta = imaging.theta - system.deflection(imaging.theta)
        inversion.evidence(beta, strength=1.0).log_evidence
    """

    imaging: Imaging
    mesh: Mesh
    regularisation: Regularisation = field(default_factory=Constant)
    columns: FloatArray | None = None
    solver: Literal["linear", "positive"] = "linear"
    smooth: SmoothPart | None = None

    def __post_init__(self) -> None:
        if self.solver not in ("linear", "positive"):
            raise ValueError(f'the solver is "linear" or "positive", got {self.solver!r}')
        _ = self._light  # raises for columns that cannot be used

    def evidence(self, beta: ComplexArray, strength: float) -> Evidence:
        """Evidence of traced angles.

        Parameters
        ----------
        beta
            Traced `imaging.theta` [arcsec], complex, shape (n_sub,).
        strength
            Strength of the regularisation, without unit (see `Imaging.flux_scale`); 1e-3 (weak) to 1e4 (strong) is a wide range.
        """
        solution = self._solve(beta, strength)
        return Evidence.failed() if solution is None else solution.evidence

    def reconstruct(self, beta: ComplexArray, strength: float) -> Reconstruction:
        """The source, its errors, the lens light and the model image; arguments as for `evidence`."""
        solution = self._solve(beta, strength)
        image = np.full(self.imaging.mask.shape, np.nan)
        if solution is None:
            empty, lens_light = np.full(0, np.nan), None if self.columns is None else image
            unknown = np.full(0 if self.columns is None else len(self.columns), np.nan)
            return Reconstruction(Evidence.failed(), None, empty, empty, image, unknown, lens_light)
        evidence, mesh, source, columns, scaled, upper = solution
        tiles, scale = self.imaging.tiles, self.imaging.flux_scale
        k = 0 if self.smooth is None else self.smooth.count
        pixels = (mesh.weights * source[mesh.indices]).sum(axis=1)
        blurred = kernel.blur(tiles, pixels.reshape(-1, self.imaging.subgrid**2))
        with np.errstate(invalid="ignore"):  # 0 / 0 outside the mask
            blurred += columns.rows[..., :k] @ scaled[:k] / tiles.weight
        image.ravel()[tiles.place[tiles.place >= 0]] = blurred[tiles.place >= 0] * scale
        covariance, _ = lapack.dpotri(upper[: source.size, : source.size], lower=0)
        per_area = scale / self.imaging.pixel_scale**2
        sigma, amplitudes = np.sqrt(np.diag(covariance)) * per_area, scaled / columns.norm
        smooth = None if self.smooth is None else partial(self.smooth.brightness, beta, amplitudes[:k])
        source = source * per_area + (0.0 if smooth is None else smooth(mesh.vertices))
        lens_light = None if self.columns is None else np.tensordot(amplitudes[k:], self.columns, 1)
        return Reconstruction(evidence, mesh, source, sigma, image, amplitudes[k:], lens_light, smooth)

    def _solve(self, beta: ComplexArray, strength: float) -> _Solution | None:
        beta = np.asarray(beta, dtype=complex)
        if beta.shape != self.imaging.theta.shape:
            raise ValueError(f"beta is imaging.theta traced: shape {self.imaging.theta.shape}, got {beta.shape}")
        if not (np.isfinite(beta).all() and 0 < strength < np.inf):
            return None
        mesh = self.mesh.source_mesh(beta, self.imaging)
        if mesh is None:
            return None
        penalty, columns = self._penalty(mesh), self._all_columns(beta)
        matrix, vector = self._normal_equations(mesh, columns, penalty, strength)
        kept = matrix
        if self.solver == "positive":
            kept = workspace(vector.size, "kept")
            kept[:] = matrix
        if not factor(matrix):
            return None
        answer = self._answer(kept, matrix, vector, mesh.vertices.size)
        if answer is None:
            return None
        source, amplitudes = np.split(answer, [mesh.vertices.size])
        k = 0 if self.smooth is None else self.smooth.count
        charges = columns.ridge * amplitudes**2
        pixels, smooth = strength * penalty.quadratic_form(source), float(charges[:k].sum())
        data_norm, noise_norm = self._norms
        evidence = Evidence(
            misfit=data_norm - float(answer @ vector) - pixels - float(charges.sum()),
            smoothness=pixels + smooth,
            log_det_curvature=2 * float(np.sum(np.log(np.diagonal(matrix)[: source.size + k]))),
            log_det_regularisation=source.size * float(np.log(strength))
            + penalty.log_det
            + float(np.sum(np.log(columns.ridge[:k]))),
            noise_norm=noise_norm,
        )
        return (
            _Solution(evidence, mesh, source, columns, amplitudes, matrix) if evidence.status is Status.DONE else None
        )

    def _all_columns(self, beta: ComplexArray) -> ScaledColumns:
        """All columns in addition to the pixels: the smooth part behind this lens model, and the lens' light."""
        return self._light if self.smooth is None else joined(self.smooth.columns(beta), self._light)

    def _normal_equations(
        self, mesh: SourceMesh, light: ScaledColumns, penalty: Penalty, strength: float
    ) -> tuple[FloatArray, FloatArray]:
        """F + H, in this thread's workspace, and D, of source and columns."""
        n, sub = mesh.vertices.size, self.imaging.subgrid**2
        matrix = workspace(n + light.norm.size, "matrix")
        vector = kernel.normal_equations(self.imaging.tiles, mesh.indices, mesh.weights, sub, light.rows, matrix)
        matrix[n:, n:] = light.product
        kernel.add_penalty(matrix, penalty.rows, penalty.columns, strength * penalty.values)
        return matrix, np.append(vector, light.vector)

    def _answer(self, matrix: FloatArray, upper: FloatArray, vector: FloatArray, n: int) -> FloatArray | None:
        """The n source pixels and the amplitudes."""
        half = forward(upper, vector)
        linear = last_nonnegative(upper, half, n)
        if self.solver == "linear" or linear is None:
            return linear
        answer = block_pivoting(matrix, vector, linear[:n] > 0)
        return last_nonnegative(upper, half, 0) if answer is None else answer

    def _penalty(self, mesh: SourceMesh) -> Penalty:
        return self.regularisation.penalty(mesh) if self._only_penalty is None else self._only_penalty

    @cached_property
    def _only_penalty(self) -> Penalty | None:
        """The penalty of every mesh of fixed topology, from a mesh over the image; None if each mesh has its own."""
        if not (self.mesh.fixed_topology and self.regularisation.topology_only):
            return None
        mesh = self.mesh.source_mesh(self.imaging.theta, self.imaging)
        return None if mesh is None else self.regularisation.penalty(mesh)

    @cached_property
    def _light(self) -> ScaledColumns:
        return prepare(self.columns, self.imaging)

    @cached_property
    def _norms(self) -> tuple[float, float]:
        """chi^2 of no model at all, and the sum of ln(2 pi sigma^2), over the mask."""
        noise, data = self.imaging.noise[self.imaging.mask], self.imaging.data[self.imaging.mask]
        return float(np.sum((data / noise) ** 2)), float(np.sum(np.log(2 * np.pi * noise**2)))
