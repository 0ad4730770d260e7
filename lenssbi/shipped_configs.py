"""Configurations that come with lenssbi: `configs/...` means the same in a clone, in a scratch folder and after `pip install`."""

from pathlib import Path

PACKAGE = Path(__file__).parent
ROOTS = (PACKAGE, PACKAGE.parent)  # a wheel holds lenssbi/configs, a clone has configs beside lenssbi


def shipped(path: Path | None) -> Path | None:
    """The path; one that begins with `configs` and does not exist from here is looked for among lenssbi's own."""
    if path is None or path.exists() or path.parts[:1] != ("configs",) or ".." in path.parts:
        return path
    return next((root / path for root in ROOTS if (root / path).is_file()), path)
