"""What busy days are compared by: MEASURES to the measures of volume and of dispersion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from cdr_anomaly import significance


@dataclass(frozen=True)
class Measure:
    """Something that is measured of a line's day and compared with its peers.

    ``little`` says that small values are the odd ones; ``said`` has {} where the value stands, in
    percent if it ``is_share``.
    """

    name: str
    said: str
    little: bool = False
    is_share: bool = False


MEASURES: dict[str, tuple[Measure, ...]] = {
    "volume": (
        Measure("n_out", "{} calls placed"),
        Measure("peak_10min", "{} calls in 10 minutes"),
        Measure("peak_60min", "{} calls in 60 minutes"),
        Measure("own_past", "1 in 10^{} days by its own past"),
    ),
    "dispersion": (
        Measure("distinct", "{} of its calls to different numbers", is_share=True),
        Measure("outgoing", "{} of its calls outgoing", is_share=True),
        Measure("called_back", "{} of the numbers called back", little=True, is_share=True),
        Measure("unanswered", "{} of its calls unanswered", is_share=True),
        Measure("short", "{} of the answered under 10 s", is_share=True),
        Measure("familiar", "{} of the numbers called before", little=True, is_share=True),
        Measure("n_cells", "{} cells", little=True),
        Measure("talk", "{} s of talk on average", little=True),
    ),
}
NEW_DAYS = 7
SHORT_LEAST = 5
# Of a shorter past a line is judged by its peers alone (algorithms, section 2.0).
ENOUGH_DAYS = 10
STAYING = ("fixed", "short_95", "short_96", "toll_free", "service")


def compared(rows: pl.LazyFrame, *, two_way: bool, attempts: bool) -> pl.LazyFrame:
    """Add the kind of ``peers`` and a column for each measure to MEASURES of busy days.

    ``rows`` have number_class and born, too. What the feed cannot tell is left empty: call-backs
    unless it is ``two_way``, unanswered calls unless it holds ``attempts``.
    """
    n_out, distinct, answered = pl.col("n_out"), pl.col("n_distinct"), pl.col("n_answered")
    nothing = pl.lit(None, pl.Float64)
    staying = pl.col("number_class").is_in(STAYING)
    age = (pl.col("day") - pl.col("born")).dt.total_days()
    peers = (
        pl.when(age.is_between(0, NEW_DAYS))
        .then(pl.lit("new lines"))
        .when(pl.col("number_class") == "unknown")
        .then(pl.lit("lines"))
        .when(pl.col("number_class") == "international")
        .then(pl.lit("international numbers"))
        .when(staying)
        .then(pl.lit("fixed lines"))
        .otherwise(pl.lit("mobile lines"))
    )
    return _with_own_past(rows).with_columns(
        peers=peers,
        distinct=distinct / n_out,
        outgoing=n_out / (n_out + pl.col("n_in")) if two_way else nothing,
        called_back=pl.col("n_called_back") / distinct if two_way else nothing,
        unanswered=(n_out - answered) / n_out if attempts else nothing,
        short=pl.when(answered >= SHORT_LEAST).then(pl.col("n_short") / answered),
        familiar=pl.col("n_familiar") / distinct,
        n_cells=pl.when(pl.col("n_cells") > 0, ~staying).then("n_cells"),
        talk=pl.when(answered >= SHORT_LEAST).then(pl.col("talk_s") / answered),
    )


def _with_own_past(busy: pl.LazyFrame) -> pl.LazyFrame:
    """Add -log10 of the probability of so many calls by the line's own past, day by day.

    The lesser of two nulls counts: a past with one wild day has a wide variance, one with many
    alike a narrow spread.
    """
    rows = busy.collect().sort("day", "line")
    known = rows.filter(pl.col("past_days") >= ENOUGH_DAYS)
    made = [known.select("line", "day").with_columns(own_past=pl.lit(0.0)).clear()]
    for _, day in known.group_by("day", maintain_order=True):
        count, mean, variance, days = (
            day[name].cast(pl.Float64).to_numpy()
            for name in ("n_out", "past_mean", "past_variance", "past_days")
        )
        tail = np.minimum(
            significance.past_tail(count, mean, variance, days),
            significance.robust_tail(day["past_z"].to_numpy()),
        )
        made.append(day.select("line", "day", own_past=pl.Series(tail)))
    return rows.lazy().join(pl.concat(made).lazy(), on=["line", "day"], how="left")
