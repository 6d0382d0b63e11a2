"""The lists of a night, by what it and earlier nights have found: alerts, and people to warn."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.alerts import detect, ranking
from cdr_anomaly.alerts.entities import set_aside
from cdr_anomaly.alerts.severity import Context
from cdr_anomaly.alerts.victims import long_calls, selection
from cdr_anomaly.features import rolling
from cdr_anomaly.nights.history import COLD_CALLER_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from cdr_anomaly import numbering
    from cdr_anomaly.features.feed import FeedReader
    from cdr_anomaly.features.history import ActiveDays
    from cdr_anomaly.features.tables import Tables
    from cdr_anomaly.nights.history import StateHistory
    from cdr_anomaly.nights.ledger import Night
    from cdr_anomaly.nights.state import State
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.wording import Text


class Subjects(NamedTuple):
    """What tells who a subject is: the declared entities, the plan, and its handsets by day.

    ``line_replacements`` (line, earlier, by) name the earlier line that a line replaces.
    """

    entities: pl.DataFrame
    plan: numbering.HomePlan
    handsets: pl.LazyFrame
    line_replacements: pl.DataFrame


class JudgedNight(NamedTuple):
    """What came of the calls of a day: its tables, the rows that its state keeps, and the findings.

    ``reader`` reads more calls; ``history`` is the state with lines as these calls carry them.
    """

    reader: FeedReader
    tables: Tables
    state_rows: Mapping[str, pl.DataFrame]
    active: ActiveDays
    judgement: detect.Detection
    not_applicable: dict[str, Text]
    history: StateHistory


def rank_alerts(
    state: State,
    findings: pl.DataFrame,
    weights: pl.DataFrame,
    day: date,
    settings: Settings,
    subjects: Subjects,
) -> pl.DataFrame:
    """Return the alerts of a night, ranked by the entities and by what earlier nights have listed.

    ``weights`` is EVIDENCE of the night and of those before, with lines as text.
    """
    marked = set_aside(findings, subjects.entities, subjects.plan, subjects.handsets)
    since = day - timedelta(days=settings.repeat_after_days)
    kept = day - timedelta(days=COLD_CALLER_DAYS)
    before = (pl.col("day") > kept) & (pl.col("day") < day)
    earlier = state.read("alerts").filter(before).collect()
    feedback = state.read("feedback").filter(pl.col("day") < day).collect()
    context = Context(
        detect.evidence_of_findings(findings, weights),
        earlier,
        feedback,
        subjects.handsets.collect(),
        subjects.line_replacements,
        since,
    )
    return ranking.rank_alerts(marked, context, most=settings.max_alerts)


def list_victims(
    state: State,
    night: JudgedNight,
    day: date,
    settings: Settings,
    subjects: Subjects,
    nights: Mapping[date, Night],
) -> selection.Selection:
    """Return the list of people to warn, by what this night and those of the week have found."""
    history, tables = night.history, night.tables
    week = pl.col("day").is_between(day - selection.WEEK, day, closed="none")
    earlier = state.read("findings").filter(week).collect()
    found = pl.concat([earlier, night.judgement.findings])
    feedback = state.read("feedback").filter(pl.col("day") < day).collect()

    def past(lines: pl.LazyFrame) -> pl.LazyFrame:
        before = history.days("profile", *reversed(rolling.PAST_DAYS))
        return before.filter(pl.col("line").is_in(lines.collect()["line"].implode()))

    legs = [history.days("legs", selection.WEEK.days - 1), tables.legs.filter(pl.col("day") == day)]
    long = [
        history.days("long_calls", long_calls.REMEMBERED).collect(),
        night.state_rows["long_calls"],
    ]
    without = [d + timedelta(days=1) for d in nights if "long" not in nights[d].facts and d < day]
    sources = selection.Week(
        day=day,
        findings=set_aside(found, subjects.entities, subjects.plan, subjects.handsets),
        context=Context(
            detect.evidence_of_findings(found, night.judgement.weights), feedback=feedback
        ),
        legs=pl.concat(legs),
        long=pl.concat(long),
        long_from=max([tables.feed.first_day or day, *without]),
        look=night.reader.read_calls,
        days=(day,),
        past=past,
    )
    return selection.select_victims(
        tables, sources, subjects.entities, subjects.handsets, settings.max_victims
    )
