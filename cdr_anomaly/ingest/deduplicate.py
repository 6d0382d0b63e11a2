"""Removal of duplicate rows, and merging of the partial records of a call.

Few rows are either, and to compare all rows in full costs more than the whole scan. So rows are
compared by a key first (call_key), and in full only if their key repeats. A key begins with the
calling line, so that sorted keys also tell how many calls each line placed.
"""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Collection

    Keys = np.ndarray[tuple[int], np.dtype[np.int64]]
    Counts = np.ndarray[tuple[int], np.dtype[np.int32]]

# A long call is recorded in parts: the next part begins at the end of the last one, up to the error
# of the switch's clock.
PART_GAP_S = 5

# A key is a line, and in its lowest bits a hash of the other columns.
HASH_BITS = 13
HASH_RANGE = 1 << HASH_BITS
PIECE_KEYS = 4_000_000
# Below every line code; the keys of calls from a withheld number are there.
NO_LINE = -(10**15) - 1

_MULTIPLIERS = (
    -0x61C8864680B583EB,
    0x2545F4914F6CDD1D,
    0x27D4EB2F165667C5,
    0x165667B19E3779F9,
    0x1B873593CC9E2D51,
    0x2127599BF4325C37,
)

_LINE_MULTIPLIER = -0x3C6EF372FE94F82B

_PARTIES = ("calling_number", "called_number", "redirecting_number", "record_type")


def key_columns(columns: Collection[str]) -> list[str]:
    """Return the columns in which two records of one call agree.

    With a call id these are the id, the parties and the type: parts of a call differ in start and
    duration. Without one, records of one call agree in start and duration, too.
    """
    parties = [column for column in _PARTIES if column in columns]
    if "call_id" in columns:
        return ["call_id", *parties]
    return [*parties, "start_time", "duration_s"]


