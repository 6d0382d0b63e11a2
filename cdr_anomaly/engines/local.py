"""Polars on this machine: a part of the feed at a time, so that memory holds few parts' rows."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from cdr_anomaly.engines import profile
from cdr_anomaly.engines.base import COUNTED, Looks, counted_by
from cdr_anomaly.engines.first_pass import MARKS, Kind, Tally
from cdr_anomaly.ingest import deduplicate, read_locally

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from datetime import date

    from cdr_anomaly.engines.base import FirstLook, Progress
    from cdr_anomaly.engines.profile import Bucket, Least
    from cdr_anomaly.ingest import Part, Source

T = TypeVar("T")
# What two parts and all that is made of them take, and one count while counts are merged: of all
# lines, or of those that are left by a sieve.
PARTS_BYTES = 2**30
COUNT_BYTES, SIEVED_COUNT_BYTES = 48, 16
# What a row takes that is kept for the second look; half of the room may go into these.
KEPT_BYTES = 64


class Local(Looks):
    """Reads part by part, the next one while the last one is counted.

    Rows are kept from the first look to the others as far as the ``memory`` (bytes) goes.
    """

    reader = staticmethod(read_locally)

    def __init__(self, memory: int) -> None:
        self.room = memory - PARTS_BYTES
        self.kept: list[pl.DataFrame] = []

    def first_look(
        self, source: Source, least: Least | None, done: Progress, counts: Collection[str] = ()
    ) -> FirstLook:
        """Count the rows by verdict, add up PROFILE, and take the forwarded legs, in one pass."""
        self.kept = []
        tally = self._tallied(source, profile.ALL, least, done, counts)
        callers: Counter[date] = Counter()

        def had(sums: profile.Sums) -> pl.DataFrame:
            made = sums.profile()
            callers.update(sums.callers)
            return made

        def profiles() -> Iterator[pl.DataFrame]:
            yield had(tally.sums)
            put_off = tally.sums.off
            while put_off:
                again = self._tallied(source, put_off.pop(), least, lambda _: None)
                yield had(again.sums)
                put_off += again.sums.off

        return tally.look(profiles(), callers)

    def callers(self, source: Source, wanted: pl.Expr) -> pl.Series:
        """Name the lines that placed any call of which ``wanted`` holds, and maybe a few more."""
        kept = iter(self.kept)

        def read(part: Part) -> pl.Series:
            known, rows = next(kept, None), part.map_rows()
            if known is None:
                return rows.filter(wanted).select("calling_number").collect().to_series()
            asked = rows.select(wanted=wanted.fill_null(value=False)).collect().to_series()
            return known["calling_number"].filter(asked)

        found = [lines.unique() for _, lines in _ahead(source, read)]
        return pl.concat([pl.Series(dtype=source.line_type), *found]).unique().drop_nulls()

    @staticmethod
    def key(source: Source) -> pl.Expr:
        """Make one integer of what makes two rows of a feed one call; its calls may share it."""
        return deduplicate.call_key(source.columns, as_text=source.as_text)

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
        kept = iter(self.kept)

        def read(part: Part) -> pl.DataFrame:
            known = next(kept, None)
            if known is None:
                fresh = part.map_rows().filter(asked) if lines is None else part.map_rows(lines)
                return fresh.filter("valid").select(wanted).collect()
            some = known.select(asked & pl.col("valid")).to_series()
            rows, rest = known.filter(some), [c for c in wanted if c not in known.columns]
            if rest:
                rows = rows.hstack(part.map_rows().select(rest).collect().filter(some))
            return rows.select(wanted)

        found = []
        for part, rows in _ahead(source, read):
            found.append(rows)
            done(part.rows)
        return pl.concat(found)

    def _tallied(
        self,
        source: Source,
        lines: Bucket,
        least: Least | None,
        done: Progress,
        counts: Collection[str] = (),
    ) -> Tally:
        kind = Kind.of(source, counts)
        wanted = counted_by(kind)
        most = self.room // (SIEVED_COUNT_BYTES if least else COUNT_BYTES)
        tally = Tally(kind, profile.Sums(source.line_type, lines, least=least, most=most))
        key = self.key(source).alias("key")

        def read(part: Part) -> pl.DataFrame:
            return part.map_rows().select(*wanted, *MARKS, key).collect()

        keep = self.room // 2 // KEPT_BYTES if lines == profile.ALL and not source.as_text else 0
        for part, rows in _ahead(source, read):
            keep -= part.rows
            if keep >= 0:
                self.kept.append(rows.select(c for c in (*COUNTED, "valid") if c in rows.columns))
            tally.take(rows, until=part.next_start, counted=part.carry_over is not None)
            done(part.rows)
        return tally


def _ahead(source: Source, read: Callable[[Part], T]) -> Iterator[tuple[Part, T]]:
    """Yield each part with its rows, while the rows of the next one are being read."""
    with ThreadPoolExecutor(1) as reader:
        waiting = None
        for part in source.parts():
            coming = part, reader.submit(read, part)
            if waiting is not None:
                yield waiting[0], waiting[1].result()
            waiting = coming
        if waiting is not None:
            yield waiting[0], waiting[1].result()
