"""CALLS to LEGS, one for each line of a call, and to the legs of forwarded calls.

As in profile.py, the records of a line itself count before those of the other party.
"""

from __future__ import annotations

import polars as pl

from cdr_anomaly.engines.profile import SIDES, Side, filter_calls, forwarded_calls, has_type
from cdr_anomaly.schema import LONG_CALLS

# The least talk of a long call, and of a partial record: switches write these every five minutes or
# later.
LONG_S, PART_S = 1800, 300


def legs_of(calls: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the LEGS of ``lines`` (line), placed and received; ``calls`` has all their calls."""
    return pl.concat(
        _legs(calls, SIDES[count], lines).with_columns(outgoing=pl.lit(value=placed))
        for count, placed in (("n_out", True), ("n_in", False))
    )


def forwarded_legs(calls: pl.DataFrame) -> pl.DataFrame:
    """Return the forwarded calls, by the line that forwarded them."""
    side, names = SIDES["n_forwarded"], calls.columns
    return _own_or_other(
        forwarded_calls(calls),
        side,
        day="day",
        target=side.counterpart,
        caller="calling_number",
        start="start_time",
        answered=_answered(names),
        reason=_or_null("redirect_reason", names),
        call_id=_or_null("call_id", names),
    )


def long_calls(calls: pl.DataFrame) -> pl.DataFrame:
    """Return the calls with talk of LONG_S or more (LONG_CALLS)."""
    side = SIDES["n_out"]
    rows = calls.filter(pl.col("duration_s") >= LONG_S)
    rows = filter_calls(rows, has_type(rows, (*side.own_types, *side.other_types)))
    rows = rows.drop_nulls([side.line, side.counterpart])
    columns = {"called": side.counterpart, "start": "start_time"}
    talks = _own_or_other(rows, side, day="day", duration_s="duration_s", **columns)
    return talks.rename({"line": "caller"}).select(list(LONG_CALLS)).sort(pl.all())


def _legs(calls: pl.DataFrame, side: Side, lines: pl.DataFrame) -> pl.DataFrame:
    names = calls.columns
    rows = calls.filter(pl.col(side.line).is_in(lines["line"].implode()))
    rows = filter_calls(rows, has_type(rows, (*side.own_types, *side.other_types)))
    return _own_or_other(
        rows,
        side,
        day="day",
        counterpart=side.counterpart,
        start="start_time",
        duration_s="duration_s",
        answered=_answered(names),
        cell_id=_own_column("cell_id", names, side),
        imei=_own_column("imei", names, side),
        imsi=_own_column("imsi", names, side),
        trunk_in=_or_null("trunk_in", names),
    )


def _own_or_other(calls: pl.DataFrame, side: Side, **columns: str | pl.Expr) -> pl.DataFrame:
    """Return ``columns`` of the own records of each line-day, or of the other party's if none."""
    is_own = _record_type(calls.columns).is_in(side.own_types)
    rows = calls.select(line=side.line, **columns, is_own=is_own)
    if rows["is_own"].all():
        return rows.drop("is_own")
    own, other = rows.filter("is_own"), rows.filter(~pl.col("is_own"))
    only_other = other.join(own, on=["line", "day"], how="anti")
    return pl.concat([own, only_other]).drop("is_own")


def _own_column(column: str, names: list[str], side: Side) -> pl.Expr:
    """Return a column of the line whose record it is, null on a record of the other party.

    On a record of the whole call, cell, handset and subscriber identity are those of the caller.
    """
    if column not in names:
        return pl.lit(None, pl.String).alias(column)
    types = [kind for kind in side.own_types if kind != "call" or side.line == "calling_number"]
    return pl.when(_record_type(names).is_in(types)).then(pl.col(column))


def _record_type(names: list[str]) -> pl.Expr:
    return pl.col("record_type") if "record_type" in names else pl.lit("call")


def _answered(names: list[str]) -> pl.Expr:
    talked = pl.col("duration_s") > 0
    return pl.col("answered").fill_null(talked) if "answered" in names else talked


def _or_null(column: str, names: list[str]) -> pl.Expr:
    return pl.col(column) if column in names else pl.lit(None, pl.String)
