"""Fits that are made for what is done with them: the search looks at fewer lenses, and figures have fewer pixels."""

from functools import partial

import pytest
from matplotlib.figure import Figure

from lenssbi.refinement.search.search import SearchSettings

DPI = 40
ROUNDS = ((6, 4), (4, 8), (4, 16))  # as a search has them, with a fifth of the steps
_savefig = Figure.savefig


def quick_fits(patch: pytest.MonkeyPatch) -> None:
    """Let fits of this process be quick as long as `patch` lasts. How good a fit is needs the whole search: tests/refinement."""
    quick = partial(SearchSettings, rounds=ROUNDS, sources=2, enriched=1)
    patch.setattr("lenssbi.refinement.first_stage.SearchSettings", quick)
    patch.setattr(Figure, "savefig", _coarsely)


def _coarsely(figure: Figure, *arguments, **options) -> None:
    _savefig(figure, *arguments, **options | {"dpi": DPI})
