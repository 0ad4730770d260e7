"""PIXELISED SOURCE: mesh, blurring, regularisation, inversion, evidence. Knows no lens: it is given traced angles.

    imaging         a stamp prepared for the inversion: which angles to trace, what the PSF does with their light
    mesh            where the source's pixels lie (a protocol); `delaunay` and `rectangular` are the meshes
    regularisation  how smooth a source is expected to be
    evidence        the five terms of the log evidence, by name
    inversion       the best source of given traced angles, and its evidence
    kernel          the arithmetic of all this, compiled
    cholesky        LAPACK in place, several threads at once

Import from the modules: they load numba, which this package's name alone does not.
"""
