"""CALLS to legs, one for each line that took part, and legs to PROFILE, one row a line and day.

One rule: a call counts once for each party. Where both sides of a call are delivered, its caller
is counted from the caller's record (moc) and the called line from its own (mtc); where a side is
not delivered, as for a caller from abroad, it is read off the other side's record.
"""

from __future__ import annotations

import polars as pl


def outgoing(calls: pl.LazyFrame, only: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Return the placed calls, by the line that placed them; forwarding legs are not among them.

    ``only`` (line) narrows the lines before anything else is done.
    """
    return _side(_of(calls, "calling_number", only), "calling_number", "called_number", "moc")


def incoming(calls: pl.LazyFrame, only: pl.LazyFrame | None = None) -> pl.LazyFrame:
    """Return the received calls, by the line that received them; ``only`` as in ``outgoing``."""
    return _side(_of(calls, "called_number", only), "called_number", "calling_number", "mtc")


def legs(calls: pl.LazyFrame, only: pl.LazyFrame) -> pl.LazyFrame:
    """Return the LEGS of the lines in ``only`` (line), placed and received."""
    kinds = {True: outgoing, False: incoming}
    return pl.concat(
        side(calls, only).with_columns(outgoing=pl.lit(value=placed))
        for placed, side in kinds.items()
    )


def forwarded(calls: pl.LazyFrame) -> pl.LazyFrame:
    """Return the calls that were forwarded, by the line that forwarded them.

    A line whose forwarding legs are delivered is counted from these alone, since the same
    forwarding is often named again on the record of the call that came of it.
    """
    names = calls.collect_schema().names()
    if "redirecting_number" not in names:
        return calls.clear().select(
            line="calling_number", day="day", target="called_number", caller="calling_number",
            start="start_time", duration_s="duration_s", answered=pl.lit(value=False),
            reason=pl.lit(None, pl.String), call_id=pl.lit(None, pl.String),
        )  # fmt: skip
    diverted = (pl.col("redirecting_number") != pl.col("called_number")).fill_null(value=True)
    legs = calls.filter(pl.col("redirecting_number").is_not_null(), diverted).select(
        line="redirecting_number", day="day", target="called_number", caller="calling_number",
        start="start_time", duration_s="duration_s", answered=_answered(names),
        reason=_or_null("redirect_reason", names), call_id=_or_null("call_id", names),
        own=pl.col("record_type") == "fwd" if "record_type" in names else pl.lit(value=False),
    )  # fmt: skip
    return _own_or_other(legs)


def line_days(calls: pl.LazyFrame, *, with_incoming: bool) -> list[pl.LazyFrame]:
    """Return the parts of PROFILE, one per kind of leg; ``added_up`` makes one table of them."""
    kinds = {"n_out": outgoing, "n_forwarded": forwarded}
    if with_incoming:
        kinds["n_in"] = incoming
    names = calls.collect_schema().names()
    if "redirecting_number" not in names:
        del kinds["n_forwarded"]
    return [_counted(legs(calls), column) for column, legs in kinds.items()]


def added_up(parts: list[pl.LazyFrame]) -> pl.LazyFrame:
    """Add up parts of PROFILE: of one file and another, of one kind of leg and another."""
    counts = ("n_out", "n_in", "n_forwarded")
    whole = pl.concat(parts, how="diagonal")
    missing = [c for c in counts if c not in whole.collect_schema().names()]
    return (
        whole.with_columns(pl.lit(0, pl.Int64).alias(column) for column in missing)
        .group_by("line", "day")
        .agg(
            *(pl.col(column).sum() for column in counts),
            pl.col("first_leg").min(),
            pl.col("last_leg").max(),
        )
    )


def _counted(legs: pl.LazyFrame, column: str) -> pl.LazyFrame:
    return legs.group_by("line", "day").agg(
        pl.len().cast(pl.Int64).alias(column),
        first_leg=pl.col("start").min(),
        last_leg=pl.col("start").max(),
    )


def _of(calls: pl.LazyFrame, column: str, only: pl.LazyFrame | None) -> pl.LazyFrame:
    if only is None:
        return calls.filter(pl.col(column).is_not_null())
    return calls.join(only, left_on=column, right_on="line", how="semi")


def _side(legs: pl.LazyFrame, line: str, counterpart: str, own: str) -> pl.LazyFrame:
    names = legs.collect_schema().names()
    other = {"moc": "mtc", "mtc": "moc"}[own]
    if "record_type" in names:
        legs = legs.filter(pl.col("record_type").is_in(["call", own, other]))
    legs = legs.select(
        line=line, day="day", counterpart=counterpart, start="start_time",
        duration_s="duration_s", answered=_answered(names),
        cell_id=_own_column("cell_id", names, other), imei=_own_column("imei", names, other),
        own=pl.col("record_type") != other if "record_type" in names else pl.lit(value=True),
    )  # fmt: skip
    return _own_or_other(legs) if "record_type" in names else legs.drop("own")


def _own_or_other(legs: pl.LazyFrame) -> pl.LazyFrame:
    """Keep a line-day's own records where it has any, else what the other side's records say."""
    has_own = pl.col("own").any().over("line", "day")
    return legs.filter(pl.col("own") | ~has_own).drop("own")


def _own_column(column: str, names: list[str], other: str) -> pl.Expr:
    """Take a column of the party whose record it is; the other party's is not this line's.

    On a record of the whole call cell and handset are the calling party's.
    """
    if column not in names:
        return pl.lit(None, pl.String).alias(column)
    if "record_type" not in names:
        return pl.col(column) if other == "mtc" else pl.lit(None, pl.String).alias(column)
    foreign = [other] if other == "mtc" else [other, "call"]
    return pl.when(~pl.col("record_type").is_in(foreign)).then(pl.col(column))


def _answered(names: list[str]) -> pl.Expr:
    talked = pl.col("duration_s") > 0
    return pl.col("answered").fill_null(talked) if "answered" in names else talked


def _or_null(column: str, names: list[str]) -> pl.Expr:
    return pl.col(column) if column in names else pl.lit(None, pl.String)
