"""LEGS to SHIFTS: how long a line talked on its days with many calls, and in which hours.

Talk is the union of [start, end) of the answered calls that the line placed: time that overlaps
counts once. A call over midnight counts for both days, each with its part. Sorted by their starts,
each call adds the time after the latest end so far: two calls of 10:00 to 10:30 and one of 10:20 to
10:40 add 30, 0 and 10 minutes. What calls add no longer overlaps, and is cut at quarters of hours:
every zone is a whole number of quarters away from UTC, so each part is in one local hour.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from cdr_anomaly.engines.profile import UNREACHABLE
from cdr_anomaly.features import rolling

KEY = ("line", "day")
QUARTER_US = 900 * rolling.US_PER_S


class ShiftNeeds(NamedTuple):
    """Which line-days need a row in SHIFTS, and how many days before the one that is judged."""

    n_out: int = UNREACHABLE
    talk_s: int = UNREACHABLE
    days_before: int = 0


def line_days(
    legs: pl.LazyFrame,
    measures: pl.LazyFrame,
    tz: str,
    working: ShiftNeeds,
    *,
    since: date = date.min,
) -> pl.LazyFrame:
    """Return SHIFTS of the days from ``since`` on.

    ``legs`` are LEGS and ``measures`` MEASURES of the same lines; of the day before ``since``
    only calls that go on after midnight matter.
    """
    days = measures.filter(pl.col("n_out") >= working.n_out, pl.col("day") >= since).drop("talk_s")
    hours = pl.LazyFrame({"hour": range(24)}, schema={"hour": pl.Int64})
    silence = days.select(KEY).join(hours, how="cross").with_columns(talk_us=pl.lit(0, pl.Int64))
    talk = _by_hour(_without_overlap(_pieces(legs, days, tz, working.talk_s)), tz)
    by_hour = pl.concat([silence, talk]).group_by(*KEY, "hour").agg(pl.col("talk_us").sum())
    rows = by_hour.group_by(KEY).agg(
        talk_s=pl.col("talk_us").sum() // rolling.US_PER_S,
        hours_s=pl.col("talk_us").sort_by("hour") // rolling.US_PER_S,
    )
    return days.join(rows.filter(pl.col("talk_s") >= working.talk_s), on=KEY)


def _pieces(legs: pl.LazyFrame, days: pl.LazyFrame, tz: str, talk_s: int) -> pl.LazyFrame:
    """Return the talk of the lines, cut at midnight (line, day, begin, end).

    Days whose calls together are shorter than ``talk_s`` are left out; a union is not longer than
    the sum of its parts.
    """
    end = pl.col("start") + pl.duration(seconds="duration_s")
    last = (end - timedelta(microseconds=1)).dt.convert_time_zone(tz).dt.date()
    talks = (
        legs.filter("outgoing", "answered", pl.col("duration_s") > 0)
        .join(days.select("line").unique(), on="line", how="semi")
        .select("line", "day", begin="start", end=end, last=last)
    )
    over = talks.filter(pl.col("last") > pl.col("day"))
    parts = over.with_columns(day=pl.date_ranges("day", "last")).explode("day")
    tomorrow = rolling.midnight(pl.col("day") + timedelta(days=1), tz)
    cut = parts.with_columns(
        begin=pl.max_horizontal("begin", rolling.midnight(pl.col("day"), tz)),
        end=pl.min_horizontal("end", tomorrow),
    )
    pieces = pl.concat([talks.filter(pl.col("last") == pl.col("day")), cut]).drop("last")
    of_days = pieces.join(days, on=KEY, how="semi")
    sums = of_days.group_by(KEY).agg(talk=(pl.col("end") - pl.col("begin")).sum())
    can = sums.filter(pl.col("talk").dt.total_seconds() >= talk_s)
    return of_days.join(can, on=KEY, how="semi")


def _without_overlap(pieces: pl.LazyFrame) -> pl.LazyFrame:
    """Keep of each piece the time after the latest end of the pieces before it."""
    furthest = pl.col("end").cum_max().shift().over(KEY)
    return (
        pieces.sort(*KEY, "begin", "end")
        .with_columns(begin=pl.max_horizontal("begin", furthest))
        .filter(pl.col("begin") < pl.col("end"))
    )


def _by_hour(added: pl.LazyFrame, tz: str) -> pl.LazyFrame:
    """Return the microseconds of talk by local hour; an hour may have several rows."""
    begin, end = (pl.col(c).to_physical() for c in ("begin", "end"))
    first = pl.col("quarter") * QUARTER_US
    instant = first.cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(tz)
    inside = pl.min_horizontal(end, first + QUARTER_US) - pl.max_horizontal(begin, first)
    quarters = pl.int_ranges(begin // QUARTER_US, (end - 1) // QUARTER_US + 1)
    bits = added.with_columns(quarter=quarters).explode("quarter")
    return bits.select(*KEY, hour=instant.dt.hour().cast(pl.Int64), talk_us=inside)
