"""MEASURES and LEGS to OUTBOUND and LISTS: who calls strangers one way, and whom they called."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.features import rolling
from cdr_anomaly.schema import OUTBOUND

# A cell or handset with so great a share of the day's calls, or so many of them, is the line's.
AT_CELL, ON_HANDSET = 0.4, 10
STEADY_DAYS = 14


class Rule(NamedTuple):
    """When a line-day is one of calling strangers one way; what the feed cannot tell is let pass.

    ``calls`` placed on the day at least, a share of ``distinct`` of them to different numbers and
    of ``out_share`` of all calls outgoing; less than a share of ``call_backs`` of the numbers
    calling back, and of ``familiar`` ones among them; no more than a share of ``answered``, and
    calls from no more than so many ``cells``.
    """

    calls: int
    distinct: float
    out_share: float
    call_backs: float
    familiar: float
    answered: float
    cells: int

    def busy(self) -> pl.Expr:
        """Tell which line-days have calls enough, and mostly outgoing ones."""
        n_out = pl.col("n_out")
        return (n_out >= self.calls) & (n_out >= self.out_share * (n_out + pl.col("n_in")))


def line_days(
    measures: pl.LazyFrame, legs: pl.LazyFrame, rule: Rule, *, two_way: bool, attempts: bool
) -> pl.LazyFrame:
    """Return the line-days of MEASURES that keep to the rule, with their cells and handsets.

    Call-backs count only where the feed is ``two_way``, and answered calls only where it holds
    unanswered ``attempts``, too.
    """
    n_out, distinct = pl.col("n_out"), pl.col("n_distinct")
    days = measures.filter(
        rule.busy(),
        distinct >= rule.distinct * n_out,
        (pl.col("n_called_back") < rule.call_backs * distinct) | (not two_way),
        pl.col("n_familiar") < rule.familiar * distinct,
        (pl.col("n_answered") <= rule.answered * n_out) | (not attempts),
        pl.col("n_cells") <= rule.cells,
    ).select("line", "day", "n_out", "n_answered", "n_distinct")
    placed = legs.filter("outgoing").join(days, on=["line", "day"], how="semi")
    handset = numbering.handset_id(pl.col("imei"))
    cells = _often(placed, pl.col("cell_id"), "cells", of=AT_CELL * n_out, days=days)
    handsets = _often(placed, handset, "handsets", of=pl.lit(ON_HANDSET), days=days)
    joined = days.join(cells, on=["line", "day"], how="left")
    return joined.join(handsets, on=["line", "day"], how="left").select(
        *days.collect_schema(), pl.col("cells", "handsets").fill_null([])
    )


def lists(legs: pl.LazyFrame, outbound: pl.LazyFrame) -> pl.LazyFrame:
    """List whom each line called on its steady days of OUTBOUND, and who of them answered."""
    placed = legs.filter("outgoing", pl.col("counterpart").is_not_null())
    return (
        placed.join(outbound.filter("steady"), on=["line", "day"], how="semi")
        .group_by("line", "day", "counterpart")
        .agg(pl.col("answered").any())
    )


def talked_to(legs: pl.LazyFrame, outbound: pl.LazyFrame, talk_s: int) -> pl.LazyFrame:
    """List the people whom a line of OUTBOUND called and talked to so long, and when (line, day).

    Their calls of these days are REACHED.
    """
    talks = legs.filter("outgoing", "answered", pl.col("duration_s") >= talk_s)
    by_them = talks.join(outbound.filter("steady"), on=["line", "day"], how="semi")
    return by_them.select("day", line="counterpart").drop_nulls().unique().select("line", "day")


def mark_steady(days: pl.LazyFrame, past: pl.LazyFrame, busy: pl.LazyFrame) -> pl.LazyFrame:
    """Return OUTBOUND of ``days``: a day is steady if most busy days of the last 14 are such days.

    ``past`` is OUTBOUND of the days before, ``busy`` has the busy line-days. A line that sells has
    a day without a call-back now and then; one that works a list has only such days.
    """

    def count_recent(others: pl.LazyFrame, name: str) -> pl.LazyFrame:
        pairs = days.select("line", "day").join(others.select("line", past="day"), on="line")
        near = pairs.filter(rolling.lately("past", STEADY_DAYS))
        return near.group_by("line", "day").agg(pl.len().alias(name))

    alike = pl.concat([past.select("line", "day"), days.select("line", "day")])
    joined = days.join(count_recent(alike, "n_alike"), on=["line", "day"], how="left")
    joined = joined.join(count_recent(busy, "n_busy"), on=["line", "day"], how="left")
    steady = pl.col("n_alike") * 2 > pl.col("n_busy")
    return joined.with_columns(steady=steady).select(list(OUTBOUND))


def called_by_busy(measures: pl.LazyFrame, legs: pl.LazyFrame, rule: Rule) -> pl.LazyFrame:
    """Return whom the busy lines called, strangers or not (line, day, counterpart)."""
    busy = measures.filter(rule.busy()).select("line", "day")
    placed = legs.filter("outgoing", pl.col("counterpart").is_not_null())
    rows = placed.join(busy, on=["line", "day"], how="semi")
    return rows.select("line", "day", "counterpart").unique()


def _often(
    placed: pl.LazyFrame, value: pl.Expr, name: str, *, of: pl.Expr, days: pl.LazyFrame
) -> pl.LazyFrame:
    """List the values that a line-day has often, which is ``of`` of its calls or more."""
    counts = placed.group_by("line", "day", value.alias(name)).agg(times=pl.len()).drop_nulls()
    often = counts.join(days.select("line", "day", "n_out"), on=["line", "day"])
    return often.filter(pl.col("times") >= of).group_by("line", "day").agg(pl.col(name).sort())
