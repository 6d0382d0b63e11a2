"""OUTBOUND and TRAFFIC to places where several lines call strangers, and where they were before.

A place is a cell at which more lines call strangers than its traffic explains, or a handset in
which several such lines are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import significance
from cdr_anomaly.features import rolling

if TYPE_CHECKING:
    from datetime import date


# The cards of a handset may be used in turn, over 7 days; a line stays at a cell in 4.
HANDSET_DAYS, STAY_DAYS = 7, 4
# The group came from a place if this share of its lines was there.
MIN_MOVED_SHARE = 0.5


def crowded_cells(
    cold_callers: pl.LazyFrame, traffic: pl.LazyFrame, *, since: date
) -> pl.DataFrame:
    """Compare how many lines call strangers at each cell with how many its traffic explains.

    The lines are spread over cells as all other calls of the day are: Poisson, with a
    false-discovery rate over all cells of the day. Returns (day, place, group, n_group, expected,
    p_value, q_value) of the cells with two such lines or more.
    """
    present = _residents(explode_places(cold_callers, "cells"), cold_callers).filter(
        pl.col("day") >= since
    )
    # Their own calls are no measure of how many people are there.
    own = pl.col("n_out") / pl.len().over("line", "day")
    lines = (
        present.with_columns(own=own)
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
    compared = cells.join(lines, on=["day", "place"], how="left").with_columns(
        expected=share * pl.col("n_group").sum().over("day"), n_cells=pl.len().over("day")
    )
    rows = compared.filter(pl.col("n_group") > 1).collect()
    counts, expected = (rows[c].cast(pl.Float64).to_numpy() for c in ("n_group", "expected"))
    tested = rows.with_columns(p_value=pl.Series(significance.poisson_tail(counts, expected)))
    return significance.by_day(tested, pl.first("n_cells")).drop("own", "calls", "n_cells")


def _residents(rows: pl.LazyFrame, cold_callers: pl.LazyFrame) -> pl.LazyFrame:
    """Keep the line-days at a place where the line was on most of its last four days.

    Lines that only pass by do not belong to the group.
    """
    keys = ("line", "day", "place")
    days_at_place = rows.select("line", "place", past="day")
    visits = rows.select(keys).join(days_at_place, on=["line", "place"])
    all_days = cold_callers.select("line", "day").join(
        cold_callers.select("line", past="day"), on="line"
    )
    recent = rolling.is_recent("past", STAY_DAYS)
    times = visits.filter(recent).group_by(keys).agg(n_there=pl.len())
    of = all_days.filter(recent).group_by("line", "day").agg(n_days=pl.len())
    counts = rows.join(times, on=keys).join(of, on=["line", "day"])
    return counts.filter(pl.col("n_there") * 2 > pl.col("n_days")).drop("n_there", "n_days")


def handset_groups(cold_callers: pl.LazyFrame, *, since: date) -> pl.LazyFrame:
    """Return the cold callers of each handset in 7 days (day, place, group, n_group)."""
    used = explode_places(cold_callers, "handsets").select("line", "day", "place")
    days = used.filter(pl.col("day") >= since).select("day", "place").unique()
    week = days.join(used.rename({"day": "past_day"}), on="place")
    near = week.filter(rolling.is_recent("past_day", HANDSET_DAYS))
    return near.group_by("day", "place").agg(
        group=pl.col("line").unique().sort(), n_group=pl.col("line").n_unique().cast(pl.Int64)
    )


def find_moves(cold_callers: pl.LazyFrame, places: pl.LazyFrame) -> pl.LazyFrame:
    """Return the cell from which most lines of each cell (day, place, group) came.

    A line is recognised by its number or by a handset in which it was used. Returns (day, place,
    before, until, here_since, n_moved): the earlier cell, the last day there, the first day here,
    and how many lines of the group moved.
    """
    keys = ("day", "place", "line")
    rows = _whereabouts(cold_callers, places).filter(pl.col("past_day") <= pl.col("day"))
    here = pl.col("before") == pl.col("place")
    first = rows.filter(here).group_by(keys).agg(here_since=pl.col("past_day").min())
    last = rows.filter(~here).group_by(*keys, "before").agg(until=pl.col("past_day").max())
    gone = last.join(first, on=keys).filter(pl.col("until") < pl.col("here_since"))
    counts = gone.group_by("day", "place", "before").agg(
        pl.col("until").max(), pl.col("here_since").min(), n_moved=pl.len().cast(pl.Int64)
    )
    sizes = places.select("day", "place", "n_group")
    most = counts.join(sizes, on=["day", "place"]).filter(
        pl.col("n_moved") >= MIN_MOVED_SHARE * pl.col("n_group")
    )
    ordered = most.sort("until", "n_moved", "before", descending=[True, True, False])
    return ordered.unique(["day", "place"], keep="first", maintain_order=True).drop("n_group")


def _whereabouts(cold_callers: pl.LazyFrame, places: pl.LazyFrame) -> pl.LazyFrame:
    """Return where each line of a place was on which day, by its number or by its handset."""
    members = places.select("day", "place", line="group").explode(
        "line", empty_as_null=False, keep_nulls=False
    )
    was = explode_places(cold_callers, "cells").select(
        "line", "handsets", before="place", past_day="day"
    )
    in_hand = explode_places(cold_callers, "handsets").select("line", "day", handset="place")
    on_handset = explode_places(was, "handsets").select("before", "past_day", handset="place")
    parts = (
        members.join(was, on="line"),
        members.join(in_hand, on=["line", "day"]).join(on_handset, on="handset"),
    )
    columns = ("day", "place", "line", "before", "past_day")
    return pl.concat([part.select(columns) for part in parts])


def explode_places(cold_callers: pl.LazyFrame, column: str) -> pl.LazyFrame:
    """Return a row for each place of a line-day, from a column of lists."""
    rows = cold_callers.with_columns(place=pl.col(column))
    return rows.explode("place", empty_as_null=False, keep_nulls=False)
