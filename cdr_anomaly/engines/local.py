"""Polars on this machine: one part of the feed at a time, in bounded memory."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from cdr_anomaly.engines import profile
from cdr_anomaly.engines.base import COUNTED_COLUMNS, Engine, counted_columns, kept_columns
from cdr_anomaly.engines.first_pass import MARKS, FeedSpec, Tally
from cdr_anomaly.engines.kept_rows import KeptRows
from cdr_anomaly.engines.placed_calls import add_placed
from cdr_anomaly.engines.row_keys import RowKeys
from cdr_anomaly.ingest import add_local_day, deduplicate, read_locally

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import date

    from cdr_anomaly.engines.base import RowsDone
    from cdr_anomaly.engines.first_pass import FirstLook
    from cdr_anomaly.engines.profile import Bucket, NeededLines
    from cdr_anomaly.ingest import Part, Source

T = TypeVar("T")
# The memory of two parts with all that is computed from them, and of a count while counts are
# merged.
PARTS_BYTES = 2**30
COUNT_BYTES = 48
# The parts of the rest of the memory that may hold calls for further looks, and keys of rows.
KEPT_SHARE, KEYS_SHARE = 0.5, 0.25


class Local(Engine):
    """Reads part by part, the next part while the last one is counted, and no file twice.

    Calls are kept for further looks, in ``memory`` (bytes) as far as they fit, the rest on disk.
    """

    reader = staticmethod(read_locally)

    def __init__(self, memory: int) -> None:
        self.count_memory = memory - PARTS_BYTES
        self.kept_rows = KeptRows(0)

    def first_look(
        self,
        source: Source,
        needed: NeededLines | None,
        rows_done: RowsDone,
        traffic_kinds: Collection[str] = (),
    ) -> FirstLook:
        """Count the rows by verdict, PROFILE and TRAFFIC, and collect the forwarded legs."""
        self.kept_rows = KeptRows(round(self.count_memory * KEPT_SHARE))
        tally, n_callers = self._count(source, needed, rows_done, traffic_kinds)

        def profile_of(sums: profile.ProfileSums) -> pl.DataFrame:
            rows = sums.profile()
            n_callers.update(sums.n_callers)
            return rows

        def profiles() -> Iterator[pl.DataFrame]:
            yield profile_of(tally.sums)
            postponed = tally.sums.postponed
            while postponed:
                sums = self._sums(source, postponed.pop(), needed)
                columns = [c for c in COUNTED_COLUMNS if c in source.columns]
                for calls in self.kept_rows.select(pl.lit(value=True), columns):
                    sums.add(add_local_day(calls, source.tz), counts=tally.counts)
                tally.correct(sums)
                yield profile_of(sums)
                postponed += sums.postponed

        return tally.first_look(profiles(), n_callers)

    def callers(self, source: Source, condition: pl.Expr) -> pl.Series:
        """Return the lines that placed a call of which ``condition`` holds, or a few more."""
        on_trunk = pl.col("trunk_in").is_not_null()
        parts = self.kept_rows.select(on_trunk, ["calling_number", "trunk_in"])
        lines = [calls.filter(condition)["calling_number"].unique() for calls in parts]
        return pl.concat([pl.Series(dtype=source.line_type), *lines]).unique().drop_nulls()

    @staticmethod
    def repeat_key(source: Source) -> pl.Expr:
        """Return one integer that rows of one call, and by chance others, have in common."""
        return deduplicate.call_key(source.columns, as_text=source.as_text)

    def read_calls(
        self,
        source: Source,
        columns: Sequence[str],
        condition: pl.Expr,
        lines: pl.Series | None,
        *,
        rows_done: RowsDone,
    ) -> pl.DataFrame:
        """Return columns of the calls of which ``condition`` holds (see Engine)."""
        del lines  # the condition filters
        parts = list(self.kept_rows.select(condition, columns))
        rows_done(source.rows)
        return pl.concat(parts)

    def _count(
        self,
        source: Source,
        needed: NeededLines | None,
        rows_done: RowsDone,
        traffic_kinds: Collection[str],
    ) -> tuple[Tally, Counter[date]]:
        """Count all rows, each as a call first; then merge those that repeat others.

        Return also the number of lines of each day that are not needed, and placed calls.
        """
        spec = FeedSpec.of_source(source, traffic_kinds)
        columns = counted_columns(spec)
        sums = self._sums(source, profile.ALL_LINES, needed)
        # Keys of lines that are text do not tell the line.
        counts = profile.counts_for(needed)
        tally = Tally(spec, sums, counts, has_keys=not source.as_text)
        keys = RowKeys(
            spans_days=deduplicate.spans_days(source.columns),
            memory=round(self.count_memory * KEYS_SHARE),
        )
        key = self.repeat_key(source).alias("key")

        kept, types = kept_columns(source.columns), source.narrow_types()

        def read(part: Part) -> pl.DataFrame:
            return part.narrow_rows(types).select(*kept, *MARKS, key).collect()

        for part, rows in _read_ahead(source, read):
            if source.has_all_days:
                tally.quarters.append(part.count_quarters(rows["start_time"]))
            calls = tally.add_rows(rows, is_carry_over=part.carry_over is not None)
            keys.add(calls)
            self.kept_rows.add(calls.select(kept))
            rows_done(part.rows)
        others: Counter[date] = Counter()
        repeat_keys = [pl.Series("key", dtype=pl.Int64)]
        for groups in keys.sorted_buckets():
            repeat_keys.append(keys.repeated(groups))
            if not source.as_text:
                others += add_placed(sums, groups, needed, repeat_keys[-1])
        repeated = pl.concat(repeat_keys)
        if len(repeated):
            self._merge_repeats(source, tally, repeated, columns)
        return tally, others

    def _merge_repeats(
        self, source: Source, tally: Tally, repeated: pl.Series, columns: Sequence[str]
    ) -> None:
        """Count the rows that repeat others merged; by chance few of these keys are of others."""
        key = self.repeat_key(source).alias("key")
        mark = deduplicate.call_fingerprint(source.columns, as_text=source.as_text)
        is_repeated = key.is_in(repeated.implode())
        rows = self.read_calls(source, columns, is_repeated, None, rows_done=lambda _: None)
        rows = rows.with_columns(key)
        repeat_keys = rows.filter(mark.is_duplicated())["key"].unique()
        if len(repeat_keys):
            tally.repeat_keys = repeat_keys
            repeats = rows.filter(pl.col("key").is_in(repeat_keys.implode()))
            tally.merge_repeats(add_local_day(repeats, source.tz))

    def _sums(
        self, source: Source, lines: Bucket, needed: NeededLines | None
    ) -> profile.ProfileSums:
        # The needed lines are few; where lines are text all are counted.
        is_large = needed is None or source.as_text
        max_counts = self.count_memory // COUNT_BYTES if is_large else profile.NO_LIMIT
        return profile.ProfileSums(source.line_type, lines, max_counts=max_counts)


def _read_ahead(source: Source, read: Callable[[Part], T]) -> Iterator[tuple[Part, T]]:
    """Yield each part with its rows, while the next part is read."""
    with ThreadPoolExecutor(1) as reader:
        previous = None
        for part in source.parts():
            current = part, reader.submit(read, part)
            if previous is not None:
                yield previous[0], previous[1].result()
            previous = current
        if previous is not None:
            yield previous[0], previous[1].result()
