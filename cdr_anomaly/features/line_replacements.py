"""Which lines replaced others: by handset, by list of numbers, by cell or by number block."""

from __future__ import annotations

import polars as pl

from cdr_anomaly.features import shared_targets
from cdr_anomaly.features.co_location import explode_places

# In a handset a card may follow the card before it after a long time in a drawer.
KEPT_DAYS, WEEK = 180, 7
SEVERAL, TOGETHER_DAYS = 3, 3
WAYS_OF_MANY = ("cell", "number block")
WAYS, ENDS = ("handset", "list", *WAYS_OF_MANY), ("one", "other")


def find_replacements(
    cold_callers: pl.LazyFrame, links: pl.LazyFrame, block: pl.Expr
) -> pl.LazyFrame:
    """Return (line, earlier, by): lines that began to call strangers, and lines that had stopped.

    In one handset any line follows the line before, and so does a line that works the same list
    (LINKS), within 180 days. At one cell an earlier line stopped up to a week before, and three
    lines must have begun together, and three have stopped: single lines do so everywhere. A number
    ``block`` has very many lines, and counts only for lines whose cells are not known.
    """
    spans = cold_callers.group_by("line").agg(first=pl.col("day").min(), last=pl.col("day").max())
    sure = links.filter(shared_targets.is_sure())
    ends = [sure.select(line=a, earlier=b, by=pl.lit("list")) for a, b in (ENDS, ENDS[::-1])]
    of_list = pl.concat(ends).unique().with_columns(place=pl.lit(None, pl.String))
    nowhere = cold_callers.filter(pl.col("cells").list.len() == 0)
    in_block = nowhere.select("line", place=block).unique().drop_nulls()
    near = pl.concat(
        [
            _pair_at_place(explode_places(cold_callers, "cells")).with_columns(by=pl.lit("cell")),
            _pair_at_place(in_block).with_columns(by=pl.lit("number block")),
        ]
    )
    on_handset = _pair_at_place(explode_places(cold_callers, "handsets")).with_columns(
        by=pl.lit("handset")
    )
    columns = ("line", "earlier", "by", "place")
    rows = pl.concat([part.select(columns) for part in (on_handset, of_list, near)])
    stopped = spans.select(earlier="line", stopped="last")
    after = (pl.col("first") - pl.col("stopped")).dt.total_days()
    most = pl.when(pl.col("by").is_in(WAYS_OF_MANY)).then(WEEK).otherwise(KEPT_DAYS)
    pairs = (
        rows.join(spans, on="line").join(stopped, on="earlier").filter(after.is_between(1, most))
    )
    many = pl.col("by").is_in(WAYS_OF_MANY)
    changes = pairs.filter(many)
    for who, when in (("line", "first"), ("earlier", "stopped")):
        changes = changes.join(_with_others(changes, who, when), on=["place", who], how="semi")
    rows = pl.concat([pairs.filter(~many), changes]).select("line", "earlier", "by")
    order = pl.col("by").replace_strict({by: n for n, by in enumerate(WAYS)}, return_dtype=pl.Int64)
    return rows.sort("line", "earlier", order).unique(
        ["line", "earlier"], keep="first", maintain_order=True
    )


def _with_others(rows: pl.LazyFrame, who: str, when: str) -> pl.LazyFrame:
    """Return the (place, ``who``) with which others began, or stopped, there in the same days."""
    ends = rows.select("place", who, when).unique()
    others = ends.rename({who: "company", when: "their"})
    near = (pl.col(when) - pl.col("their")).dt.total_days().abs() < TOGETHER_DAYS
    counts = ends.join(others, on="place").filter(near).group_by("place", who).len()
    return counts.filter(pl.col("len") >= SEVERAL)


def _pair_at_place(places: pl.LazyFrame) -> pl.LazyFrame:
    """Pair all lines that were at the same place (line, place), at any time."""
    rows = places.select("line", "place").unique()
    return rows.join(rows.rename({"line": "earlier"}), on="place")
