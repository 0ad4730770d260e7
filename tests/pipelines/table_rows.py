"""Rows of tables by their values."""

from lenssbi.benchmark.comparison.text_tables import where


def by(rows, **wanted):
    (row,) = where(rows, **wanted)
    return row
