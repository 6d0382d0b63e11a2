"""Calls with repeats to calls without: duplicates removed, partial records of a call merged.

Few rows of a feed are either, and to compare all rows in full costs more than the whole scan. So
rows are compared by a ``key`` first, and in full only where a key repeats. The key of a row begins
with its calling line: sorted, keys also tell how many calls each line placed.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

# A long call is written out in parts; the next part begins where the last one ended, give or
# take the clock of the switch.
PART_GAP_S = 5

# A key is a line times this, and a part of a hash of all else.
ROOM = 2**13
# Below every line that can be carried as an integer; there stand calls of a withheld number.
NOBODY = -(10**15) - 1

_ODD = (
    -0x61C8864680B583EB,
    0x2545F4914F6CDD1D,
    0x27D4EB2F165667C5,
    0x165667B19E3779F9,
    0x1B873593CC9E2D51,
    0x2127599BF4325C37,
)

_LINE_ODD = -0x3C6EF372FE94F82B

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


def key(columns: Collection[str], *, as_text: bool) -> pl.Expr:
    """Make one integer of what makes two rows one call: the calling line, and a hash of the rest.

    Rows of one key are still to be compared in full.
    """
    rest = _mixed(columns, as_text=as_text) // (2**64 // ROOM) + ROOM // 2
    if as_text:
        line = pl.coalesce("calling_number", "called_number").hash()
        return (line // ROOM).cast(pl.Int64) // 2 * ROOM + rest
    # Calls of a withheld number are told apart by the number that they go to.
    withheld = NOBODY - pl.col("called_number") % 2**46
    return pl.coalesce(pl.col("calling_number"), withheld) * ROOM + rest


def fingerprint(columns: Collection[str], *, as_text: bool) -> pl.Expr:
    """Make one integer of the same, which two other rows share once in many billions.

    It does not begin with the calling line.
    """
    line = _number("calling_number", ("calling_number",) if as_text else ()).fill_null(-1)
    return _mixed(columns, as_text=as_text) + line * _LINE_ODD


def _mixed(columns: Collection[str], *, as_text: bool) -> pl.Expr:
    texts = ("call_id", *(_PARTIES[:3] if as_text else ()))
    same = [_number(column, texts) for column in keys(columns) if column != "calling_number"]
    if "call_id" in columns:
        # A row without a call id stands for itself: its start and duration are part of its key.
        own = pl.when(pl.col("call_id").is_null())
        same += [own.then(_number(column, texts)) for column in ("start_time", "duration_s")]
    # Products and their sum run over, and are all the better mixed for it.
    return reduce(add, (part.fill_null(-1) * odd for part, odd in zip(same, _ODD, strict=False)))


def _number(column: str, texts: Collection[str]) -> pl.Expr:
    if column in texts:
        return pl.col(column).hash().reinterpret(signed=True)
    return pl.col(column).to_physical().cast(pl.Int64)


def placed(ordered: pl.Series) -> pl.DataFrame:
    """Count the calls of each calling line (line, n) from the sorted keys of calls."""
    lines = (ordered // ROOM).set_sorted().to_frame("line").lazy()
    return lines.group_by("line").agg(n=pl.len()).filter(pl.col("line") > NOBODY).collect()


def repeated(ordered: pl.Series) -> pl.Series:
    """Return the keys that stand more than once among sorted keys."""
    return ordered.filter(ordered == ordered.shift())


def shared(keys: pl.Series, ordered: pl.Series) -> pl.Series:
    """Return those of some keys that stand among sorted keys, too."""
    if ordered.is_empty():
        return keys.clear()
    keys = keys.sort()
    place = ordered.search_sorted(keys).clip(upper_bound=len(ordered) - 1)
    return keys.filter(ordered.gather(place) == keys)


def settled(calls: pl.DataFrame, columns: Collection[str], alike: pl.Expr) -> pl.DataFrame:
    """Mend the calls that are alike, and leave all others as they are."""
    repeats = calls.select(alike=alike).to_series()
    if not repeats.any():
        return calls
    mend = mended(calls.filter(repeats).lazy(), columns).collect()
    return pl.concat([calls.filter(~repeats), mend.select(calls.columns)])


def still_open(until: datetime | None) -> pl.Expr:
    """Tell which rows a row that starts at ``until`` or later may still repeat or prolong.

    None stands for a feed of which it is not known when its later rows start.
    """
    if until is None:
        return pl.lit(value=True)
    end = pl.col("start_time") + pl.duration(seconds=pl.col("duration_s") + PART_GAP_S)
    return end >= until


def without_duplicates(calls: pl.LazyFrame, columns: Collection[str]) -> pl.LazyFrame:
    """Keep one of the rows that agree in parties, type, id, start and duration."""
    same = [c for c in (*_PARTIES, "call_id", "start_time", "duration_s") if c in columns]
    rest = [c for c in calls.collect_schema().names() if c not in same]
    # Which one is kept must not depend on the order of rows: the least in every other column.
    return calls.group_by(same).agg(pl.col(rest).min())


def mended(calls: pl.LazyFrame, columns: Collection[str]) -> pl.LazyFrame:
    """Return each call once: the earliest start, the sum of the talk of its parts."""
    # Most rows of one key only look alike; the others are few, and dear to mend.
    repeat = pl.struct(keys(columns)).is_duplicated()
    names = calls.collect_schema().names()
    whole = _merged(calls.filter(repeat), columns).select(names)
    return pl.concat([calls.filter(~repeat), whole])


def _merged(calls: pl.LazyFrame, columns: Collection[str]) -> pl.LazyFrame:
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
    unique_columns = unique.collect_schema().names()
    rest = [c for c in unique_columns if c not in own]
    # A feed may have the column where the calls at hand were read without it.
    answered = [pl.col("answered").any()] if "answered" in unique_columns else []
    parts = unique.with_columns(part_of=part_of).group_by(*same, "part_of")
    return parts.agg(pl.col(rest).min(), pl.col("duration_s").sum(), *answered).drop("part_of")
