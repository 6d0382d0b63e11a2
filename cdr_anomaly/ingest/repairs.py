"""Calls with repeats to calls without: duplicates removed, partial records of a call merged.

Few rows of a feed are either, and to compare all rows in full costs more than the whole scan. So
rows are compared by a hash (``key``) first, and in full only where a hash repeats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

# A long call is written out in parts; the next part begins where the last one ended, give or
# take the clock of the switch.
PART_GAP_S = 5

_PARTIES = ("calling_number", "called_number", "redirecting_number", "record_type")


def keys(columns: Collection[str]) -> list[str]:
    """Name the columns on which two records of a mendable call agree.

    With a call id these are the id, the parties and the type: parts of a call differ in start
    and duration. Without one, two rows are one call only when they are the same in every respect.
    """
    parties = [column for column in _PARTIES if column in columns]
    if "call_id" in columns:
        return ["call_id", *parties]
    return [*parties, "start_time", "duration_s"]


def key(columns: Collection[str]) -> pl.Expr:
    """Hash what makes two rows one call; rows of one hash are still to be compared in full."""
    same = keys(columns)
    if "call_id" not in same:
        return pl.struct(same).hash()
    # A row without a call id stands for itself: its start and duration are part of its key.
    own = [pl.when(pl.col("call_id").is_null()).then(c) for c in ("start_time", "duration_s")]
    return pl.struct(*same, *(e.alias(f"own_{i}") for i, e in enumerate(own))).hash()


def repeated(keys: pl.Series) -> pl.Series:
    """Mark the keys that stand more than once; by sorting, which is quicker than by hashing."""
    ordered = keys.sort()
    return keys.is_in(ordered.filter(ordered == ordered.shift()).implode())


def settled(calls: pl.DataFrame, columns: Collection[str]) -> pl.DataFrame:
    """Mend the calls of which some record is a repeat or a part; leave all others alone."""
    repeats = repeated(calls.select(key=key(columns)).to_series())
    mend = mended(calls.filter(repeats).lazy(), columns).collect()
    return pl.concat([calls.filter(~repeats), mend.select(calls.columns)])


def still_open(calls: pl.DataFrame, until: datetime | None) -> pl.DataFrame:
    """Keep the rows that a row which starts at ``until`` or later may still repeat or prolong.

    None stands for a feed of which it is not known when its later rows start.
    """
    if until is None:
        return calls
    end = pl.col("start_time") + pl.duration(seconds=pl.col("duration_s") + PART_GAP_S)
    return calls.filter(end >= until)


def without_duplicates(calls: pl.LazyFrame, columns: Collection[str]) -> pl.LazyFrame:
    """Keep one of the rows that agree in parties, type, id, start and duration."""
    same = [c for c in (*_PARTIES, "call_id", "start_time", "duration_s") if c in columns]
    rest = [c for c in calls.collect_schema().names() if c not in same]
    # Which one is kept must not depend on the order of rows: the least in every other column.
    return calls.group_by(same).agg(pl.col(rest).min())


def mended(calls: pl.LazyFrame, columns: Collection[str]) -> pl.LazyFrame:
    """Return each call once: the earliest start, the sum of the talk of its parts."""
    unique = without_duplicates(calls, columns)
    if "call_id" not in columns:
        return unique
    same = keys(columns)
    end = pl.col("start_time") + pl.duration(seconds=pl.col("duration_s") + PART_GAP_S)
    order = ("start_time", "duration_s")  # total: two rows of one call that agree in both are one
    furthest = end.cum_max().shift().over(same, order_by=order)
    begins = pl.col("call_id").is_null() | furthest.is_null() | (pl.col("start_time") > furthest)
    part_of = begins.cast(pl.Int64).cum_sum().over(same, order_by=order)
    own = (*same, "duration_s", "answered")
    rest = [c for c in unique.collect_schema().names() if c not in own]
    answered = [pl.col("answered").any()] if "answered" in columns else []
    parts = unique.with_columns(part_of=part_of).group_by(*same, "part_of")
    return parts.agg(pl.col(rest).min(), pl.col("duration_s").sum(), *answered).drop("part_of")
