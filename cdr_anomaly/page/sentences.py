"""Findings' sentences in the language of a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def translator(lang: str) -> Callable[[str], str]:
    """Return what gives a sentence in a language."""
    del lang
    return lambda text: text
