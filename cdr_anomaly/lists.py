"""The lists that an operator keeps beside the calls: declared entities, and subscribers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def entities(file: Path | None, plan: numbering.HomePlan) -> pl.DataFrame:
    """Read the declared entities (line, purpose) as (number, purpose), one row a number."""
    if file is None:
        return pl.DataFrame(schema={"number": pl.String, "purpose": pl.String})
    told = _read(file, ("line", "purpose"))
    return (
        told.select(
            number=numbering.text(pl.col("line"), plan),
            purpose=pl.col("purpose").fill_null("declared"),
        )
        .drop_nulls("number")
        .group_by("number")
        .agg(pl.col("purpose").unique().sort().str.join("; "))
        .sort("number")
        .collect()
    )


def activations(
    file: Path | None, plan: numbering.HomePlan, *, as_text: bool
) -> pl.LazyFrame | None:
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
    try:
        with file.open("rb") as raw:
            parquet = raw.read(4) == b"PAR1"
        table = pl.read_parquet(file) if parquet else _csv(file)
    except FileNotFoundError as error:
        msg = f"There is no file '{file}'."
        raise InputError(msg) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        msg = f"'{file}' is neither a CSV nor a Parquet file that can be read."
        raise InputError(msg) from error
    found = table.columns
    missing = [column for column in columns if column not in found]
    if missing:
        msg = (
            f"'{file}' lacks the column '{missing[0]}'; it needs {' and '.join(columns)}, "
            f"and has {', '.join(found)}."
        )
        raise InputError(msg)
    texts = [column for column in ("line", "purpose") if column in columns]
    return table.lazy().with_columns(pl.col(texts).cast(pl.String))


def _csv(file: Path) -> pl.DataFrame:
    table = pl.read_csv(file, infer_schema=False, encoding="utf8-lossy")
    return table.rename(str.strip).with_columns(pl.all().str.strip_chars().replace("", None))
