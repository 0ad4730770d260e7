"""The figures of the paper's comparison, made from its tables and points.

    error_distributions   predicted minus true of one suite      figures 5-8, 11-12, 15-16 of Pearson et al. 2021
    scatter               predicted against true of one suite    figures 9-10, 13-14, 17-18
    times                 time of a result                       figure 19
    coverage              coverage minus nominal
    splits                errors in subsets of the lenses        section 5.3
    summary               errors over the paper's, all suites
    cost_and_error        seconds against errors

All take `titles`, the tables' rows in order: with them a row has the same style in every figure, whichever other rows have results.
"""

from lenssbi.plots.comparison.coverage import coverage
from lenssbi.plots.comparison.errors import error_distributions, splits
from lenssbi.plots.comparison.scatter import scatter
from lenssbi.plots.comparison.summary import cost_and_error, summary
from lenssbi.plots.comparison.times import times

__all__ = ["error_distributions", "scatter", "times", "coverage", "splits", "summary", "cost_and_error"]
