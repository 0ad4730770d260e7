"""`lenssbi report`: HTML page of a catalogue."""

from lenssbi.pipelines.report.page import build
from lenssbi.pipelines.report.run import ReportResult, run

__all__ = ["ReportResult", "build", "run"]
