"""What the statistics in Parquet footers prove, without a row being read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow.parquet as pq

# A naive time is at most this far from the same clock reading in UTC.
ZONE_SLACK = timedelta(hours=15)


_TICKS = {"milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}


@dataclass(frozen=True)
class Stretch:
    """Some row groups of a file that follow one another."""

    offset: int
    rows: int
    groups: range


def stretches(footer: pq.FileMetaData, most_rows: int) -> Iterator[Stretch]:
    """Cut a file into stretches of whole row groups, of ``most_rows`` rows where groups allow."""
    offset = begin = rows = 0
    for group in range(footer.num_row_groups):
        size = footer.row_group(group).num_rows
        if rows and rows + size > most_rows:
            yield Stretch(offset, rows, range(begin, group))
            offset, begin, rows = offset + rows, group, 0
        rows += size
    yield Stretch(offset, rows, range(begin, footer.num_row_groups))


def extent(footer: pq.FileMetaData, groups: range, column: str) -> tuple[datetime, datetime] | None:
    """Give two instants between which all rows of these groups start, or None if not proven."""
    starts = [bound for bounds in _bounds(footer, groups, column) for bound in bounds]
    known = [start for start in starts if isinstance(start, datetime)]
    if not known or len(known) < len(starts):
        return None
    slack = ZONE_SLACK if known[0].tzinfo is None else timedelta(0)
    instants = [_instant(start) for start in known]
    return min(instants) - slack, max(instants) + slack


def all_e164(footer: pq.FileMetaData, column: str) -> bool:
    """Tell whether every text of a column is proven to begin with + and a digit from 1 to 9.

    Text sorts by its bytes, so the least and the greatest one enclose all others.
    """
    bounds = list(_bounds(footer, range(footer.num_row_groups), column))
    return bool(bounds) and all(
        isinstance(least, str) and isinstance(most, str) and least >= "+1" and most < "+:"
        for least, most in bounds
    )


def _bounds(footer: pq.FileMetaData, groups: range, column: str) -> Iterator[tuple[object, object]]:
    """Yield the least and the greatest value of each group that has any; None where not told."""
    names = [footer.schema.column(place).path for place in range(footer.num_columns)]
    if column not in names:
        return
    place = names.index(column)
    for group in groups:
        chunk = footer.row_group(group).column(place)
        told = chunk.statistics
        if told is not None and told.has_null_count and told.null_count == chunk.num_values:
            continue
        try:
            proven = told is not None and told.has_min_max
            yield _ends(told) if proven else (None, None)
        except (OverflowError, ValueError):
            # A time that no datetime can hold, by a broken clock.
            yield None, None


def _ends(told: pq.Statistics) -> tuple[object, object]:
    """Give the least and the greatest value; pyarrow would load pandas, if it is there, for times.

    That takes longer than many a scan.
    """
    if told.logical_type.type != "TIMESTAMP" or told.physical_type != "INT64":
        return told.min, told.max
    kind = json.loads(told.logical_type.to_json())
    ticks, adjusted = _TICKS[kind["timeUnit"]], kind["isAdjustedToUTC"]
    epoch = datetime(1970, 1, 1, tzinfo=UTC if adjusted else None)
    return tuple(  # type: ignore[return-value]
        epoch + timedelta(microseconds=raw * 10**6 // ticks) for raw in (told.min_raw, told.max_raw)
    )


def _instant(start: datetime) -> datetime:
    """Place a time that may carry no zone; the far ends are cut off."""
    if not 1900 <= start.year <= 2200:
        return datetime(1900 if start.year < 1900 else 2200, 1, 1, tzinfo=UTC)
    return start.replace(tzinfo=UTC) if start.tzinfo is None else start
