"""What a night lists, of what it and earlier nights have found: alerts, and people to warn."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.alerts import detect, ranking
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.alerts.severity import Beside
from cdr_anomaly.alerts.victims import long_calls, selection
from cdr_anomaly.features import rolling
from cdr_anomaly.nights import history

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from cdr_anomaly import numbering
    from cdr_anomaly.features import tables
    from cdr_anomaly.nights.ledger import Night
    from cdr_anomaly.nights.state import State
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.wording import Text


class Subjects(NamedTuple):
    """What tells who a subject is: the declared entities, the plan, and its handsets by day.

    ``successions`` (line, earlier, by) tell whose place it takes.
    """

    entities: pl.DataFrame
    plan: numbering.HomePlan
    handsets: pl.LazyFrame
    successions: pl.DataFrame


class Found(NamedTuple):
    """What came of the calls of a day.

    ``again`` reads more of them, ``remembered`` gives the state with lines as they carry them.
    """

    again: tables.Looked
    night: history.Night
    found: detect.Judged
    not_applicable: dict[str, Text]
    remembered: history.Memory


def listed(
    known: State,
    findings: pl.DataFrame,
    weights: pl.DataFrame,
    day: date,
    settings: Settings,
    subjects: Subjects,
) -> pl.DataFrame:
    """Rank a night's findings, by the entities and by what earlier nights have listed.

    ``weights`` is EVIDENCE of the night and of those before, with lines as text.
    """
    marked = alerts_entities.set_aside(
        findings, subjects.entities, subjects.plan, subjects.handsets
    )
    since = day - timedelta(days=settings.repeat_after_days)
    kept = day - timedelta(days=history.OUTBOUND_DAYS)
    before = (pl.col("day") > kept) & (pl.col("day") < day)
    earlier = known.read("alerts").filter(before).collect()
    said = known.read("feedback").filter(pl.col("day") < day).collect()
    beside = Beside(
        detect.explained(findings, weights),
        earlier,
        said,
        subjects.handsets.collect(),
        subjects.successions,
        since,
    )
    return ranking.ranked(marked, beside, most=settings.max_alerts)


def to_warn(
    known: State,
    judged: Found,
    day: date,
    settings: Settings,
    subjects: Subjects,
    nights: Mapping[date, Night],
) -> selection.Warned:
    """Make the list of people to warn, by what this night and those of the week have found."""
    made, remembered, today = judged.night.tables, judged.remembered, pl.col("day") == day
    week = pl.col("day").is_between(day - selection.WEEK, day, closed="none")
    earlier = known.read("findings").filter(week).collect()
    found = pl.concat([earlier, judged.found.findings])
    marked = alerts_entities.set_aside(found, subjects.entities, subjects.plan, subjects.handsets)
    said = known.read("feedback").filter(pl.col("day") < day).collect()
    beside = Beside(detect.explained(found, judged.found.weights), told=said)
    long = [remembered.days("long", long_calls.REMEMBERED).collect(), judged.night.kept["long"]]

    def past(lines: pl.LazyFrame) -> pl.LazyFrame:
        before = remembered.days("profile", *reversed(rolling.PAST_DAYS))
        return before.join(lines, on="line", how="semi")

    legs = [remembered.days("legs", selection.WEEK.days - 1), made.legs.filter(today)]
    without = [d + timedelta(days=1) for d in nights if "long" not in nights[d].facts and d < day]
    long_from = max([remembered.first_day, *without])
    these = selection.Week(
        day,
        marked,
        beside,
        pl.concat(legs),
        pl.concat(long),
        long_from,
        judged.again.calls_of,
        (day,),
        past,
    )
    return selection.to_warn(
        made, these, subjects.entities, subjects.handsets, settings.max_victims
    )
