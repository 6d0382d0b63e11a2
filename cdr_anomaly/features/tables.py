"""What lines did, in a scan or on a night, to all tables that detectors read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering, schema
from cdr_anomaly.features import cold_callers, day_stats, rolling, shared_targets, shifts
from cdr_anomaly.ingest import subscribers as ingest_subscribers
from cdr_anomaly.schema import require
from cdr_anomaly.wording import Text, say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.needs import FeedNeeds
    from cdr_anomaly.features.second_look import LineReading
    from cdr_anomaly.settings import ColdCallers


def build_tables(reading: LineReading, needs: FeedNeeds) -> Tables:
    """Build the tables that detectors with these ``needs`` read, of a scan or of a night.

    The lines may have been read for more detectors than these.
    """
    reader, history = reading.reader, reading.history
    since, legs = history.since, reading.legs.rows.lazy()
    measured = day_stats.line_days(
        reading.legs, reading.profile, busy=needs.busy_calls, since=since
    )
    measures = measured.lazy()
    two_way = reading.two_way(needs)
    callers, lists, links = _cold_callers(reading, measures, needs.cold_callers, two_way=two_way)
    of_days = callers.filter(pl.col("day") >= since)
    people = cold_callers.reached_people(legs, of_days, needs.talk_s)
    traffic = require(reader.look.traffic.lazy(), schema.TRAFFIC, "traffic")
    return Tables(
        feed=reader.feed,
        tz=reader.source.tz,
        plan=reader.source.plan,
        names=reader.source.names,
        two_way=two_way,
        busy=needs.busy_calls,
        since=since,
        judged_days=history.judged_days(reader.feed),
        births_from=reading.births_from,
        profile=require(reading.profile, schema.PROFILE, "profile"),
        measures=require(measures, schema.MEASURES, "measures"),
        shifts=_shifts(reading, measured),
        legs=require(legs, schema.LEGS, "legs"),
        cold_callers=require(callers.filter("steady"), schema.COLD_CALLERS, "cold_callers"),
        cold_caller_days=of_days,
        lists=require(lists, schema.LISTS, "lists"),
        links=require(links, schema.LINKS, "links"),
        reached=require(reader.read_calls(people).lazy(), schema.REACHED, "reached"),
        hops=require(reading.hops, schema.HOPS, "hops"),
        lines=require(reading.lines, schema.LINES, "lines"),
        line_ages=require(reading.line_ages, schema.LINE_AGES, "line_ages"),
        subscribers=require(reader.subscribers.lines, schema.SUBSCRIBERS, "subscribers"),
        traffic=traffic.filter(pl.col("day") >= since),
    )


def _cold_callers(
    reading: LineReading, measures: pl.LazyFrame, rule: ColdCallers, *, two_way: bool
) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    """Return COLD_CALLERS of all days, LISTS of the days judged and the 6 before, and LINKS."""
    history, feed, legs = reading.history, reading.reader.feed, reading.legs.rows.lazy()
    past = history.cold_callers()
    line_days = cold_callers.line_days(
        measures, legs, rule, two_way=two_way, attempts=feed.attempts
    )
    busy = reading.profile.filter(cold_callers.is_busy(rule))
    today = cold_callers.mark_steady(line_days, past, busy).collect().lazy()
    lists = pl.concat([history.lists(), cold_callers.lists(legs, today)]).collect()
    others = cold_callers.called_by_busy(measures, legs, rule)
    others = others.join(today, on=["line", "day"], how="anti")
    links = shared_targets.links(lists, others.collect(), history.judged_days(feed))
    return pl.concat([past, today]), lists.lazy(), links.lazy()


def _shifts(reading: LineReading, measures: pl.DataFrame) -> pl.LazyFrame:
    """Return SHIFTS of the days judged, and what is remembered of the same lines."""
    history, needs, tz = reading.history, reading.needs.shifts, reading.reader.source.tz
    rows = shifts.line_days(reading.legs, measures, tz, needs, since=history.since)
    today = require(rows.lazy(), schema.SHIFTS, "shifts")
    past = history.shifts(needs.days_before).join(today.select("line"), on="line", how="semi")
    remembered = past.collect()
    return pl.concat([remembered.lazy(), today]) if remembered.height else today


@dataclass(frozen=True)
class Tables:
    """The tables of a run (schema/), lazily, and how lines and times are written.

    ``names`` are those of opaque lines.
    ``judged_days`` are the days that are judged. Days before ``since`` are a past that others are
    compared with; what is found on them does not count. ``busy`` placed calls make a day busy,
    ``births_from`` is the first day whose new lines are known. ``cold_caller_days`` are
    COLD_CALLERS of the days judged, steady or not.
    """

    feed: Feed
    tz: str
    plan: numbering.HomePlan
    names: numbering.LineNames
    two_way: bool
    busy: int
    since: date
    judged_days: tuple[date, ...]
    births_from: date
    profile: pl.LazyFrame
    measures: pl.LazyFrame
    shifts: pl.LazyFrame
    legs: pl.LazyFrame
    cold_callers: pl.LazyFrame
    cold_caller_days: pl.LazyFrame
    lists: pl.LazyFrame
    links: pl.LazyFrame
    reached: pl.LazyFrame
    hops: pl.LazyFrame
    lines: pl.LazyFrame
    line_ages: pl.LazyFrame
    subscribers: pl.LazyFrame
    traffic: pl.LazyFrame

    def unknown(self) -> list[Text]:
        """Return what this feed cannot tell, apart from detectors that do not apply to it."""
        feed = self.feed
        limits = {
            say(
                "not_known.call_backs",
                "call-backs and the share of outgoing calls, which do not count: the feed holds "
                "hardly any call that its lines receive",
            ): not self.two_way,
            say(
                "not_known.activation",
                "when lines were activated: the list of subscribers has no activation",
            ): bool(feed.listed_columns) and not feed.activations,
            say(
                "not_known.classes",
                "number classes, blocks and targets abroad: numbers are opaque tokens",
            ): not feed.classes,
            say(
                "not_known.ranges",
                "lists that are ranges of neighbouring numbers: the pseudonyms were made with "
                "--no-neighbours",
            ): not feed.neighbours,
            say(
                "not_known.unanswered",
                "the share of unanswered calls, which does not count: the feed holds answered "
                "calls only",
            ): not feed.attempts and feed.first_day is not None,
            say(
                "not_known.imsi",
                "numbers presented as foreign with a home identity: the feed has no imsi",
            ): "imsi" not in feed.columns,
            say(
                "not_known.trunks",
                "numbers presented as foreign on domestic trunks, and home numbers on "
                "international ones: the feed has no trunk_in",
            ): "trunk_in" not in feed.columns,
        }
        return [text for text, holds in limits.items() if holds]

    def groups(self, levels: Iterable[int]) -> pl.LazyFrame:
        """Return LINE_AGES with the groups of each line, as findings name them.

        These are its number blocks, of so many national digits (``block_7``), and, where they are
        listed, its ``dealer`` and the ``region`` of its holder.
        """
        number = self.written(pl.col("line"))
        blocks = {f"block_{n}": numbering.number_block(number, self.plan, n) for n in levels}
        told = ingest_subscribers.groups(self.subscribers, self.feed.listed_columns)
        return self.line_ages.select("line", "born", **blocks).join(told, on="line", how="left")

    def written(self, line: pl.Expr) -> pl.Expr:
        """Return lines as text: E.164 with +, or the token that came in."""
        return line if self.feed.opaque else numbering.format_line(line, self.names)

    def literal(self, line: object) -> pl.Expr:
        """Return one line, as the calls carry it, as a literal of the type that it has in tables.

        A short number such as 10086 would otherwise become a 32-bit integer.
        """
        return pl.lit(line, dtype=pl.String if self.feed.opaque else pl.Int64)

    def local(self, instant: pl.Expr) -> pl.Expr:
        """Return an instant as local date, hour and minute."""
        return instant.dt.convert_time_zone(self.tz).dt.strftime("%Y-%m-%d %H:%M")

    def midnight(self, day: pl.Expr) -> pl.Expr:
        """Return the instant at which a local day begins."""
        return rolling.midnight(day, self.tz)

    def opens(self, day: pl.Expr) -> pl.Expr:
        """Return the start of a window whose first local day this is."""
        return rolling.just_before(self.midnight(day))

    def closes(self, day: pl.Expr) -> pl.Expr:
        """Return the end of a window whose last local day this is."""
        return self.opens(day + timedelta(days=1))
