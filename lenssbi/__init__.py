"""Calibrated mass models of galaxy-scale strong lenses.

A stamp goes in; a posterior of the lens' mass model comes out, first from a network trained on simulated stamps (in
milliseconds), then from a pixelised-source fit started at the network's answer (in seconds to minutes). The method is
that of Pearson et al. 2021 (MNRAS 505, 4362). The modules are, from the bottom up (each imports only from lines above its own):

    status               every way an item can fail, each with its remedy
    flags                every flag of a result, each with its sentence and its remedy
    arrays               which array library an array belongs to; the pixel grid
    config               YAML files into typed, frozen configurations
    files                write to a temporary file, then rename
    shipped_configs      configuration files that come with the package
    batching             many systems as one: dataclasses whose numbers are arrays
    splines              tables interpolated by splines
    parameters           parameters: priors, transforms, the parameter space
    lensing              deflectors: elliptical power law, shear, haloes, maps, several planes
    light                light profiles: Sersic, Gaussian, real galaxies, multi-Gaussian lens light
    systems              deflectors + source + lens light = one lens system
    populations          distributions of lenses: the paper's training set and test suites, observed stamps
    instrument           camera, PSF, noise
    rendering            lens system -> stamp: by GalSim, or many at once; composition; detectability
    dataset              stamps on disk: HDF5 sets, FITS stamps
    posteriors           posteriors: weighted samples, summaries, Gaussian mixtures, exports
    estimators           image -> posterior: networks, their training, the shipped weights
    reconstruction       pixelised source: mesh, blurring, regularisation, evidence
    calibration          coverage, recalibration, misspecification
    refinement           fit of a stamp: priors, likelihood, samplers
    population_inference from many posteriors to the distribution of a parameter
    batch                one function over many items, on one machine or a cluster
    catalogue            one row per lens: columns, units, flags
    plots                results in, Figure out
    pipelines            configuration -> files; one function per command
    benchmark            the comparison of methods on suites of lenses: tables and figures

The commands live in `lenssbi_cli` (the folder `cli/`). Heavy libraries are imported where they are used, so that
importing lenssbi costs nothing.
"""

__version__ = "0.1.0"
