"""Unique names of stamps that stay the same as long as the files are not moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

DEEPEST = 8  # largest number of folders in a name


def distinct_names(names: Sequence[str], folders: Sequence[Path | None]) -> list[str]:
    """Unique names.

    Files of one name in several folders are prefixed with as many folders as make them unique; names that are still equal get a number.

    Parameters
    ----------
    names
        Original names.
    folders
        Folder of each file that gave its name; None for a name from another origin.

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
    """Number of last parts by which folders can be distinguished."""
    for depth in range(DEEPEST):
        if len({_parts(folder, depth) for folder in folders}) == len(folders):
            return depth
    return DEEPEST


def _parts(folder: Path, depth: int) -> tuple[str, ...]:
    return tuple(part for part in folder.parts if part != folder.anchor)[-depth:] if depth else ()


def _numbered(names: Sequence[str]) -> list[str]:
    """Names with a number appended to repeated ones."""
    taken, seen, unique = set(names), Counter[str](), []
    for name in names:
        seen[name] += 1
        found, number = name, seen[name]
        while number > 1 and found in taken:
            found, number = f"{name}-{number}", number + 1
        taken.add(found)
        unique.append(found)
    return unique
