"""Settings of the detector of working days."""

from __future__ import annotations

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT, Detector, setting
from cdr_anomaly.detectors.grading import Grading
from cdr_anomaly.features.day_stats import MIN_PAST_DAYS
from cdr_anomaly.features.peer_measures import NEW_DAYS

HOUR_S = 3600
# A day with less is no part of anybody's working life, and is not shown.
SHOWN_S = HOUR_S
ORDINARY_TIMES = Grading(2, "times its usual calls, up to which talk both ways keeps it low")


@dataclass(frozen=True, config=STRICT)
class AgentShiftSettings(Detector):
    """What makes a finding of working days."""

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

    def shown_s(self) -> int:
        """Return from how many seconds of talk on a day is shown with others."""
        return min(SHOWN_S, int(self.least_h() * HOUR_S))

    def least_h(self) -> float:
        """Return from how many hours on a day may be found."""
        return min(self.talk_h, self.talk_h_often)

    def is_mostly_outgoing(self) -> pl.Expr:
        """Tell on which days the line called rather than was called."""
        return pl.col("n_out") / (pl.col("n_out") + pl.col("n_in")) >= self.out_share

    def is_new(self) -> pl.Expr:
        """Tell which lines are new."""
        return (pl.col("day") - pl.col("born")).dt.total_days().is_between(0, NEW_DAYS)

    def is_regular(self) -> pl.Expr:
        """Tell which long days begin at one time."""
        return (pl.col("n_often") >= self.days_often) & (pl.col("within_min") <= self.regular_min)

    def is_familiar(self) -> pl.Expr:
        """Tell on which days the line called many of the numbers again."""
        return pl.col("n_familiar") / pl.col("n_distinct") >= self.familiar

    def is_ordinary(self) -> pl.Expr:
        """Tell which lines have always talked so: both ways, and half as much or more."""
        past_calls = pl.col("past_out") + pl.col("past_in")
        return (
            (pl.col("past_days") >= MIN_PAST_DAYS)
            & (pl.col("past_out") < self.out_share * past_calls)
            & (pl.col("n_out") <= ORDINARY_TIMES * pl.col("usual"))
        )
