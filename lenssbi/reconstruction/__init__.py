"""PIXELISED SOURCE: mesh, blurring, regularisation, inversion, evidence. Knows no lens: it is given traced angles.

    imaging         a stamp prepared for the inversion: which angles to trace, what the PSF does with their light
    mesh            where the source's pixels lie (a protocol); `rectangular`, `delaunay` and `voronoi` are the meshes, `overlay` places
                    the vertices of the last two
    regularisation  how smooth a source is expected to be; `sparse` takes the determinants
    evidence        the five terms of the log evidence, by name
    inversion       the best source of given traced angles, and its evidence
    columns         the lens' light beside the source; `nonnegative` solves for what may not be negative
    smooth          Gaussians under the pixels
    profiles        sources of Gaussians or Sersics alone; `profiles_basis` is what they are made of, `profiles_kernel` their arithmetic
    kernel          the arithmetic of the pixels, compiled
    cholesky        LAPACK in place, several threads at once

Import from the modules: they load numba, which this package's name alone does not.
"""
