"""Lines to which many bridges forward."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.forwarding_chain import roles
from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.wording import sentence

if TYPE_CHECKING:
    from cdr_anomaly.detectors.forwarding_chain.settings import ForwardingChainSettings
    from cdr_anomaly.features.tables import Tables

MANY_TIMES = Grading(2, "times `hub_forwarders` that make a hub high, critical if most are new")
MOST_SHARE = Grading(0.5, "share of a hub's bridges that are most: new ones, or its neighbours")
GRADINGS = (MANY_TIMES, MOST_SHARE)


def find(limits: ForwardingChainSettings, tables: Tables, targets: pl.LazyFrame) -> pl.LazyFrame:
    """Return findings of the targets of many bridges in 7 days; ``targets`` is roles.hubs()."""
    n_bridges = pl.col("n_bridges")
    most_new = pl.col("n_new") >= MOST_SHARE * n_bridges
    strangers = pl.col("n_callers") >= limits.stranger_share * pl.col("n_calls")
    # Desks beside their reception, elders and the relative who answers for them.
    neighbours = pl.col("n_beside") >= MOST_SHARE * n_bridges
    harmless = ~most_new & (neighbours | ~strangers)
    many = n_bridges >= MANY_TIMES * limits.hub_forwarders
    steps = {"low": harmless, "critical": most_new & many, "high": most_new | many}
    return limits.finding(
        tables,
        targets.filter(n_bridges >= limits.hub_forwarders),
        subject_kind="hub",
        subject=tables.written(pl.col("target")),
        members=pl.concat_list("forwarder", "target").list.eval(tables.written(pl.element())),
        window_start=roles.week_start(tables),
        severity=ladder(steps, default="medium"),
        observed=n_bridges,
        threshold=limits.hub_forwarders,
        reason=sentence(
            "forwarding_chain.hub",
            "forwarded to by {lines} lines in the 7 days to {day} (limit {limit} lines) that "
            "forward {share} % or more of what they receive and placed no more than {own} each; "
            "{new} of them new within {days} days; {calls} calls from {callers} callers",
            lines="n_bridges",
            day="day",
            limit=limits.hub_forwarders,
            share=limits.share_percent(),
            own=limits.own_calls,
            new="n_new",
            days=limits.new_days,
            calls="n_calls",
            callers="n_callers",
        ),
        would_clear_if=sentence(
            "forwarding_chain.clear_hub",
            "fewer than {lines} such lines, or calls of their own by them",
            lines=limits.hub_forwarders,
        ),
        evidence=pl.struct("n_bridges", "n_new", "n_beside", "n_calls", "n_callers"),
    )
