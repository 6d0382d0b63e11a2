"""What lines did, in a scan or on a night, to all tables that detectors read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering, schema
from cdr_anomaly.features import cold_callers, day_stats, rolling, shared_targets, shifts
from cdr_anomaly.ingest import subscribers as ingest_subscribers
from cdr_anomaly.schema import empty, require
from cdr_anomaly.wording import Text, say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from cdr_anomaly.engines.base import Engine, RowsDone, SecondLook
    from cdr_anomaly.engines.first_pass import FirstLook
    from cdr_anomaly.engines.profile import NeededLines
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.needs import FeedNeeds
    from cdr_anomaly.ingest import Source
    from cdr_anomaly.ingest.subscribers import Subscribers
    from cdr_anomaly.settings import ColdCallers


@dataclass(frozen=True)
class FeedReader:
    """A feed after the first look at all its calls, and how to read the calls of some lines again.

    ``line`` is a line to read again whatever it did, as the calls carry it, or None. The first look
    took only the lines that reach ``needed``, where it is given. ``done`` receives numbers of rows.
    """

    engine: Engine
    source: Source
    subscribers: Subscribers
    line: object
    needed: NeededLines | None
    look: FirstLook
    feed: Feed
    done: RowsDone

    def read_lines(
        self, lines: pl.DataFrame, worth: pl.Expr, *, late: pl.Expr | None = None
    ) -> SecondLook:
        """Count the calls of ``lines`` by day, and take the legs of the line-days in ``worth``."""
        repeat_keys = self.look.repeat_keys
        return self.engine.second_look(
            self.source, lines, worth, repeat_keys=repeat_keys, carry_over=late, rows_done=self.done
        )

    def read_calls(self, line_days: pl.LazyFrame) -> pl.DataFrame:
        """Return the calls of some lines on some days (line, day), with the columns of REACHED."""
        return self.engine.third_look(
            self.source, line_days.collect(), repeat_keys=self.look.repeat_keys
        )


class TableRules(NamedTuple):
    """What the tables take from the settings of detectors.

    A day is busy from ``busy`` placed calls on; ``two_way`` tells whether the feed holds the calls
    that lines receive; a line-day that keeps to ``cold_callers`` is one of calling strangers one
    way; REACHED are the people to whom such lines talked for ``talk_s`` seconds.
    """

    busy: int
    two_way: bool
    cold_callers: ColdCallers
    talk_s: int

    @classmethod
    def of(cls, needs: FeedNeeds, *, two_way: bool) -> TableRules:
        """Return the rules of some detectors, one of each kind."""
        return cls(needs.busy_calls, two_way, needs.cold_callers, needs.talk_s)


@dataclass(frozen=True)
class TableInputs:
    """What the tables are built from: the lines that were read again, and their past.

    ``judged_days`` are from ``since`` on; ``shift_needs`` tells which line-days SHIFTS has.
    ``past_cold_callers``, ``past_lists`` and ``past_shifts`` are what a night remembers of the days
    before: COLD_CALLERS, LISTS of the last 6 days, and SHIFTS. The rest is as in Tables.
    """

    reader: FeedReader
    since: date
    judged_days: tuple[date, ...]
    births_from: date
    shift_needs: shifts.ShiftNeeds
    profile: pl.LazyFrame
    legs: pl.LazyFrame
    hops: pl.LazyFrame
    lines: pl.LazyFrame
    line_ages: pl.LazyFrame
    past_cold_callers: pl.LazyFrame | None = None
    past_lists: pl.LazyFrame | None = None
    past_shifts: pl.LazyFrame | None = None


def build_tables(inputs: TableInputs, rules: TableRules) -> tuple[Tables, pl.LazyFrame]:
    """Build every table. Return also COLD_CALLERS of the days judged, steady or not."""
    reader, since, legs = inputs.reader, inputs.since, inputs.legs
    measures = day_stats.line_days(legs, inputs.profile, busy=rules.busy, since=since)
    measures = measures.collect().lazy()
    all_callers, lists, links = _cold_callers(inputs, measures, rules)
    judged_callers = all_callers.filter(pl.col("day") >= since)
    people = cold_callers.reached_people(legs, judged_callers, rules.talk_s)
    traffic = require(reader.look.traffic.lazy(), schema.TRAFFIC, "traffic")
    tables = Tables(
        feed=reader.feed,
        tz=reader.source.tz,
        plan=reader.source.plan,
        two_way=rules.two_way,
        busy=rules.busy,
        since=since,
        judged_days=inputs.judged_days,
        births_from=inputs.births_from,
        profile=require(inputs.profile, schema.PROFILE, "profile"),
        measures=require(measures, schema.MEASURES, "measures"),
        shifts=_shifts(inputs, measures),
        legs=require(legs, schema.LEGS, "legs"),
        cold_callers=require(all_callers.filter("steady"), schema.COLD_CALLERS, "cold_callers"),
        lists=require(lists, schema.LISTS, "lists"),
        links=require(links, schema.LINKS, "links"),
        reached=require(reader.read_calls(people).lazy(), schema.REACHED, "reached"),
        hops=require(inputs.hops, schema.HOPS, "hops"),
        lines=require(inputs.lines, schema.LINES, "lines"),
        line_ages=require(inputs.line_ages, schema.LINE_AGES, "line_ages"),
        subscribers=require(reader.subscribers.lines, schema.SUBSCRIBERS, "subscribers"),
        traffic=traffic.filter(pl.col("day") >= since),
    )
    return tables, judged_callers


def _cold_callers(
    inputs: TableInputs, measures: pl.LazyFrame, rules: TableRules
) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    """Return COLD_CALLERS of all days, LISTS of the days judged and the 6 before, and LINKS."""
    line_type, rule, legs = inputs.reader.source.line_type, rules.cold_callers, inputs.legs
    past = empty(schema.COLD_CALLERS, line_type).lazy()
    past_lists = empty(schema.LISTS, line_type).lazy()
    if inputs.past_cold_callers is not None and inputs.past_lists is not None:
        past, past_lists = inputs.past_cold_callers, inputs.past_lists
    line_days = cold_callers.line_days(
        measures, legs, rule, two_way=rules.two_way, attempts=inputs.reader.feed.attempts
    )
    busy = inputs.profile.filter(cold_callers.is_busy(rule))
    today = cold_callers.mark_steady(line_days, past, busy).collect().lazy()
    lists = pl.concat([past_lists, cold_callers.lists(legs, today)]).collect()
    others = cold_callers.called_by_busy(measures, legs, rule)
    others = others.join(today, on=["line", "day"], how="anti")
    links = shared_targets.links(lists, others.collect(), inputs.judged_days)
    return pl.concat([past, today]), lists.lazy(), links.lazy()


def _shifts(inputs: TableInputs, measures: pl.LazyFrame) -> pl.LazyFrame:
    """Return SHIFTS of the days judged, and what is remembered of the same lines."""
    tz = inputs.reader.source.tz
    rows = shifts.line_days(inputs.legs, measures, tz, inputs.shift_needs, since=inputs.since)
    today = require(rows, schema.SHIFTS, "shifts").collect().lazy()
    if inputs.past_shifts is None:
        return today
    past = inputs.past_shifts.join(today.select("line"), on="line", how="semi")
    return pl.concat([past.collect().lazy(), today])


@dataclass(frozen=True)
class Tables:
    """The tables of a run (schema/), lazily, and how lines and times are written.

    ``judged_days`` are the days that are judged. Days before ``since`` are a past that others are
    compared with; what is found on them does not count. ``busy`` placed calls make a day busy,
    ``births_from`` is the first day whose new lines are known.
    """

    feed: Feed
    tz: str
    plan: numbering.HomePlan
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
        return line if self.feed.opaque else numbering.format_line(line)

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
