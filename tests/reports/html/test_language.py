"""Every word of pages and of the terminal has its translation, and each that is there is used."""

from __future__ import annotations

import ast

import pytest
from jinja2.ext import babel_extract

from cdr_anomaly import detectors, ingest, numbering, wording
from cdr_anomaly.alerts import detect, peer_scoring
from cdr_anomaly.alerts.victims import urgency
from cdr_anomaly.errors import SettingError
from cdr_anomaly.reports import related_numbers
from cdr_anomaly.reports.html import language, template
from cdr_anomaly.schema import SEVERITIES, SUBJECT_KINDS
from tests.helpers.paths import ROOT

HOUSE = ROOT / "cdr_anomaly"
WORDS = wording.catalogue("zh").words
# What is called with a word of the program.
TRANSLATORS = {"said", "word", "say_word", "translate_word"}
# Kinds of lines that others are compared with, apart from classes of numbers.
PEERS = ("new lines", "lines that pass calls on")
# Words that are looked up by a variable.
LOOKED_UP = {
    *SEVERITIES,
    *urgency.TIERS.values(),
    *SUBJECT_KINDS,
    *detect.FINDERS,
    urgency.CAPTIVE,
    *template.TABLES.values(),
    *numbering.CLASSES,
    *related_numbers.HOW,
    *PEERS,
    *(each.family for each in detectors.ALL),
    *(ingest.VERDICTS[n] for n in ingest.REFUSED),
    peer_scoring.BY_NIGHTS,
    peer_scoring.BY_ITSELF,
    "confirmed",
    "cleared",
}


def words_of_code() -> set[str]:
    """List the words that stand as literals where they are translated."""
    found = set()
    for file in HOUSE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "attr", getattr(node.func, "id", None))
                first = node.args[0]
                if name in TRANSLATORS and isinstance(first, ast.Constant):
                    found.add(first.value)
    return found


def words_of_templates() -> set[str]:
    found = set()
    for file in (HOUSE / "reports" / "html" / "templates").glob("*.html"):
        with file.open("rb") as raw:
            for _, _, told, _ in babel_extract(raw, ("_", "ngettext"), [], {"trimmed": "true"}):
                one = told[0] if isinstance(told, tuple) else told
                if one:  # what is looked up by a variable is no word by itself
                    found.add(one)
    return found


def test_every_word_is_translated_and_every_translation_is_used() -> None:
    used = words_of_code() | words_of_templates() | LOOKED_UP
    assert sorted(used - WORDS.keys()) == []
    assert sorted(WORDS.keys() - used) == []
    assert all(WORDS.values())


def test_places_for_values_are_the_same_in_both_languages() -> None:
    values = {"day": 1, "line": 2, "detector": 3, "number": 4, "num": 5, "zone": 6, "p": 7, "q": 8}
    for english, own in WORDS.items():
        if "%(" in english:
            numbers = values | {"limit": 9.5}
            said, told = (text % numbers for text in (english, own))
            assert sorted(filter(str.isdigit, told)) == sorted(filter(str.isdigit, said)), english
        else:
            assert own.count("%") == english.count("%"), english
            assert [own.count(mark) for mark in ("%s", "%d")] == [
                english.count(mark) for mark in ("%s", "%d")
            ]


def test_a_language_that_there_is_not_is_told() -> None:
    with pytest.raises(SettingError, match="'xx' is no language of pages; there are en, zh"):
        language.word_translator("xx")
