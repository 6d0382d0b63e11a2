"""HOPS and PROFILE to bridges and platforms: what forwards, and what is forwarded to, in 7 days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.features import rolling
from cdr_anomaly.features.peer_measures import Measure

if TYPE_CHECKING:
    from cdr_anomaly.detectors.forwarding_chain.settings import ForwardingChainSettings
    from cdr_anomaly.features.tables import Tables

WEEK = 7
REUSED_DAYS = 28
# So many targets of a line take part in what it does; more of them are people that it reaches.
FEW_TARGETS = 2

MEASURES: dict[str, tuple[Measure, ...]] = {
    "forwarding": (
        Measure("n_callers", "{value} callers passed on in 7 days"),
        Measure("strangers", "{value} different callers per call passed on"),
        Measure("n_targets", "{value} targets in a day"),
    )
}


def bridges(
    hops: pl.LazyFrame,
    profile: pl.LazyFrame,
    lines: pl.LazyFrame,
    limits: ForwardingChainSettings,
    *,
    since: date = date.min,
) -> pl.LazyFrame:
    """Return the lines that do nothing but pass calls on, on each day that forwards in its week.

    Days before ``since`` are left out. Returns (line, day, n_out, n_in, n_forwarded, n_callers,
    born, new, strangers); the counts are those of the 7 days, ``n_callers`` the different callers
    that were passed on.
    """
    last = hops.select(pl.col("day").max()).collect().item()
    # Own calls of one day are among those of its week: to look at quiet days only loses nothing.
    quiet = profile.filter(pl.col("n_out") <= limits.own_calls, pl.col("n_forwarded") > 0)
    weeks = pl.date_ranges("day", pl.col("day").dt.offset_by(f"{WEEK - 1}d"))
    days = (
        quiet.select("line", day=weeks)
        .explode("day", empty_as_null=False, keep_nulls=False)
        .filter(pl.col("day") >= since, pl.col("day") <= pl.lit(last, pl.Date))
        .unique()
    )
    sums = (
        days.join(profile.rename({"day": "past_day"}), on="line")
        .filter(rolling.is_recent("past_day", WEEK))
        .group_by("line", "day")
        .agg(pl.col("n_out", "n_in", "n_forwarded").sum())
        .filter(
            pl.col("n_forwarded") >= limits.bridge_forwards,
            pl.col("n_out") <= limits.own_calls,
            # Some feeds name a forwarded call on its forwarding leg only.
            pl.col("n_forwarded")
            >= limits.forward_share * pl.max_horizontal("n_in", "n_forwarded"),
        )
    )
    callers = (
        sums.select("line", "day")
        .join(hops.select("caller", line="forwarder", past_day="day"), on="line")
        .filter(rolling.is_recent("past_day", WEEK))
        .group_by("line", "day")
        .agg(n_callers=pl.col("caller").drop_nulls().n_unique().cast(pl.Int64))
    )
    age = (pl.col("day") - pl.col("born")).dt.total_days()
    return (
        sums.join(callers, on=["line", "day"])
        .join(lines.select("line", "born"), on="line", how="left")
        .with_columns(
            new=age.is_between(0, limits.new_days).fill_null(value=False),
            strangers=pl.col("n_callers") >= limits.stranger_share * pl.col("n_forwarded"),
        )
    )


def compared(bridges: pl.LazyFrame, hops: pl.LazyFrame) -> pl.LazyFrame:
    """Add what bridges are compared by, on the days on which they passed on calls."""
    targets = hops.group_by("day", line="forwarder").agg(n_targets=pl.col("target").n_unique())
    return bridges.join(targets, on=["line", "day"]).with_columns(
        peers=pl.lit("lines that pass calls on"),
        strangers=pl.col("n_callers") / pl.col("n_forwarded"),
    )


def platforms(
    hops: pl.LazyFrame, bridges: pl.LazyFrame, limits: ForwardingChainSettings
) -> pl.LazyFrame:
    """Find the targets and days of platforms, as of voicemail: many forward there, few bridges."""
    pairs = hops.select("target", "forwarder", "day").unique()
    many = pairs.group_by("target").agg(n=pl.col("forwarder").n_unique())
    pairs = pairs.join(many.filter(pl.col("n") >= limits.platform_lines), on="target", how="semi")
    week = (
        pairs.select("target", "day")
        .unique()
        .join(pairs.rename({"day": "past_day"}), on="target")
        .filter(rolling.is_recent("past_day", WEEK))
        .unique(["target", "day", "forwarder"])
    )
    known = bridges.select("day", forwarder="line", bridge=pl.lit(value=True))
    return (
        week.join(known, on=["forwarder", "day"], how="left")
        .group_by("target", "day")
        .agg(n=pl.len(), n_bridges=pl.col("bridge").sum())
        .filter(pl.col("n") >= limits.platform_lines, pl.col("n_bridges") * 2 < pl.col("n"))
        .select("target", "day")
    )


def hubs(
    hops: pl.LazyFrame, bridges: pl.LazyFrame, platforms: pl.LazyFrame, lines: pl.LazyFrame
) -> pl.LazyFrame:
    """Count the bridges of each target in 7 days, on the days on which some of them were at work.

    A bridge counts where it sends at least half of what it forwards; ``platforms`` (target, day)
    are no hubs on these days. Returns (target, day, forwarder, n_bridges, n_new, n_beside, n_calls,
    n_callers); ``forwarder`` lists the bridges, ``n_beside`` counts those whose numbers differ from
    the target's in the last four digits only.
    """
    legs = hops.select("target", "forwarder", "caller", past_day="day")
    week = (
        bridges.select("day", "new", "n_forwarded", forwarder="line")
        .join(legs, on="forwarder")
        .filter(rolling.is_recent("past_day", WEEK))
        .join(platforms, on=["target", "day"], how="anti")
        .filter(pl.len().over("target", "forwarder", "day") * 2 >= pl.col("n_forwarded"))
    )
    group = pl.col("number").str.head(-4)
    at_work = legs.select("target", day="past_day").unique()
    return (
        week.join(at_work, on=["target", "day"], how="semi")
        .join(lines.select(forwarder="line", group=group), on="forwarder", how="left")
        .join(lines.select(target="line", own=group), on="target", how="left")
        .with_columns(beside=pl.col("group") == pl.col("own"))
        .group_by("target", "day")
        .agg(
            pl.col("forwarder").unique().sort(),
            _different("forwarder").alias("n_bridges"),
            pl.col("forwarder").filter("new").n_unique().cast(pl.Int64).alias("n_new"),
            pl.col("forwarder").filter("beside").n_unique().cast(pl.Int64).alias("n_beside"),
            pl.len().cast(pl.Int64).alias("n_calls"),
            _different("caller").alias("n_callers"),
        )
    )


def targets(hops: pl.LazyFrame, past: pl.LazyFrame) -> pl.LazyFrame:
    """Count the targets of each line and day, and those that it used in the 28 days before.

    ``past`` are HOPS of these days and of those before. Returns (line, day, target, n_targets,
    n_calls, n_callers, n_reused, start, end); ``target`` lists them.
    """
    days = hops.group_by("day", line="forwarder").agg(
        pl.col("target").unique().sort(),
        _different("target").alias("n_targets"),
        pl.len().cast(pl.Int64).alias("n_calls"),
        _different("caller").alias("n_callers"),
        start=pl.col("start").min(),
        end=pl.col("start").max(),
    )
    used = past.select("target", "day", line="forwarder").unique().sort("line", "target", "day")
    since = (pl.col("day") - pl.col("day").shift().over("line", "target")).dt.total_days()
    reused = (
        used.filter(since <= REUSED_DAYS)
        .join(
            hops,
            left_on=["line", "target", "day"],
            right_on=["forwarder", "target", "day"],
            how="semi",
        )
        .group_by("line", "day")
        .agg(_different("target").alias("n_reused"))
    )
    counted = days.join(reused, on=["line", "day"], how="left")
    return counted.with_columns(pl.col("n_reused").fill_null(0))


def _different(column: str) -> pl.Expr:
    return pl.col(column).drop_nulls().n_unique().cast(pl.Int64)


def with_few(tables: Tables, column: str) -> pl.Expr:
    """Return a line with its targets as text, where these are so few that they take part."""
    few = pl.col(column).list.len() <= FEW_TARGETS
    lines = pl.when(few).then(pl.concat_list("line", column)).otherwise(pl.concat_list("line"))
    return lines.list.eval(tables.written(pl.element()))


def week_start(tables: Tables) -> pl.Expr:
    """Return the start of the 7 days up to a day."""
    return tables.opens(pl.col("day") - timedelta(days=WEEK - 1))
