"""CALLS to legs, one for each line that took part, and to PROFILE, one row a line and day.

One rule: a call counts once for each party. Where both sides of a call are delivered, its caller
is counted from the caller's record (moc) and the called line from its own (mtc); where a side is
not delivered, as for a caller from abroad, it is read off the other side's record. So parts of
PROFILE keep apart what a line's own records say and what the other side's say; ``added_up``
settles it, day by day.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

COUNTS = ("n_out", "n_in", "n_forwarded")


class Side(NamedTuple):
    """One way of taking part in a call, and the record types that tell of it."""

    line: str
    counterpart: str
    own: tuple[str, ...]
    other: tuple[str, ...]


SIDES = {
    "n_out": Side("calling_number", "called_number", ("call", "moc"), ("mtc",)),
    "n_in": Side("called_number", "calling_number", ("call", "mtc"), ("moc",)),
    # The same forwarding is often named again on the record of the call that came of it.
    "n_forwarded": Side("redirecting_number", "called_number", ("fwd",), ("call", "moc", "mtc")),
}


def counted(calls: pl.DataFrame, *, with_incoming: bool) -> list[pl.DataFrame]:
    """Count the calls of each line and day: parts of PROFILE, to be added up.

    ``calls`` are mended CALLS with their ``day``; only the columns of numbers are needed.
    """
    parts = []
    for count, side in SIDES.items():
        if side.line not in calls.columns or (count == "n_in" and not with_incoming):
            continue
        rows = calls if count != "n_forwarded" else _diverted(calls)
        parts.append(_by_line(_of_types(rows, side.own), side.line, count))
        parts.append(_by_line(_of_types(rows, side.other), side.line, f"{count}_other"))
    return [part for part in parts if part.height]


def added_up(parts: list[pl.DataFrame], line: pl.DataType) -> pl.DataFrame:
    """Add up parts of PROFILE: of one file and another, of one way of taking part and another."""
    columns = [*COUNTS, *(f"{count}_other" for count in COUNTS)]
    empty = pl.DataFrame(schema={"line": line, "day": pl.Date})
    sums = summed([empty, *parts]).lazy()
    found = sums.collect_schema().names()
    settled = [
        pl.when(pl.col(count) > 0).then(count).otherwise(f"{count}_other").alias(count)
        for count in COUNTS
    ]
    missing = [pl.lit(0, pl.Int64).alias(column) for column in columns if column not in found]
    # A line-day whose every record turned out to be a repeat of another day's has nothing left.
    return (
        sums.with_columns(missing)
        .select("line", "day", *settled)
        .filter(pl.any_horizontal(pl.col(COUNTS) > 0))
        .collect()
    )


def summed(parts: list[pl.DataFrame]) -> pl.DataFrame:
    """Add up parts of PROFILE to one part."""
    whole = pl.concat(parts, how="diagonal").lazy()
    return whole.group_by("line", "day").agg(pl.all().sum()).collect()


def legs(calls: pl.DataFrame, lines: pl.DataFrame) -> pl.DataFrame:
    """Return the LEGS of ``lines`` (line), placed and received; ``calls`` hold all their calls."""
    return pl.concat(
        _legs(calls, SIDES[count], lines).with_columns(outgoing=pl.lit(value=placed))
        for count, placed in (("n_out", True), ("n_in", False))
    )


def forwarded(calls: pl.DataFrame) -> pl.DataFrame:
    """Return the calls that were forwarded, by the line that forwarded them."""
    side = SIDES["n_forwarded"]
    names = calls.columns
    rows = _diverted(calls).select(
        line=side.line, day="day", target=side.counterpart, caller="calling_number",
        start="start_time", answered=_answered(names),
        reason=_or_null("redirect_reason", names), call_id=_or_null("call_id", names),
        own=pl.col("record_type").is_in(side.own) if "record_type" in names
        else pl.lit(value=False),
    )  # fmt: skip
    return _own_or_other(rows)


def _diverted(calls: pl.DataFrame) -> pl.DataFrame:
    goes_on = pl.col("redirecting_number") != pl.col("called_number")
    return calls.filter(pl.col("redirecting_number").is_not_null(), goes_on.fill_null(value=True))


def _of_types(calls: pl.DataFrame, types: tuple[str, ...]) -> pl.DataFrame:
    if "record_type" in calls.columns:
        wanted = calls["record_type"].is_in(types)
        return calls if wanted.all() else calls.filter(wanted)
    return calls if "call" in types else calls.clear()


def _by_line(calls: pl.DataFrame, line: str, count: str) -> pl.DataFrame:
    days = calls["day"].unique()
    # One day is the usual case for one part of a feed, and one key is quicker than two.
    by = [pl.col(line).alias("line")] + ([pl.col("day")] if len(days) != 1 else [])
    part = calls.lazy().group_by(by).agg(pl.len().cast(pl.Int64).alias(count)).collect()
    if len(days) == 1:
        part = part.with_columns(pl.lit(days.item(), pl.Date).alias("day"))
    return part.filter(pl.col("line").is_not_null()).select("line", "day", count)


def _legs(calls: pl.DataFrame, side: Side, lines: pl.DataFrame) -> pl.DataFrame:
    names = calls.columns
    rows = calls.join(lines, left_on=side.line, right_on="line", how="semi")
    rows = _of_types(rows, (*side.own, *side.other))
    whose = pl.col("record_type") if "record_type" in names else pl.lit("call")
    found = rows.select(
        line=side.line, day="day", counterpart=side.counterpart, start="start_time",
        duration_s="duration_s", answered=_answered(names),
        cell_id=_own_column("cell_id", names, side), imei=_own_column("imei", names, side),
        own=whose.is_in(side.own),
    )  # fmt: skip
    return _own_or_other(found)


def _own_or_other(legs: pl.DataFrame) -> pl.DataFrame:
    """Keep a line-day's own records where it has any, else what the other side's records say."""
    own, other = legs.filter("own"), legs.filter(~pl.col("own"))
    lone = other.join(own, on=["line", "day"], how="anti")
    return pl.concat([own, lone]).drop("own")


def _own_column(column: str, names: list[str], side: Side) -> pl.Expr:
    """Take a column of the party whose record it is; the other party's is not this line's.

    On a record of the whole call cell and handset are the calling party's.
    """
    if column not in names:
        return pl.lit(None, pl.String).alias(column)
    whose = pl.col("record_type") if "record_type" in names else pl.lit("call")
    mine = [kind for kind in side.own if kind != "call" or side.line == "calling_number"]
    return pl.when(whose.is_in(mine)).then(pl.col(column))


def _answered(names: list[str]) -> pl.Expr:
    talked = pl.col("duration_s") > 0
    return pl.col("answered").fill_null(talked) if "answered" in names else talked


def _or_null(column: str, names: list[str]) -> pl.Expr:
    return pl.col(column) if column in names else pl.lit(None, pl.String)
