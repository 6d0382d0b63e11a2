"""The days of a line on which it talks for long, with what its other days say of them."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.detectors.agent_shift.settings import HOUR_S
from cdr_anomaly.features import rolling

if TYPE_CHECKING:
    from cdr_anomaly.detectors.agent_shift.settings import AgentShiftSettings
    from cdr_anomaly.features.tables import Tables

DAY_MIN = 1440


def long_days(limits: AgentShiftSettings, tables: Tables) -> pl.LazyFrame:
    """Return the days with enough talk, what is known of the days up to them, and of their past."""
    shifts = tables.shifts.filter(
        pl.col("n_out") >= limits.calls_day, pl.col("talk_s") >= limits.shown_s()
    )
    columns = (
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
        shifts.filter(pl.col("talk_s") >= limits.least_h() * HOUR_S)
        .join(tables.measures.select(columns), on=["line", "day"])
        .filter(
            limits.is_mostly_outgoing(),
            pl.col("n_out") <= limits.calls_per_contact * pl.col("n_distinct"),
        )
    )
    often = (pl.col("n_often") >= limits.days_often) & (
        pl.col("talk_s") >= limits.talk_h_often * HOUR_S
    )
    return (
        today.join(_recent_days(limits, tables, shifts, today), on=["line", "day"])
        .filter((pl.col("talk_s") >= limits.talk_h * HOUR_S) | often)
        .join(_past(tables.profile, today), on=["line", "day"], how="left")
        .join(tables.lines.select("line", "born"), on="line", how="left")
    )


def _recent_days(
    limits: AgentShiftSettings, tables: Tables, shifts: pl.LazyFrame, today: pl.LazyFrame
) -> pl.LazyFrame:
    """Return of the days up to each judged one all of them, how many are long, and when begun.

    Times of day lie on a circle: the mean of 23:50 and 00:10 is midnight.
    """
    local = pl.col("first_out").dt.convert_time_zone(tables.tz).dt.time()
    angle = local.cast(pl.Int64) / (DAY_MIN * 60 * 10**9) * 2 * pi
    shown = pl.struct(
        day=pl.col("past_day").cast(pl.String),
        first=tables.local(pl.col("first_out")).str.slice(11),
        last=tables.local(pl.col("last_out")).str.slice(11),
        talk_h=hours(pl.col("talk_s")),
        n_out="n_out",
    )
    long = pl.col("talk_s") >= limits.talk_h_often * HOUR_S
    x, y = (part.filter(long).mean().fill_null(0) for part in (angle.cos(), angle.sin()))
    days = (
        today.select("line", "day")
        .join(shifts.rename({"day": "past_day"}), on="line")
        .filter(rolling.is_recent("past_day", limits.within_days))
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
    minutes = {c: pl.when(some).then((a / (2 * pi) * DAY_MIN).round(6)) for c, a in circle.items()}
    return days.with_columns(**minutes).drop("x", "y")


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


def hours(seconds: pl.Expr) -> pl.Expr:
    """Return seconds as hours, rounded down so that none reaches a limit by it."""
    return ((seconds // 360) / 10).round(1)


def clock(minutes: pl.Expr) -> pl.Expr:
    """Return minutes after midnight as a time of day."""
    minute = minutes.round().cast(pl.Int64) % DAY_MIN
    two = (part.cast(pl.String).str.zfill(2) for part in (minute // 60, minute % 60))
    return wording.format_text("{}:{}", *two)
