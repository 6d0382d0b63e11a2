"""The keys of all rows of a feed, each sorted once: rows that may repeat others, calls of lines.

Rows of one call have the same key (deduplicate.call_key) and the same record type, and if calls
have no call id, the same start. So the keys of a record type, and of a day, are sorted alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly.engines.profile import SIDES, filter_calls, has_type
from cdr_anomaly.ingest import deduplicate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from cdr_anomaly.ingest.deduplicate import Keys

# The record types that PROFILE counts calls by; the name of no count for the rest.
RECORD_TYPES = {
    "n_out": SIDES["n_out"].own_types,
    "n_out_other": SIDES["n_out"].other_types,
    "": ("fwd",),
}


class KeyGroup(NamedTuple):
    """The sorted keys of the rows of one day that count as ``what`` of PROFILE for the caller."""

    day: date
    what: str
    keys: Keys


class RowKeys:
    """The keys of the rows of a feed, 8 bytes each.

    With ``spans_days`` rows of one call may be of different days.
    """

    def __init__(self, *, spans_days: bool) -> None:
        self.spans_days = spans_days
        self._parts: dict[tuple[date, str], list[Keys]] = {}

    def add(self, calls: pl.DataFrame) -> None:
        """Add the keys of CALLS with their ``key`` and ``day``."""
        for what, types in RECORD_TYPES.items():
            rows = filter_calls(calls, has_type(calls, types)).select("key", "day")
            for day, keys in _by_day(rows):
                self._parts.setdefault((day, what), []).append(keys)

    def sorted_groups(self) -> list[KeyGroup]:
        """Return the keys by day and record type, and forget them."""
        groups = []
        while self._parts:
            (day, what), parts = self._parts.popitem()
            keys = np.concatenate(parts)
            del parts
            keys.sort()
            groups.append(KeyGroup(day, what, keys))
        return groups

    def repeated(self, groups: list[KeyGroup]) -> pl.Series:
        """Return the keys that are not unique among the sorted groups of one record type."""
        found = [deduplicate.repeated_keys(group.keys) for group in groups]
        if self.spans_days:
            for what in RECORD_TYPES:
                days = [group.keys for group in groups if group.what == what]
                if len(days) > 1:
                    # A merge of sorted runs.
                    keys = np.sort(np.concatenate(days), kind="stable")
                    found.append(deduplicate.repeated_keys(keys))
        none = np.zeros(0, np.int64)
        return pl.Series("key", np.unique(np.concatenate([none, *found])))


def _by_day(rows: pl.DataFrame) -> Iterator[tuple[date, Keys]]:
    """Yield the keys of rows (key, day) of each day."""
    first, last = rows["day"].min(), rows["day"].max()
    if first == last:
        if rows.height:
            yield rows["day"][0], rows["key"].to_numpy()
        return
    for (day,), part in rows.partition_by("day", as_dict=True, include_key=False).items():
        yield day, part["key"].to_numpy()
