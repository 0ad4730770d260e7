"""The comparison of Pearson et al. 2021, section 4: rows of methods against suites, from the results of a benchmark.

plan       in the parent package: rows, suites, published errors and targets
point_estimates  in `runners`: estimates and true values of each lens and row, in the paper's parameters
bootstrap  resampling of the lenses: the interval of every figure
errors     the paper's Tables 1-4, relative to the paper and to a baseline, for doubles and for bins of S/N and einstein_radius
times      time per lens; `coverage` and `failures`: reliability
targets    targets, one line each
compare    all tables: `compare` returns a `Comparison`
page       the files: HTML (`templates/`), `markdown`, `ecsv`, `figures`; `sections`, `target_tables` and `run_tables` are its tables as
           text, with the cells of `text_tables`

Every table is a list of rows with the same columns in the same order; missing values are None, with a `reason`.
"""
