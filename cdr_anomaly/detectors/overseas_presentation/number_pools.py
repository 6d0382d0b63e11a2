"""Prefixes out of which many numbers call home subscribers.

Numbers that are alike but for their last digits may be a pool out of which a caller shows another
one at each call; they may also be a country's mobile range, of which many call on any day. So the
null: a number has as many neighbours in its prefix as other numbers have, which is the sum of
n (n - 1) over the sum of n, over the other prefixes of its country. It counts dense ranges as
often as they have numbers. With few numbers of the country that is drawn towards what all countries
have; and where the hundred prefixes about it hold more, it is their mean. About that mean the
number of neighbours is Poisson. False discovery is controlled over all prefixes of the day.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import significance
from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.features import rolling
from cdr_anomaly.numbering import pseudonyms
from cdr_anomaly.numbering.caller_id import calling_code
from cdr_anomaly.wording import Sentence, first_sentence, probability, sentence

if TYPE_CHECKING:
    from cdr_anomaly.detectors.overseas_presentation.settings import OverseasPresentationSettings
    from cdr_anomaly.features.tables import Tables

SHARED_CONTACTS = Grading(3, "subscribers that several of its numbers called, which make a pool")
TRUNK_SHARE = Grading(0.9, "share of its calls on one trunk, which makes a pool, too")
SHIFT_H = Grading(12, "hours within which such calls lie")
HIGH_NUMBERS_TIMES = Grading(2, "times `pool_numbers` that a high pool has")
HIGH_CONTACTS_TIMES = Grading(4, "times `pool_contacts` that a high pool calls")
GRADINGS = (SHARED_CONTACTS, TRUNK_SHARE, SHIFT_H, HIGH_NUMBERS_TIMES, HIGH_CONTACTS_TIMES)
# What a country tells of itself counts as much as what all do where so many of its numbers call.
ENOUGH = 50
# The prefixes about a prefix: those that differ in its last two digits.
ABOUT = 2
KEYS = ["day", "prefix"]


def find(limits: OverseasPresentationSettings, tables: Tables, calls: pl.LazyFrame) -> pl.LazyFrame:
    """Return findings of the prefixes out of which many numbers call home subscribers."""
    on_one = (pl.col("n_trunk") >= TRUNK_SHARE * pl.col("n_calls")) & (
        pl.col("last") - pl.col("first") <= timedelta(hours=SHIFT_H)
    )
    days = (
        pools(calls.collect(), limits.pool_digits)
        .lazy()
        .filter(
            pl.col("n_numbers") >= limits.pool_numbers,
            pl.col("n_contacts") >= limits.pool_contacts,
            pl.col("q_value") <= limits.pool_fdr,
            (pl.col("n_shared") >= SHARED_CONTACTS) | on_one,
        )
        .with_columns(subject=pl.col("prefix") + "x" * limits.pool_digits)
    )
    large = (pl.col("n_numbers") >= HIGH_NUMBERS_TIMES * limits.pool_numbers) & (
        pl.col("n_contacts") >= HIGH_CONTACTS_TIMES * limits.pool_contacts
    )
    return limits.finding(
        tables,
        days,
        subject_kind="pool",
        subject=pl.col("subject"),
        members=pl.col("numbers"),
        window_start=rolling.just_before(pl.col("first")),
        window_end=pl.col("last"),
        severity=ladder({"high": large}, "medium"),
        observed=pl.col("n_numbers"),
        threshold=limits.pool_numbers,
        p_value=pl.col("p_value"),
        reason=_reason(limits),
        would_clear_if=sentence(
            "overseas_presentation.clear_pool",
            "fewer than {numbers} numbers of the prefix, or than {people} home subscribers called "
            "by them",
            numbers=limits.pool_numbers,
            people=limits.pool_contacts,
        ),
        evidence=pl.struct(
            "n_numbers",
            "n_contacts",
            "n_calls",
            "n_shared",
            "trunk",
            "n_trunk",
            "q_value",
            pl.col("expected").round(3),
        ),
    )


def _reason(limits: OverseasPresentationSettings) -> Sentence:
    on_trunk = sentence(
        "overseas_presentation.on_trunk",
        "{n} of the calls on the trunk {trunk}; ",
        n="n_trunk",
        trunk="trunk",
    )
    return sentence(
        "overseas_presentation.pool",
        "{numbers} numbers of {pool} called {people} different home subscribers in {calls} "
        "calls on {day} (limit {limit} numbers and {people_limit} subscribers); {shared} of "
        "these were called by several of the numbers; {on_trunk}{expected} neighbours a number "
        "expected; p {p}",
        numbers="n_numbers",
        pool="subject",
        people="n_contacts",
        calls="n_calls",
        day="day",
        limit=limits.pool_numbers,
        people_limit=limits.pool_contacts,
        shared="n_shared",
        on_trunk=first_sentence([(pl.col("trunk").is_not_null(), on_trunk)]),
        expected=pl.col("expected").round(2),
        p=probability(pl.col("p_value")),
    )


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
    counted = whole.with_columns(pl.col("n_trunk").fill_null(0)).with_columns(
        expected=_expected_neighbours()
    )
    return _with_p_and_q(counted.drop("country").sort(KEYS))


def _expected_neighbours() -> pl.Expr:
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


def _with_p_and_q(counted: pl.DataFrame) -> pl.DataFrame:
    neighbours = (counted["n_numbers"] - 1).cast(pl.Float64).to_numpy()
    tail = significance.poisson_tail(neighbours, counted["expected"].to_numpy())
    weighed = counted.with_columns(p_value=pl.Series(tail, dtype=pl.Float64))
    return significance.by_day(weighed, pl.len())
