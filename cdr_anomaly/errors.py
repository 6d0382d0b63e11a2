"""What can go wrong that the user can mend; everything else is our bug and keeps its traceback."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class CdrAnomalyError(Exception):
    """Error raised when the user can mend what went wrong: one sentence, no traceback."""


class SettingError(CdrAnomalyError):
    """Error raised when a setting, a detector, a zone or a region is not one that we know."""


class InputError(CdrAnomalyError):
    """Error raised when a file cannot be used as call records."""


class OutputError(CdrAnomalyError):
    """Error raised when a result cannot be written."""


class StoreError(CdrAnomalyError):
    """Error raised when an object store cannot be reached, or refuses."""


class StateError(CdrAnomalyError):
    """Error raised when what is remembered between nights cannot be used or changed."""


def nearest(word: str, names: Iterable[str]) -> str:
    """Return a sentence that names the one of ``names`` that was probably meant, or nothing."""
    close = get_close_matches(word, list(names), n=1, cutoff=0.5)
    return f" Did you mean '{close[0]}'?" if close else ""