def call_key(columns: Collection[str], *, as_text: bool) -> pl.Expr:
    """Return one integer: the calling line and a hash of the other key columns.

    Rows of one call have the same key; rows of different calls seldom do.
    """
    rest = _hash_rest(columns, as_text=as_text) // (2**64 // HASH_RANGE) + HASH_RANGE // 2
    if as_text:
        line = pl.coalesce("calling_number", "called_number").hash()
        return (line // HASH_RANGE).cast(pl.Int64) // 2 * HASH_RANGE + rest
    # Calls from a withheld number differ by the called number.
    withheld = NO_LINE - pl.col("called_number") % 2**46
    return pl.coalesce(pl.col("calling_number"), withheld) * HASH_RANGE + rest


def call_fingerprint(columns: Collection[str], *, as_text: bool) -> pl.Expr:
    """Return one integer of all key columns, the same by chance once in many billions of pairs.

    It does not begin with the calling line.
    """
    line = _number("calling_number", ("calling_number",) if as_text else ()).fill_null(-1)
    return _hash_rest(columns, as_text=as_text) + line * _LINE_MULTIPLIER


def _hash_rest(columns: Collection[str], *, as_text: bool) -> pl.Expr:
    texts = ("call_id", *(_PARTIES[:3] if as_text else ()))
    same = [_number(column, texts) for column in key_columns(columns) if column != "calling_number"]
    if "call_id" in columns:
        # Without a call id the start and the duration are part of the key.
        no_id = pl.when(pl.col("call_id").is_null())
        same += [no_id.then(_number(column, texts)) for column in ("start_time", "duration_s")]
    # Products and sums overflow, which mixes them well.
    pairs = zip(same, _MULTIPLIERS, strict=False)
    return reduce(add, (part.fill_null(-1) * factor for part, factor in pairs))


def _number(column: str, texts: Collection[str]) -> pl.Expr:
    if column in texts:
        return pl.col(column).hash().reinterpret(signed=True)
    return pl.col(column).to_physical().cast(pl.Int64)


def spans_days(columns: Collection[str]) -> bool:
    """Return whether rows of one call may be of different days."""
    return "call_id" in columns


def lines_of_keys(keys: Keys) -> Keys:
    """Return the calling line of each key; NO_LINE or less stands for a withheld number."""
    lines: Keys = keys >> HASH_BITS
    return lines


def first_keys(lines: Keys) -> Keys:
    """Return the least key that each of these lines may have."""
    keys: Keys = lines << HASH_BITS
    return keys


def count_calls(ordered: Keys) -> tuple[Keys, Counts]:
    """Return the calling lines in order, and how many calls each placed, from the sorted keys."""
    callers, counts = [ordered[:0]], [np.empty(0, np.int32)]
    begin = int(np.searchsorted(ordered, (NO_LINE + 1) << HASH_BITS))
    while begin < len(ordered):  # in pieces, for the memory of what is computed
        last = ordered[min(begin + PIECE_KEYS, len(ordered)) - 1]
        end = int(np.searchsorted(ordered, ((last >> HASH_BITS) + 1) << HASH_BITS))
        lines = lines_of_keys(ordered[begin:end])
        begins = np.concatenate([[0], np.flatnonzero(lines[1:] != lines[:-1]) + 1])
        callers.append(lines[begins])
        counts.append(np.diff(begins, append=len(lines)).astype(np.int32))
        begin = end
    return np.concatenate(callers), np.concatenate(counts)


def repeated_keys(ordered: Keys) -> Keys:
    """Return the keys that are not unique among sorted keys."""
    repeated: Keys = ordered[1:][ordered[1:] == ordered[:-1]]
    return repeated


def merge_repeats(calls: pl.DataFrame, columns: Collection[str], repeats: pl.Expr) -> pl.DataFrame:
    """Return the calls with merge_calls() applied to those where ``repeats`` holds."""
    mask = calls.select(repeats=repeats).to_series()
    if not mask.any():
        return calls
    merged = merge_calls(calls.filter(mask).lazy(), columns).collect()
    return pl.concat([calls.filter(~mask), merged.select(calls.columns)])


def drop_duplicates(calls: pl.LazyFrame, columns: Collection[str]) -> pl.LazyFrame:
    """Return one of the rows that agree in parties, type, id, start and duration."""
    same = [c for c in (*_PARTIES, "call_id", "start_time", "duration_s") if c in columns]
    rest = [c for c in calls.collect_schema().names() if c not in same]
    # The least value of every other column: the result does not depend on the order of rows.
    return calls.group_by(same).agg(pl.col(rest).min())


def merge_calls(calls: pl.LazyFrame, columns: Collection[str]) -> pl.LazyFrame:
    """Return each call once: the earliest start, the sum of the talk of its parts."""
    # Most rows with one key are different calls; the others are few, and merging is slow.
    repeats = pl.struct(key_columns(columns)).is_duplicated()
    names = calls.collect_schema().names()
    merged = _merge_parts(calls.filter(repeats), columns).select(names)
    return pl.concat([calls.filter(~repeats), merged])


def _latest_next_start() -> pl.Expr:
    return pl.col("start_time") + pl.duration(seconds=pl.col("duration_s") + PART_GAP_S)


def _merge_parts(calls: pl.LazyFrame, columns: Collection[str]) -> pl.LazyFrame:
    unique = drop_duplicates(calls, columns)
    if "call_id" not in columns:
        return unique
    same = key_columns(columns)
    order = ("start_time", "duration_s")  # total: duplicates are removed
    furthest = _latest_next_start().cum_max().shift().over(same, order_by=order)
    begins = pl.col("call_id").is_null() | furthest.is_null() | (pl.col("start_time") > furthest)
    part_of = begins.cast(pl.Int64).cum_sum().over(same, order_by=order)
    unique_columns = unique.collect_schema().names()
    rest = [c for c in unique_columns if c not in (*same, "duration_s", "answered")]
    # The calls may be read without a column that the feed has.
    answered = [pl.col("answered").any()] if "answered" in unique_columns else []
    parts = unique.with_columns(part_of=part_of).group_by(*same, "part_of")
    return parts.agg(pl.col(rest).min(), pl.col("duration_s").sum(), *answered).drop("part_of")
