"""Verdicts of reviewers on the lenses of a catalogue: the categories, the file that the report saves, and the consensus of several.

A file has the verdicts of one reviewer, `lenssbi-verdicts-1`:

    {"schema", "catalogue", "reviewer", "saved", "verdicts": [{"lens", "verdict", "failed_step", "note", "time", "fit"}]}

`catalogue` and `fit` are the identities of the catalogue and of the result that was reviewed: a verdict on a fit that has been replaced
does not count. The files come from other people, so every value is checked before it is used.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from lenssbi.status import InputError

SCHEMA = "lenssbi-verdicts-1"
FAILURE, UNSURE = "failure", "unsure"
# categories in the order of the keys 1 to 6 of the report
VERDICTS = {
    "success": "the model explains the arcs with a plausible source",
    UNSURE: "the figure does not decide it",
    "several_lens_galaxies": "more than one galaxy deflects the light",
    "double_source_plane": "there are sources at two redshifts",
    "not_a_lens": "the stamp shows no strong lens",
    FAILURE: "the stamp shows a lens, and the model is wrong",
}
# the steps of a fit in their order
STEPS = {
    "mask": "arcs are cut off, or a neighbour is fitted",
    "lens_light": "light of the lens galaxy is left, or arcs were taken for it",
    "basin": "the mass is wrong: another solution explains the arcs",
    "source": "the mass is right, the source is not",
    "other": "none of these",
}
LONGEST = 10_000  # characters of a note


class Verdict(NamedTuple):
    """The verdict of one reviewer on one lens.

    Parameters
    ----------
    lens
        Name of the lens.
    reviewer
        Name of the reviewer.
    verdict
        One of `VERDICTS`.
    failed_step
        Earliest of `STEPS` that went wrong, for a failure; "" if none was named.
    note
        Text of the reviewer.
    time
        Time of the verdict, ISO 8601 with a time zone.
    fit
        Identity of the result that was reviewed.
    """

    lens: str
    reviewer: str
    verdict: str
    failed_step: str
    note: str
    time: str
    fit: str

    @property
    def moment(self) -> datetime:
        """Time in a form that can be compared."""
        return datetime.fromisoformat(self.time)


def read_verdicts(path: str | Path, catalogue: str, lenses: Collection[str]) -> list[Verdict]:
    """Read the file of one reviewer.

    Parameters
    ----------
    path
        File of verdicts.
    catalogue
        Identity of the catalogue that the verdicts must belong to.
    lenses
        Names of the catalogue's lenses.

    Raises
    ------
    InputError
        If the file cannot be read, is not JSON, has another schema, is about another catalogue, or a verdict in it is not valid.
    """
    path = Path(path)
    card = _card(path)
    if card.get("catalogue") != catalogue:
        raise InputError(f"{path}: holds verdicts on another catalogue: give the folder whose report it was saved from")
    reviewer = card.get("reviewer")
    if not isinstance(reviewer, str) or not reviewer.strip() or not reviewer.isprintable():
        raise InputError(f"{path}: does not name its reviewer in one line: load it in the report, and save it again")
    if not isinstance(card.get("verdicts"), list):
        raise InputError(f"{path}: has no list of verdicts: save it again from the report")
    return [_verdict(entry, reviewer.strip(), lenses, path) for entry in card["verdicts"]]


def write_verdicts(path: str | Path, catalogue: str, verdicts: Iterable[Verdict]) -> None:
    """Write verdicts of any number of reviewers, for :func:`read_kept`."""
    from lenssbi.files import atomic

    card = {"schema": SCHEMA, "catalogue": catalogue, "verdicts": [one._asdict() for one in verdicts]}
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(card, indent=1))


def read_kept(path: str | Path, catalogue: str, lenses: Collection[str]) -> list[Verdict]:
    """Read verdicts that :func:`write_verdicts` wrote; none if there is no file, and none on lenses that are no longer there.

    Raises
    ------
    InputError
        If the file is damaged, or is of another version or catalogue.
    """
    path = Path(path)
    if not path.exists():
        return []
    card = _card(path)
    entries = card.get("verdicts")
    if card.get("catalogue") != catalogue or not isinstance(entries, list):
        raise InputError(
            f"{path}: holds verdicts on another catalogue: remove it, and merge the reviewers' files again"
        )
    entries = [one for one in entries if not isinstance(one, dict) or one.get("lens") in lenses]
    return [_verdict(one, one.get("reviewer", "") if isinstance(one, dict) else "", lenses, path) for one in entries]


def merge(verdicts: Iterable[Verdict]) -> tuple[list[Verdict], int]:
    """The latest verdict of every reviewer on every lens, and how many others were replaced by it.

    Parameters
    ----------
    verdicts
        Verdicts in any order; if two have the same time, the later one in this order counts.

    Examples
    --------
    >>> first = Verdict("a", "Ada", "success", "", "", "2026-01-01T00:00:00Z", "f")
    >>> later = first._replace(verdict="unsure", time="2026-01-02T00:00:00Z")
    >>> [one.verdict for one in merge([later, first])[0]], merge([later, first])[1]
    (['unsure'], 1)
    """
    found: dict[tuple[str, str], Verdict] = {}
    given = dict.fromkeys(verdicts)  # a file that is read twice replaces nothing
    for one in given:
        earlier = found.get((one.lens, one.reviewer))
        if earlier is None or one.moment >= earlier.moment:
            found[one.lens, one.reviewer] = one
    return list(found.values()), len(given) - len(found)


def of_lenses(verdicts: Iterable[Verdict], fits: Mapping[str, str]) -> dict[str, list[Verdict]]:
    """Verdicts that count, by lens: those on the result that is in the catalogue.

    Parameters
    ----------
    verdicts
        Merged verdicts.
    fits
        Mapping of the name of a lens to the identity of its result.
    """
    found: dict[str, list[Verdict]] = {}
    for one in verdicts:
        if fits.get(one.lens) == one.fit:
            found.setdefault(one.lens, []).append(one)
    return found


class Consensus(NamedTuple):
    """The consensus on a lens: `reviewers` gave a verdict, `agree` of them this one."""

    verdict: str
    failed_step: str
    note: str
    reviewers: int
    agree: int


def consensus(verdicts: Sequence[Verdict]) -> Consensus:
    """The verdict of most reviewers, "unsure" in a tie; for a failure the step that most of them name, the earliest in a tie."""
    labels = [one.verdict for one in verdicts]
    most = max(map(labels.count, labels))
    first = [name for name in VERDICTS if labels.count(name) == most]
    verdict = first[0] if len(first) == 1 else UNSURE
    steps = [one.failed_step for one in verdicts if one.verdict == verdict == FAILURE and one.failed_step]
    step = max(STEPS, key=steps.count) if steps else ""  # of equals, `max` takes the first
    notes = [(one.reviewer, one.note) for one in verdicts if one.note]
    alone = len(verdicts) == 1
    note = "; ".join(text if alone else f"{reviewer}: {text}" for reviewer, text in notes)
    return Consensus(verdict, step, note, len(verdicts), labels.count(verdict))


def _card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): check the path") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: not a JSON file: save the verdicts again from the report") from None
    if not isinstance(card, dict) or not str(card.get("schema", "")).startswith("lenssbi-verdicts-"):
        raise InputError(f"{path}: not a file of verdicts: save one from the report, with the button Save")
    if card["schema"] != SCHEMA:
        raise InputError(
            f"{path}: verdicts of another version ({str(card['schema'])[:40]!r}, not {SCHEMA}): "
            "write the report again with this version, and save them from it"
        )
    return card


def _verdict(entry: Any, reviewer: str, lenses: Collection[str], path: Path) -> Verdict:
    if not isinstance(entry, dict):
        raise InputError(f"{path}: a verdict in it is no object: save it again from the report")
    values = {name: entry.get(name, "") for name in ("lens", "verdict", "failed_step", "note", "time", "fit")}
    lens = str(values["lens"])[:80]
    if wrong := [name for name, value in values.items() if not isinstance(value, str)]:
        raise InputError(f"{path}: {wrong[0]} of the lens {lens!r} is no text: save the file again from the report")
    if values["lens"] not in lenses:
        raise InputError(f"{path}: the catalogue has no lens {lens!r}: correct the name, or take the entry out")
    _one_of(values["verdict"], VERDICTS, "verdict", lens, path)
    if values["failed_step"]:
        _one_of(values["failed_step"], STEPS, "failed_step", lens, path)
        if values["verdict"] != FAILURE:
            raise InputError(f"{path}: the lens {lens!r} has a failed step and is no failure: take out one of them")
    if len(values["note"]) > LONGEST:
        raise InputError(f"{path}: the note on {lens!r} is longer than {LONGEST:,} characters: shorten it")
    try:
        zone = datetime.fromisoformat(values["time"]).tzinfo
    except ValueError:
        zone = None
    if zone is None:
        raise InputError(
            f"{path}: the verdict on {lens!r} has no time with a time zone: write it as 2026-01-31T12:00:00Z"
        )
    values["note"] = (
        values["note"].encode("utf-8", "replace").decode()
    )  # half a character is none, and Parquet refuses it
    return Verdict(reviewer=reviewer, **values)


def _one_of(value: str, known: Iterable[str], what: str, lens: str, path: Path) -> None:
    if value not in known:
        raise InputError(f"{path}: {value[:80]!r} of the lens {lens!r} is no {what}: use one of {', '.join(known)}")
