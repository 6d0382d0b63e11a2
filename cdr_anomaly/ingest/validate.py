"""The verdict on each row: a call, a refused row, or a record of another type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection

TYPES = ("call", "moc", "mtc", "fwd")
# Null stands for any other type.
RECORD_TYPE = pl.Enum(TYPES)

# A verdict is an index of this tuple; 0 is a call.
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
IGNORED = 9


def is_valid(columns: Collection[str], max_duration_s: int) -> pl.Expr:
    """Return whether the verdict on a row is 0: a quick test, as it is true of nearly all rows."""
    start, duration = pl.col("start_time"), pl.col("duration_s")
    conditions = [
        start.is_between(EARLIEST, LATEST, closed="left"),
        duration.is_between(0, max_duration_s),
        pl.col("calling_number").is_not_null() | pl.col("called_number").is_not_null(),
    ]
    if "record_type" in columns:
        forwards = pl.col("record_type") == "fwd"
        has_forwarder = pl.lit(value=False)
        if "redirecting_number" in columns:
            has_forwarder = pl.col("redirecting_number").is_not_null()
        conditions += [forwards.is_not_null(), ~forwards | has_forwarder]
    return pl.all_horizontal(conditions).fill_null(value=False)


def verdict(columns: Collection[str], max_duration_s: int) -> pl.Expr:
    """Return the verdict on each row: the first index of VERDICTS whose condition holds.

    A record of another type is ignored, whatever else is wrong with it.
    """
    start, duration = pl.col("start_time"), pl.col("duration_s")
    faults = {
        1: start.is_null(),
        2: start < EARLIEST,
        3: start >= LATEST,
        4: duration.is_null(),
        5: duration < 0,
        6: duration > max_duration_s,
        7: pl.col("calling_number").is_null() & pl.col("called_number").is_null(),
    }
    kind = pl.col("record_type") if "record_type" in columns else pl.lit("call")
    forwarder = "redirecting_number"
    no_forwarder = pl.col(forwarder).is_null() if forwarder in columns else True
    faults[8] = (kind == "fwd") & no_forwarder
    faults = {IGNORED: kind.is_null()} | faults
    indices = (pl.when(fault).then(pl.lit(n, pl.UInt8)) for n, fault in faults.items())
    return pl.coalesce(*indices, pl.lit(0, pl.UInt8))


def verdicts(rows: pl.DataFrame, max_duration_s: int) -> pl.Series:
    """Return the verdict on each row, as an index of VERDICTS."""
    return rows.select(verdict=verdict(rows.columns, max_duration_s)).to_series()
