"""Which lines took the place of others, by handset, list, cell or number block."""

from __future__ import annotations

import polars as pl

from cdr_anomaly.features import shared_targets
from cdr_anomaly.features.co_location import by_place

# A card comes after the one before it in the same handset however long that lay in a drawer.
KEPT_DAYS, WEEK = 180, 7
SEVERAL, TOGETHER_DAYS = 3, 3
BY_MANY = ("cell", "number block")
BY, ENDS = ("handset", "list", *BY_MANY), ("one", "other")


def successions(outbound: pl.LazyFrame, links: pl.LazyFrame, block: pl.Expr) -> pl.LazyFrame:
    """Pair lines that began to call strangers with lines that had stopped, in the same place.

    On one handset any line follows the one before, and so it does where the two worked one list
    (LINKS). At one cell a line may have stopped up to a week before another began, and it takes
    three that began together, and three that stopped: one does so everywhere. A number ``block``
    has very many lines, and counts for those alone whose cells are not known. Returns (line,
    earlier, by).
    """
    spans = outbound.group_by("line").agg(first=pl.col("day").min(), last=pl.col("day").max())
    surely = links.filter(shared_targets.is_sure())
    ends = [surely.select(line=a, earlier=b, by=pl.lit("list")) for a, b in (ENDS, ENDS[::-1])]
    of_list = pl.concat(ends).unique().with_columns(place=pl.lit(None, pl.String))
    nowhere = outbound.filter(pl.col("cells").list.len() == 0)
    in_block = nowhere.select("line", place=block).unique().drop_nulls()
    near = pl.concat(
        [
            _together(by_place(outbound, "cells")).with_columns(by=pl.lit("cell")),
            _together(in_block).with_columns(by=pl.lit("number block")),
        ]
    )
    on_handset = _together(by_place(outbound, "handsets")).with_columns(by=pl.lit("handset"))
    columns = ("line", "earlier", "by", "place")
    whole = pl.concat([each.select(columns) for each in (on_handset, of_list, near)])
    stopped = spans.select(earlier="line", stopped="last")
    after = (pl.col("first") - pl.col("stopped")).dt.total_days()
    most = pl.when(pl.col("by").is_in(BY_MANY)).then(WEEK).otherwise(KEPT_DAYS)
    pairs = (
        whole.join(spans, on="line").join(stopped, on="earlier").filter(after.is_between(1, most))
    )
    many = pl.col("by").is_in(BY_MANY)
    changes = pairs.filter(many)
    for who, when in (("line", "first"), ("earlier", "stopped")):
        changes = changes.join(_in_company(changes, who, when), on=["place", who], how="semi")
    found = pl.concat([pairs.filter(~many), changes]).select("line", "earlier", "by")
    order = pl.col("by").replace_strict({by: n for n, by in enumerate(BY)}, return_dtype=pl.Int64)
    return found.sort("line", "earlier", order).unique(
        ["line", "earlier"], keep="first", maintain_order=True
    )


def _in_company(rows: pl.LazyFrame, who: str, when: str) -> pl.LazyFrame:
    """Find those (place, who) with others that did so there in the same days."""
    each = rows.select("place", who, when).unique()
    others = each.rename({who: "company", when: "their"})
    near = (pl.col(when) - pl.col("their")).dt.total_days().abs() < TOGETHER_DAYS
    counts = each.join(others, on="place").filter(near).group_by("place", who).len()
    return counts.filter(pl.col("len") >= SEVERAL)


def _together(places: pl.LazyFrame) -> pl.LazyFrame:
    """Pair all lines that were at a place (line, place), at whatever time."""
    rows = places.select("line", "place").unique()
    return rows.join(rows.rename({"line": "earlier"}), on="place")
