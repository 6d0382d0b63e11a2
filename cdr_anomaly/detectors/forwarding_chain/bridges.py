"""Lines that only forward, and are more than somebody's second phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.forwarding_chain import roles
from cdr_anomaly.detectors.grading import ladder
from cdr_anomaly.wording import first_sentence, sentence

if TYPE_CHECKING:
    from cdr_anomaly.detectors.forwarding_chain.settings import ForwardingChainSettings
    from cdr_anomaly.features.tables import Tables


def find(
    limits: ForwardingChainSettings, tables: Tables, hops: pl.LazyFrame, bridges: pl.LazyFrame
) -> pl.LazyFrame:
    """Return findings of bridges that are new, forward abroad, or have strangers as callers."""
    of_bridges = hops.join(
        bridges, left_on=["forwarder", "day"], right_on=["line", "day"], how="semi"
    )
    targets = of_bridges.group_by("day", line="forwarder").agg(
        pl.col("target").unique().sort(),
        n_abroad=(pl.col("to_class") == "international").sum().cast(pl.Int64),
    )
    abroad = pl.col("n_abroad") > 0
    lone = bridges.join(targets, on=["line", "day"]).filter(
        pl.col("strangers") | pl.col("new") | abroad
    )
    severity = ladder(
        {
            "high": pl.col("new") & abroad,
            "medium": pl.col("strangers") & (pl.col("new") | abroad),
        },
        default="low",
    )
    new_line = sentence("forwarding_chain.new_line", "; a line new since {since}", since="born")
    some_abroad = sentence("forwarding_chain.abroad", "; {n} of them abroad that day", n="n_abroad")
    return limits.finding(
        tables,
        lone,
        members=roles.with_few(tables, "target"),
        window_start=roles.week_start(tables),
        severity=severity,
        observed=pl.col("n_forwarded"),
        threshold=limits.bridge_forwards,
        reason=sentence(
            "forwarding_chain.bridge",
            "forwarded {forwarded} of the {calls} calls that it received in the 7 days to {day} "
            "(limit {limit}), from {callers} different callers, and placed {own} of its own (limit "
            "{own_limit}){new_line}{abroad}",
            forwarded="n_forwarded",
            calls=pl.max_horizontal("n_in", "n_forwarded"),
            day="day",
            limit=limits.bridge_forwards,
            callers="n_callers",
            own="n_out",
            own_limit=limits.own_calls,
            new_line=first_sentence([(pl.col("new"), new_line)]),
            abroad=first_sentence([(abroad, some_abroad)]),
        ),
        would_clear_if=sentence(
            "forwarding_chain.clear_bridge",
            "fewer than {calls} calls forwarded, or more calls of its own",
            calls=limits.bridge_forwards,
        ),
        evidence=pl.struct(
            "n_forwarded", "n_in", "n_out", "n_callers", "n_abroad", "new", "strangers"
        ),
    )
