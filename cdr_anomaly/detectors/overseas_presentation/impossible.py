"""Numbers that nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.grading import ladder
from cdr_anomaly.detectors.overseas_presentation.calls import call_counts
from cdr_anomaly.numbering import caller_id, classes_with
from cdr_anomaly.wording import Sentence, sentence, sentence_columns

if TYPE_CHECKING:
    from cdr_anomaly.detectors.overseas_presentation.settings import OverseasPresentationSettings
    from cdr_anomaly.features.tables import Tables


def find(
    limits: OverseasPresentationSettings, tables: Tables, placed: pl.LazyFrame
) -> pl.LazyFrame:
    """Return findings of numbers that cannot be anybody's; ``placed`` are legs."""
    of_class = pl.col("number_class").is_in(classes_with(is_home=False))
    why = sentence_columns(why=caller_id.impossible_reason(pl.col("number"), tables.plan))
    numbers = tables.lines.filter(of_class).with_columns(**why)
    calls = placed.filter(pl.col("day") >= tables.since).join(
        numbers.select("line", "number", *why).drop_nulls("why"), on="line"
    )
    days = calls.group_by("line", "number", "day").agg(*call_counts(), pl.col(*why).first())
    many = pl.col("n_called") >= limits.mismatch_contacts
    return limits.mismatch(
        tables,
        days,
        severity=ladder({"medium": many}, "low"),
        reason=sentence(
            "overseas_presentation.impossible",
            "placed {calls} calls on {day} (limit {limit}) by a number that nobody has: "
            "{impossible}; to {numbers} different numbers",
            calls="n_calls",
            day="day",
            limit=limits.mismatch_calls,
            impossible=Sentence(pl.col("why"), pl.col("why_values")),
            numbers="n_called",
        ),
        evidence=pl.struct("n_calls", "n_called", "why"),
    )
