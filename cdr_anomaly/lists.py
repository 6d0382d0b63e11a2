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
    carry = numbering.text if as_text else numbering.code
    dtype = told.collect_schema()["activation"]
    day = pl.col("activation")
    if dtype == pl.String:
        day = day.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    days = told.select(line=carry(pl.col("line"), plan), activation=day.cast(pl.Date))
    if days.select(pl.col("activation").is_not_null().any()).collect().item() is not True:
        msg = f"'{file}': the column 'activation' has no day in it; write days as 2026-05-01."
        raise InputError(msg)
    return days.drop_nulls().group_by("line").agg(pl.col("activation").max())


def _read(file: Path, columns: tuple[str, ...]) -> pl.LazyFrame:
    try:
        if file.suffix == ".csv":
            table = pl.read_csv(file, infer_schema=False, encoding="utf8-lossy").lazy()
        else:
            table = pl.scan_parquet(file)
            table.collect_schema()
    except FileNotFoundError as error:
        msg = f"There is no file '{file}'."
        raise InputError(msg) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        msg = f"'{file}' is neither a CSV nor a Parquet file that can be read."
        raise InputError(msg) from error
    found = table.collect_schema().names()
    missing = [column for column in columns if column not in found]
    if missing:
        msg = (
            f"'{file}' lacks the column '{missing[0]}'; it needs {' and '.join(columns)}, "
            f"and has {', '.join(found)}."
        )
        raise InputError(msg)
    return table.with_columns(pl.col("line").cast(pl.String))
