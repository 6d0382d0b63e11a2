"""What is said in Chinese, held against its English."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.reports.html import translate

if TYPE_CHECKING:
    from cdr_anomaly.result import Result


ZH = translate._catalogue("zh")


# What is not ours may look like anything.
HOSTILE = r"a{n}|.*(b)+ <script>alert('1')</script> \1 ${x} %s [c]; none, 7 calls placed"


LATIN = re.compile(r"[A-Za-z]{3,}")


# A column of sentences, and the section that it is told by.
COLUMNS = {
    "reason": "reason",
    "reasons": "reason",
    "would_clear_if": "unless",
    "lowered_because": "mitigated_by",
    "feedback": "feedback",
    "replaces_case": "continues",
    "why": "why",
}


# Names of columns, options, commands, cells, trunks and pools, that are the same in every language.
NAMES = re.compile(
    r"IMSI|imsi|imei|activation|cell_id|trunk_in|redirecting_number|--subscribers|--no-neighbours"
    r"|pool_digits|backfill|UTC|xxxx?|room"
    r"|(?:IC|INT)-[A-Z]+-\d+|Asia/Shanghai"
)


def said_of(result: Result) -> dict[str, pl.Series]:
    """Give the distinct sentences of a result, by section."""
    told: dict[str, pl.Series] = {}
    for table in (result.findings, result.alerts, result.victims):
        for column in COLUMNS.keys() & set(table.columns):
            section = COLUMNS[column]
            flat = table[column].explode() if table.schema[column] == pl.List else table[column]
            told[section] = pl.concat([told.get(section, flat.clear()), flat]).drop_nulls().unique()
    return told


def assert_whole(texts: Any, section: str) -> None:
    """Check that all of each text is said in Chinese, with the same figures."""
    anything, told = translate.translator("zh"), translate.translator("zh", [section])
    for text in texts:
        in_python = isinstance(text, wording.Text)
        own = wording.translate(text, "zh") if in_python else told(text)
        assert in_python or anything(text) == own, f"another section fits: {text}"
        assert own != text, f"no line of [{section}] fits: {text}"
        assert not LATIN.findall(NAMES.sub("", own)), own
        assert figures(own) == figures(text), f"{text}\n{own}"


def figures(text: str) -> list[str]:
    return sorted(re.findall(r"\d+", text))
