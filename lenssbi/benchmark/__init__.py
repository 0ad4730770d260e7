"""The harness that judges the product: `lenssbi benchmark`. Nothing of the product imports it.

config       suites, methods (`methods`) and targets of a benchmark
run          all parts of a benchmark in order; `session` is one run with its inputs and tables, `outcome` its result
runners/     what is run on the stamps: networks, fits, PyAutoLens
measures/    times and memory; `batched/` many evaluations at once, to compare with
scores/      answers and truths -> rows of the tables
wishes       targets: what is wanted; `wanted` whether it was found, in `lines`
output/      tables, page, figures
comparison/  the paper's comparison: its rows by its suites, as `plan` says
real/        real stamps against published fits

A new kind of method that is run lens by lens is a class in `methods` and one like `runners.fits.Fits`: which suites it is for, and a
job for each lens that gives a `Record`. A new target is a class in `wishes` and a function in `wanted`.
"""
