"""Numbers presented as foreign that call many home subscribers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.detectors.phrases import baseline_sentence, percent
from cdr_anomaly.wording import sentence

if TYPE_CHECKING:
    from cdr_anomaly.detectors.overseas_presentation.settings import OverseasPresentationSettings
    from cdr_anomaly.features.tables import Tables

KNOWN_DAYS = 28
MEDIUM_TIMES = Grading(3, "times `contacts` that make it medium, if these hardly know it")
GRADINGS = (MEDIUM_TIMES,)


def find(limits: OverseasPresentationSettings, tables: Tables, calls: pl.LazyFrame) -> pl.LazyFrame:
    """Return findings of numbers that called many of those at home; ``calls`` are these."""
    days = (
        contact_counts(calls.filter(pl.len().over("line") >= limits.contacts))
        .filter(pl.col("n_contacts") >= limits.contacts, pl.col("day") >= tables.since)
        .join(
            tables.measures.select("line", "day", "n_called_back", "usual"),
            on=["line", "day"],
            how="left",
        )
    )
    n = pl.col("n_contacts")
    unwanted = [
        pl.col("n_known") <= limits.known_share * n,
        n >= MEDIUM_TIMES * limits.contacts,
    ]
    if tables.two_way:
        unwanted.append(pl.col("n_called_back") <= limits.call_backs * n)
    if tables.feed.attempts:
        unwanted.append(pl.col("n_answered") <= limits.answered * pl.col("n_calls"))
    medium = pl.all_horizontal(unwanted) if len(unwanted) > 2 else pl.lit(value=False)
    return limits.of_number(
        tables,
        days,
        observed=n,
        threshold=limits.contacts,
        severity=ladder({"medium": medium}, "low"),
        baseline=pl.col("usual"),
        reason=sentence(
            "overseas_presentation.contacts",
            "presented as foreign, called {people} different home subscribers on {day} (limit "
            "{limit}) in {calls} calls; {known} of them were called in the 28 days before, {back} "
            "called back; {answered} % of the calls answered; {usual}",
            people=n,
            day="day",
            limit=limits.contacts,
            calls="n_calls",
            known="n_known",
            back="n_called_back",
            answered=percent(pl.col("n_answered"), pl.col("n_calls")),
            usual=baseline_sentence(),
        ),
        would_clear_if=sentence(
            "overseas_presentation.clear_contacts",
            "fewer than {people} different home subscribers in a day",
            people=limits.contacts,
        ),
        evidence=pl.struct("n_contacts", "n_calls", "n_known", "n_called_back", "n_answered"),
    )


def contact_counts(calls: pl.LazyFrame, known_days: int = KNOWN_DAYS) -> pl.LazyFrame:
    """Count by day whom each line called, and how many of them on one of the days before, too.

    ``calls`` (line, number, day, counterpart, start, answered). Returns (line, number, day,
    n_contacts, n_known, n_calls, n_answered, first, last).
    """
    pairs = (
        calls.group_by("line", "number", "day", "counterpart")
        .agg(
            n=pl.len().cast(pl.Int64),
            answered=pl.col("answered").sum().cast(pl.Int64),
            first=pl.col("start").min(),
            last=pl.col("start").max(),
        )
        .sort("line", "counterpart", "day")
    )
    before = pl.col("day").shift().over("line", "counterpart")
    known = (pl.col("day") - before).dt.total_days() <= known_days
    return (
        pairs.with_columns(known=known.fill_null(value=False))
        .group_by("line", "number", "day")
        .agg(
            n_contacts=pl.len().cast(pl.Int64),
            n_known=pl.col("known").sum().cast(pl.Int64),
            n_calls=pl.col("n").sum(),
            n_answered=pl.col("answered").sum(),
            first=pl.col("first").min(),
            last=pl.col("last").max(),
        )
    )
