"""Kinds of subjects of findings, and what is true of each."""

from __future__ import annotations

from typing import NamedTuple


class SubjectKind(NamedTuple):
    """What is true of the subjects of one kind."""

    is_line: bool = True
    is_prefix: bool = False  # of numbers, all of whose lines take part
    subscriber_column: str = ""  # of SUBSCRIBERS, that names the subject
    has_new_lines: bool = False  # more of them than usual
    is_group: bool = False  # found of each of its lines, with the others as members
    names_members: bool = False  # by whom alone an alert is true or false


# An alert about several subjects is about that of the first kind here.
SUBJECT_KINDS = {
    "block": SubjectKind(is_line=False, is_prefix=True, has_new_lines=True, names_members=True),
    "pool": SubjectKind(is_line=False, is_prefix=True, names_members=True),
    "dealer": SubjectKind(
        is_line=False, subscriber_column="dealer", has_new_lines=True, names_members=True
    ),
    "region": SubjectKind(
        is_line=False, subscriber_column="holder_region", has_new_lines=True, names_members=True
    ),
    "site": SubjectKind(is_group=True),
    "device": SubjectKind(is_group=True),
    "campaign": SubjectKind(is_group=True),
    "hub": SubjectKind(names_members=True),
    "chain": SubjectKind(),
    "line": SubjectKind(),
}


def kinds_with(**properties: bool) -> list[str]:
    """Return the names of the kinds that have these properties of SubjectKind."""
    return [
        name
        for name, kind in SUBJECT_KINDS.items()
        if all(getattr(kind, key) == value for key, value in properties.items())
    ]
