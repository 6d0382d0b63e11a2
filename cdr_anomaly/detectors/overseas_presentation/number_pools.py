"""Whom numbers call, each by itself, and as neighbours: placed calls to prefixes with many numbers.

Numbers that are alike but for their last digits may be a pool out of which a caller shows another
one at each call; they may also be a country's mobile range, of which many call on any day. So the
null: a number has as many neighbours in its prefix as other numbers have, which is the sum of
n (n - 1) over the sum of n, over the other prefixes of its country. It counts dense ranges as
often as they have numbers. With few numbers of the country that is drawn towards what all countries
have; and where the hundred prefixes about it hold more, it is their mean. About that mean the
number of neighbours is Poisson. False discovery is controlled over all prefixes of the day.
"""

from __future__ import annotations

import polars as pl

from cdr_anomaly import significance
from cdr_anomaly.numbering import pseudonyms
from cdr_anomaly.numbering.caller_id import calling_code

# What a country tells of itself counts as much as what all do where so many of its numbers call.
ENOUGH = 50
# The prefixes about a prefix: those that differ in its last two digits.
ABOUT = 2
KEYS = ["day", "prefix"]


def contacts(calls: pl.LazyFrame, known_days: int) -> pl.LazyFrame:
    """Count by day whom each line called, and how many of them on one of the days before, too.

    ``calls`` (line, number, day, counterpart, start, answered). Returns (line, number, day,
    n_contacts, n_known, n_calls, n_answered, first, last).
    """
    pairs = (
        calls.group_by("line", "number", "day", "counterpart")
        .agg(
            n=pl.len().cast(pl.Int64),
            answered=pl.col("answered").sum().cast(pl.Int64),
            first=pl.col("start").min(),
            last=pl.col("start").max(),
        )
        .sort("line", "counterpart", "day")
    )
    before = pl.col("day").shift().over("line", "counterpart")
    known = (pl.col("day") - before).dt.total_days() <= known_days
    return (
        pairs.with_columns(known=known.fill_null(value=False))
        .group_by("line", "number", "day")
        .agg(
            n_contacts=pl.len().cast(pl.Int64),
            n_known=pl.col("known").sum().cast(pl.Int64),
            n_calls=pl.col("n").sum(),
            n_answered=pl.col("answered").sum(),
            first=pl.col("first").min(),
            last=pl.col("last").max(),
        )
    )


def counts() -> list[pl.Expr]:
    """Count calls and who was called, and say when."""
    return [
        pl.len().cast(pl.Int64).alias("n_calls"),
        pl.col("counterpart").drop_nulls().n_unique().cast(pl.Int64).alias("n_called"),
        pl.col("start").min().alias("first"),
        pl.col("start").max().alias("last"),
    ]


def pools(calls: pl.DataFrame, digits: int) -> pl.DataFrame:
    """Count by prefix what numbers do that are alike but for their last ``digits``.

    ``calls`` (day, number, counterpart, start, trunk_in) are all calls that numbers abroad placed
    to home subscribers. Returns (day, prefix, numbers, n_numbers, n_contacts, n_calls, n_shared,
    n_trunk, trunk, first, last, expected, p_value, q_value): n_shared are those who were called by
    several of the numbers, n_trunk the calls on the most used ``trunk``, ``expected`` is the mean
    of the null, for the number of neighbours.
    """
    length = pseudonyms.visible_length(pl.col("number")) - digits
    rows = calls.filter(length > ABOUT).with_columns(
        prefix=pl.col("number").str.slice(0, length), country=calling_code(pl.col("number"))
    )
    by_prefix = rows.group_by(KEYS).agg(
        pl.col("country").first(),
        numbers=pl.col("number").unique().sort(),
        n_numbers=pl.col("number").n_unique().cast(pl.Int64),
        n_contacts=pl.col("counterpart").n_unique().cast(pl.Int64),
        n_calls=pl.len().cast(pl.Int64),
        first=pl.col("start").min(),
        last=pl.col("start").max(),
    )
    by_several = (
        rows.group_by(*KEYS, "counterpart")
        .agg(pl.col("number").n_unique())
        .group_by(KEYS)
        .agg(n_shared=(pl.col("number") > 1).sum().cast(pl.Int64))
    )
    by_trunk = (
        rows.filter(pl.col("trunk_in").is_not_null())
        .group_by(*KEYS, trunk="trunk_in")
        .agg(n_trunk=pl.len().cast(pl.Int64))
        .sort("n_trunk", "trunk", descending=[True, False])
        .unique(KEYS, keep="first")
    )
    whole = by_prefix.join(by_several, on=KEYS, how="left").join(by_trunk, on=KEYS, how="left")
    counted = whole.with_columns(pl.col("n_trunk").fill_null(0)).with_columns(expected=_expected())
    return _weighed(counted.drop("country").sort(KEYS))


def _expected() -> pl.Expr:
    """Give the neighbours that a number of each prefix has by the null of this module."""
    n = pl.col("n_numbers")
    pairs = n * (n - 1)
    country = ["day", "country"]
    in_all = (1 + pairs.sum().over("day") - pairs) / (1 + n.sum().over("day") - n)
    in_country = (pairs.sum().over(country) - pairs + ENOUGH * in_all) / (
        n.sum().over(country) - n + ENOUGH
    )
    parent = pl.col("prefix").str.head(-ABOUT)
    about = (n.sum().over("day", parent) - n) / (10**ABOUT - 1)
    return pl.max_horizontal(in_country, about)


def _weighed(counted: pl.DataFrame) -> pl.DataFrame:
    neighbours = (counted["n_numbers"] - 1).cast(pl.Float64).to_numpy()
    tail = significance.poisson_tail(neighbours, counted["expected"].to_numpy())
    weighed = counted.with_columns(p_value=pl.Series(tail, dtype=pl.Float64))
    return significance.by_day(weighed, pl.len())
