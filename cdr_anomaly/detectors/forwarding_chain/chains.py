"""Calls that pass over two hops and more, and loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.features import forwarding_hops, rolling
from cdr_anomaly.wording import Sentence, first_sentence, sentence

if TYPE_CHECKING:
    from cdr_anomaly.detectors.forwarding_chain.settings import ForwardingChainSettings
    from cdr_anomaly.features.tables import Tables

LONG_HOPS = Grading(2, "hops above which a chain is long: medium, high with strangers")
GRADINGS = (LONG_HOPS,)


def find(
    limits: ForwardingChainSettings, tables: Tables, hops: pl.LazyFrame, bridges: pl.LazyFrame
) -> pl.LazyFrame:
    """Return findings of the paths of ``min_hops`` and more, and the loops, by day.

    A chain that ends at a platform is a hop shorter.
    """
    written = pl.col("path").list.eval(tables.written(pl.element()))
    return limits.finding(
        tables,
        _days(limits, hops, bridges),
        subject_kind="chain",
        members=written,
        window_start=rolling.just_before(pl.col("start")),
        window_end=pl.col("end"),
        severity=_severity(),
        observed=pl.col("hops"),
        threshold=limits.min_hops,
        reason=_reason(limits, written),
        would_clear_if=sentence(
            "forwarding_chain.clear_chain",
            "fewer than {hops} hops, or calls of its own by the first line",
            hops=limits.min_hops,
        ),
        evidence=pl.struct("n_calls", "n_callers", "loop", "abroad", "bridge", "new", "n_by_id"),
    )


def _days(
    limits: ForwardingChainSettings, hops: pl.LazyFrame, bridges: pl.LazyFrame
) -> pl.LazyFrame:
    abroad = pl.col("to_class") == "international"
    counted = hops.with_columns(abroad=abroad, hops=pl.len().over("chain").cast(pl.Int64))
    long_enough = counted.filter(pl.col("hops") >= limits.min_hops)
    bridge = bridges.select("line", "day", "new", "strangers", bridge=pl.lit(value=True))
    second = bridges.select("day", second="line", second_bridge=pl.lit(value=True))
    flags = ("bridge", "new", "strangers", "second_bridge")
    return (
        forwarding_hops.paths(long_enough)
        .with_columns(second=pl.col("path").list.get(1))
        .join(bridge, on=["line", "day"], how="left")
        .join(second, on=["second", "day"], how="left")
        .with_columns(pl.col(flags).fill_null(value=False))
    )


def _severity() -> pl.Expr:
    # Two hops from a line or over a line that is also used are a person with a rota, or with
    # one phone that is forwarded to another.
    long, is_bridge = pl.col("hops") > LONG_HOPS, pl.col("bridge")
    return ladder(
        {
            "critical": is_bridge & pl.col("new") & pl.col("abroad"),
            "high": is_bridge & pl.col("strangers") & (pl.col("new") | pl.col("abroad") | long),
            # The same few callers again are somebody's own circle.
            "medium": (is_bridge & pl.col("strangers") & pl.col("second_bridge"))
            | (long & ~pl.col("loop") & (pl.col("n_callers") > 1)),
        },
        default="low",
    )


def _reason(limits: ForwardingChainSettings, path: pl.Expr) -> Sentence:
    loop = sentence("forwarding_chain.loop", "; the path comes back to a line on it")
    from_bridge = sentence(
        "forwarding_chain.from_bridge",
        "; the first line forwards {share} % or more of what it receives and placed no more than "
        "{own} in 7 days",
        share=limits.share_percent(),
        own=limits.own_calls,
    )
    by_id = sentence("forwarding_chain.by_call_id", "call id")
    by_time = sentence("forwarding_chain.by_time", "time, which is less certain than a call id")
    return sentence(
        "forwarding_chain.chain",
        "passed {calls} call(s) from {callers} caller(s) on over {hops} hops (limit {limit}) on "
        "{day}: {path}{loop}{bridge}; linked by {link}",
        calls="n_calls",
        callers="n_callers",
        hops="hops",
        limit=limits.min_hops,
        day="day",
        path=path.list.join(" -> "),
        loop=first_sentence([(pl.col("loop"), loop)]),
        bridge=first_sentence([(pl.col("bridge"), from_bridge)]),
        link=first_sentence([(pl.col("n_by_id") == pl.col("n_calls"), by_id)], by_time),
    )
