"""Numbers with four digits out of sight, as in +86134****1234, where a page or a list is shown."""

from __future__ import annotations

import re

import polars as pl

# Eleven digits and more are a number, a handset or a subscriber; dates and counts are shorter.
# The last four stay, so that two lines of one block can be told apart.
LONG, HIDDEN = r"(\+?\d{3,})\d{4}(\d{4})", "${1}****${2}"
_LONG = re.compile(LONG)


def text(told: str) -> str:
    """Hide four digits of every number in a text, wherever it stands."""
    return _LONG.sub(r"\1****\2", told)


def frame(table: pl.DataFrame) -> pl.DataFrame:
    """Hide four digits of every number in the texts of a table, and in its lists of texts."""
    hidden = pl.element().str.replace_all(LONG, HIDDEN)
    return table.with_columns(
        pl.col(pl.String).str.replace_all(LONG, HIDDEN),
        pl.col(pl.List(pl.String)).list.eval(hidden),
    )
