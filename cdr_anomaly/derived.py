"""What lines did, of a scan or of a night, to all tables that detectors read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import measures, outbound, shifts
from cdr_anomaly.detectors.base import Tables
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

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from cdr_anomaly.detectors.base import Detector
    from cdr_anomaly.engines.base import Engine, FirstLook, Progress, SecondLook
    from cdr_anomaly.feed import Feed
    from cdr_anomaly.ingest import Source
    from cdr_anomaly.profile import Least


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
    strangers: outbound.Rule
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

    outbound: outbound.Before
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
    working: shifts.Working
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
    measured = measures.line_days(legs, basis.profile, busy=counting.busy, since=basis.since)
    measured = measured.collect().lazy()
    company = _company(basis, measured, counting)
    today = company.outbound.filter(pl.col("day") >= basis.since)
    people = outbound.talked_to(legs, today, counting.talk_s)
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


def _company(basis: Basis, measured: pl.LazyFrame, counting: Counting) -> outbound.Company:
    feed = basis.looked.feed
    told = outbound.Told(counting.two_way, feed.attempts)
    lines = outbound.Lines(basis.profile, measured, basis.legs)
    return outbound.company(lines, counting.strangers, told, basis.judged, basis.past.outbound)


def _shifts(basis: Basis, measured: pl.LazyFrame) -> pl.LazyFrame:
    tz = basis.looked.source.tz
    found = shifts.line_days(basis.legs, measured, tz, basis.working, since=basis.since)
    today = require(found, SHIFTS, "shifts").collect().lazy()
    if basis.past.shifts is None:
        return today
    own = basis.past.shifts.join(today.select("line"), on="line", how="semi")
    return pl.concat([own.collect().lazy(), today])
