"""CSV tables that a spreadsheet can open safely."""

from __future__ import annotations

import polars as pl


def join_lists(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with each list joined to one text, for formats without lists."""
    lists = [name for name, dtype in table.schema.items() if dtype == pl.List]
    return table.with_columns(pl.col(lists).list.join("; "))


def escape_formulas(table: pl.DataFrame) -> pl.DataFrame:
    """Return the table with an apostrophe before text that a spreadsheet would run (OWASP).

    A spreadsheet may start at any line of a cell, skips blanks before the sign, and takes the
    full-width signs of a Chinese keyboard, too.
    """
    starts = r"(?m)^([\s\u00a0]*[=+\-@\t\r\n\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])"
    return table.with_columns(pl.col(pl.String).str.replace_all(starts, "'${1}"))
