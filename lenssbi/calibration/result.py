"""Result of a calibration: coverage before and after, as sentences, as rows of a table, and in the card of the estimator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lenssbi.calibration.coverage import Table
    from lenssbi.calibration.judgement import Judged
    from lenssbi.calibration.ranks import Finding
    from lenssbi.estimators.checkpoint import EstimatorCard
    from lenssbi.estimators.recalibration import Recalibration


@dataclass(frozen=True)
class CalibrateResult:
    """Results on the stamps that the recalibration was not fitted to, and path of the estimator's folder."""

    path: Path
    method: str
    judged: tuple[Judged, ...]
    findings: tuple[Finding, ...]

    @property
    def stamps(self) -> int:
        """Number of stamps."""
        return self.judged[0].stamps

    @property
    def coverage(self) -> Table:
        """Coverage of the central credible intervals of all stamps, recalibrated."""
        return self.judged[0].after["credible"]

    @property
    def before(self) -> Table:
        """Coverage of the central credible intervals of all stamps, as trained."""
        return self.judged[0].before["credible"]

    @property
    def misses(self) -> list[str]:
        """One sentence for each parameter and level at which coverage misses nominal."""
        return [sentence for judged in self.judged for sentence in judged.sentences()]

    @property
    def passed(self) -> bool:
        """Whether coverage is nominal everywhere."""
        return not self.misses

    def as_json(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        found = {"coverage": self.coverage, "passed": self.passed, "before": self.before, "stamps": self.stamps}
        splits = {j.split.name: {"stamps": j.stamps, "coverage": j.after["credible"]} for j in self.judged[1:]}
        files = {"path": self.path, "table": self.path / "coverage.csv", "figure": self.path / "coverage.png"}
        more = {"method": self.method, "misses": self.misses, "splits": splits}
        return {
            **found,
            **more,
            "findings": [f._asdict() for f in self.findings],
            **{k: str(v) for k, v in files.items()},
        }


def store(card: EstimatorCard, recalibration: Recalibration, result: CalibrateResult, name: str) -> None:
    """Store the recalibration, and the coverage on the set of this name, in the card."""
    from lenssbi.estimators.checkpoint import CalibrationCard, RecalibrationCard, save_card

    levels = recalibration.levels or ((),) * len(recalibration.names)
    entries = zip(recalibration.names, recalibration.scale, recalibration.tail, levels, strict=True)
    cards = {key: RecalibrationCard(scale=scale, tail=tail, levels=pairs) for key, scale, tail, pairs in entries}
    found = {"stamps": result.stamps, "set": name, "before": result.before, "after": result.coverage}
    calibration = CalibrationCard(recalibration=cards, **found)  # type: ignore[arg-type]
    save_card(card.model_copy(update={"calibration": calibration}), result.path)


def coverage_rows(result: CalibrateResult) -> Iterator[dict[str, Any]]:
    """One row per split, definition, parameter and level; `judged` is no for sigma intervals, and for splits with too few stamps."""
    from lenssbi.calibration.scores import LEVELS, binomial_error
    from lenssbi.calibration.splits import EVERYTHING

    for j in result.judged:
        whole = j.split.name == EVERYTHING
        for interval, tables in j.after.items():
            for name, row in tables.items():
                for label, level in LEVELS.items():
                    numbers = {
                        "nominal": level,
                        "before": j.before[interval][name][label],
                        "after": row[label],
                        "error": binomial_error(level, j.stamps),
                    }
                    entry = {"interval": interval, "parameter": name, **{k: f"{v:.4f}" for k, v in numbers.items()}}
                    judged = "yes" if interval == "credible" and (whole or not j.split.small) else "no"
                    yield {**entry, "stamps": j.stamps, "split": j.split.name, "judged": judged}
