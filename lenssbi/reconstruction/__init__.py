"""Pixelised source: mesh, blurring, regularisation, inversion and evidence. The input is traced angles, not a lens.

    imaging         a stamp prepared for the inversion: the angles to trace, and the PSF's response to their light
    mesh            places of the source's pixels (a protocol); `rectangular`, `delaunay` and `voronoi` are the meshes, `overlay` places
                    the vertices of the last two
    regularisation  expected smoothness of a source; `sparse` computes the determinants
    evidence        the five terms of the log evidence, by name
    inversion       the best source of given traced angles, and its evidence
    columns         the lens' light, fitted with the source; `nonnegative` solves for non-negative unknowns
    smooth          Gaussians under the pixels
    profiles        sources of Gaussians or Sersics alone; `profiles_basis` has their components, `profiles_kernel` their arithmetic
    kernel          the arithmetic of the pixels, compiled
    cholesky        LAPACK in place, several threads at once

Import from the modules: they load numba, which the package itself does not.
"""
