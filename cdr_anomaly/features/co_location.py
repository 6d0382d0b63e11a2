"""OUTBOUND and TRAFFIC to rooms: who calls strangers at one place, and who was there before.

A place is a cell where more lines call strangers than its traffic explains, or a handset that
several of them are used in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import significance
from cdr_anomaly.features import rolling

if TYPE_CHECKING:
    from datetime import date


# A handset is one place over so many days, as its cards may be used in turn.
HANDSET_DAYS, STAY_DAYS = 7, 4
# A place is where the group came from if so great a share of it was there.
MOST = 0.5


def crowded(outbound: pl.LazyFrame, traffic: pl.LazyFrame, *, since: date) -> pl.DataFrame:
    """Compare how many lines call strangers at each cell with how many its traffic explains.

    The lines are spread over cells as all other calls of the day are: Poisson, with a
    false-discovery rate over all cells of the day. Returns (day, place, group, n_group, expected,
    p_value, q_value) of the cells with two such lines or more.
    """
    here = _staying(by_place(outbound, "cells"), outbound).filter(pl.col("day") >= since)
    # Their own calls are no measure of how many people are there.
    own = pl.col("n_out") / pl.len().over("line", "day")
    lines = (
        here.with_columns(own=own)
        .group_by("day", "place")
        .agg(
            group=pl.col("line").unique().sort(),
            n_group=pl.col("line").n_unique().cast(pl.Int64),
            own=pl.col("own").sum(),
        )
    )
    cells = traffic.filter(what="cell").select("day", "calls", place="name")
    others = pl.max_horizontal(pl.col("calls") - pl.col("own").fill_null(0.0), pl.lit(1.0))
    share = others / others.sum().over("day")
    known = cells.join(lines, on=["day", "place"], how="left").with_columns(
        expected=share * pl.col("n_group").sum().over("day"), n_cells=pl.len().over("day")
    )
    rows = known.filter(pl.col("n_group") > 1).collect()
    counts, expected = (rows[c].cast(pl.Float64).to_numpy() for c in ("n_group", "expected"))
    tested = rows.with_columns(p_value=pl.Series(significance.poisson_tail(counts, expected)))
    return significance.by_day(tested, pl.first("n_cells")).drop("own", "calls", "n_cells")


def _staying(rows: pl.LazyFrame, outbound: pl.LazyFrame) -> pl.LazyFrame:
    """Keep the line-days at a place where the line was on most of its days of the last four.

    Who comes by has nothing to do with a room.
    """
    keys = ("line", "day", "place")
    before = rows.select("line", "place", past="day")
    there = rows.select(keys).join(before, on=["line", "place"])
    all_days = outbound.select("line", "day").join(outbound.select("line", past="day"), on="line")
    lately = rolling.lately("past", STAY_DAYS)
    times = there.filter(lately).group_by(keys).agg(n_there=pl.len())
    of = all_days.filter(lately).group_by("line", "day").agg(n_days=pl.len())
    whole = rows.join(times, on=keys).join(of, on=["line", "day"])
    return whole.filter(pl.col("n_there") * 2 > pl.col("n_days")).drop("n_there", "n_days")


def handsets(outbound: pl.LazyFrame, *, since: date) -> pl.LazyFrame:
    """List the lines that called strangers from each handset in 7 days (day, place, group, ...)."""
    used = by_place(outbound, "handsets").select("line", "day", "place")
    days = used.filter(pl.col("day") >= since).select("day", "place").unique()
    week = days.join(used.rename({"day": "past_day"}), on="place")
    near = week.filter(rolling.lately("past_day", HANDSET_DAYS))
    return near.group_by("day", "place").agg(
        group=pl.col("line").unique().sort(), n_group=pl.col("line").n_unique().cast(pl.Int64)
    )


def moved(outbound: pl.LazyFrame, places: pl.LazyFrame) -> pl.LazyFrame:
    """Say where the lines of each cell (day, place, group) were before, if most were at one place.

    A line is known again by its number or by a handset that it was used in. Returns (day, place,
    before, until, here_since, n_moved): the cell, the last day there and the first one here, and
    how many of the group it holds for.
    """
    keys = ("day", "place", "line")
    known = _known_again(outbound, places).filter(pl.col("past_day") <= pl.col("day"))
    here = pl.col("before") == pl.col("place")
    first = known.filter(here).group_by(keys).agg(here_since=pl.col("past_day").min())
    last = known.filter(~here).group_by(*keys, "before").agg(until=pl.col("past_day").max())
    gone = last.join(first, on=keys).filter(pl.col("until") < pl.col("here_since"))
    counts = gone.group_by("day", "place", "before").agg(
        pl.col("until").max(), pl.col("here_since").min(), n_moved=pl.len().cast(pl.Int64)
    )
    sizes = places.select("day", "place", "n_group")
    most = counts.join(sizes, on=["day", "place"]).filter(
        pl.col("n_moved") >= MOST * pl.col("n_group")
    )
    ordered = most.sort("until", "n_moved", "before", descending=[True, True, False])
    return ordered.unique(["day", "place"], keep="first", maintain_order=True).drop("n_group")


def _known_again(outbound: pl.LazyFrame, places: pl.LazyFrame) -> pl.LazyFrame:
    """List where each line of a place was on which day, by its number or by its handset."""
    members = places.select("day", "place", line="group").explode(
        "line", empty_as_null=False, keep_nulls=False
    )
    was = by_place(outbound, "cells").select("line", "handsets", before="place", past_day="day")
    in_hand = by_place(outbound, "handsets").select("line", "day", handset="place")
    on_handset = by_place(was, "handsets").select("before", "past_day", handset="place")
    found = (
        members.join(was, on="line"),
        members.join(in_hand, on=["line", "day"]).join(on_handset, on="handset"),
    )
    return pl.concat([each.select("day", "place", "line", "before", "past_day") for each in found])


def by_place(outbound: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Give a row to each place of a line-day."""
    rows = outbound.with_columns(place=pl.col(column))
    return rows.explode("place", empty_as_null=False, keep_nulls=False)
