"""A share of the lenses as columns of a table: its value and the ends of Wilson's 68.3 per cent interval."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lenssbi.calibration.scores import wilson

Row = dict[str, Any]


def share_columns(name: str, inside: ArrayLike, low: str | None = None, high: str | None = None) -> Row:
    """Columns of a share and of its interval (Wilson 1927); None if there are no lenses.

    Parameters
    ----------
    name
        Column of the share.
    inside
        Whether each lens counts, shape (lens,).
    low, high
        Columns of the ends of the interval; `{name}_low` and `{name}_high` by default.
    """
    each = np.asarray(inside, dtype=bool)
    share = float(each.mean()) if each.size else None
    ends = (None, None) if share is None else wilson(share, each.size)
    return {name: share, low or f"{name}_low": ends[0], high or f"{name}_high": ends[1]}
