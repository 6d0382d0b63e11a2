"""Sentences in Chinese, beside their English."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import wording

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cdr_anomaly.result import Result

# What is not ours may look like anything.
HOSTILE = r"a{n}|.*(b)+ <script>alert('1')</script> \1 ${x} %s [c]; none, 7 calls placed"
LATIN = re.compile(r"[A-Za-z]{3,}")
# Columns of sentences; what is declared is mostly in the words of the operator.
COLUMNS = {
    "reason",
    "reasons",
    "would_clear_if",
    "lowered_because",
    "feedback",
    "replaces_case",
    "why",
}
# Names of columns, options, commands, cells, trunks and pools, that are the same in every language.
NAMES = re.compile(
    r"IMSI|imsi|imei|activation|cell_id|trunk_in|redirecting_number|--subscribers|--no-neighbours"
    r"|pool_digits|backfill|UTC|xxxx?|room"
    r"|(?:IC|INT)-[A-Z]+-\d+|Asia/Shanghai"
)


def sentences_of(result: Result) -> dict[str, list[tuple[str, str]]]:
    """Return the distinct sentences of a result by column, in English and in Chinese."""
    found: dict[str, set[tuple[str, str]]] = {}
    for table in (result.findings, result.alerts, result.victims):
        for column in COLUMNS & set(table.columns):
            values = table[f"{column}_values"]
            assert (table[column].is_null() == values.is_null()).all(), column
            both = (table[column], wording.localized(table, "zh")[column])
            if table.schema[column] == pl.List:
                assert (table[column].list.len() == values.list.len()).all(), column
                both = tuple(texts.explode() for texts in both)
            pairs = zip(*(texts.to_list() for texts in both), strict=True)
            found.setdefault(column, set()).update(pair for pair in pairs if pair[0] is not None)
    return {column: sorted(pairs) for column, pairs in found.items()}


def assert_chinese(pairs: Iterable[tuple[str, str]]) -> None:
    """Check that all of each English text is said in Chinese, with the same figures."""
    for english, own in pairs:
        assert own != english, f"not translated: {english}"
        assert not LATIN.findall(NAMES.sub("", own)), own
        assert figures(own) == figures(english), f"{english}\n{own}"


def assert_texts_chinese(texts: Iterable[str]) -> None:
    """Check the same of texts that are made in Python."""
    assert_chinese((text, wording.translate(text, "zh")) for text in texts)


def figures(text: str) -> list[str]:
    return sorted(re.findall(r"\d+", text))


def in_chinese(sentence: wording.Sentence, frame: pl.DataFrame) -> list[str]:
    """Return the sentence of each row in Chinese."""
    columns = wording.sentence_columns(text=sentence)
    return wording.localized(frame.select(**columns), "zh")["text"].to_list()
