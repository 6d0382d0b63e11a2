"""MEASURES and LEGS to COLD_CALLERS and LISTS: the cold callers, and whom they called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.features import rolling
from cdr_anomaly.schema import COLD_CALLERS

if TYPE_CHECKING:
    from cdr_anomaly.settings import ColdCallers

# From this share of its calls of the day a cell is the line's, from so many calls a handset.
MIN_CELL_SHARE, MIN_HANDSET_CALLS = 0.4, 10
STEADY_DAYS = 14


def is_busy(rule: ColdCallers) -> pl.Expr:
    """Return which line-days have enough calls, and mostly outgoing ones."""
    n_out = pl.col("n_out")
    return (n_out >= rule.calls_day) & (n_out >= rule.out_share * (n_out + pl.col("n_in")))


def line_days(
    measures: pl.LazyFrame,
    legs: pl.LazyFrame,
    rule: ColdCallers,
    *,
    two_way: bool,
    attempts: bool,
) -> pl.LazyFrame:
    """Return the line-days of MEASURES that keep to the rule, with their cells and handsets.

    Call-backs count only where the feed is ``two_way``, and answered calls only where it holds
    unanswered ``attempts``, too.
    """
    n_out, distinct = pl.col("n_out"), pl.col("n_distinct")
    days = measures.filter(
        is_busy(rule),
        distinct >= rule.distinct_ratio * n_out,
        (pl.col("n_called_back") < rule.call_backs * distinct) | (not two_way),
        pl.col("n_familiar") < rule.familiar * distinct,
        (pl.col("n_answered") <= rule.answered * n_out) | (not attempts),
        pl.col("n_cells") <= rule.cells,
    ).select("line", "day", "n_out", "n_answered", "n_distinct")
    placed = legs.filter("outgoing").join(days, on=["line", "day"], how="semi")
    handset = numbering.handset_id(pl.col("imei"))
    cells = _frequent_values(
        placed, pl.col("cell_id"), "cells", of=MIN_CELL_SHARE * n_out, days=days
    )
    handsets = _frequent_values(
        placed, handset, "handsets", of=pl.lit(MIN_HANDSET_CALLS), days=days
    )
    joined = days.join(cells, on=["line", "day"], how="left")
    return joined.join(handsets, on=["line", "day"], how="left").select(
        *days.collect_schema(), pl.col("cells", "handsets").fill_null([])
    )


def lists(legs: pl.LazyFrame, cold_callers: pl.LazyFrame) -> pl.LazyFrame:
    """Return LISTS: whom each line called on its steady days of COLD_CALLERS, and who answered."""
    placed = legs.filter("outgoing", pl.col("counterpart").is_not_null())
    return (
        placed.join(cold_callers.filter("steady"), on=["line", "day"], how="semi")
        .group_by("line", "day", "counterpart")
        .agg(pl.col("answered").any())
    )


def reached_people(legs: pl.LazyFrame, cold_callers: pl.LazyFrame, talk_s: int) -> pl.LazyFrame:
    """Return to whom steady lines of COLD_CALLERS talked for ``talk_s`` seconds (line, day)."""
    talks = legs.filter("outgoing", "answered", pl.col("duration_s") >= talk_s)
    by_them = talks.join(cold_callers.filter("steady"), on=["line", "day"], how="semi")
    return by_them.select("day", line="counterpart").drop_nulls().unique().select("line", "day")


def mark_steady(days: pl.LazyFrame, past: pl.LazyFrame, busy: pl.LazyFrame) -> pl.LazyFrame:
    """Return COLD_CALLERS of ``days``: steady if most busy days of the last 14 are such days.

    ``past`` is COLD_CALLERS of the days before, ``busy`` has the busy line-days. A line that sells
    has a day without a call-back now and then; one that works a list has only such days.
    """

    def count_recent(others: pl.LazyFrame, name: str) -> pl.LazyFrame:
        pairs = days.select("line", "day").join(others.select("line", past="day"), on="line")
        near = pairs.filter(rolling.is_recent("past", STEADY_DAYS))
        return near.group_by("line", "day").agg(pl.len().alias(name))

    alike = pl.concat([past.select("line", "day"), days.select("line", "day")])
    joined = days.join(count_recent(alike, "n_alike"), on=["line", "day"], how="left")
    joined = joined.join(count_recent(busy, "n_busy"), on=["line", "day"], how="left")
    steady = pl.col("n_alike") * 2 > pl.col("n_busy")
    return joined.with_columns(steady=steady).select(list(COLD_CALLERS))


def called_by_busy(measures: pl.LazyFrame, legs: pl.LazyFrame, rule: ColdCallers) -> pl.LazyFrame:
    """Return whom the busy lines called, strangers or not (line, day, counterpart)."""
    busy = measures.filter(is_busy(rule)).select("line", "day")
    placed = legs.filter("outgoing", pl.col("counterpart").is_not_null())
    rows = placed.join(busy, on=["line", "day"], how="semi")
    return rows.select("line", "day", "counterpart").unique()


def _frequent_values(
    placed: pl.LazyFrame, value: pl.Expr, name: str, *, of: pl.Expr, days: pl.LazyFrame
) -> pl.LazyFrame:
    """Return the list of values that at least ``of`` of the calls of a line-day have."""
    counts = placed.group_by("line", "day", value.alias(name)).agg(times=pl.len()).drop_nulls()
    often = counts.join(days.select("line", "day", "n_out"), on=["line", "day"])
    return often.filter(pl.col("times") >= of).group_by("line", "day").agg(pl.col(name).sort())
