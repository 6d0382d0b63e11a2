"""Polars on this machine: a part of the feed at a time, so that memory holds few parts' rows."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from cdr_anomaly import ingest, legs, numbering, profile
from cdr_anomaly.engines.base import FirstLook, SecondLook
from cdr_anomaly.ingest import dated, repairs
from cdr_anomaly.schema import LONG, REACHED, empty
from cdr_anomaly.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import date, datetime

    from cdr_anomaly.engines.base import Progress
    from cdr_anomaly.ingest import Part, Source
    from cdr_anomaly.profile import Bucket, Least

# Columns that the first look counts by; legs need these too, and what else they can have.
COUNTED = (
    "calling_number", "called_number", "start_time", "duration_s", "record_type",
    "redirecting_number", "call_id",
)  # fmt: skip
ON_FORWARDS = ("redirect_reason", "answered")
ON_LEGS = ("answered", "cell_id", "imei", "imsi", "trunk_in")
T = TypeVar("T")
NO_DAYS = pl.DataFrame(schema={"day": pl.Date, "calls": pl.UInt32})
MARKS = ("sound", "lost", "doubt")
# What two parts and all that is made of them take, and one count while counts are merged: of all
# lines, or of those that are left by a sieve.
PARTS_BYTES = 2**30
COUNT_BYTES, SIEVED_COUNT_BYTES = 48, 16
# What a row takes that is kept for the second look; half of the room may go into these.
KEPT_BYTES = 64


class Local:
    """Reads part by part, the next one while the last one is counted.

    Rows are kept from the first look to the others as far as the ``memory`` (bytes) goes.
    """

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
            known, rows = next(kept, None), part.mapped()
            if known is None:
                return rows.filter(wanted).select("calling_number").collect().to_series()
            asked = rows.select(wanted=wanted.fill_null(value=False)).collect().to_series()
            return known["calling_number"].filter(asked)

        found = [lines.unique() for _, lines in _ahead(source, read)]
        return pl.concat([pl.Series(dtype=source.line_type), *found]).unique().drop_nulls()

    def second_look(
        self,
        source: Source,
        lines: pl.DataFrame,
        worth: pl.Expr,
        *,
        alike: pl.Series,
        late: pl.Expr | None,
        done: Progress,
    ) -> SecondLook:
        """Count what the lines (line) placed and received, and take the LEGS of the worthy."""
        columns = source.columns
        more = () if late is None else ON_FORWARDS
        wanted = [c for c in dict.fromkeys((*COUNTED, *ON_LEGS, *more)) if c in columns]
        key = repairs.key(columns, as_text=source.as_text)
        asked = ingest.of_lines(lines["line"])
        if late is not None:
            # Of a late call that was delivered in parts all parts are needed.
            asked = asked | late | (key.is_in(alike.implode()) if len(alike) else False)
        only = lines["line"] if late is None else None
        calls = self._again(source, wanted, asked, only, alike=alike, done=done)
        calls = dated(calls, source.tz)
        days = profile.by_day(calls, lines)
        age = (pl.col("day") - pl.col("born")).dt.total_days()
        aged = days.join(lines, on="line").with_columns(age_d=age)
        worthy = aged.filter(worth).select("line").unique()
        whose = pl.lit(value=False) if late is None else late
        return SecondLook(days, legs.of_lines(calls, worthy), calls.filter(whose))

    def third_look(
        self, source: Source, line_days: pl.DataFrame, *, alike: pl.Series
    ) -> pl.DataFrame:
        """Take the calls of some lines on some days (line, day), in the columns of REACHED."""
        if line_days.is_empty():
            return empty(REACHED, source.line_type)
        lines = line_days.select("line").unique()
        wanted = [c for c in (*COUNTED, "answered") if c in source.columns]
        asked = ingest.of_lines(lines["line"])
        calls = self._again(source, wanted, asked, lines["line"], alike=alike, done=lambda _: None)
        found = legs.of_lines(dated(calls, source.tz), lines).select(list(REACHED))
        return found.join(line_days, on=["line", "day"], how="semi").sort(pl.all())

    def _again(
        self, source: Source, wanted: list[str], asked: pl.Expr, lines: pl.Series | None, *,
        alike: pl.Series, done: Progress,
    ) -> pl.DataFrame:  # fmt: skip
        """Take columns of the calls that are ``asked`` for, mended; all are of ``lines`` if any."""
        kept = iter(self.kept)

        def read(part: Part) -> pl.DataFrame:
            known = next(kept, None)
            if known is None:
                fresh = part.mapped().filter(asked) if lines is None else part.mapped(lines)
                return fresh.filter("sound").select(wanted).collect()
            some = known.select(asked & pl.col("sound")).to_series()
            rows, rest = known.filter(some), [c for c in wanted if c not in known.columns]
            if rest:
                rows = rows.hstack(part.mapped().select(rest).collect().filter(some))
            return rows.select(wanted)

        found = []
        for part, rows in _ahead(source, read):
            found.append(rows)
            done(part.rows)
        calls = pl.concat(found)
        if len(alike):
            key = repairs.key(source.columns, as_text=source.as_text)
            calls = repairs.settled(calls, source.columns, key.is_in(alike.implode()))
        return calls

    def _tallied(
        self, source: Source, lines: Bucket, least: Least | None, done: Progress,
        counts: Collection[str] = (),
    ) -> _Tally:  # fmt: skip
        columns = source.columns
        on_forwards = ON_FORWARDS if "redirecting_number" in columns else ()
        abroad = numbering.is_abroad(pl.col("line"), source.plan, as_text=source.as_text)
        traffic = Traffic(counts, columns, abroad)
        wanted = [c for c in (*COUNTED, *on_forwards, *traffic.columns) if c in columns]
        key = repairs.key(columns, as_text=source.as_text).alias("key")
        most = self.room // (SIEVED_COUNT_BYTES if least else COUNT_BYTES)
        sums = profile.Sums(source.line_type, lines, least=least, most=most)
        tally = _Tally(source, sums, traffic)

        def read(part: Part) -> pl.DataFrame:
            return part.mapped().select(*wanted, *MARKS, key).collect()

        keep = self.room // 2 // KEPT_BYTES if lines == profile.ALL and not source.as_text else 0
        for part, rows in _ahead(source, read):
            keep -= part.rows
            if keep >= 0:
                self.kept.append(rows.select(c for c in (*COUNTED, "sound") if c in rows.columns))
            tally.take(rows, until=part.next_start, counted=part.carried is not None)
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


class _Tally:
    """What has been counted so far, part by part."""

    def __init__(self, source: Source, sums: profile.Sums, traffic: Traffic) -> None:
        self.source = source
        self.columns = source.columns
        self.sums = sums
        self.traffic = traffic
        self.verdicts: Counter[int] = Counter()
        self.days: list[pl.DataFrame] = []
        self.forwarded: list[pl.DataFrame] = []
        self.long: list[pl.DataFrame] = []
        self.alike: list[pl.Series] = []
        self.open = pl.DataFrame()
        self.unanswered = self.talk = self.lost = self.doubt = False
        self.numbers = not source.as_text
        self.duplicates = self.partial = 0

    def take(self, rows: pl.DataFrame, *, until: datetime | None, counted: bool) -> None:
        """Add up one part's rows; a repeat of a row from ``until`` on may yet come.

        Rows that are ``counted`` as rows of the feed already are not counted as such again.
        """
        used = dated(rows.drop(MARKS) if counted else self._sound(rows), self.source.tz)
        days = used["day"].value_counts(name="calls")
        self.days.append(days.clear() if counted else days)
        ordered = used["key"].sort()
        by_key = days.height == 1 and not self.source.as_text
        self.sums.add(used, placed=repairs.placed(ordered) if by_key else None)
        self.traffic.add(used)
        if "redirecting_number" in self.columns:
            self.forwarded.append(used.filter(pl.col("redirecting_number").is_not_null()))
        self.long.append(used.filter(pl.col("duration_s") >= legs.LONG_S))
        before = self.open if self.open.height else used.clear()
        alike = pl.concat([repairs.repeated(ordered), repairs.shared(before["key"], ordered)])
        self.alike.append(alike)
        still_open = repairs.still_open(until)
        waiting = pl.concat([before.filter(still_open), used.filter(still_open)])
        if len(alike):
            repeat = pl.col("key").is_in(alike.implode())
            # Parts of a call that may be long as a whole.
            parts = repeat & (pl.col("duration_s") >= legs.PART_S)
            self.long += [before.filter(parts), used.filter(parts)]
            once = self._mend(before.filter(repeat), used.filter(repeat))
            waiting = pl.concat([waiting.filter(~repeat), once.filter(still_open)])
        self.open = waiting

    def look(self, profiles: Iterator[pl.DataFrame], callers: Mapping[date, int]) -> FirstLook:
        """Give what was counted; ``profiles`` and the ``callers`` in them are passed on."""
        forwarded, days = self._forwarded(), pl.concat([NO_DAYS, *self.days])
        return FirstLook(
            verdicts=self.verdicts,
            days=days.group_by("day").agg(pl.col("calls").sum()).sort("day"),
            profiles=profiles,
            callers=callers,
            forwarded=forwarded,
            traffic=self.traffic.table(),
            long=self._long(),
            unanswered=self.unanswered, talk=self.talk, numbers=self.numbers,
            lost=self.lost, doubt=self.doubt,
            alike=pl.concat(self.alike).unique(),
            duplicates=self.duplicates, partial=self.partial,
        )  # fmt: skip

    def _sound(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Keep the rows that are used, and count them and the others by verdict."""
        used = rows if rows["sound"].all() else rows.filter("sound")
        bad = rows.clear() if used.height == rows.height else rows.filter(~pl.col("sound"))
        self.verdicts[0] += used.height
        self.verdicts.update(dict(self.source.verdicts(bad).value_counts().iter_rows()))
        self.lost |= bool(rows["lost"].any())
        self.doubt |= bool(rows["doubt"].any())
        self.unanswered = self.unanswered or bool((used["duration_s"] == 0).any())
        self.talk = self.talk or bool((used["duration_s"] > 0).any())
        if not self.numbers:
            self.numbers = bool(used["calling_number"].str.starts_with("+").any())
        return used.drop(MARKS)

    def _mend(self, before: pl.DataFrame, now: pl.DataFrame) -> pl.DataFrame:
        """Take rows that may repeat out of the count, count them mended, and keep each once.

        The rows ``before`` are of earlier parts, and were counted as mended as they then could be:
        that count, too, is taken back.
        """
        unique = repairs.without_duplicates(pl.concat([before, now]).lazy(), self.columns).collect()
        settled, taken_back = self._mended(unique), self._mended(before)
        for counted in (self.sums, self.traffic):
            counted.add(now, sign=-1)
            counted.add(taken_back, sign=-1)
            counted.add(settled)
        self.duplicates += before.height + now.height - unique.height
        merged_before = before.height - taken_back.height
        self.partial += unique.height - settled.height - merged_before
        return unique.select(now.columns)

    def _mended(self, calls: pl.DataFrame) -> pl.DataFrame:
        whole = repairs.mended(calls.drop("day").lazy(), self.columns).collect()
        return dated(whole, self.source.tz)

    def _long(self) -> pl.DataFrame:
        calls = pl.concat([self.open.clear(), *self.long], how="diagonal_relaxed")
        if calls.is_empty():
            return empty(LONG, self.source.line_type)
        return legs.long(self._mended(calls) if any(map(len, self.alike)) else calls)

    def _forwarded(self) -> pl.DataFrame:
        calls = pl.concat([self.open.clear(), *self.forwarded], how="diagonal_relaxed")
        if "redirecting_number" not in self.columns:
            calls = calls.with_columns(redirecting_number=pl.col("calling_number"))
        if self.duplicates or self.partial:
            calls = self._mended(calls)
        return legs.forwarded(calls)
