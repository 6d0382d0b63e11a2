"""The keys of all rows of a feed, each sorted once: rows that may repeat others, calls of lines.

Rows of one call have the same key (deduplicate.call_key) and the same record type, and if calls
have no call id, the same start. So the keys of a record type, and of a day, are sorted alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly.engines.kept_rows import private_folder
from cdr_anomaly.engines.profile import SIDES, filter_calls, has_type
from cdr_anomaly.ingest import deduplicate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from cdr_anomaly.ingest.deduplicate import Keys

    Place = tuple[date, str]

# The record types that PROFILE counts calls by; the name of no count for the rest.
RECORD_TYPES = {
    "n_out": SIDES["n_out"].own_types,
    "n_out_other": SIDES["n_out"].other_types,
    "": ("fwd",),
}

N_BUCKETS = 64


class KeyGroup(NamedTuple):
    """The sorted keys of the rows of one day that count as ``what`` of PROFILE for the caller."""

    day: date
    what: str
    keys: Keys


class RowKeys:
    """The keys of the rows of a feed, 8 bytes each; beyond ``memory`` bytes they go to files.

    With ``spans_days`` rows of one call may be of different days.
    """

    def __init__(self, *, spans_days: bool, memory: int) -> None:
        self.spans_days = spans_days
        self.memory = memory
        self._parts: dict[Place, list[Keys]] = {}
        self._n_held = 0
        self._pivots: Keys | None = None
        self._folder: Path | None = None
        self._files: dict[tuple[int, Place], Path] = {}

    def add(self, calls: pl.DataFrame) -> None:
        """Add the keys of CALLS with their ``key`` and ``day``."""
        for what, types in RECORD_TYPES.items():
            rows = filter_calls(calls, has_type(calls, types)).select("key", "day")
            for day, keys in _by_day(rows):
                self._parts.setdefault((day, what), []).append(keys)
                self._n_held += len(keys)
        if 8 * self._n_held > self.memory:
            self._write()

    def sorted_buckets(self) -> Iterator[list[KeyGroup]]:
        """Yield the keys by day and record type, and forget them.

        Without files all are in one bucket, else the lines of one bucket come after those of
        another.
        """
        if self._pivots is None:
            yield [KeyGroup(*place, keys) for place, keys in self._pop_sorted()]
            return
        self._write()
        for bucket in range(len(self._pivots) + 1):
            files = {place: file for (of, place), file in self._files.items() if of == bucket}
            groups = [
                KeyGroup(*place, np.fromfile(file, np.int64)) for place, file in files.items()
            ]
            for group in groups:
                group.keys.sort()
            yield groups

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

    def _pop_sorted(self) -> Iterator[tuple[Place, Keys]]:
        while self._parts:
            place, parts = self._parts.popitem()
            keys = np.empty(sum(map(len, parts)), np.int64)
            end = len(keys)
            while parts:  # each is freed as soon as it is copied
                part = parts.pop()
                keys[end - len(part) : end] = part
                end -= len(part)
            keys.sort()
            yield place, keys
        self._n_held = 0

    def _write(self) -> None:
        """Append the keys to the files of their buckets, which are ranges of lines."""
        if self._folder is None:
            self._folder = private_folder(self)
        for place, keys in self._pop_sorted():
            if self._pivots is None:
                lines = deduplicate.lines_of_keys(keys[:: len(keys) // N_BUCKETS + 1])
                self._pivots = deduplicate.first_keys(np.unique(lines)[1:])
            ends = np.searchsorted(keys, self._pivots)
            for bucket, part in enumerate(np.split(keys, ends)):
                if len(part):
                    name = f"{len(self._files)}.keys"
                    file = self._files.setdefault((bucket, place), self._folder / name)
                    with file.open("ab") as opened:
                        part.tofile(opened)


def _by_day(rows: pl.DataFrame) -> Iterator[tuple[date, Keys]]:
    """Yield the keys of rows (key, day) of each day."""
    first, last = rows["day"].min(), rows["day"].max()
    if first == last:
        if rows.height:
            yield rows["day"][0], rows["key"].to_numpy()
        return
    for (day,), part in rows.partition_by("day", as_dict=True, include_key=False).items():
        yield day, part["key"].to_numpy()
