"""Configuration of the paper's comparison: the rows of its tables, the published values, and targets.

A row is what the paper calls a method: `cnn`, `blind` and so on. The first of its candidate methods with results for a
suite is used there, since an estimator or a fit with one kind of mass model does not apply to every suite.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from lenssbi.benchmark.methods import WITH_PRIOR
from lenssbi.config import Config

Parameter = Literal["einstein_radius", "phi", "q", "slope"]
Errors = dict[Parameter, PositiveFloat]
SECTIONS = ("errors", "relative", "coverage", "failures", "splits", "times")
"""Parts of the page, in addition to the suites, that a finding may be about."""


class ComparisonRow(Config):
    """A row of the tables."""

    methods: tuple[str, ...] = Field(
        min_length=1, description=f"the first with results is used; {WITH_PRIOR!r} after a name: with its prior in"
    )
    by_suite: dict[str, tuple[str, ...]] = Field(default={}, description="suite -> methods instead of these")
    published: str | None = Field(default=None, description="the paper's row; None if the paper has none")
    title: str = Field(default="", description="in the tables; by default the name of the row")

    def candidates(self, suite: str) -> tuple[str, ...]:
        """The candidate methods of the row for a suite, in order of preference."""
        return self.by_suite.get(suite, self.methods)


class Wanted(Config):
    """Target as a share of the published errors, if it is not 1."""

    share: PositiveFloat
    suites: tuple[str, ...]


class Relative(Config):
    """Target of a row relative to the baseline, on average over the suites (and parameters)."""

    row: str
    error: PositiveFloat | None = Field(default=None, description="ratio of the errors")
    seconds: PositiveFloat | None = Field(default=None, description="ratio of the median times")


class Catastrophic(Config):
    """Limits of catastrophic errors of einstein_radius, both of which are exceeded, and the tolerated unflagged share of lenses."""

    arcsec: PositiveFloat = 0.2
    sigma: PositiveFloat = Field(default=5.0, description="standard deviations of the posterior")
    share: PositiveFloat = 0.01


class CoverageOf(Config):
    """Rows with a target of coverage, and the tolerated deviation from nominal."""

    within: PositiveFloat = 0.05
    rows: tuple[str, ...] = ()


class ComparisonPlan(Config):
    """The paper's comparison."""

    baseline: str = Field(description="row to which errors and times are relative")
    rows: dict[str, ComparisonRow] = Field(min_length=1, description="of the tables, in order")
    tables: dict[str, tuple[str, ...]] = Field(min_length=1, description="the paper's tables -> their suites")
    timed: dict[str, tuple[str, ...]] = Field(
        default={}, description="row -> methods that provide its times, if not its own"
    )
    published: dict[str, dict[str, Errors]] = Field(
        default={}, description="suite -> the paper's row -> half the 68 per cent interval [arcsec, deg]"
    )
    wanted: dict[str, Wanted] = Field(default={}, description="row -> share, if it is not 1")
    relative: tuple[Relative, ...] = ()
    catastrophic: Catastrophic = Catastrophic()
    coverage: CoverageOf = CoverageOf()
    snr: tuple[PositiveFloat, ...] = Field(default=(20, 40, 80, 160), description="edges between bins of S/N")
    einstein_radius: tuple[PositiveFloat, ...] = Field(default=(1.6, 1.9, 2.2), description="the same [arcsec]")
    fewest: PositiveInt = Field(default=20, description="lenses in a bin, for its error to be given")
    resamples: PositiveInt = Field(default=1000, description="of the bootstrap")
    seed: NonNegativeInt = Field(default=0, description="of the bootstrap")
    findings: dict[str, str] = Field(default={}, description="suite or part of the page -> remark next to it")

    @property
    def suites(self) -> tuple[str, ...]:
        """All suites of the tables, in order."""
        return tuple(dict.fromkeys(suite for those in self.tables.values() for suite in those))

    def table(self, suite: str) -> str:
        """The table that a suite is in."""
        return next(name for name, those in self.tables.items() if suite in those)

    def title(self, row: str) -> str:
        """A row's name in the tables."""
        return self.rows[row].title or row

    def paper(self, suite: str, row: str) -> Mapping[Parameter, float]:
        """The paper's errors: parameter -> error, empty if it has none."""
        return self.published.get(suite, {}).get(self.rows[row].published or "", {})

    def share(self, suite: str, row: str) -> float:
        """Target as a share of the paper's errors."""
        target = self.wanted.get(row)
        return target.share if target is not None and suite in target.suites else 1.0

    def is_timed(self, row: str, method: str) -> bool:
        """Whether the times of a method are used for a row as planned; otherwise the row's own times are shown without a target."""
        return row not in self.timed or method in self.timed[row]

    def named(self) -> Mapping[Literal["methods", "suites"], Sequence[str]]:
        """All methods and suites that are named in the plan, for validation."""
        methods = [*self._methods(), *(name for those in self.timed.values() for name in those)]
        suites = [*self.suites, *self.published, *(s for row in self.rows.values() for s in row.by_suite)]
        suites += [s for target in self.wanted.values() for s in target.suites]
        suites += [name for name in self.findings if name not in SECTIONS]
        return {"methods": [name.removesuffix(WITH_PRIOR) for name in methods], "suites": suites}

    def _methods(self) -> Iterator[str]:
        for row in self.rows.values():
            yield from row.methods
            for those in row.by_suite.values():
                yield from those

    @model_validator(mode="after")
    def _check(self) -> ComparisonPlan:
        rows = [
            self.baseline,
            *self.timed,
            *self.wanted,
            *(target.row for target in self.relative),
            *self.coverage.rows,
        ]
        for name in rows:
            if name not in self.rows:
                raise ValueError(f"{name!r} is none of the rows {', '.join(self.rows)}")
        known = {name for those in self.published.values() for name in those}
        for row in self.rows.values():
            if row.published is not None and row.published not in known:
                raise ValueError(f"{row.published!r} is none of the published rows {', '.join(sorted(known))}")
        for edges in (self.snr, self.einstein_radius):
            if list(edges) != sorted(set(edges)):
                raise ValueError(f"edges of bins need to increase, got {list(edges)}")
        return self
