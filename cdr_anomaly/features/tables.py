"""What lines did, of a scan or of a night, to all tables that detectors read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.engines.profile import Least
from cdr_anomaly.features import cold_callers, day_stats, rolling
from cdr_anomaly.features import shifts as features_shifts
from cdr_anomaly.ingest import subscribers as ingest_subscribers
from cdr_anomaly.schema import (
    BIRTHS,
    HOPS,
    LEGS,
    LINES,
    MEASURES,
    PROFILE,
    REACHED,
    SHIFTS,
    SUBSCRIBERS,
    TRAFFIC,
    require,
)
from cdr_anomaly.wording import Text, say

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from cdr_anomaly.detectors.base import Detector
    from cdr_anomaly.engines.base import Engine, FirstLook, Progress, SecondLook
    from cdr_anomaly.engines.profile import Least
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.ingest import Source


@dataclass(frozen=True)
class Looked:
    """A feed that was looked at once, and how to look again."""

    engine: Engine
    source: Source
    look: FirstLook
    feed: Feed
    least: Least | None
    done: Progress

    def again(
        self, lines: pl.DataFrame, worth: pl.Expr, *, late: pl.Expr | None = None
    ) -> SecondLook:
        """Count the calls of those lines, and take the legs of those that are worth it."""
        alike = self.look.alike
        return self.engine.second_look(
            self.source, lines, worth, alike=alike, late=late, done=self.done
        )

    def calls_of(self, line_days: pl.LazyFrame) -> pl.DataFrame:
        """Take the calls of some lines on some days (line, day), as REACHED has them."""
        return self.engine.third_look(self.source, line_days.collect(), alike=self.look.alike)


class Counting(NamedTuple):
    """What tables take from the settings of detectors, beside which lines are looked at twice.

    A day is busy from ``busy`` placed calls on; ``two_way`` tells whether calls that lines receive
    are delivered; by the rule of ``strangers`` a line calls strangers one way; REACHED are the
    people that such lines talked to for ``talk_s`` seconds.
    """

    busy: int
    two_way: bool
    strangers: cold_callers.Rule
    talk_s: int

    @classmethod
    def of(cls, built: Iterable[Detector], *, two_way: bool) -> Counting:
        """Say how these, which are one detector of each kind, count days and calls."""
        every = list(built)
        rules = (detector.outbound() for detector in every)
        return cls(
            busy=min(detector.remembers() for detector in every),
            two_way=two_way,
            strangers=next(rule for rule in rules if rule is not None),
            talk_s=min(detector.reached_from() for detector in every),
        )


class Past(NamedTuple):
    """What is remembered of days before: who called strangers then, and SHIFTS."""

    outbound: cold_callers.Before
    shifts: pl.LazyFrame | None = None


@dataclass(frozen=True)
class Basis:
    """What some lines did: those looked at twice, with what is remembered of them.

    ``judged`` are the days that count, from ``since`` on; ``working`` says which days have their
    row in SHIFTS. The rest is as in Tables.
    """

    looked: Looked
    since: date
    judged: tuple[date, ...]
    births_from: date
    working: features_shifts.Working
    past: Past
    profile: pl.LazyFrame
    legs: pl.LazyFrame
    hops: pl.LazyFrame
    lines: pl.LazyFrame
    births: pl.LazyFrame
    subscribers: pl.LazyFrame


class Made(NamedTuple):
    """Tables, and OUTBOUND with the days that are not steady, too."""

    tables: Tables
    outbound: pl.LazyFrame


def made(basis: Basis, counting: Counting) -> Made:
    """Make every table, as detectors with that counting need them."""
    feed, source, legs = basis.looked.feed, basis.looked.source, basis.legs
    measured = day_stats.line_days(legs, basis.profile, busy=counting.busy, since=basis.since)
    measured = measured.collect().lazy()
    company = _company(basis, measured, counting)
    today = company.outbound.filter(pl.col("day") >= basis.since)
    people = cold_callers.talked_to(legs, today, counting.talk_s)
    tables = Tables(
        feed=feed,
        tz=source.tz,
        plan=source.plan,
        two_way=counting.two_way,
        busy=counting.busy,
        since=basis.since,
        judged=basis.judged,
        births_from=basis.births_from,
        profile=require(basis.profile, PROFILE, "profile"),
        measures=require(measured, MEASURES, "measures"),
        shifts=_shifts(basis, measured),
        legs=require(legs, LEGS, "legs"),
        **company.checked(),
        reached=require(basis.looked.calls_of(people).lazy(), REACHED, "reached"),
        hops=require(basis.hops, HOPS, "hops"),
        lines=require(basis.lines, LINES, "lines"),
        births=require(basis.births, BIRTHS, "births"),
        subscribers=require(basis.subscribers, SUBSCRIBERS, "subscribers"),
        traffic=require(basis.looked.look.traffic.lazy(), TRAFFIC, "traffic").filter(
            pl.col("day") >= basis.since
        ),
    )
    return Made(tables, today)


def _company(basis: Basis, measured: pl.LazyFrame, counting: Counting) -> cold_callers.Company:
    feed = basis.looked.feed
    told = cold_callers.Told(counting.two_way, feed.attempts)
    lines = cold_callers.Lines(basis.profile, measured, basis.legs)
    return cold_callers.company(lines, counting.strangers, told, basis.judged, basis.past.outbound)


def _shifts(basis: Basis, measured: pl.LazyFrame) -> pl.LazyFrame:
    tz = basis.looked.source.tz
    found = features_shifts.line_days(basis.legs, measured, tz, basis.working, since=basis.since)
    today = require(found, SHIFTS, "shifts").collect().lazy()
    if basis.past.shifts is None:
        return today
    own = basis.past.shifts.join(today.select("line"), on="line", how="semi")
    return pl.concat([own.collect().lazy(), today])


@dataclass(frozen=True)
class Tables:
    """The tables of a run (schema.py), lazily, and how lines and times are written.

    ``judged`` are the days that are covered and judged; days before ``since`` are there to judge
    others by, and what is found on them does not count. ``busy`` placed calls make a day busy,
    ``births_from`` is the first day whose new lines are known.
    """

    feed: Feed
    tz: str
    plan: numbering.HomePlan
    two_way: bool
    busy: int
    since: date
    judged: tuple[date, ...]
    births_from: date
    profile: pl.LazyFrame
    measures: pl.LazyFrame
    shifts: pl.LazyFrame
    legs: pl.LazyFrame
    outbound: pl.LazyFrame
    lists: pl.LazyFrame
    links: pl.LazyFrame
    reached: pl.LazyFrame
    hops: pl.LazyFrame
    lines: pl.LazyFrame
    births: pl.LazyFrame
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
            ): bool(feed.told) and not feed.activations,
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
        """Return BIRTHS with the groups of each line, as findings name them.

        These are its number blocks, of so many national digits (``block_7``), and its ``dealer``
        and the ``region`` of its holder where a list tells.
        """
        number = self.written(pl.col("line"))
        blocks = {f"block_{n}": numbering.number_block(number, self.plan, n) for n in levels}
        told = ingest_subscribers.groups(self.subscribers, self.feed.told)
        return self.births.select("line", "born", **blocks).join(told, on="line", how="left")

    def written(self, line: pl.Expr) -> pl.Expr:
        """Write lines as text: E.164 with +, or the token that came in."""
        return line if self.feed.opaque else numbering.format_line(line)

    def literal(self, line: object) -> pl.Expr:
        """Return one line, as the calls carry it, as a literal of the type that it has in tables.

        A short number such as 10086 would otherwise become a 32-bit integer.
        """
        return pl.lit(line, dtype=pl.String if self.feed.opaque else pl.Int64)

    def local(self, instant: pl.Expr) -> pl.Expr:
        """Write an instant as local date, hour and minute."""
        return instant.dt.convert_time_zone(self.tz).dt.strftime("%Y-%m-%d %H:%M")

    def midnight(self, day: pl.Expr) -> pl.Expr:
        """Give the instant at which a local day begins."""
        return rolling.midnight(day, self.tz)

    def opens(self, day: pl.Expr) -> pl.Expr:
        """Give the start of a window whose first local day this is."""
        return rolling.just_before(self.midnight(day))

    def closes(self, day: pl.Expr) -> pl.Expr:
        """Give the end of a window whose last local day this is."""
        return self.opens(day + timedelta(days=1))
