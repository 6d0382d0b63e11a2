"""The words of a page in the language that it is wanted in, and numbers as they may be shown."""

from __future__ import annotations

import gettext
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from cdr_anomaly.errors import SettingError
from cdr_anomaly.numbering import masking

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = {"en": "en", "zh": "zh_Hans"}


class Look(NamedTuple):
    """How a page is to look: its language, and whether four digits of each number are hidden."""

    lang: str = "en"
    mask: bool = False


def translations(lang: str) -> gettext.NullTranslations:
    """Return what gives the page's own words in a language; in English they are their own."""
    if lang not in LANGUAGES:
        msg = f"'{lang}' is no language of pages; there are {', '.join(LANGUAGES)}."
        raise SettingError(msg)
    return gettext.translation("page", LOCALE, [LANGUAGES[lang]], fallback=lang == "en")


def shown(value: object, look: Look) -> object:
    """Give what stands on the page for a value: nothing for nothing, numbers as they may be.

    What is HTML already, as of a macro, has come through here in its parts.
    """
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    plain = isinstance(value, str) and not isinstance(value, Markup)
    return masking.mask_text(str(value)) if look.mask and plain else value
