"""Spark on many machines: Spark moves the rows, and Polars computes where they are.

Each task counts its own rows as the local engine would, and what it has counted moves, not its
rows: so a line with millions of calls is no more work for one task than any other. Rows that
repeat others may lie in different tasks; fingerprints of all rows tell which, and those few are
brought together and mended.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.engines import profile
from cdr_anomaly.engines.base import Looks, counted_by
from cdr_anomaly.engines.first_pass import MARKS, Kind, Tally
from cdr_anomaly.engines.spark_wire import Piece
from cdr_anomaly.ingest import add_local_day, deduplicate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import date

    from pyspark.sql import DataFrame

    from cdr_anomaly.engines.base import FirstLook, Progress
    from cdr_anomaly.engines.profile import Least
    from cdr_anomaly.engines.spark_cluster import Cluster
    from cdr_anomaly.engines.spark_wire import Made
    from cdr_anomaly.ingest import FileGroup, Source

    Of = Callable[[pl.LazyFrame], pl.LazyFrame]
    Rows = Iterator[pl.DataFrame]

# So many rows a bucket: what is counted of them fits a task.
BUCKET_ROWS = 2_000_000
KEYS, SUMS, ROWS, PROFILE, CALLERS = "keys", "sums", "rows", "profile", "callers"


class Spark(Looks):
    """Reads files by Spark, in as many tasks as the cluster takes at once."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    @staticmethod
    def key(source: Source) -> pl.Expr:
        """Make one integer of what makes two rows of a feed one call."""
        return deduplicate.call_fingerprint(source.columns, as_text=source.as_text)

    def reader(
        self,
        shape: FileGroup,
        of: Callable[[FileGroup], pl.LazyFrame],
        lines: pl.Series | None = None,
    ) -> pl.LazyFrame:
        """Let Spark read the rows of a shape, and bring here what is made of them."""
        made = self.cluster.over_rows(shape, of, _as_rows, lines)
        found = [piece.frame for piece in self.cluster.fetched(made)]
        none = pl.LazyFrame(schema={**shape.row_map.types, shape.path_column: pl.String()})
        blank = of(replace(shape, files=(), raw_rows=none)).collect()
        return pl.concat([blank, *found]).lazy()

    def first_look(
        self, source: Source, least: Least | None, done: Progress, counts: Collection[str] = ()
    ) -> FirstLook:
        """Count the rows by verdict, add up PROFILE, and take the forwarded legs."""
        self.cluster.let_go()  # of a look that was given up
        first = _First(Kind.of(source, counts), self.key(source), least, self._buckets(source))
        told = self._over(
            source, first.counted_by, first.counted, partial(first.counted, before=True)
        )
        pieces = [self.cluster.kept(told)]
        done(source.rows)
        keys = self.cluster.over_pieces(self.cluster.only(pieces, KEYS), first.buckets, _repeated)
        found = [piece.frame.to_series() for piece in self.cluster.fetched(keys)]
        alike = pl.concat([pl.Series(dtype=pl.Int64), *found])
        if len(alike):
            pieces.append(self.cluster.kept(self._mends(source, first, alike)))
        tally = Tally(first.kind, profile.Sums(source.line_type, profile.ALL))
        blank = first.counted_by(source.no_rows()).collect()
        tally.take(blank, until=None, counted=True)
        tally.alike.append(alike)
        for piece in self.cluster.fetched(self.cluster.without(pieces, KEYS, SUMS)):
            tally.take_told(piece.what, piece.frame)
        callers: Counter[date] = Counter()

        def profiles() -> Iterator[pl.DataFrame]:
            yield tally.sums.profile()
            sums = self.cluster.only(pieces, SUMS)
            summed = self.cluster.over_pieces(sums, first.buckets, first.summed)
            try:
                for piece in self.cluster.streamed(self.cluster.kept(summed)):
                    if piece.what == CALLERS:
                        callers.update(dict(piece.frame.iter_rows()))
                    else:
                        yield piece.frame
            finally:
                self.cluster.let_go()

        return tally.look(profiles(), callers)

    def callers(self, source: Source, wanted: pl.Expr) -> pl.Series:
        """Name the lines that placed any call of which ``wanted`` holds, and maybe a few more."""

        def of(rows: pl.LazyFrame) -> pl.LazyFrame:
            return rows.filter(wanted).select("calling_number").unique()

        found = self.cluster.fetched(self._over(source, of, _as_rows))
        none = pl.Series(dtype=source.line_type)
        return (
            pl.concat([none, *(piece.frame.to_series() for piece in found)]).unique().drop_nulls()
        )

    def calls(
        self,
        source: Source,
        wanted: Sequence[str],
        asked: pl.Expr,
        lines: pl.Series | None,
        *,
        done: Progress,
    ) -> pl.DataFrame:
        """Take columns of the calls that are ``asked`` for; all are of ``lines``, if any."""

        def of(rows: pl.LazyFrame) -> pl.LazyFrame:
            return rows.filter(asked, "valid").select(wanted)

        found = self.cluster.fetched(self._over(source, of, _as_rows, lines=lines))
        done(source.rows)
        return pl.concat([of(source.no_rows()).collect(), *(piece.frame for piece in found)])

    def _over(
        self,
        source: Source,
        of: Of,
        made_of: Callable[[Rows], Made],
        made_of_carried: Callable[[Rows], Made] | None = None,
        lines: pl.Series | None = None,
    ) -> DataFrame:
        """Give what ``of`` makes of the CALLS of a feed to ``made_of``, where its rows are."""
        columns, line = source.columns, source.line_type

        def of_shape(shape: FileGroup) -> pl.LazyFrame:
            return of(shape.map_rows(columns, line, lines))

        late = of(source.carry_over_part().map_rows(lines)).collect()
        return self.cluster.together(
            [
                self.cluster.put((made_of_carried or made_of)(iter([late]))),
                *(
                    self.cluster.over_rows(shape, of_shape, made_of, lines)
                    for shape in source.file_groups()
                ),
            ]
        )

    def _mends(self, source: Source, first: _First, alike: pl.Series) -> DataFrame:
        """Say what must be taken out of the count for rows that repeat others, and what put in."""
        repeats = self._over(source, partial(first.repeats, alike=alike), first.divided)
        return self.cluster.over_pieces(repeats, first.buckets, first.mended)

    def _buckets(self, source: Source) -> int:
        return max(2 * self.cluster.width, source.rows // BUCKET_ROWS)


class _First:
    """The first look, as tasks do it; ``buckets`` is how many the lines are divided into."""

    def __init__(self, kind: Kind, key: pl.Expr, least: Least | None, buckets: int) -> None:
        self.kind = kind
        self.key = key.alias("key")
        self.least = least
        self.buckets = buckets

    def counted_by(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Take what rows are counted by."""
        return rows.select(*counted_by(self.kind), *MARKS, self.key)

    def counted(self, rows: Rows, *, before: bool = False) -> Made:
        """Count rows, as if none repeated another; those of the night ``before`` are no news."""
        tally = self._tally()
        keys = [pl.Series("key", dtype=pl.Int64)]
        for chunk in rows:
            used = tally.used(chunk, counted=before)
            tally.count(used)
            keys.append(used["key"])
        yield from self._told(tally)
        yield from self._divided(KEYS, pl.concat(keys).to_frame(), "key")

    def repeats(self, rows: pl.LazyFrame, alike: pl.Series) -> pl.LazyFrame:
        """Take the rows that may repeat others."""
        counted = self.counted_by(rows)
        return counted.filter("valid", pl.col("key").is_in(alike.implode())).drop(MARKS)

    def divided(self, rows: Rows) -> Made:
        """Give rows to the bucket of their key."""
        for chunk in rows:
            yield from self._divided(ROWS, chunk, "key")

    def mended(self, pieces: Made) -> Made:
        """Take rows that repeat others out of the count, and count them mended."""
        found = [piece.frame for piece in pieces]
        if found:
            tally, now = self._tally(), add_local_day(pl.concat(found), self.kind.tz)
            tally.mend(now.clear(), now)
            yield from self._told(tally)

    def summed(self, pieces: Made) -> Made:
        """Make PROFILE of the sums of all tasks, and say how many lines called on each day."""
        sums = profile.Sums(self.kind.line, profile.ALL)
        for piece in pieces:
            sums.take(piece.frame)
        whole = sums.profile()
        days = {"day": list(sums.callers), "lines": list(sums.callers.values())}
        yield Piece(0, CALLERS, pl.DataFrame(days, schema={"day": pl.Date, "lines": pl.Int64}))
        kept = whole if self.least is None else profile.needed(whole, self.least)
        yield Piece(0, PROFILE, kept)

    def _tally(self) -> Tally:
        return Tally(self.kind, profile.Sums(self.kind.line, profile.ALL, least=self.least))

    def _told(self, tally: Tally) -> Made:
        for what, frame in tally.told().items():
            yield Piece(0, what, frame)
        yield from self._divided(SUMS, tally.sums.counts(), "line")

    def _divided(self, what: str, frame: pl.DataFrame, by: str) -> Made:
        bucket = (pl.col(by).hash() // 2**32 % self.buckets).cast(pl.Int32)
        placed = frame.with_columns(bucket=bucket)
        parts = placed.partition_by("bucket", as_dict=True, include_key=False)
        for (place,), part in parts.items():
            yield Piece(int(place), what, part)


def _as_rows(rows: Rows) -> Made:
    for chunk in rows:
        yield Piece(0, ROWS, chunk)


def _repeated(pieces: Made) -> Made:
    """Say which keys stand more than once."""
    found = [piece.frame for piece in pieces]
    if found:
        ordered = pl.concat(found).to_series().sort()
        yield Piece(0, KEYS, deduplicate.repeated_keys(ordered).unique().to_frame())
