"""Windows and baselines over sorted frames, as expressions.

A window is (t - width, t]: events at the same instant see each other. The frame must be
sorted by the group first and the instant second.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

US_PER_S = 1_000_000
# The past of a line-day is this many days before it, from and to.
PAST_DAYS = (8, 35)


def count_in_window(group: str, instant: str, width_s: int) -> pl.Expr:
    """Count, at each event, the events of its group in the ``width_s`` seconds up to it."""
    width = width_s * US_PER_S
    # NOTE: One ascending integer for (group, instant), in which a gap wider than the window, and
    #   the step to the next group, is just wider: a binary search in the whole column never gets
    #   into a neighbour, and one row with a wrong clock does not make the integers overflow.
    same_group = pl.col(group).rle_id().cast(pl.Int64).diff() == 0
    gap = pl.min_horizontal(pl.col(instant).to_physical().diff(), width + 1)
    key = pl.when(same_group).then(gap).otherwise(width + 1).cum_sum()
    upto = key.search_sorted(key, side="right")
    before = key.search_sorted(key - width, side="right")
    return upto.cast(pl.Int64) - before.cast(pl.Int64)


def past_stats(days: pl.LazyFrame, line_days: pl.LazyFrame, value: str) -> pl.LazyFrame:
    """Summarise the past of each line-day: 28 days that end 8 days before it.

    The gap keeps a slow rise out of its own baseline (algorithms, section 2.0). ``days`` has
    (line, day, value) of active days only, ``line_days`` has (line, day). Returns
    (line, day, past_days, past_median, past_centre, past_spread, past_mean, past_variance); centre
    and spread are on the Anscombe scale 2*sqrt(n + 3/8), where counts have a standard deviation of
    about one, and the spread is never below one.
    """
    past = (
        line_days.select("line", "day")
        .join(days.select("line", past_day="day", past=value), on="line")
        .filter((pl.col("day") - pl.col("past_day")).dt.total_days().is_between(*PAST_DAYS))
    )
    n, counts, scaled = pl.len(), pl.col("past").cast(pl.Int64), anscombe(pl.col("past"))
    # In whole numbers, so that the order of the days makes no difference, not even in rounding.
    squares = n.cast(pl.Int64) * (counts**2).sum() - counts.sum() ** 2
    spread = 1.4826 * (scaled - scaled.median()).abs().median()
    return past.group_by("line", "day").agg(
        past_days=pl.len().cast(pl.Int64),
        past_median=pl.col("past").median(),
        past_centre=scaled.median(),
        past_spread=pl.max_horizontal(spread, pl.lit(1.0)),
        past_mean=pl.col("past").mean(),
        past_variance=pl.when(n > 1).then(squares / (n * (n - 1))),
    )


def is_recent(past: str, days: int) -> pl.Expr:
    """Return whether the day ``past`` is one of the ``days`` that end with ``day``."""
    return (pl.col("day") - pl.col(past)).dt.total_days().is_between(0, days - 1)


def midnight(day: pl.Expr, tz: str) -> pl.Expr:
    """Return the instant at which a local day begins."""
    # Where summer time begins at midnight, the day begins at one o'clock.
    hours = (day.cast(pl.Datetime("us")).dt.offset_by(step) for step in ("0h", "1h"))
    local = (
        hour.dt.replace_time_zone(tz, ambiguous="earliest", non_existent="null") for hour in hours
    )
    return pl.coalesce(*local).dt.convert_time_zone("UTC")


def just_before(instant: pl.Expr) -> pl.Expr:
    """Return a start of a window just before an instant: windows exclude their start."""
    return instant - timedelta(microseconds=1)


def anscombe(count: pl.Expr) -> pl.Expr:
    """Return a count on the scale on which its standard deviation is about 1 (Anscombe 1948)."""
    return 2 * (count + 0.375).sqrt()
