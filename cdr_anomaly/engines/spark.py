"""Spark on many machines: Spark moves the rows, and Polars computes in its tasks.

Each task counts its own rows like the local engine, and the counts move, not the rows: so a line
with millions of calls loads no single task. Rows that repeat others may be in different tasks; the
fingerprints of all rows identify them, and these few rows are brought together and merged.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.engines import profile
from cdr_anomaly.engines.base import Engine, counted_columns
from cdr_anomaly.engines.first_pass import MARKS, FeedSpec, Tally
from cdr_anomaly.engines.spark_wire import Piece
from cdr_anomaly.ingest import add_local_day, deduplicate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import date

    from pyspark.sql import DataFrame

    from cdr_anomaly.engines.base import RowsDone
    from cdr_anomaly.engines.first_pass import FirstLook
    from cdr_anomaly.engines.profile import NeededLines
    from cdr_anomaly.engines.spark_cluster import Cluster
    from cdr_anomaly.engines.spark_wire import Pieces
    from cdr_anomaly.ingest import FileGroup, Source
    from cdr_anomaly.ingest.source import Query

    RowQuery = Callable[[pl.LazyFrame], pl.LazyFrame]
    Chunks = Iterator[pl.DataFrame]

BUCKET_ROWS = 2_000_000  # the counts of so many rows fit a task
KEYS, SUMS, ROWS, PROFILE, CALLERS = "keys", "sums", "rows", "profile", "callers"


class Spark(Engine):
    """Reads files with Spark, in as many tasks as the cluster runs at once."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    @staticmethod
    def repeat_key(source: Source) -> pl.Expr:
        """Return one integer that rows of one call have in common, other rows hardly ever."""
        return deduplicate.call_fingerprint(source.columns, as_text=source.as_text)

    def reader(
        self, group: FileGroup, query: Query, lines: pl.Series | None = None
    ) -> pl.LazyFrame:
        """Let Spark read the rows of a group, and collect the results of the query."""
        pieces = self.cluster.map_files(group, query, _pack_rows, lines)
        frames = [piece.frame for piece in self.cluster.fetch(pieces)]
        none = pl.LazyFrame(schema={**group.row_map.types, group.path_column: pl.String()})
        empty = query(replace(group, files=(), raw_rows=none)).collect()
        return pl.concat([empty, *frames]).lazy()

    def first_look(
        self,
        source: Source,
        needed: NeededLines | None,
        rows_done: RowsDone,
        traffic_kinds: Collection[str] = (),
    ) -> FirstLook:
        """Count the rows by verdict, PROFILE and TRAFFIC, and collect the forwarded legs."""
        cluster = self.cluster
        cluster.release()  # the pieces of a look that was not completed
        spec = FeedSpec.of_source(source, traffic_kinds)
        n_buckets = max(2 * cluster.n_tasks, source.rows // BUCKET_ROWS)
        first = _FirstPass(spec, self.repeat_key(source), needed, n_buckets)
        tables, repeat_keys = self._count(source, first)
        rows_done(source.rows)
        sums = profile.ProfileSums(source.line_type, profile.ALL_LINES)
        tally = Tally(spec, sums, profile.counts_for(needed))
        no_rows = first.select(source.no_rows()).collect()
        tally.add_rows(no_rows, is_carry_over=True)
        tally.repeat_keys = repeat_keys
        for piece in cluster.fetch(cluster.drop_tables(tables, KEYS, SUMS)):
            tally.add_table(piece.what, piece.frame)
        n_callers: Counter[date] = Counter()

        def profiles() -> Iterator[pl.DataFrame]:
            yield tally.sums.profile()
            sums = cluster.select_table(tables, SUMS)
            rows = cluster.map_buckets(sums, n_buckets, first.sum_profile)
            try:
                for piece in cluster.stream(cluster.persist(rows)):
                    if piece.what == CALLERS:
                        n_callers.update(dict(piece.frame.iter_rows()))
                    else:
                        yield piece.frame
            finally:
                cluster.release()

        if tally.has_names:
            source.read_names()
        return tally.first_look(profiles(), n_callers)

    def _count(self, source: Source, first: _FirstPass) -> tuple[list[DataFrame], pl.Series]:
        """Return the counts of a feed as tables of the cluster, and the keys of repeats."""
        cluster = self.cluster
        count_carry_over = partial(first.count_rows, is_carry_over=True)
        counts = self._map_calls(source, first.select, first.count_rows, count_carry_over)
        tables = [cluster.persist(counts)]
        keys = cluster.select_table(tables, KEYS)
        pieces = cluster.fetch(cluster.map_buckets(keys, first.n_buckets, _find_repeats))
        frames = [piece.frame.to_series() for piece in pieces]
        repeat_keys = pl.concat([pl.Series(dtype=pl.Int64), *frames])
        if len(repeat_keys):
            select = partial(first.select_repeats, repeat_keys=repeat_keys)
            repeats = self._map_calls(source, select, first.pack_by_key)
            merged = cluster.map_buckets(repeats, first.n_buckets, first.merge_repeats)
            tables.append(cluster.persist(merged))
        return tables, repeat_keys

    def callers(self, source: Source, condition: pl.Expr) -> pl.Series:
        """Return the lines that placed a call of which ``condition`` holds, or a few more."""

        def query(rows: pl.LazyFrame) -> pl.LazyFrame:
            return rows.filter(condition).select("calling_number").unique()

        pieces = self.cluster.fetch(self._map_calls(source, query, _pack_rows))
        lines = [piece.frame.to_series() for piece in pieces]
        return pl.concat([pl.Series(dtype=source.line_type), *lines]).unique().drop_nulls()

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

        def query(rows: pl.LazyFrame) -> pl.LazyFrame:
            return rows.filter(condition, "valid").select(columns)

        pieces = self.cluster.fetch(self._map_calls(source, query, _pack_rows, lines=lines))
        rows_done(source.rows)
        return pl.concat([query(source.no_rows()).collect(), *(piece.frame for piece in pieces)])

    def _map_calls(
        self,
        source: Source,
        query: RowQuery,
        function: Callable[[Chunks], Pieces],
        carry_over_function: Callable[[Chunks], Pieces] | None = None,
        lines: pl.Series | None = None,
    ) -> DataFrame:
        """Apply ``function`` to the results of ``query`` over the CALLS of a feed, in the tasks."""
        columns, line_type = source.columns, source.line_type

        def group_query(group: FileGroup) -> pl.LazyFrame:
            return query(group.map_rows(columns, line_type, lines))

        carry_over = query(source.carry_over_part().map_rows(lines)).collect()
        return self.cluster.union(
            [
                self.cluster.upload((carry_over_function or function)(iter([carry_over]))),
                *(
                    self.cluster.map_files(group, group_query, function, lines)
                    for group in source.file_groups()
                ),
            ]
        )


class _FirstPass:
    """The steps of the first look in a task; lines and keys are divided into ``n_buckets``."""

    def __init__(
        self, spec: FeedSpec, key: pl.Expr, needed: NeededLines | None, n_buckets: int
    ) -> None:
        self.spec = spec
        self.key = key.alias("key")
        self.needed = needed
        self.n_buckets = n_buckets

    def select(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return the columns that the first look counts by."""
        return rows.select(*counted_columns(self.spec), *MARKS, self.key)

    def count_rows(self, chunks: Chunks, *, is_carry_over: bool = False) -> Pieces:
        """Yield the counts of rows, with repeats, and the keys of the rows."""
        tally = self._tally()
        keys = [pl.Series("key", dtype=pl.Int64)]
        keys += [tally.add_rows(chunk, is_carry_over=is_carry_over)["key"] for chunk in chunks]
        yield from self._pack_tally(tally)
        yield from self._pack(KEYS, pl.concat(keys).to_frame(), "key")

    def select_repeats(self, rows: pl.LazyFrame, repeat_keys: pl.Series) -> pl.LazyFrame:
        """Return the rows that may repeat others."""
        is_repeat = pl.col("key").is_in(repeat_keys.implode())
        return self.select(rows).filter("valid", is_repeat).drop(MARKS)

    def pack_by_key(self, chunks: Chunks) -> Pieces:
        """Yield rows in the bucket of their key."""
        for chunk in chunks:
            yield from self._pack(ROWS, chunk, "key")

    def merge_repeats(self, pieces: Pieces) -> Pieces:
        """Yield the counts to add for rows that repeat others."""
        frames = [piece.frame for piece in pieces]
        if frames:
            tally = self._tally()
            tally.merge_repeats(add_local_day(pl.concat(frames), self.spec.tz))
            yield from self._pack_tally(tally)

    def sum_profile(self, pieces: Pieces) -> Pieces:
        """Yield PROFILE from the sums of all tasks, and the number of callers of each day."""
        sums = profile.ProfileSums(self.spec.line_type, profile.ALL_LINES)
        for piece in pieces:
            sums.add_counts(piece.frame)
        rows = sums.profile()
        days = {"day": list(sums.n_callers), "lines": list(sums.n_callers.values())}
        yield Piece(0, CALLERS, pl.DataFrame(days, schema={"day": pl.Date, "lines": pl.Int64}))
        if self.needed is not None:
            rows = profile.filter_needed(rows, self.needed)
        yield Piece(0, PROFILE, rows)

    def _tally(self) -> Tally:
        sums = profile.ProfileSums(self.spec.line_type, profile.ALL_LINES)
        return Tally(self.spec, sums, profile.counts_for(self.needed))

    def _pack_tally(self, tally: Tally) -> Pieces:
        for what, frame in tally.tables().items():
            yield Piece(0, what, frame)
        yield from self._pack(SUMS, tally.sums.counts(), "line")

    def _pack(self, what: str, frame: pl.DataFrame, by: str) -> Pieces:
        bucket = (pl.col(by).hash() // 2**32 % self.n_buckets).cast(pl.Int32)
        parts = frame.with_columns(bucket=bucket).partition_by(
            "bucket", as_dict=True, include_key=False
        )
        for (number,), part in parts.items():
            yield Piece(int(number), what, part)


def _pack_rows(chunks: Chunks) -> Pieces:
    for chunk in chunks:
        yield Piece(0, ROWS, chunk)


def _find_repeats(pieces: Pieces) -> Pieces:
    """Yield the keys that are not unique."""
    frames = [piece.frame for piece in pieces]
    if frames:
        keys = pl.concat(frames).to_series().sort().to_numpy()
        yield Piece(0, KEYS, pl.Series("key", deduplicate.repeated_keys(keys)).unique().to_frame())
