"""Facts that the statistics in Parquet footers prove; no row is read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow.parquet as pq

# The greatest distance between a naive time and the same clock reading in UTC.
MAX_ZONE_OFFSET = timedelta(hours=15)
_TICKS = {"milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


@dataclass(frozen=True)
class RowGroups:
    """Consecutive row groups of a file: the first row, how many rows, and the group numbers."""

    offset: int
    rows: int
    numbers: range


def split_row_groups(footer: pq.FileMetaData, max_rows: int) -> Iterator[RowGroups]:
    """Yield the row groups of a file in parts of at most ``max_rows`` rows, or of one group."""
    offset = begin = rows = 0
    for group in range(footer.num_row_groups):
        size = footer.row_group(group).num_rows
        if rows and rows + size > max_rows:
            yield RowGroups(offset, rows, range(begin, group))
            offset, begin, rows = offset + rows, group, 0
        rows += size
    yield RowGroups(offset, rows, range(begin, footer.num_row_groups))


def time_range(
    footer: pq.FileMetaData, column: str, groups: range | None = None
) -> tuple[datetime, datetime] | None:
    """Return two instants between which all rows of the groups start, None if not proven."""
    groups = range(footer.num_row_groups) if groups is None else groups
    starts = [bound for bounds in _bounds(footer, groups, column) for bound in bounds]
    times = [start for start in starts if isinstance(start, datetime)]
    if not times or len(times) < len(starts):
        return None
    slack = MAX_ZONE_OFFSET if times[0].tzinfo is None else timedelta(0)
    instants = [_instant(start) for start in times]
    return min(instants) - slack, max(instants) + slack


def all_e164(footer: pq.FileMetaData, column: str) -> bool:
    """Return whether every text of a column is proven to begin with + and a digit from 1 to 9.

    Text sorts by its bytes, so the least and the greatest text enclose all others.
    """
    bounds = list(_bounds(footer, range(footer.num_row_groups), column))
    return bool(bounds) and all(
        isinstance(least, str) and isinstance(most, str) and least >= "+1" and most < "+:"
        for least, most in bounds
    )


def _bounds(footer: pq.FileMetaData, groups: range, column: str) -> Iterator[tuple[object, object]]:
    """Yield the least and the greatest value of each group with values; None if not proven."""
    names = [footer.schema.column(n).path for n in range(footer.num_columns)]
    if column not in names:
        return
    number = names.index(column)
    for group in groups:
        chunk = footer.row_group(group).column(number)
        statistics = chunk.statistics
        nulls = statistics.null_count if statistics and statistics.has_null_count else None
        if nulls == chunk.num_values:
            continue
        try:
            proven = statistics is not None and statistics.has_min_max
            yield _min_max(statistics) if proven else (None, None)
        except (OverflowError, ValueError):
            # A broken clock wrote a time that no datetime can hold.
            yield None, None


def _min_max(statistics: pq.Statistics) -> tuple[object, object]:
    """Return the least and the greatest value.

    Times are computed here: pyarrow would load pandas for them, which takes longer than many scans.
    """
    if statistics.logical_type.type != "TIMESTAMP" or statistics.physical_type != "INT64":
        return statistics.min, statistics.max
    kind = json.loads(statistics.logical_type.to_json())
    ticks, adjusted = _TICKS[kind["timeUnit"]], kind["isAdjustedToUTC"]
    raw_values = (statistics.min_raw, statistics.max_raw)
    epoch = datetime(1970, 1, 1, tzinfo=UTC if adjusted else None)
    low, high = (epoch + timedelta(microseconds=raw * 10**6 // ticks) for raw in raw_values)
    return low, high


def _instant(start: datetime) -> datetime:
    """Return a time as an instant between 1900 and 2200; a naive time is taken for UTC."""
    if not 1900 <= start.year <= 2200:
        return datetime(1900 if start.year < 1900 else 2200, 1, 1, tzinfo=UTC)
    return start.replace(tzinfo=UTC) if start.tzinfo is None else start
