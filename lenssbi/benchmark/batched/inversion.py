"""Many evaluations at once on a GPU: the evidence of the rectangular mesh, for one lens or several, in torch.

The same numbers as `Inversion(imaging, Rectangular(n, brightness), regularisation)`, computed in a way that suits a GPU: the blurred
mapping L is a dense matrix (image pixels x source pixels), filled by scattered additions, F = L^T L one batched product, and
F + H factored in one batched Cholesky. Lenses of different masks and PSFs are padded to common shapes with pixels of no weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lenssbi.benchmark.batched import mesh as batched_mesh
from lenssbi.benchmark.batched.mesh import Interpolation, Knots
from lenssbi.benchmark.batched.tables import LensTable, lens_table
from lenssbi.reconstruction.imaging import Imaging
from lenssbi.reconstruction.rectangular import Rectangular
from lenssbi.reconstruction.regularisation import Adaptive, Constant, Gradient

Penalty = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class BatchedInversion:
    """Evaluates lens models on one or several stamps, many at once.

    Parameters
    ----------
    imagings
        Stamps, all with the same sub-grid.
    mesh
        Kind of mesh.
    regularisation
        Regularisation of the source pixels; `Curvature` is not supported.
    device, dtype
        Device and precision of torch; float32 is not accurate enough for evidences.
    memory
        Bytes for one chunk of evaluations.

    Raises
    ------
    ValueError
        If there is no stamp, stamps have different sub-grids, or the regularisation is not supported.
    """

    def __init__(
        self,
        imagings: Imaging | Sequence[Imaging],
        mesh: Rectangular,
        regularisation: Constant | Gradient | Adaptive | None = None,
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float64,
        memory: float = 2e9,
    ) -> None:
        lenses = [imagings] if isinstance(imagings, Imaging) else list(imagings)
        if len({imaging.subgrid for imaging in lenses}) != 1:
            raise ValueError("a batch needs stamps, all of one sub-grid")
        self.mesh, self.regularisation = mesh, regularisation or Constant()
        if not isinstance(self.regularisation, Constant | Gradient | Adaptive):
            raise ValueError(f"the batched path needs Constant, Gradient or Adaptive, got {self.regularisation}")
        self.device, self.dtype, self.memory = torch.device(device), dtype, memory
        self._sub = lenses[0].subgrid ** 2
        tables = [lens_table(imaging, mesh.brightness) for imaging in lenses]
        self._tables = LensTable(*(self._stack(values) for values in zip(*tables, strict=True)))
        self._edges = torch.as_tensor(mesh.edges.astype(np.int64), device=self.device)
        constant = torch.ones((1, len(mesh.edges)), dtype=dtype, device=self.device)
        self._ridge = torch.full((1, mesh.n**2), self.regularisation.ridge, dtype=dtype, device=self.device)
        self._constant = constant, self._ridge, batched_mesh.log_det(constant, mesh.n, self._ridge)

    @property
    def theta(self) -> torch.Tensor:
        """Angles to trace [arcsec], complex, shape (lenses, n_sub); those of smaller lenses are padded with angles of no weight."""
        return self._tables.theta

    def log_evidence(self, beta: Any, strength: Any, which: Any = None) -> torch.Tensor:
        """Natural log of the evidences, -inf if the inversion fails, shape (b,).

        Parameters
        ----------
        beta
            Traced `theta[which]` [arcsec], complex, shape (b, n_sub).
        strength
            Strengths of the regularisation, without unit, shape (b,).
        which
            Index of the lens of each, shape (b,); None for the first.
        """
        beta = torch.as_tensor(beta, device=self.device)
        strength = torch.as_tensor(strength, dtype=self.dtype, device=self.device)
        lens = torch.zeros(len(beta)) if which is None else torch.as_tensor(which)
        if beta.shape != (len(lens), self.theta.shape[1]) or strength.shape != lens.shape:
            raise ValueError(
                f"beta has a row of {self.theta.shape[1]} angles for each strength and each lens, "
                f"got {tuple(beta.shape)}, {tuple(strength.shape)}, {tuple(lens.shape)}"
            )
        lens = lens.to(self.device, torch.int64)
        size = max(1, int(self.memory / self._bytes()))
        chunks = [slice(i, i + size) for i in range(0, len(beta), size)]
        return torch.cat([self._chunk(beta[c], strength[c], lens[c]) for c in chunks])

    def _bytes(self) -> float:
        """Bytes of one evaluation: L, F + H, its factor, a copy, and the indices and weights of the blurring."""
        n, (pixels, reached) = self.mesh.n**2, self._tables.sub.shape[1:]
        return 8.0 * (n * (pixels + 3 * n) + 6 * 4 * pixels * reached)

    def _stack(self, values: Sequence[NDArray[Any]]) -> torch.Tensor:
        """One row per lens; missing entries repeat the last one in tables of numbers and angles, and are 0 in weights."""
        shape = tuple(np.max([v.shape for v in values], axis=0))
        filled = []
        for v in values:
            mode: Any = "constant" if v.dtype == float else "edge"
            filled.append(np.pad(v, [(0, m - k) for m, k in zip(shape, v.shape, strict=True)], mode=mode))
        stacked = torch.as_tensor(np.stack(filled), device=self.device)
        return stacked.to(self.dtype) if stacked.dtype == torch.float64 else stacked

    def _chunk(self, beta: torch.Tensor, strength: torch.Tensor, lens: torch.Tensor) -> torch.Tensor:
        tables = LensTable(*(table[lens] for table in self._tables))
        finite = (torch.isfinite(beta) | (tables.counted == 0)).all(dim=1)
        good = finite & torch.isfinite(strength) & (strength > 0)
        # Where the result is not used, any angles do.
        beta = torch.where((tables.counted > 0) & good[:, None], beta, tables.theta)
        strength = torch.where(good, strength, torch.ones_like(strength))
        points = torch.stack([beta.real, beta.imag]).to(self.dtype)
        centres = points.reshape(2, len(beta), -1, self._sub).mean(dim=-1)
        centres = centres.gather(2, tables.fitted.expand(2, -1, -1))
        x, y = (batched_mesh.quantiles(c, tables.share, self.mesh.n) for c in centres)
        spread = (x.diff(dim=1) > 0).all(dim=1) & (y.diff(dim=1) > 0).all(dim=1)
        even = torch.linspace(0, 1, self.mesh.n, dtype=self.dtype, device=self.device)
        x, y = (torch.where(spread[:, None], knots, even) for knots in (x, y))
        interpolation = batched_mesh.bilinear((x, y), points)
        value = self._evidence(interpolation, self._penalty((x, y), interpolation, tables), strength, tables)
        return torch.where(good & spread & torch.isfinite(value), value, -torch.inf)

    def _penalty(self, knots: Knots, interpolation: Interpolation, tables: LensTable) -> Penalty:
        """Weights of the edges, shape (b or 1, m), ridge, shape (b or 1, n), and ln det(H / strength)."""
        kind, ridge = self.regularisation, self._ridge
        if isinstance(kind, Constant):
            return self._constant
        weights = batched_mesh.slopes(knots)
        if isinstance(kind, Adaptive):
            signal = batched_mesh.signal(interpolation, tables.light, tables.seen, self.mesh.n**2)
            share = signal**kind.power
            stiffness = (share / kind.inner + (1 - share) / kind.outer) ** -2.0
            weights, ridge = weights * stiffness[:, self._edges].mean(dim=-1), ridge * stiffness
        return weights, ridge, batched_mesh.log_det(weights, self.mesh.n, ridge)

    def _evidence(
        self,
        interpolation: Interpolation,
        penalty: Penalty,
        strength: torch.Tensor,
        tables: LensTable,
    ) -> torch.Tensor:
        rows = self._blurred(interpolation, tables)
        matrix, vector = rows.mT @ rows, rows.mT @ tables.data[..., None]
        n, (a, b), (weights, ridge, log_det_h) = self.mesh.n**2, self._edges.T, penalty
        own = ridge.expand(len(rows), -1).index_add(1, a, weights.expand(len(rows), -1))
        own = own.index_add(1, b, weights.expand(len(rows), -1))
        matrix.diagonal(dim1=1, dim2=2).add_(strength[:, None] * own)
        matrix[:, a, b] -= strength[:, None] * weights
        matrix[:, b, a] -= strength[:, None] * weights
        factor, failed = torch.linalg.cholesky_ex(matrix)
        source = torch.cholesky_solve(vector, factor)[..., 0]
        charge = (weights * (source[:, a] - source[:, b]) ** 2).sum(dim=1) + (ridge * source**2).sum(dim=1)
        smoothness = strength * charge
        misfit = (tables.data**2).sum(dim=1) - (source * vector[..., 0]).sum(dim=1) - smoothness
        log_det = 2 * factor.diagonal(dim1=1, dim2=2).log().sum(dim=1)
        log_det_h = n * strength.log() + log_det_h
        value = -0.5 * (misfit + smoothness + log_det - log_det_h + tables.noise_norm[:, 0])
        return torch.where(failed == 0, value, -torch.inf)

    def _blurred(self, interpolation: Interpolation, tables: LensTable) -> torch.Tensor:
        """L: light of each source pixel in each pixel of the mask over its noise, shape (b, n_pixels, n)."""
        indices, weights = interpolation
        n, (batch, pixels, reached) = self.mesh.n**2, tables.sub.shape
        flat = tables.sub.reshape(batch, -1, 1).expand(-1, -1, 4)
        places = indices.gather(1, flat).reshape(batch, pixels, -1)
        light = weights.gather(1, flat).reshape(batch, pixels, reached, 4) * tables.blur[..., None]
        rows = torch.zeros((batch, pixels, n), dtype=self.dtype, device=self.device)
        return rows.scatter_add_(2, places, light.reshape(batch, pixels, -1))
