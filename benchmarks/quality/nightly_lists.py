"""The lists that a scan's findings give night by night."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.alerts import detect, ranking
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.alerts.severity import Context
from cdr_anomaly.schema import ALERTS, LINE_REPLACEMENTS, empty

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cdr_anomaly.numbering import HomePlan
    from cdr_anomaly.result import Result
    from cdr_anomaly.settings import Settings


class ListInputs(NamedTuple):
    """What the ranking of a night needs beside findings.

    ``handsets`` are those used (subject, day, imei), ``line_replacements`` (day, line, earlier, by)
    the lines that take the place of others.
    """

    entities: pl.DataFrame
    plan: HomePlan
    handsets: pl.DataFrame
    line_replacements: pl.DataFrame


def list_inputs(result: Result, entities: Path | None) -> ListInputs:
    """Read the declared entities, and take from a scan in which handsets its lines called."""
    plan, tables = result.source.plan, result.tables
    handsets = alerts_entities.handsets_used(tables.legs, tables.written(pl.col("line")))
    replacements = [
        detect.find_line_replacements(tables, day)
        .with_columns(day=pl.lit(day, pl.Date))
        .select(list(LINE_REPLACEMENTS))
        for day in tables.judged_days
    ]
    return ListInputs(
        alerts_entities.read_entities(entities, plan, detect.FINDERS),
        plan,
        handsets.collect(),
        pl.concat([empty(LINE_REPLACEMENTS), *replacements]),
    )


def rank_nights(
    findings: pl.DataFrame,
    evidence: pl.DataFrame,
    inputs: ListInputs,
    settings: Settings,
    days: Sequence[date],
) -> pl.DataFrame:
    """Rank the findings of each day as the night of that day would, and return all ALERTS.

    What a night finds is, by test, what a scan of all days finds on its day, so one scan gives the
    findings of all nights. What is left to do is what a night does with them: it sets aside the
    declared, weighs the findings by that day's evidence (EVIDENCE of the scan, lines as text), and
    leaves out what the lists of the ``repeat_after_days`` before have, one night after the other.
    A test holds these lists against those of real nights.
    """
    marked = alerts_entities.set_aside(
        findings, inputs.entities, inputs.plan, inputs.handsets.lazy()
    )
    weighed = detect.evidence_of_findings(findings, evidence)
    alerts = [empty(ALERTS)]
    for day in days:
        of_day = pl.col("day") == day
        since = day - timedelta(days=settings.repeat_after_days)
        context = Context(
            weighed.filter(of_day),
            pl.concat(alerts),
            None,
            inputs.handsets.filter(of_day),
            inputs.line_replacements.filter(of_day),
            since,
        )
        alerts.append(ranking.rank_alerts(marked.filter(of_day), context, most=settings.max_alerts))
    return pl.concat(alerts)


def declared_line_days(line_days: pl.DataFrame, inputs: ListInputs) -> pl.DataFrame:
    """Return those of some line-days (line, day) that are declared for any detector."""
    subjects = line_days.select(subject="line", detector=pl.lit("any"), day="day").unique()
    marked = alerts_entities.set_aside(
        subjects, inputs.entities, inputs.plan, inputs.handsets.lazy()
    )
    return marked.filter(pl.col("suppressed_by").is_not_null()).select("day", line="subject")
