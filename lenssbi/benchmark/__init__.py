"""Benchmarks of methods on suites of lenses: `lenssbi benchmark`. No other package imports it.

config       suites, methods (`methods`) and targets of a benchmark
run          all parts of a benchmark in order; `session` is one run with its inputs and tables, `outcome` its result
runners/     methods that are run on the stamps: networks, fits, PyAutoLens
measures/    times and memory; `batched/` many evaluations at once, for comparison
scores/      results and true values -> rows of the tables
fit_targets  targets of fits; `target_lines` compares results with them, in `lines`
output/      tables, page, figures
comparison/  the paper's comparison: rows by suites, configured by `plan`
real/        real stamps against published fits

A new kind of method that is run lens by lens is a class in `methods` and one like `runners.fits.Fits`, with its suites and a
job for each lens that returns a `Record`. A new target is a class in `fit_targets` and a function in `target_lines`.
"""
