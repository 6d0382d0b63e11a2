"""MEASURES of busy days to the measures of volume and dispersion that peers are compared by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from cdr_anomaly import significance
from cdr_anomaly.numbering import classes_with


@dataclass(frozen=True)
class Measure:
    """A measure of a line's day that is compared with its peers.

    If ``low_is_odd``, small values are unusual. ``phrase`` has a {value}, which
    is in percent if it ``is_share``.
    """

    name: str
    phrase: str
    low_is_odd: bool = False
    is_share: bool = False


MEASURES: dict[str, tuple[Measure, ...]] = {
    "volume": (
        Measure("n_out", "{value} calls placed"),
        Measure("peak_10min", "{value} calls in 10 minutes"),
        Measure("peak_60min", "{value} calls in 60 minutes"),
        Measure("own_past", "1 in 10^{value} days by its own past"),
    ),
    "dispersion": (
        Measure("distinct", "{value} of its calls to different numbers", is_share=True),
        Measure("outgoing", "{value} of its calls outgoing", is_share=True),
        Measure(
            "called_back", "{value} of the numbers called back", low_is_odd=True, is_share=True
        ),
        Measure("unanswered", "{value} of its calls unanswered", is_share=True),
        Measure("short", "{value} of the answered under 10 s", is_share=True),
        Measure("familiar", "{value} of the numbers called before", low_is_odd=True, is_share=True),
        Measure("n_cells", "{value} cells", low_is_odd=True),
        Measure("talk", "{value} s of talk on average", low_is_odd=True),
    ),
}
NEW_DAYS = 7
MIN_ANSWERED = 5
# With fewer past days a line is compared with its peers alone (algorithms, section 2.0).
MIN_OWN_PAST_DAYS = 10
FIXED_CLASSES = classes_with(stays=True)


def add_measures(rows: pl.LazyFrame, *, two_way: bool, attempts: bool) -> pl.LazyFrame:
    """Add ``peers`` and a column for each measure to MEASURES of busy days.

    ``rows`` also have number_class and born. What the feed cannot tell is null: call-backs unless
    it is ``two_way``, unanswered calls unless it holds ``attempts``.
    """
    n_out, distinct, answered = pl.col("n_out"), pl.col("n_distinct"), pl.col("n_answered")
    nothing = pl.lit(None, pl.Float64)
    fixed = pl.col("number_class").is_in(FIXED_CLASSES)
    age = (pl.col("day") - pl.col("born")).dt.total_days()
    peers = (
        pl.when(age.is_between(0, NEW_DAYS))
        .then(pl.lit("new lines"))
        .when(pl.col("number_class") == "unknown")
        .then(pl.lit("lines"))
        .when(pl.col("number_class") == "international")
        .then(pl.lit("international numbers"))
        .when(fixed)
        .then(pl.lit("fixed lines"))
        .otherwise(pl.lit("mobile lines"))
    )
    return _with_own_past(rows).with_columns(
        peers=peers,
        distinct=distinct / n_out,
        outgoing=n_out / (n_out + pl.col("n_in")) if two_way else nothing,
        called_back=pl.col("n_called_back") / distinct if two_way else nothing,
        unanswered=(n_out - answered) / n_out if attempts else nothing,
        short=pl.when(answered >= MIN_ANSWERED).then(pl.col("n_short") / answered),
        familiar=pl.col("n_familiar") / distinct,
        n_cells=pl.when(pl.col("n_cells") > 0, ~fixed).then("n_cells"),
        talk=pl.when(answered >= MIN_ANSWERED).then(pl.col("talk_s") / answered),
    )


def _with_own_past(busy: pl.LazyFrame) -> pl.LazyFrame:
    """Add -log10 of the probability of so many calls by the line's own past, day by day.

    The smaller of two nulls counts: a past with one extreme day has a large variance, a past of
    days alike has a small spread.
    """
    rows = busy.collect().sort("day", "line")
    tested = rows.filter(pl.col("past_days") >= MIN_OWN_PAST_DAYS)
    count, mean, variance, days = (
        tested[name].cast(pl.Float64).to_numpy()
        for name in ("n_out", "past_mean", "past_variance", "past_days")
    )
    of_day = tested["day"].to_physical().cast(pl.Int64).to_numpy()
    tail = np.minimum(
        significance.past_tail(count, mean, variance, days, peers=of_day),
        significance.robust_tail(tested["past_z"].to_numpy()),
    )
    past = tested.select("line", "day", own_past=pl.Series(tail))
    return rows.lazy().join(past.lazy(), on=["line", "day"], how="left")
