"""Patterns of names in an object store, which lists its files but knows no pattern."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cdr_anomaly.storage.paths import Address


def matching(where: Address) -> list[tuple[Address, str]]:
    """List the files whose key matches a pattern, or lies in a folder that does.

    Each comes with its path inside that folder, which is empty for the file itself.
    """
    pattern = where.key.split("/")
    fixed = next(n for n, part in enumerate(pattern) if set(part) & set("*?["))
    base = replace(where, key="/".join(pattern[:fixed]))
    rests = {key: _rest(key.split("/"), pattern) for key, _ in base.list_files()}
    return [
        (replace(where, key=key), "/".join(rest)) for key, rest in rests.items() if rest is not None
    ]


def _rest(parts: Sequence[str], pattern: Sequence[str]) -> Sequence[str] | None:
    """Return what follows the part of a key that matches, None where it does not."""
    if not pattern:
        return parts
    if pattern[0] == "**":
        deep = [n for n in range(len(parts)) if not any(p.startswith(".") for p in parts[:n])]
        tries = (_rest(parts[n:], pattern[1:]) for n in deep)
        return next((rest for rest in tries if rest is not None), None)
    hidden = parts[:1] and parts[0].startswith(".") and not pattern[0].startswith(".")
    if not parts or hidden or not fnmatchcase(parts[0], pattern[0]):
        return None
    return _rest(parts[1:], pattern[1:])
