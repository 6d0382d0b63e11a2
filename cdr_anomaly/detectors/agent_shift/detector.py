"""Lines that talk for a working day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.agent_shift import reasons, work_days
from cdr_anomaly.detectors.agent_shift.settings import HOUR_S, ORDINARY_TIMES, AgentShiftSettings
from cdr_anomaly.detectors.base import STRICT
from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.wording import Text, say, sentence

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.tables import Tables

MEDIUM_SIGNS = Grading(2, "signs that make it medium")


@dataclass(frozen=True, config=STRICT)
class AgentShift(AgentShiftSettings):
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
    story_limits: ClassVar[Mapping[str, str]] = {"talk_h": "talk_h"}
    gradings: ClassVar[tuple[Grading, ...]] = (MEDIUM_SIGNS, ORDINARY_TIMES)

    def not_applicable(self, feed: Feed) -> Text | None:
        if feed.talk or feed.first_day is None:
            return None
        return say(
            "agent_shift.no_talk",
            "no call of the feed has a duration, so nothing is known of talk",
        )

    def needs(self) -> Needs:
        return Needs(
            calls_day=self.calls_day,
            out_share=self.out_share,
            shift_talk_s=self.shown_s(),
            shift_days=self.within_days - 1,
        )

    def find(self, tables: Tables) -> pl.LazyFrame:
        long = pl.col("talk_s") >= self.talk_h * HOUR_S
        limit = pl.when(long).then(self.talk_h).otherwise(self.talk_h_often)
        signs = [
            pl.col("n_often") >= self.days_often,
            self.is_regular(),
            (_call_back_share() < self.few_call_backs) & tables.two_way,
            (pl.col("past_z") >= self.far_z) | self.is_new(),
        ]
        spared = [
            self.is_ordinary(),
            _call_back_share() >= self.many_call_backs,
            self.is_familiar(),
        ]
        n_signs = pl.sum_horizontal(holds.fill_null(value=False).cast(pl.Int64) for holds in signs)
        grave = (n_signs >= MEDIUM_SIGNS) & ~pl.any_horizontal(spared).fill_null(value=False)
        return self.finding(
            tables,
            work_days.long_days(self, tables).with_columns(limit=limit),
            severity=ladder({"medium": grave}, "low"),
            observed=pl.max_horizontal(work_days.hours(pl.col("talk_s")), "limit"),
            threshold=pl.col("limit"),
            reason=reasons.talk_sentence(self, tables),
            would_clear_if=sentence(
                "agent_shift.clear",
                "less than {hours} hours of talk a day, and than {hours_often} on {long_days} of "
                "{days} days",
                hours=self.talk_h,
                hours_often=self.talk_h_often,
                long_days=self.days_often,
                days=self.within_days,
            ),
            evidence=pl.struct(
                "n_out",
                "n_in",
                "n_distinct",
                "n_called_back",
                "n_familiar",
                "talk_s",
                "n_often",
                begun=work_days.clock(pl.col("begun_min")),
                within_min=pl.col("within_min").round().cast(pl.Int64),
                minutes_by_hour=pl.col("hours_s").list.eval(pl.element() // 60),
                days="days",
            ),
        )


def _call_back_share() -> pl.Expr:
    return pl.col("n_called_back") / pl.col("n_distinct")
