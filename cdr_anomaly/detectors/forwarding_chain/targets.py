"""Lines whose target changes from call to call, and lines that call themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.forwarding_chain import roles
from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.features import rolling
from cdr_anomaly.wording import sentence

if TYPE_CHECKING:
    from cdr_anomaly.detectors.forwarding_chain.settings import ForwardingChainSettings
    from cdr_anomaly.features.tables import Tables

MANY_TARGETS = Grading(5, "targets in a day that are many: medium, high for a bridge")
CALLS_PER_CALLER = Grading(3, "calls per caller from which many targets are odd, or a new line")
RELAY_TARGETS = Grading(8, "targets in a day that make a bridge medium, whoever calls")
RELAY_CALLS = Grading(1.25, "calls per target, below which they do")
REUSED_SHARE = Grading(0.5, "share of targets used before, from which nothing is found")
GRADINGS = (MANY_TARGETS, CALLS_PER_CALLER, RELAY_TARGETS, RELAY_CALLS, REUSED_SHARE)


def find_changing(
    limits: ForwardingChainSettings, tables: Tables, hops: pl.LazyFrame, bridges: pl.LazyFrame
) -> pl.LazyFrame:
    """Return findings of the lines whose target changes nearly from call to call."""
    targets, calls = pl.col("n_targets"), pl.col("n_calls")
    known = bridges.select("line", "day", "new", bridge=pl.lit(value=True))
    enough = hops.filter(pl.len().over("forwarder", "day") >= limits.targets_day)
    days = (
        roles.targets(enough, tables.hops.join(enough, on="forwarder", how="semi"))
        .filter(targets >= limits.targets_day, calls < limits.calls_per_target * targets)
        .filter(pl.col("n_reused") < REUSED_SHARE * targets)
        .join(known, on=["line", "day"], how="left")
        .with_columns(pl.col("bridge", "new").fill_null(value=False))
    )
    many, bridge = targets >= MANY_TARGETS, pl.col("bridge")
    # Many callers that are handed to many targets may be a hunt group, or a rota on its first
    # day; one caller whose every call goes to somebody else is not. Where nearly each of many
    # calls goes elsewhere it is a relay, though perhaps one that hides customers' numbers.
    odd = pl.col("new") | (pl.col("n_callers") * CALLS_PER_CALLER <= calls)
    relay = (targets >= RELAY_TARGETS) & (calls < RELAY_CALLS * targets)
    severity = ladder(
        {"high": many & bridge & odd, "medium": ((many | bridge) & odd) | (bridge & relay)},
        "low",
    )
    # Whom a relay reaches are those that it calls, not those that take part.
    reached = pl.col("target").list.eval(tables.written(pl.element()))
    return limits.finding(
        tables,
        days,
        window_start=rolling.just_before(pl.col("start")),
        window_end=pl.col("end"),
        severity=severity,
        observed=targets,
        threshold=limits.targets_day,
        reason=sentence(
            "forwarding_chain.targets",
            "forwarded {calls} calls from {callers} caller(s) to {targets} different targets on "
            "{day} (limit {limit}), {reused} of them used before",
            calls="n_calls",
            callers="n_callers",
            targets="n_targets",
            day="day",
            limit=limits.targets_day,
            reused="n_reused",
        ),
        would_clear_if=sentence(
            "forwarding_chain.clear_targets",
            "fewer than {targets} targets in a day, or the same ones again",
            targets=limits.targets_day,
        ),
        evidence=pl.struct(
            "n_calls", "n_callers", "n_targets", "n_reused", "bridge", "new", targets=reached
        ),
    )


def find_itself(
    limits: ForwardingChainSettings, tables: Tables, hops: pl.LazyFrame
) -> pl.LazyFrame:
    """Return findings of lines that call themselves and are forwarded: that hides the origin."""
    to_itself = hops.filter(pl.col("caller") == pl.col("forwarder"))
    days = roles.targets(to_itself, to_itself).filter(pl.col("n_calls") >= limits.self_calls)
    return limits.finding(
        tables,
        days,
        members=roles.with_few(tables, "target"),
        window_start=rolling.just_before(pl.col("start")),
        window_end=pl.col("end"),
        severity="high",
        observed=pl.col("n_calls"),
        threshold=limits.self_calls,
        reason=sentence(
            "forwarding_chain.itself",
            "{calls} calls on {day} from this number to itself were forwarded (limit {limit}) to "
            "{targets} target(s)",
            calls="n_calls",
            day="day",
            limit=limits.self_calls,
            targets="n_targets",
        ),
        would_clear_if=sentence(
            "forwarding_chain.clear_itself",
            "fewer than {calls} such calls in a day",
            calls=limits.self_calls,
        ),
        evidence=pl.struct("n_calls"),
    )
