"""The verdict on each mapped row: a call that is used, a row that is refused, or none of ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection

TYPES = ("call", "moc", "mtc", "fwd")
# What a record type is once it is read; null stands for any other type.
KIND = pl.Enum(TYPES)

# The verdict on a row is its place in this tuple; 0 is a call that is used.
VERDICTS = (
    "used",
    "no start time",
    "start time before 1990",
    "start time after 2100",
    "duration is not a number",
    "negative duration",
    "absurd duration",
    "neither a calling nor a called number",
    "forwarding leg without the line that forwarded",
    "record of another type",
)
EARLIEST, LATEST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
REFUSED = tuple(range(1, 9))
LEFT_OUT = 9


def sound(columns: Collection[str], max_duration_s: int) -> pl.Expr:
    """Tell which mapped rows have the verdict 0; they are nearly all, and told quickly."""
    start, duration = pl.col("start_time"), pl.col("duration_s")
    holds = [
        start.is_between(EARLIEST, LATEST, closed="left"),
        duration.is_between(0, max_duration_s),
        pl.col("calling_number").is_not_null() | pl.col("called_number").is_not_null(),
    ]
    if "record_type" in columns:
        forwards = pl.col("record_type") == "fwd"
        somebody = pl.lit(value=False)
        if "redirecting_number" in columns:
            somebody = pl.col("redirecting_number").is_not_null()
        holds += [forwards.is_not_null(), ~forwards | somebody]
    return pl.all_horizontal(holds).fill_null(value=False)


def verdict(columns: Collection[str], max_duration_s: int) -> pl.Expr:
    """Judge each mapped row: its place in VERDICTS, the first that holds.

    A row that is no call is left out whatever else is wrong with it.
    """
    start, duration = pl.col("start_time"), pl.col("duration_s")
    holds = {
        1: start.is_null(),
        2: start < EARLIEST,
        3: start >= LATEST,
        4: duration.is_null(),
        5: duration < 0,
        6: duration > max_duration_s,
        7: pl.col("calling_number").is_null() & pl.col("called_number").is_null(),
    }
    kind = pl.col("record_type") if "record_type" in columns else pl.lit("call")
    nobody = pl.col("redirecting_number").is_null() if "redirecting_number" in columns else True
    holds[8] = (kind == "fwd") & nobody
    holds = {LEFT_OUT: kind.is_null()} | holds
    places = (pl.when(bad).then(pl.lit(place, pl.UInt8)) for place, bad in holds.items())
    return pl.coalesce(*places, pl.lit(0, pl.UInt8))


def judged(rows: pl.DataFrame, max_duration_s: int) -> pl.Series:
    """Judge mapped rows: the place of each in VERDICTS."""
    return rows.select(verdict=verdict(rows.columns, max_duration_s)).to_series()
