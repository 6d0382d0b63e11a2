"""Bring the Chinese words of pages up to date with their templates and code; `make words`.

Writes page.po below cdr_anomaly/reports/html/locale/, keeping what is translated, and page.mo.
Says which words have no translation yet.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages import Catalog, mofile, pofile
from babel.messages.extract import extract_from_file
from jinja2.ext import babel_extract

from cdr_anomaly import detectors, numbering
from cdr_anomaly.alerts import detect, ranking
from cdr_anomaly.alerts.victims import urgency
from cdr_anomaly.reports import related_numbers
from cdr_anomaly.reports.html import template
from cdr_anomaly.schema import SEVERITIES

PAGE = Path(__file__).resolve().parents[1] / "cdr_anomaly" / "reports" / "html"
PLACE = PAGE / "locale" / "zh_Hans" / "LC_MESSAGES"
# Always the same, so that the same words are the same bytes.
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
# Kinds of lines that others are compared with, beside classes of numbers.
PEERS = ("new lines", "lines that pass calls on")
# Words that templates look up by a variable.
LOOKED_UP = {
    *SEVERITIES,
    *urgency.TIERS.values(),
    *ranking.KINDS,
    *detect.FINDERS,
    *template.TABLES.values(),
    *numbering.CLASSES,
    *related_numbers.HOW,
    *PEERS,
    *(each.family for each in detectors.ALL),
}


def wanted() -> Catalog:
    """List every word of the pages, without translations."""
    catalog = Catalog(
        "zh_Hans",
        header_comment="# The words of pages, in Simplified Chinese.",
        fuzzy=False,
        project="cdr-anomaly",
        version="1",
        creation_date=SINCE,
        revision_date=SINCE,
        last_translator="cdr-anomaly",
        language_team="",
        msgid_bugs_address="",
    )
    for file in sorted(PAGE.glob("*.py")):
        for _, word, _, _ in extract_from_file("python", file, keywords={"said": None}):
            catalog.add(str(word))
    for file in sorted((PAGE / "templates").glob("*.html")):
        with io.BytesIO(file.read_bytes()) as raw:
            found: Any = babel_extract(raw, ("_", "ngettext"), [], {"trimmed": "true"})
            for _, name, told, _ in found:
                one = told[0] if isinstance(told, tuple) else told
                if one:  # what is looked up by a variable is no word by itself
                    catalog.add(tuple(told[:2]) if name == "ngettext" else one)
    for word in sorted(LOOKED_UP):
        catalog.add(word)
    return catalog


def updated() -> Catalog:
    """Give every word of the pages its translation, where there is one."""
    catalog = wanted()
    with (PLACE / "page.po").open("rb") as file:
        known = pofile.read_po(file, locale="zh_Hans")
    for message in catalog:
        before = known.get(message.id)
        if message.id and before is not None:
            message.string = before.string
    return catalog


def texts(catalog: Catalog) -> tuple[bytes, bytes]:
    """Write a catalogue as page.po and as page.mo."""
    with io.BytesIO() as text, io.BytesIO() as compiled:
        pofile.write_po(text, catalog, omit_header=False, sort_output=True, width=0)
        mofile.write_mo(compiled, catalog)
        return text.getvalue(), compiled.getvalue()


def missing(catalog: Catalog) -> list[object]:
    """List the words that have no translation."""
    given = {
        message.id: message.string if isinstance(message.string, tuple) else (message.string,)
        for message in catalog
        if message.id
    }
    return [told for told, strings in given.items() if not all(strings)]


def main() -> None:
    """Write both files, and say what is not translated."""
    catalog = updated()
    for name, text in zip(("page.po", "page.mo"), texts(catalog), strict=True):
        (PLACE / name).write_bytes(text)
    for message in missing(catalog):
        print("not translated:", message)


if __name__ == "__main__":
    main()
