"""New lines that forward from birth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.wording import sentence

if TYPE_CHECKING:
    from cdr_anomaly.detectors.new_sim_burst.settings import NewSimBurstSettings
    from cdr_anomaly.features.tables import Tables

FORWARD_SHARE = Grading(0.9, "share of its received calls that a new line forwards")
OWN_CALLS = Grading(1, "calls of its own that it places at the most")
STRANGER_SHARE = Grading(0.8, "different callers per forwarded call that make it medium")
GRADINGS = (FORWARD_SHARE, OWN_CALLS, STRANGER_SHARE)


def find(limits: NewSimBurstSettings, tables: Tables) -> pl.LazyFrame:
    """Return findings of lines that forwarded from birth, on the days of their first hours."""
    received = pl.max_horizontal("n_in", "n_forwarded")
    days = _sums(limits, tables).filter(
        pl.col("forwards_today") > 0,
        pl.col("n_forwarded") >= limits.line_forwards,
        pl.col("n_forwarded") >= FORWARD_SHARE * received,
        pl.col("n_out") <= OWN_CALLS,
    )
    strangers = pl.col("n_callers") >= STRANGER_SHARE * pl.col("n_forwarded")
    return limits.finding(
        tables,
        days,
        window_start=tables.opens(pl.col("born")),
        severity=ladder({"medium": strangers}, "low"),
        observed=pl.col("n_forwarded"),
        threshold=limits.line_forwards,
        reason=sentence(
            "new_sim_burst.forwarding",
            "new since {since}, forwarded {forwarded} of the {calls} calls that it received up to "
            "{day} (limit {limit}), from {callers} callers, and placed {own}",
            since="born",
            forwarded="n_forwarded",
            calls=received,
            day="day",
            limit=limits.line_forwards,
            callers="n_callers",
            own="n_out",
        ),
        would_clear_if=sentence(
            "new_sim_burst.clear_forwarding",
            "fewer than {calls} calls forwarded in its first days, or calls of its own",
            calls=limits.line_forwards,
        ),
        evidence=pl.struct("n_forwarded", "n_in", "n_out", "n_callers"),
    )


def _sums(limits: NewSimBurstSettings, tables: Tables) -> pl.LazyFrame:
    """Return the calls of new lines up to each of their first days, and from how many callers."""
    young = limits.first_line_days(tables).sort("line", "day")
    sums = ("n_out", "n_in", "n_forwarded")
    upto = young.with_columns(
        *(pl.col(c).cum_sum().over("line", order_by="day") for c in sums),
        forwards_today="n_forwarded",
    )
    callers = (
        tables.hops.rename({"forwarder": "line", "day": "past_day"})
        .join(upto.select("line", "day"), on="line")
        .filter(pl.col("past_day") <= pl.col("day"))
        .group_by("line", "day")
        .agg(n_callers=pl.col("caller").drop_nulls().n_unique().cast(pl.Int64))
    )
    return upto.join(callers, on=["line", "day"])
