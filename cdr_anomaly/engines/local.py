"""Polars on this machine: the calls are streamed through, never held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import profile
from cdr_anomaly.engines.base import FirstLook
from cdr_anomaly.ingest import repairs

if TYPE_CHECKING:
    from cdr_anomaly.ingest import Source


class Local:
    """Reads with Polars' streaming engine."""

    def first_look(self, source: Source) -> FirstLook:
        """Count the rows by verdict, add up PROFILE, and take the forwarded legs, in one pass."""
        calls = source.calls()
        parts = profile.line_days(calls, with_incoming=True)
        facts, distinct, days, forwarded = pl.collect_all(
            [
                _facts(source.mapped()),
                calls.select(distinct=repairs.distinct(source.columns)),
                profile.added_up(parts),
                profile.forwarded(calls),
            ]
        )
        is_used = pl.col("verdict") == 0
        facts = facts.with_columns(distinct=pl.when(is_used).then(distinct.item()).otherwise(0))
        return FirstLook(facts, days, forwarded)

    def legs(self, source: Source, lines: pl.DataFrame) -> pl.DataFrame:
        """Take the LEGS of those lines (line)."""
        return profile.legs(source.calls(), lines.lazy()).collect()


def _facts(mapped: pl.LazyFrame) -> pl.LazyFrame:
    talked = pl.col("duration_s") > 0
    return mapped.group_by("verdict").agg(
        rows=pl.len().cast(pl.Int64),
        first_day=pl.col("day").min(),
        last_day=pl.col("day").max(),
        n_unanswered=talked.not_().sum().cast(pl.Int64),
        n_lost=pl.col("n_lost").cast(pl.Int64).sum(),
    )
