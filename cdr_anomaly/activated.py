"""The list of subscribers that an operator keeps beside the calls: when each line was activated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering, sheets
from cdr_anomaly.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def lines(file: Path | None, plan: numbering.HomePlan, *, as_text: bool) -> pl.LazyFrame | None:
    """Read the days of activation (line, activation), by line as the calls carry it."""
    if file is None:
        return None
    told = _read(file, ("line", "activation"))
    days = _lines(told, plan, as_text=as_text).select(
        "line",
        activation=_day(told.collect_schema()["activation"], file),
        written=pl.col("activation"),
    )
    unread = days.filter(pl.col("activation").is_null() & pl.col("written").is_not_null())
    for (written,) in unread.select("written").head(1).collect().iter_rows():
        msg = f"'{file}': '{written}' in the column 'activation' is no day; write 2026-05-01."
        raise InputError(msg)
    return days.drop("written").drop_nulls().group_by("line").agg(pl.col("activation").max())


def _lines(told: pl.LazyFrame, plan: numbering.HomePlan, *, as_text: bool) -> pl.LazyFrame:
    """Read the column of lines, as the calls carry them."""
    line = pl.col("line")
    plain = told.select(line.str.contains(r"^\+[1-9]\d{6,14}$").all()).collect().item()
    if plain and not as_text:  # as lists from a database are; to read any form takes longer
        return told.with_columns(line=numbering.e164(line))
    # In two steps: code() names what it is given many times over, and would tidy it each time.
    tidy = told.with_columns(line=numbering.text(line, plan)).collect().lazy()
    return tidy if as_text else tidy.with_columns(line=numbering.code(line, plan))


def _day(dtype: pl.DataType, file: Path) -> pl.Expr:
    written = pl.col("activation")
    if dtype == pl.String:
        return written.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    if dtype in (pl.Date, pl.Datetime, pl.Null):
        return written.cast(pl.Date)
    msg = f"'{file}': the column 'activation' is {dtype}, not a day; write 2026-05-01."
    raise InputError(msg)


def _read(file: Path, columns: tuple[str, ...]) -> pl.LazyFrame:
    table = sheets.read(file)
    missing = [column for column in columns if column not in table.columns]
    if missing:
        msg = (
            f"'{file}' lacks the column '{missing[0]}'; it needs {' and '.join(columns)}, "
            f"and has {', '.join(table.columns)}."
        )
        raise InputError(msg)
    return table.lazy().with_columns(pl.col("line").cast(pl.String))
