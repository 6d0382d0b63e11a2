"""What a table is: its columns with their types and meanings, and whether a frame has them."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl


class Column(NamedTuple):
    """The type of a column and what it means; a type of None is LINE: an integer or text."""

    dtype: pl.DataType | None
    meaning: str


Table = dict[str, Column]

TEXT, COUNT, FLAG, DAY = pl.String(), pl.Int64(), pl.Boolean(), pl.Date()
INSTANT, SHARE = pl.Datetime("us", "UTC"), pl.Float64()
LINE = None


def require(frame: pl.LazyFrame, table: Table, name: str) -> pl.LazyFrame:
    """Return the columns of ``table`` in its order, or fail when one is missing or of other type.

    A mismatch is our bug, never the user's: it names the table and the column.
    """
    found = frame.collect_schema()
    for column, (dtype, _) in table.items():
        if column not in found:
            msg = f"{name} lacks the column '{column}'"
            raise AssertionError(msg)
        if dtype is not None and found[column] != dtype:
            msg = f"{name}.{column} is {found[column]}, not {dtype}"
            raise AssertionError(msg)
    return frame.select(list(table))


def empty(table: Table, line: pl.DataType | None = None) -> pl.DataFrame:
    """Return ``table`` without rows; LINE columns are text unless told otherwise."""
    return pl.DataFrame(schema={n: c.dtype or line or pl.String() for n, c in table.items()})


def lines(table: Table) -> list[str]:
    """Name the columns of a table that hold lines."""
    return [name for name, column in table.items() if column.dtype is None]
