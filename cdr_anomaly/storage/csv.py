"""Tables as CSV that a spreadsheet can open without harm."""

from __future__ import annotations

import polars as pl


def flattened(table: pl.DataFrame) -> pl.DataFrame:
    """Write lists as one text each, for formats that have no lists."""
    lists = [name for name, dtype in table.schema.items() if dtype == pl.List]
    return table.with_columns(pl.col(lists).list.join("; "))


def safe(table: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before text that a spreadsheet would run as a formula (OWASP).

    Any line of a cell may be taken for its start, blanks before the sign do not help, and the
    full-width signs of a Chinese keyboard count, too.
    """
    starts = r"(?m)^([\s\u00a0]*[=+\-@\t\r\n\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])"
    return table.with_columns(pl.col(pl.String).str.replace_all(starts, "'${1}"))
