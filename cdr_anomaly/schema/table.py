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
    """Return the columns of ``table`` in its order; AssertionError if one is missing or wrong.

    A mismatch is a bug of the program; the message names the table and the column.
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


def pick(table: Table, names: str) -> Table:
    """Return some columns of ``table``; ``names`` has blanks between them."""
    return {name: table[name] for name in names.split()}


def empty(table: Table, line: pl.DataType | None = None) -> pl.DataFrame:
    """Return ``table`` without rows; LINE columns are of the type ``line``, by default text."""
    return pl.DataFrame(schema={n: c.dtype or line or pl.String() for n, c in table.items()})


def lines(table: Table) -> list[str]:
    """Return the names of the columns that hold lines."""
    return [name for name, column in table.items() if column.dtype is None]


def with_all_columns(rows: pl.LazyFrame, table: Table) -> pl.LazyFrame:
    """Return the columns of ``table``; those that are missing, as in an older state, are null."""
    found = rows.collect_schema()
    return rows.select(
        pl.col(name) if name in found else pl.lit(None, column.dtype).alias(name)
        for name, column in table.items()
    )
