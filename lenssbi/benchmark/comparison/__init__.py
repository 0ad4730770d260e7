"""The comparison of Pearson et al. 2021, section 4: rows of methods against suites, from what a benchmark's methods said.

plan       beside this folder: what is compared, the rows, the published errors, what is wanted
points     in `runners`: what each row says of each lens, beside the truth, in the paper's parameters
bootstrap  the lenses drawn again: the interval of every figure
errors     the paper's Tables 1-4, relative to the paper and to a baseline, of doubles, bins of S/N and einstein_radius
times      what an answer costs; `coverage` and `failures`: whether it can be believed
targets    what is wanted, one line each
compare    all of it: `compare(bench)` gives a `Comparison`
page       the files: HTML (`templates/`), `markdown`, `ecsv`, `figures`; `sections`, `target_tables` and `run_tables` are its tables as
           people read them, made of the cells of `text_tables`

Every table is a list of rows with the same columns in the same order; None if there is nothing to say, with a `reason`.
"""
