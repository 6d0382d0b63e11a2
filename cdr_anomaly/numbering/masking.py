"""Masks of numbers in texts and tables that are shown to people: +86134****1234."""

from __future__ import annotations

import re

import polars as pl

# Eleven digits and more are a number, a handset or a subscriber; dates and counts are shorter.
# The last four stay, so that two lines of one block look different.
LONG_NUMBER, MASKED = r"(\+?\d{3,})\d{4}(\d{4})", "${1}****${2}"
_LONG_NUMBER = re.compile(LONG_NUMBER)


def mask_text(text: str) -> str:
    """Return the text with four digits of every number hidden."""
    return _LONG_NUMBER.sub(r"\1****\2", text)


def mask_table(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with four digits hidden in every number of its texts and lists of texts."""
    hidden = pl.element().str.replace_all(LONG_NUMBER, MASKED)
    return table.with_columns(
        pl.col(pl.String).str.replace_all(LONG_NUMBER, MASKED),
        pl.col(pl.List(pl.String)).list.eval(hidden),
    )
