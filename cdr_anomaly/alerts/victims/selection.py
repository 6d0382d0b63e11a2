"""Findings of a week to VICTIMS: which lines count, what is read of them, and of those they met."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.alerts import severity
from cdr_anomaly.alerts.severity import Context, is_grave
from cdr_anomaly.alerts.victims import long_calls, urgency
from cdr_anomaly.features.rolling import PAST_DAYS
from cdr_anomaly.schema import LEGS, VICTIMS, empty, kinds_with

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cdr_anomaly.detectors import Tables

    Look = Callable[[pl.LazyFrame], pl.DataFrame]

WEEK = timedelta(days=urgency.DAYS)
# So many days, the judged one included, say what is usual for somebody.
PAST = PAST_DAYS[1] + 1
# Entities that are declared for some detectors alone are people, too.
NAME = "victims"
TIMELINE = pl.Struct({"timeline": pl.List(pl.Struct({"person": pl.String, "called": pl.String}))})


class Week(NamedTuple):
    """What a list is made of: the week's findings, the calls, and how to read more of them.

    ``findings`` are FINDINGS of the 7 days with ``suppressed_by``, ``context`` is what weighs them;
    ``legs`` are LEGS of these days, of busy lines; ``long`` is LONG_CALLS from ``long_from`` to the
    day. ``look`` gives
    the calls (REACHED) of lines on those of the ``days`` (line, day); ``past`` gives PROFILE of
    some lines, and where it is None the days before are looked at, too.
    """

    day: date
    findings: pl.DataFrame
    context: Context
    legs: pl.LazyFrame
    long: pl.DataFrame
    long_from: date
    look: Look
    days: Sequence[date]
    past: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None


class Selection(NamedTuple):
    """VICTIMS of a day, and LEGS that were read for it beside those that were there."""

    victims: pl.DataFrame
    legs: pl.DataFrame


def lines_of_findings(tables: Tables, week: Week) -> pl.DataFrame:
    """Return the lines that are found medium or graver in the week, and not declared.

    They are (line, number, weight, found_by), the gravest of all their findings in the light of
    their evidence, as in alerts; with or without a rank.
    """
    weighed = severity.weigh_subjects(week.findings, week.context)
    weight = pl.col("grade").replace_strict(
        list(severity.GRADES.values()), list(urgency.WEIGHTS.values()), return_dtype=pl.Float64
    )
    free = weighed.filter(
        pl.col("grade") >= severity.GRADES["medium"],
        pl.col("suppressed_by").is_null(),
        ~pl.col("subject_kind").is_in(kinds_with(is_line=False)),
    )
    number = pl.col("subject")
    line = number if tables.feed.opaque else numbering.parse_codes(number, tables.plan)
    rows = free.select(line=line, number=number, weight=weight, found_by="detectors")
    return rows.drop_nulls("line").unique("line", maintain_order=True).sort("line")


def select_victims(
    tables: Tables, week: Week, entities: pl.DataFrame, handsets: pl.LazyFrame, most: int
) -> Selection:
    """Make the list of a day."""
    if tables.feed.first_day is None:
        return Selection(empty(VICTIMS), empty(LEGS, _line_type(tables)))
    lines = lines_of_findings(tables, week)
    holding = (
        long_calls.pairs(week.long, week.day, week.long_from)
        .join(lines, left_on="caller", right_on="line", how="anti")
        .join(lines, left_on="called", right_on="line", how="anti")
    )
    more = _more(lines, week)
    if lines.is_empty() and holding.is_empty():
        return Selection(empty(VICTIMS), more)
    legs = pl.concat([week.legs, more.lazy()])
    talk = _talk(legs, lines.lazy(), week, holding.lazy()).collect()
    handed = _handed(week.findings).lazy()
    people = urgency.people_met(urgency.Talks(talk.lazy(), handed), tables, week.day)
    people = _undeclared(people, tables, week.day, entities, handsets)
    if people.is_empty():
        return Selection(empty(VICTIMS), more)
    theirs = week.look(_line_days(people.rename({"person": "line"}), week.days))
    mutual = _called_before(theirs, holding)
    kept = talk.join(people, on="person", how="semi").join(
        mutual, on=["person", "line"], how="anti"
    )
    seen = urgency.Talks(kept.lazy(), handed, theirs.lazy(), _past(week, people, theirs))
    return Selection(urgency.rank_victims(seen, tables, week.day, most), more)


def _line_type(tables: Tables) -> pl.DataType:
    return tables.profile.collect_schema()["line"]


def _more(lines: pl.DataFrame, week: Week) -> pl.DataFrame:
    """Take the calls of lines of the list that were not read for any detector, as LEGS."""
    days = [day for day in week.days if week.day - WEEK < day <= week.day]
    there = week.legs.filter(pl.col("day").is_in(days)).select("line").unique()
    missing = lines.lazy().select("line").join(there, on="line", how="anti").collect()
    found = week.look(_line_days(missing, days))
    none = {name: pl.lit(None, LEGS[name].dtype) for name in LEGS if name not in found.columns}
    return found.with_columns(**none).select(list(LEGS))


def _line_days(lines: pl.DataFrame, days: Sequence[date]) -> pl.LazyFrame:
    whole = pl.LazyFrame({"day": days}, {"day": pl.Date})
    return lines.lazy().select("line").join(whole, how="cross")


def _talk(
    legs: pl.LazyFrame, lines: pl.LazyFrame, week: Week, holding: pl.LazyFrame
) -> pl.LazyFrame:
    """List the calls of the lines with others, and those of whoever holds somebody."""
    in_week = pl.col("day").is_between(week.day - WEEK, week.day, closed="right")
    own = (
        legs.filter(in_week, pl.col("counterpart").is_not_null())
        .join(lines.select("line", "weight", "found_by"), on="line")
        .join(lines.select(counterpart="line"), on="counterpart", how="anti")
        .select(
            "line",
            "day",
            "start",
            "weight",
            "found_by",
            person="counterpart",
            duration_s=pl.when("answered").then("duration_s").otherwise(0),
            back=~pl.col("outgoing"),
        )
    )
    held_talk = (
        week.long.lazy()
        .filter(in_week)
        .join(holding.select("caller", "called"), on=["caller", "called"])
        .select(
            "day",
            "start",
            "duration_s",
            line="caller",
            person="called",
            weight=pl.lit(urgency.CAPTIVE_WEIGHT),
            found_by=pl.lit([urgency.CAPTIVE], pl.List(pl.String)),
            back=pl.lit(value=False),
        )
    )
    return pl.concat([own, held_talk.select(own.collect_schema().names())])


def _handed(findings: pl.DataFrame) -> pl.DataFrame:
    """Count the hand-offs that findings tell of in a timeline (number, hand_offs)."""
    told = findings.filter(
        is_grave("medium"), pl.col("evidence").str.contains('"timeline":', literal=True)
    )
    return (
        told.select(pl.col("evidence").str.json_decode(TIMELINE).struct.field("timeline"))
        .explode("timeline")
        .unnest("timeline")
        .unique()
        .group_by(number="person")
        .agg(hand_offs=pl.len().cast(pl.Int64))
    )


def _undeclared(
    people: pl.DataFrame,
    tables: Tables,
    day: date,
    entities: pl.DataFrame,
    handsets: pl.LazyFrame,
) -> pl.DataFrame:
    """Leave out those that are declared entities."""
    number = tables.written(pl.col("person"))
    named = people.with_columns(subject=number, detector=pl.lit(NAME), day=pl.lit(day, pl.Date))
    marked = alerts_entities.set_aside(named, entities, tables.plan, handsets)
    return marked.filter(pl.col("suppressed_by").is_null()).select("person")


def _called_before(theirs: pl.DataFrame, holding: pl.DataFrame) -> pl.DataFrame:
    """Find the pairs of which the one who seems held had called the other before (person, line)."""
    before = theirs.filter("outgoing").join(
        holding, left_on=["line", "counterpart"], right_on=["called", "caller"]
    )
    return (
        before.filter(pl.col("day") < pl.col("since"))
        .select(person="line", line="counterpart")
        .unique()
    )


def _past(week: Week, people: pl.DataFrame, theirs: pl.DataFrame) -> pl.LazyFrame:
    """Give what the people placed on the days before (line, day, n_out)."""
    if week.past is None:
        placed = theirs.lazy().filter("outgoing").group_by("line", "day").agg(n_out=pl.len())
        return placed.with_columns(pl.col("n_out").cast(pl.Int64))
    ours = week.past(people.lazy().select(line="person"))
    first, last = (week.day - timedelta(days=n) for n in reversed(PAST_DAYS))
    return ours.filter(pl.col("day").is_between(first, last)).select("line", "day", "n_out")
