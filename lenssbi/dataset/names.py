"""Names of stamps: each its own, and the same as long as the file lies where it does."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

DEEPEST = 8  # folders in a name


def distinct_names(names: Sequence[str], folders: Sequence[Path | None]) -> list[str]:
    """Names of which no two are the same.

    Files of one name in several folders get the names of as many folders as tell them apart; what is the same still gets a number.

    Parameters
    ----------
    names
        Names as they were given.
    folders
        Folder of each file that gave its name; None for a name that comes from elsewhere.

    Examples
    --------
    >>> distinct_names(["data", "data", "other", "other"], [Path("/a"), Path("/b"), Path("/a"), Path("/a")])
    ['a-data', 'b-data', 'other', 'other-2']
    """
    places = defaultdict(set)
    for name, folder in zip(names, folders, strict=True):
        if folder is not None:
            places[name].add(folder)
    depths = {name: _depth(found) for name, found in places.items()}
    longer = [
        name if folder is None else "-".join([*_parts(folder, depths[name]), name])
        for name, folder in zip(names, folders, strict=True)
    ]
    return _numbered(longer)


def _depth(folders: set[Path]) -> int:
    """How many of their last parts tell folders apart."""
    for depth in range(DEEPEST):
        if len({_parts(folder, depth) for folder in folders}) == len(folders):
            return depth
    return DEEPEST


def _parts(folder: Path, depth: int) -> tuple[str, ...]:
    return tuple(part for part in folder.parts if part != folder.anchor)[-depth:] if depth else ()


def _numbered(names: Sequence[str]) -> list[str]:
    """The second of a name and those after it get a number."""
    taken, seen, unique = set(names), Counter[str](), []
    for name in names:
        seen[name] += 1
        found, number = name, seen[name]
        while number > 1 and found in taken:
            found, number = f"{name}-{number}", number + 1
        taken.add(found)
        unique.append(found)
    return unique
