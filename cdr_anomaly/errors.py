"""What can go wrong that the user can mend; everything else is our bug and keeps its traceback."""

from __future__ import annotations

import warnings
from difflib import get_close_matches
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

P = ParamSpec("P")
R = TypeVar("R")


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


class FormerNameWarning(DeprecationWarning):
    """Warning that a name was used that the next version does not know any more."""


def warn_former_name(former: str, name: str, *, stacklevel: int = 3) -> None:
    """Warn that ``former`` is called ``name`` now."""
    text = f"{former} is called {name} now; the next version will not know the old name."
    warnings.warn(text, FormerNameWarning, stacklevel=stacklevel)


def accept_former_names(**names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that takes keyword arguments by their former names, with a warning.

    ``names`` are the new names by the former ones.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*args: P.args, **options: P.kwargs) -> R:
            for former in names.keys() & options.keys():
                warn_former_name(f"The argument '{former}'", f"'{names[former]}'")
                options[names[former]] = options.pop(former)
            return function(*args, **options)

        return call

    return decorate
