"""`lenssbi benchmark`: every method asked about every suite.

config    which suites, and what is measured and wanted of them; `methods` what is asked, `wishes` what is wanted of fits
answers   a network's answers about a suite, kept as they come; `records` those of a fit, lens by lens
fits      our fits of the lenses of a suite; `peers` those of PyAutoLens, in its own interpreter (`autolens_script`)
judge     answers and truth -> errors, coverage, log scores; `judge_fits` wrong basins, time, evaluations
speed     stamps per second of prediction and training; `evaluation` milliseconds of a likelihood, `evaluation_peers` elsewhere;
          `weighing` the memory of a fit
table     what was found beside what the paper has and what is wanted; `wanted` the same of fits
run       all of it, in order; `run_fits` the part that fits lenses; `outcome` what it comes to
report    tables, page and figures; `report_fits` the part of the page about fits
comparison/  the paper's: its rows by its suites, errors beside its own, relative to a baseline, coverage, failures, times

A new kind of method that is asked lens by lens is a class in `methods` and one like `fits.Fits`: which suites it is for, and a job for each
lens that gives a `Record`. A new wish is a class in `wishes` and a function in `wanted`.
"""
