"""The words of a page in the language that it is wanted in, and numbers as they may be shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from cdr_anomaly import wording
from cdr_anomaly.errors import SettingError
from cdr_anomaly.numbering import masking
from cdr_anomaly.wording import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Callable


class Look(NamedTuple):
    """How a page is to look: its language, and whether four digits of each number are hidden."""

    lang: str = wording.ENGLISH
    mask: bool = False


def word_translator(lang: str) -> Callable[[str], str]:
    """Return what gives the page's own words in a language; in English they are their own."""
    if lang not in LANGUAGES:
        msg = f"'{lang}' is no language of pages; there are {', '.join(LANGUAGES)}."
        raise SettingError(msg)
    return partial(wording.translate_word, lang=lang)


def display(value: object, look: Look) -> object:
    """Return what stands on the page for a value: nothing for nothing, numbers as they may be.

    What is HTML already, as of a macro, has come through here in its parts.
    """
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    plain = isinstance(value, str) and not isinstance(value, Markup)
    return masking.mask_text(str(value)) if look.mask and plain else value
