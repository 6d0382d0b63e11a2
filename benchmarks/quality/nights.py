"""The lists that a scan's findings give night by night."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.alerts import detect, ranking
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.alerts.severity import Beside
from cdr_anomaly.schema import ALERTS, LINE_REPLACEMENTS, empty

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cdr_anomaly.numbering import HomePlan
    from cdr_anomaly.result import Result
    from cdr_anomaly.settings import Settings


class Ground(NamedTuple):
    """What lists are made by beside findings.

    ``handsets`` are those used (subject, day, imei), ``line_replacements`` (day, line, earlier, by)
    the lines that take the place of others.
    """

    entities: pl.DataFrame
    plan: HomePlan
    handsets: pl.DataFrame
    line_replacements: pl.DataFrame


def ground(result: Result, entities: Path | None) -> Ground:
    """Read the declared entities, and take from a scan in which handsets its lines called."""
    plan = result.source.plan
    made = result.tables
    used = alerts_entities.handsets(made.legs, made.written(pl.col("line")))
    follow = [
        detect.find_line_replacements(made, day).with_columns(day=pl.lit(day, pl.Date))
        for day in made.judged
    ]
    known = alerts_entities.read(entities, plan, detect.FINDERS)
    return Ground(
        known,
        plan,
        used.collect(),
        pl.concat([empty(LINE_REPLACEMENTS), *(f.select(list(LINE_REPLACEMENTS)) for f in follow)]),
    )


def listed(
    findings: pl.DataFrame,
    evidence: pl.DataFrame,
    by: Ground,
    told: Settings,
    days: Sequence[date],
) -> pl.DataFrame:
    """Rank the findings of each day as the night of that day would, and give all ALERTS.

    What a night finds is, by test, what a scan of all days finds on its day, so one scan gives the
    findings of all nights. What is left to do is what a night does with them: it sets aside the
    declared, weighs the findings by that day's evidence (EVIDENCE of the scan, lines as text), and
    leaves out what the lists of the ``repeat_after_days`` before have, one night after the other.
    A test holds these lists against those of real nights.
    """
    marked = alerts_entities.set_aside(findings, by.entities, by.plan, by.handsets.lazy())
    weighed = detect.explained(findings, evidence)
    made = [empty(ALERTS)]
    for day in days:
        of_day = pl.col("day") == day
        since = day - timedelta(days=told.repeat_after_days)
        beside = Beside(
            weighed.filter(of_day),
            pl.concat(made),
            None,
            by.handsets.filter(of_day),
            by.line_replacements.filter(of_day),
            since,
        )
        made.append(ranking.ranked(marked.filter(of_day), beside, most=told.max_alerts))
    return pl.concat(made)


def suppressed(line_days: pl.DataFrame, by: Ground) -> pl.DataFrame:
    """Keep the declared ones of some line-days (line, day), whatever finds them."""
    asked = line_days.select(subject="line", detector=pl.lit("any"), day="day").unique()
    marked = alerts_entities.set_aside(asked, by.entities, by.plan, by.handsets.lazy())
    return marked.filter(pl.col("suppressed_by").is_not_null()).select("day", line="subject")
