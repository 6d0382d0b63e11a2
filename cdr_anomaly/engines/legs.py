"""CALLS to LEGS, one for each line that took part, and to the calls that lines forwarded.

The rule is that of profile: a line's own records go before what the other side's say.
"""

from __future__ import annotations

import polars as pl

from cdr_anomaly.engines.profile import SIDES, Side, diverted, filtered, of_types
from cdr_anomaly.schema import LONG_CALLS

# A call with so much talk is long; switches write the parts of one every five minutes at most.
LONG_S, PART_S = 1800, 300


def of_lines(calls: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the LEGS of ``lines`` (line), placed and received; ``calls`` hold all their calls."""
    return pl.concat(
        _legs(calls, SIDES[count], lines).with_columns(outgoing=pl.lit(value=placed))
        for count, placed in (("n_out", True), ("n_in", False))
    )


def forwarded(calls: pl.DataFrame) -> pl.DataFrame:
    """Return the calls that were forwarded, by the line that forwarded them."""
    side = SIDES["n_forwarded"]
    names = calls.columns
    rows = diverted(calls).select(
        line=side.line,
        day="day",
        target=side.counterpart,
        caller="calling_number",
        start="start_time",
        answered=_answered(names),
        reason=_or_null("redirect_reason", names),
        call_id=_or_null("call_id", names),
        own=_whose(names).is_in(side.own),
    )
    return _own_or_other(rows)


def long(calls: pl.DataFrame) -> pl.DataFrame:
    """Return the calls with talk of LONG_S or more (LONG_CALLS)."""
    side = SIDES["n_out"]
    rows = calls.filter(pl.col("duration_s") >= LONG_S)
    rows = filtered(rows, of_types(rows, (*side.own, *side.other)))
    found = rows.select(
        "day",
        "duration_s",
        line=side.line,
        called=side.counterpart,
        start="start_time",
        own=_whose(rows.columns).is_in(side.own),
    ).drop_nulls(["line", "called"])
    return _own_or_other(found).rename({"line": "caller"}).select(list(LONG_CALLS)).sort(pl.all())


def _legs(calls: pl.DataFrame, side: Side, lines: pl.DataFrame) -> pl.DataFrame:
    names = calls.columns
    rows = calls.filter(pl.col(side.line).is_in(lines["line"].implode()))
    rows = filtered(rows, of_types(rows, (*side.own, *side.other)))
    found = rows.select(
        line=side.line,
        day="day",
        counterpart=side.counterpart,
        start="start_time",
        duration_s="duration_s",
        answered=_answered(names),
        cell_id=_own_column("cell_id", names, side),
        imei=_own_column("imei", names, side),
        imsi=_own_column("imsi", names, side),
        trunk_in=_or_null("trunk_in", names),
        own=_whose(names).is_in(side.own),
    )
    return _own_or_other(found)


def _own_or_other(legs: pl.DataFrame) -> pl.DataFrame:
    """Keep a line-day's own records where it has any, else what the other side's records say."""
    if legs["own"].all():
        return legs.drop("own")
    own, other = legs.filter("own"), legs.filter(~pl.col("own"))
    lone = other.join(own, on=["line", "day"], how="anti")
    return pl.concat([own, lone]).drop("own")


def _own_column(column: str, names: list[str], side: Side) -> pl.Expr:
    """Take a column of the party whose record it is; the other party's is not this line's.

    On a record of the whole call cell, handset and subscriber identity are the calling party's.
    """
    if column not in names:
        return pl.lit(None, pl.String).alias(column)
    mine = [kind for kind in side.own if kind != "call" or side.line == "calling_number"]
    return pl.when(_whose(names).is_in(mine)).then(pl.col(column))


def _whose(names: list[str]) -> pl.Expr:
    return pl.col("record_type") if "record_type" in names else pl.lit("call")


def _answered(names: list[str]) -> pl.Expr:
    talked = pl.col("duration_s") > 0
    return pl.col("answered").fill_null(talked) if "answered" in names else talked


def _or_null(column: str, names: list[str]) -> pl.Expr:
    return pl.col(column) if column in names else pl.lit(None, pl.String)
