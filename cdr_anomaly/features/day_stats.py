"""LEGS to MEASURES: what does not add up over days, one row per line and local day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.features import rolling

if TYPE_CHECKING:
    from collections.abc import Mapping

SHORT_S = 10
FAMILIAR_DAYS = 28
MIN_PAST_DAYS = 7
WINDOW_REACH_DAYS = 2


def line_days(
    legs: pl.LazyFrame, profile: pl.LazyFrame, *, busy: int, since: date = date.min
) -> pl.LazyFrame:
    """Return MEASURES of the line-days from ``since`` on which the line placed a call.

    ``legs`` and ``profile`` are of the same lines over the same span. A day is busy from ``busy``
    placed calls on. Numbers called before and windows of 24 hours count busy days only: so a night
    that keeps the calls of busy days and of the last hour before midnight gives the same as a scan
    of all days.
    """
    of_days = legs.filter(pl.col("day") >= since)
    # 24 hours that end on the day after a day of 23 hours reach back two days.
    near = pl.col("day") >= since - timedelta(days=WINDOW_REACH_DAYS) if since > date.min else True
    placed = legs.filter("outgoing", near).sort("line", "start", "counterpart", "duration_s")
    busy_days = profile.filter(pl.col("n_out") >= busy).select("line", "day")
    on_busy_days = placed.join(busy_days, on=["line", "day"], how="semi", maintain_order="left")
    parts = (
        _counts(placed.filter(pl.col("day") >= since)),
        _peaks(placed, {"peak_10min": 600, "peak_60min": 3600}),
        _under_way(placed),
        _peaks(on_busy_days, {"peak_24h": 86_400}),
        _received(of_days),
        _call_backs(of_days),
        _familiar(legs.filter("outgoing").join(busy_days, on=["line", "day"], how="semi")),
        _past_of_busy_days(profile, busy=busy, since=since),
    )
    joined = parts[0]
    for part in parts[1:]:
        joined = joined.join(part, on=["line", "day"], how="left")
    counts = ("n_in", "n_mutual", "n_called_back", "n_familiar", "past_days")
    return joined.with_columns(pl.col(counts).fill_null(0))


def _counts(placed: pl.LazyFrame) -> pl.LazyFrame:
    short = pl.col("answered") & (pl.col("duration_s") < SHORT_S)
    return placed.group_by("line", "day").agg(
        n_out=pl.len().cast(pl.Int64),
        n_answered=pl.col("answered").sum().cast(pl.Int64),
        n_short=short.sum().cast(pl.Int64),
        talk_s=pl.col("duration_s").sum(),
        n_distinct=pl.col("counterpart").drop_nulls().n_unique().cast(pl.Int64),
        n_cells=pl.col("cell_id").drop_nulls().n_unique().cast(pl.Int64),
        n_handsets=pl.col("imei").drop_nulls().n_unique().cast(pl.Int64),
        first_out=pl.col("start").min(),
        last_out=pl.col("start").max(),
    )


def _peaks(placed: pl.LazyFrame, widths: Mapping[str, int]) -> pl.LazyFrame:
    """Return the fullest windows of each day; a window may begin before midnight."""
    windows = {
        name: rolling.count_in_window("line", "start", width) for name, width in widths.items()
    }
    ends = [
        pl.col("start").filter(pl.col(name) == pl.col(name).max()).min().alias(f"{name}_end")
        for name in widths
    ]
    days = placed.with_columns(**windows).group_by("line", "day")
    return days.agg(pl.col(*widths).max(), *ends)


def _under_way(placed: pl.LazyFrame) -> pl.LazyFrame:
    open_calls = placed.with_columns(
        peak_under_way=rolling.count_under_way("line", "start", "duration_s")
    )
    return open_calls.group_by("line", "day").agg(pl.col("peak_under_way").max())


def _received(legs: pl.LazyFrame) -> pl.LazyFrame:
    received = legs.filter(~pl.col("outgoing"))
    return received.group_by("line", "day").agg(n_in=pl.len().cast(pl.Int64))


def _call_backs(legs: pl.LazyFrame) -> pl.LazyFrame:
    """Count the called numbers that called the line the same day, and those that did so after."""
    placed, received = pl.col("outgoing"), ~pl.col("outgoing")
    pairs = (
        legs.filter(pl.col("counterpart").is_not_null())
        .group_by("line", "day", "counterpart")
        .agg(
            first_out=pl.col("start").filter(placed).min(),
            last_in=pl.col("start").filter(received).max(),
        )
        .drop_nulls()
    )
    return pairs.group_by("line", "day").agg(
        n_mutual=pl.len().cast(pl.Int64),
        n_called_back=(pl.col("last_in") > pl.col("first_out")).sum().cast(pl.Int64),
    )


def _familiar(on_busy_days: pl.LazyFrame) -> pl.LazyFrame:
    """Count the called numbers that the line also called on an earlier busy day."""
    # A line with a single busy day has no row here; its count is filled with 0.
    pairs = (
        on_busy_days.filter(pl.col("counterpart").is_not_null())
        .filter(pl.col("day").min().over("line") < pl.col("day").max().over("line"))
        .select("line", "day", "counterpart")
        .unique()
        .sort("line", "counterpart", "day")
    )
    since = (pl.col("day") - pl.col("day").shift().over("line", "counterpart")).dt.total_days()
    familiar = (since <= FAMILIAR_DAYS).fill_null(value=False)
    return (
        pairs.with_columns(familiar=familiar)
        .group_by("line", "day")
        .agg(n_familiar=pl.col("familiar").sum().cast(pl.Int64))
    )


def _past_of_busy_days(profile: pl.LazyFrame, *, busy: int, since: date) -> pl.LazyFrame:
    active = profile.filter(pl.col("n_out") > 0)
    judged = (pl.col("n_out") >= busy) & (pl.col("day") >= since)
    today = active.filter(judged).select("line", "day", "n_out")
    past = rolling.past_stats(active, today, "n_out")
    today = today.join(past, on=["line", "day"])
    known = pl.col("past_days") >= MIN_PAST_DAYS
    z = (rolling.anscombe(pl.col("n_out")) - pl.col("past_centre")) / pl.col("past_spread")
    return today.select(
        "line",
        "day",
        "past_days",
        usual=pl.when(known).then("past_median"),
        past_z=pl.when(known).then(z),
        past_mean=pl.when(known).then("past_mean"),
        past_variance=pl.when(known).then("past_variance"),
    )
