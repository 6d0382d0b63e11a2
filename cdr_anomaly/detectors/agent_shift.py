"""Lines that talk for a working day."""

from __future__ import annotations

from collections.abc import Mapping
from math import pi
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly import wording
from cdr_anomaly.detectors.base import STRICT, Detector, percent, setting
from cdr_anomaly.engines.profile import NeededLines
from cdr_anomaly.features import rolling
from cdr_anomaly.features.day_stats import MIN_PAST_DAYS
from cdr_anomaly.features.peer_measures import NEW_DAYS
from cdr_anomaly.features.shifts import ShiftNeeds
from cdr_anomaly.wording import Text, say

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.tables import Tables

# A day with less is no part of anybody's working life, and is not shown.
SHOWN_S = 3600
DAY_MIN, HOUR_S = 1440, 3600


@dataclass(frozen=True, config=STRICT)
class AgentShift(Detector):
    """A line that talks for a working day, in calls to many numbers that it places itself.

    Talk is the time in which at least one answered call that the line placed was under way, within
    the local day: overlapping calls count once, a call over midnight counts for both days with its
    part. Found are days with ``talk_h`` hours of it, and days with ``talk_h_often`` where there are
    ``days_often`` such days among the ``within_days`` that end with this one. The day must have
    ``calls_day`` placed calls, ``out_share`` of all its calls outgoing, and no more than
    ``calls_per_contact`` calls to each number. From the case in which 500 agents at home had to
    reach 8 to 10 hours of talk a day.

    So dispatchers and hotlines are spared, who are called; carers and couples, whose long calls go
    to one number; open lines, with a call or two of hours. Who sells by telephone for an honest
    firm does as the agents do: declare them with --entities.

    A day of talk alone accuses nobody: it is low, and medium with two signs. These are: such days
    often; begun at about the same time on them (within ``regular_min`` minutes, as a standard
    deviation); hardly anybody calls back; far above its own past, or a new line. One long day has
    none of the first two. It stays low, whatever the signs, where people call back, where it called
    many of the numbers on busy days before, and where its past (28 days that end 8 days before)
    shows talk both ways and half as many calls or more: then this is its ordinary life. It is never
    more than medium: talk alone finds few of those who mean harm, and sites, handsets and shared
    targets must add to it. What is found stays as grave as that, however usual: no measure of its
    peers tells of long talk.

    Sample: talked 9.4 hours on 2026-05-03 (limit 8) in 143 calls to 131 different numbers, 99 % of
    its calls outgoing, from 08:58 to 20:04; 6 hours or more on 9 of 14 days, begun at 09:01, give
    or take 22 minutes; 2 % called back; usual for this line 140 calls a day
    """

    name: ClassVar[str] = "agent_shift"
    title: ClassVar[str] = "agent shifts"
    family: ClassVar[str] = "talk"
    persistent: ClassVar[bool] = True
    limits: ClassVar[tuple[str, ...]] = ("talk_h", "talk_h_often", "days_often")
    drawn: ClassVar[Mapping[str, str]] = {"talk_h": "talk_h"}

    talk_h: float = setting(8.0, "hours of talk in a day that make a finding", gt=0, le=25)
    talk_h_often: float = setting(6.0, "hours that do if there are such days often", gt=0, le=25)
    days_often: int = setting(4, "such days that are often", ge=1)
    within_days: int = setting(14, "of so many days, the last of them the judged one", ge=1)
    calls_day: int = setting(60, "placed calls that a day must have", ge=1)
    out_share: float = setting(0.8, "least share of outgoing among all its calls", ge=0, le=1)
    calls_per_contact: float = setting(1.5, "most placed calls per different number", ge=1)
    regular_min: int = setting(45, "minutes within which days begin at one time", ge=1)
    few_call_backs: float = setting(
        0.05, "share that calls back, below which is a sign", ge=0, le=1
    )
    many_call_backs: float = setting(0.15, "share from which it stays low", ge=0, le=1)
    familiar: float = setting(0.3, "share called on busy days before, stays low", ge=0, le=1)
    far_z: float = setting(6.0, "robust distance from the own past that is a sign", ge=0)

    def not_applicable(self, feed: Feed) -> Text | None:
        if feed.talk or feed.first_day is None:
            return None
        return say(
            "agent_shift.no_talk",
            "no call of the feed has a duration, so nothing is known of talk",
        )

    def least(self) -> NeededLines:
        return NeededLines(n_out=self.calls_day)

    def watch(self) -> pl.Expr:
        return pl.col("n_out") >= self.calls_day

    def worth(self) -> pl.Expr:
        return self.watch() & self._mostly_outgoing()

    def keeps(self) -> pl.Expr:
        return self.watch()

    def working(self) -> ShiftNeeds:
        return ShiftNeeds(self.calls_day, self._shown_s(), self.within_days - 1)

    def find(self, tables: Tables) -> pl.LazyFrame:
        days = self._judged(tables)
        long = pl.col("talk_s") >= self.talk_h * HOUR_S
        limit = pl.when(long).then(self.talk_h).otherwise(self.talk_h_often)
        signs = {
            "often": pl.col("n_often") >= self.days_often,
            "regular": self._regular(),
            "call_backs": (self._called_back() < self.few_call_backs) & tables.two_way,
            "past": (pl.col("past_z") >= self.far_z) | self._new(),
        }
        ordinary = (
            (pl.col("past_days") >= MIN_PAST_DAYS)
            & (pl.col("past_out") < self.out_share * (pl.col("past_out") + pl.col("past_in")))
            & (pl.col("n_out") <= 2 * pl.col("usual"))
        )
        spared = [
            ordinary,
            self._called_back() >= self.many_call_backs,
            pl.col("n_familiar") / pl.col("n_distinct") >= self.familiar,
        ]
        n_signs = pl.sum_horizontal(
            holds.fill_null(value=False).cast(pl.Int64) for holds in signs.values()
        )
        grave = (n_signs >= 2) & ~pl.any_horizontal(spared).fill_null(value=False)
        return self.finding(
            days.with_columns(limit=limit),
            subject=tables.written(pl.col("line")),
            day=pl.col("day"),
            window_start=tables.opens(pl.col("day")),
            window_end=tables.closes(pl.col("day")),
            severity=pl.when(grave).then(pl.lit("medium")).otherwise(pl.lit("low")),
            observed=pl.max_horizontal(_hours(pl.col("talk_s")), "limit"),
            threshold=pl.col("limit"),
            reason=self._reason(tables, ordinary),
            evidence=pl.struct(
                "n_out",
                "n_in",
                "n_distinct",
                "n_called_back",
                "n_familiar",
                "talk_s",
                "n_often",
                begun=_clock(pl.col("begun_min")),
                within_min=pl.col("within_min").round().cast(pl.Int64),
                minutes_by_hour=pl.col("hours_s").list.eval(pl.element() // 60),
                days="days",
            ),
            would_clear_if=f"less than {self.talk_h:g} hours of talk a day, and than "
            f"{self.talk_h_often:g} on {self.days_often} of {self.within_days} days",
        )

    def _shown_s(self) -> int:
        return min(SHOWN_S, int(self._least_h() * HOUR_S))

    def _least_h(self) -> float:
        return min(self.talk_h, self.talk_h_often)

    def _mostly_outgoing(self) -> pl.Expr:
        return pl.col("n_out") / (pl.col("n_out") + pl.col("n_in")) >= self.out_share

    @staticmethod
    def _called_back() -> pl.Expr:
        return pl.col("n_called_back") / pl.col("n_distinct")

    @staticmethod
    def _new() -> pl.Expr:
        return (pl.col("day") - pl.col("born")).dt.total_days().is_between(0, NEW_DAYS)

    def _regular(self) -> pl.Expr:
        return (pl.col("n_often") >= self.days_often) & (pl.col("within_min") <= self.regular_min)

    def _judged(self, tables: Tables) -> pl.LazyFrame:
        """Find the days of talk, with what is known of the days up to them and of their past."""
        shifts = tables.shifts.filter(
            pl.col("n_out") >= self.calls_day, pl.col("talk_s") >= self._shown_s()
        )
        asked = (
            "line",
            "day",
            "n_in",
            "n_called_back",
            "n_familiar",
            "usual",
            "past_days",
            "past_z",
        )
        today = (
            shifts.filter(pl.col("talk_s") >= self._least_h() * HOUR_S)
            .join(tables.measures.select(asked), on=["line", "day"])
            .filter(
                self._mostly_outgoing(),
                pl.col("n_out") <= self.calls_per_contact * pl.col("n_distinct"),
            )
        )
        often = (pl.col("n_often") >= self.days_often) & (
            pl.col("talk_s") >= self.talk_h_often * HOUR_S
        )
        return (
            today.join(self._lately(tables, shifts, today), on=["line", "day"])
            .filter((pl.col("talk_s") >= self.talk_h * HOUR_S) | often)
            .join(_past(tables.profile, today), on=["line", "day"], how="left")
            .join(tables.lines.select("line", "born"), on="line", how="left")
        )

    def _lately(self, tables: Tables, shifts: pl.LazyFrame, today: pl.LazyFrame) -> pl.LazyFrame:
        """Tell of the days up to each judged one: all of them, how many are long, and when begun.

        Times of day lie on a circle: the mean of 23:50 and 00:10 is midnight.
        """
        local = pl.col("first_out").dt.convert_time_zone(tables.tz).dt.time()
        angle = local.cast(pl.Int64) / (DAY_MIN * 60 * 10**9) * 2 * pi
        shown = pl.struct(
            day=pl.col("past_day").cast(pl.String),
            first=tables.local(pl.col("first_out")).str.slice(11),
            last=tables.local(pl.col("last_out")).str.slice(11),
            talk_h=_hours(pl.col("talk_s")),
            n_out="n_out",
        )
        long = pl.col("talk_s") >= self.talk_h_often * HOUR_S
        x, y = (part.filter(long).mean().fill_null(0) for part in (angle.cos(), angle.sin()))
        days = (
            today.select("line", "day")
            .join(shifts.rename({"day": "past_day"}), on="line")
            .filter(rolling.is_recent("past_day", self.within_days))
            .sort("line", "day", "past_day")  # sums of fractions depend on their order
            .group_by("line", "day", maintain_order=True)
            .agg(n_often=long.sum().cast(pl.Int64), x=x, y=y, days=shown)
        )
        some = pl.col("n_often") > 0
        length = (pl.col("x") ** 2 + pl.col("y") ** 2).sqrt().round(9).clip(1e-9, 1)
        # Half a minute must not be more or less by the rounding of sums.
        circle = {
            "begun_min": pl.arctan2("y", "x") % (2 * pi),
            "within_min": (-2 * length.log()).sqrt(),
        }
        minutes = {
            c: pl.when(some).then((a / (2 * pi) * DAY_MIN).round(6)) for c, a in circle.items()
        }
        return days.with_columns(**minutes).drop("x", "y")

    def _reason(self, tables: Tables, ordinary: pl.Expr) -> pl.Expr:
        regular = wording.format_text(
            ", begun at {}, give or take {} minutes",
            _clock(pl.col("begun_min")),
            pl.col("within_min").round().cast(pl.Int64),
        )
        nothing = pl.lit("")
        first, last = (tables.local(pl.col(c)).str.slice(11) for c in ("first_out", "last_out"))
        usual = pl.col("usual").round(1).cast(pl.String).str.strip_suffix(".0")
        seen = pl.max_horizontal(_hours(pl.col("talk_s")), "limit")
        told = [
            wording.format_text(
                "talked {} hours on {} (limit {}) in {} calls to {} different numbers, "
                "{} % of its calls outgoing, from {} to {}",
                _written(seen),
                "day",
                _written(pl.col("limit")),
                "n_out",
                "n_distinct",
                percent(pl.col("n_out"), pl.col("n_out") + pl.col("n_in")),
                first,
                last,
            ),
            wording.format_text(
                "{} hours or more on {} of {} days{}",
                pl.lit(f"{self.talk_h_often:g}"),
                "n_often",
                pl.lit(self.within_days),
                pl.when(self._regular()).then(regular).otherwise(nothing),
            ),
            pl.when(pl.lit(tables.two_way)).then(
                wording.format_text(
                    "{} % called back", percent(pl.col("n_called_back"), pl.col("n_distinct"))
                )
            ),
            pl.when(pl.col("n_familiar") / pl.col("n_distinct") >= self.familiar).then(
                wording.format_text(
                    "{} % called on busy days before",
                    percent(pl.col("n_familiar"), pl.col("n_distinct")),
                )
            ),
            pl.when(self._new()).then(wording.format_text("a line new since {}", "born")),
            wording.format_text(
                "{}{}",
                pl.when(pl.col("usual").is_null())
                .then(pl.lit("its usual is not known"))
                .otherwise(wording.format_text("usual for this line {} calls a day", usual)),
                pl.when(ordinary.fill_null(value=False))
                .then(
                    wording.format_text(
                        " and talk both ways ({} % outgoing)",
                        percent(pl.col("past_out"), pl.col("past_out") + pl.col("past_in")),
                    )
                )
                .otherwise(nothing),
            ),
        ]
        return pl.concat_str(told, separator="; ", ignore_nulls=True)


def _past(profile: pl.LazyFrame, today: pl.LazyFrame) -> pl.LazyFrame:
    """Sum up the calls of each judged line-day's past, both ways."""
    age = (pl.col("day") - pl.col("past_day")).dt.total_days()
    return (
        today.select("line", "day")
        .join(profile.select("line", "n_out", "n_in", past_day="day"), on="line")
        .filter(age.is_between(*rolling.PAST_DAYS))
        .group_by("line", "day")
        .agg(past_out=pl.col("n_out").sum(), past_in=pl.col("n_in").sum())
    )


def _hours(seconds: pl.Expr) -> pl.Expr:
    """Write seconds as hours, rounded down so that none reaches a limit by it."""
    return ((seconds // 360) / 10).round(1)


def _written(hours: pl.Expr) -> pl.Expr:
    return hours.cast(pl.String).str.strip_suffix(".0")


def _clock(minutes: pl.Expr) -> pl.Expr:
    whole = minutes.round().cast(pl.Int64) % DAY_MIN
    two = (part.cast(pl.String).str.zfill(2) for part in (whole // 60, whole % 60))
    return wording.format_text("{}:{}", *two)
