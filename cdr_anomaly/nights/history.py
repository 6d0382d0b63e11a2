"""The tables of a night: those of its day, with the history that the state keeps.

The history is exact: a night finds what a scan of all days would find on its day. docs/nightly.md
says why, table by table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.forwarding_chain import roles
from cdr_anomaly.features import (
    cold_callers,
    day_stats,
    forwarding_hops,
    line_ages,
    rolling,
    second_look,
    shared_targets,
)
from cdr_anomaly.features.needs import is_abroad
from cdr_anomaly.features.second_look import callers_by_trunk
from cdr_anomaly.features.tables import TableInputs, TableRules, build_tables
from cdr_anomaly.ingest import midnight
from cdr_anomaly.ingest.deduplicate import PART_GAP_S
from cdr_anomaly.schema import CARRY_OVER, FORWARD_LEGS, LEGS, PROFILE, empty, require

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdr_anomaly.features.needs import FeedNeeds
    from cdr_anomaly.features.second_look import ActiveDays
    from cdr_anomaly.features.tables import FeedReader, Tables

# A call matters after midnight if it began in the last hour, has not ended, or may have another
# part: for windows of 10 and 60 minutes, calls under way at once, and partial records.
LATE_S = 3600
# A group that has moved is recognised by its lines of half a year ago (algorithms, section 2, h).
COLD_CALLER_DAYS = 180


@dataclass(frozen=True)
class History:
    """What is remembered of the days before ``day``, of which ``first_day`` is the first.

    ``read`` returns a table of the state (STATE_TABLES), with lines as the night carries them;
    ``active`` sums up the active line-days of the last weeks.
    """

    day: date
    first_day: date
    active: ActiveDays
    read: Callable[[str], pl.LazyFrame]

    def days(self, name: str, first: int, last: int = 1) -> pl.LazyFrame:
        """Return the rows of a table that are ``first`` to ``last`` days old."""
        begin, end = (self.day - timedelta(days=n) for n in (first, last))
        return self.read(name).filter(pl.col("day").is_between(begin, end))


def build_night_tables(
    reader: FeedReader, needs: FeedNeeds, history: History
) -> tuple[Tables, dict[str, pl.DataFrame], ActiveDays]:
    """Return the tables of a night, the rows that its state keeps, and its active line-days."""
    source, day = reader.source, history.day
    profile = _profile(reader, day)
    known_from = second_look.births_known_from(history.first_day, needs)
    births = _births(history, profile, reader.subscribers.activations, known_from)
    needed = _needed_lines(profile.with_columns(abroad=is_abroad(source)), births, needs)
    needed = pl.concat([needed, callers_by_trunk(reader, needs)]).unique(maintain_order=True)
    second = reader.read_lines(
        needed.join(births.select("line", "born"), on="line", how="left"),
        pl.lit(value=True),
        late=_is_late("start_time", midnight(source.tz, day + timedelta(days=1))),
    )
    forwarded = _forwarded(reader, day)
    hops = _hops(history, forwarded, needs.hop_link_s)
    hops_of_week = hops.filter(pl.col("day") > day - timedelta(days=roles.WEEK))
    lines = _judged_lines(needed, births, hops_of_week, day, needs)
    past = history.days("profile", rolling.PAST_DAYS[1]).join(lines.lazy(), on="line", how="semi")
    reach = needs.new_line_days
    young = births.filter(pl.col("born") >= day - timedelta(days=reach))["line"]
    active = second_look.count_active_days(profile, needs)
    recent = history.days("cold_callers", shared_targets.LIST_DAYS - 1)
    described = pl.concat([lines, hops_of_week.select(line="target")]).unique().drop_nulls()
    inputs = TableInputs(
        reader=reader,
        since=day,
        judged_days=(day,),
        births_from=second_look.births_counted_from(reader.feed, history.first_day, known_from),
        shift_needs=needs.shifts,
        profile=pl.concat([past.collect(), profile.join(lines, on="line", how="semi")]).lazy(),
        legs=_legs(history, second.legs, young, midnight(source.tz, day), reach).lazy(),
        hops=hops.lazy(),
        lines=second_look.describe_lines(described.lazy(), births, reader),
        line_ages=births.lazy(),
        past_cold_callers=history.days("cold_callers", COLD_CALLER_DAYS),
        past_lists=cold_callers.lists(history.days("legs", shared_targets.LIST_DAYS - 1), recent),
        past_shifts=history.days("shifts", needs.shifts.days_before),
    )
    rules = TableRules.of(needs, two_way=active.plus(history.active).two_way())
    tables, callers = build_tables(inputs, rules)
    state_rows = {
        "profile": profile,
        "long_calls": reader.look.long.filter(pl.col("day") == day),
        "forward_legs": forwarded,
        "legs": second.legs.filter(pl.col("day") == day).select(list(LEGS)).sort(pl.all()),
        "carry_over": _late_calls(second.carry_over, day),
        "shifts": tables.shifts.filter(pl.col("day") == day).sort("line").collect(),
        "cold_callers": callers.sort("line").collect(),
    }
    return tables, state_rows, active


def update_sightings(
    before: pl.LazyFrame, was: pl.LazyFrame, today: pl.DataFrame, others: pl.LazyFrame, day: date
) -> pl.DataFrame:
    """Return LINE_SIGHTINGS brought up to date: when each line was first and last seen.

    ``before`` is LINE_SIGHTINGS so far; ``was`` and ``today`` are PROFILE of the day as it was, if
    it was done before, and as it is; ``others`` is PROFILE of all other days. A line that is not of
    the day any more is looked up there.
    """
    now = today.lazy().select("line", now=pl.lit(day, pl.Date))
    gone = was.select("line").join(now, on="line", how="anti").collect().lazy()
    stay = before.join(gone, on="line", how="anti").join(now, on="line", how="full", coalesce=True)
    rows = stay.select(
        "line",
        first_seen=pl.min_horizontal("first_seen", "now"),
        last_seen=pl.max_horizontal("last_seen", "now"),
    ).collect()
    if gone.collect().is_empty():
        return rows.sort("line")
    there = sightings(others.join(gone, on="line", how="semi")).rename(
        {"first_seen": "first", "last_seen": "last"}
    )
    oldest = min(day, others.select(pl.col("day").min()).collect().item() or day)
    # What was seen before PROFILE begins is known from here alone.
    forgotten = pl.when(pl.col("first_seen") < oldest).then("first_seen")
    looked_up = (
        before.join(gone, on="line", how="semi")
        .join(there, on="line", how="left")
        .select(
            "line",
            first_seen=pl.coalesce(forgotten, "first"),
            last_seen=pl.coalesce("last", forgotten),
        )
        .drop_nulls()
    )
    return pl.concat([rows, looked_up.collect()]).sort("line")


def sightings(profile: pl.LazyFrame) -> pl.LazyFrame:
    """Return LINE_SIGHTINGS by PROFILE alone."""
    return profile.group_by("line").agg(
        first_seen=pl.col("day").min(), last_seen=pl.col("day").max()
    )


def _profile(reader: FeedReader, day: date) -> pl.DataFrame:
    """Return PROFILE of all lines; of the calls of the night before nothing counts."""
    rows = pl.concat(list(reader.look.profiles)).filter(pl.col("day") == day)
    counts = rows.with_columns(pl.col("n_out", "n_in", "n_forwarded").cast(pl.Int64))
    return require(counts.lazy(), PROFILE, "profile").sort("line").collect()


def _births(
    history: History, profile: pl.DataFrame, activations: pl.LazyFrame | None, known_from: date
) -> pl.DataFrame:
    """Return LINE_AGES as they are known at the end of the day."""
    today = profile.lazy().select("line", first_seen="day")
    if activations is not None:
        seen = today.clear()
    else:
        lines = history.read("line_sightings").select("line", "first_seen")
        before = lines.filter(pl.col("first_seen") < history.day)
        seen = pl.concat([before, today.join(before, on="line", how="anti")])
    return line_ages.find_births(seen, activations, known_from=known_from).collect()


def _needed_lines(profile: pl.DataFrame, births: pl.DataFrame, needs: FeedNeeds) -> pl.DataFrame:
    """Return the lines whose calls of the day are needed, on this night or on a later one."""
    young = births.select("line", "born").drop_nulls()
    age = (pl.col("day") - pl.col("born")).dt.total_days()
    aged = profile.join(young, on="line", how="left").with_columns(age_d=age)
    return aged.filter(needs.retention()).select("line")


def _judged_lines(
    needed: pl.DataFrame,
    births: pl.DataFrame,
    hops_of_week: pl.DataFrame,
    day: date,
    needs: FeedNeeds,
) -> pl.DataFrame:
    """Add to the lines that are needed those that are new, and those that forward in the week."""
    fresh = births.filter(pl.col("born") > day - line_ages.WEEK).select("line")
    many = pl.len() >= needs.forwards
    forwarders = hops_of_week.group_by(line="forwarder").agg(many=many).filter("many")
    return pl.concat([needed, fresh, forwarders.select("line")]).unique()


def _legs(
    history: History, today: pl.DataFrame, young: pl.Series, begin: datetime, reach: int
) -> pl.DataFrame:
    """Add to the legs of the day those of the same lines that are needed of the days before.

    Windows reach back two days, and to the first days of ``young`` lines. Of the days before these
    only the numbers count that a line called then and calls now.
    """
    ours = today.lazy().filter(pl.col("day") == history.day)
    lines = ours.select("line").unique()
    called = ours.filter("outgoing").select("line", "counterpart").unique()
    is_young = pl.col("line").is_in(young.implode())
    # Those that were late the night before are among today's, with the parts that came since.
    early = (pl.col("day") < history.day - timedelta(days=1)) | ~_is_late("start", begin)
    near = history.days("legs", day_stats.WINDOW_REACH_DAYS).filter(early)
    first = history.days("legs", reach, day_stats.WINDOW_REACH_DAYS + 1).filter(is_young)
    far = history.days("legs", day_stats.FAMILIAR_DAYS, day_stats.WINDOW_REACH_DAYS + 1)
    begun = is_young & (pl.col("day") >= history.day - timedelta(days=reach))
    known = [
        pl.concat([near, first]).join(lines, on="line", how="semi"),
        far.filter("outgoing", ~begun)
        .join(called, on=["line", "counterpart"], how="semi")
        .unique(["line", "day", "counterpart"]),
    ]
    return pl.concat([today.select(list(LEGS)), *pl.collect_all(known)])


def _forwarded(reader: FeedReader, day: date) -> pl.DataFrame:
    """Return the forwarding legs of the day, as the state keeps them."""
    calls = reader.look.forwarded.lazy().filter(pl.col("day") == day)
    named = calls.rename({"line": "forwarder"})
    return require(named, FORWARD_LEGS, "forward_legs").sort(pl.all()).collect()


def _hops(history: History, today: pl.DataFrame, link_seconds: int) -> pl.DataFrame:
    """Add to the hops of the day those of the week, and the earlier targets of its forwarders.

    Only hops of two days are linked: no call is forwarded from one midnight to the next.
    """
    week = history.days("forward_legs", roles.WEEK - 1, 2)
    lines = today.lazy().select("forwarder").unique()
    before = history.days("forward_legs", roles.REUSED_DAYS, roles.WEEK)
    older = pl.concat([week, before.join(lines, on="forwarder", how="semi")]).collect()
    last = history.days("forward_legs", 1).collect()
    recent = pl.concat([last, today]).rename({"forwarder": "line"})
    linked = forwarding_hops.hops(recent, link_seconds=link_seconds)
    alone = older.drop("call_id").with_row_index("chain", offset=linked.height)
    placed = alone.with_columns(
        pl.col("chain").cast(pl.Int64),
        depth=pl.lit(1, pl.Int64),
        hops=pl.lit(1, pl.Int64),
        by_id=pl.lit(value=False),
    )
    return pl.concat([linked, placed.select(linked.columns)])


def _is_late(start: str, end_of_day: datetime) -> pl.Expr:
    """Return which calls of a day matter after its end."""
    matters = pl.max_horizontal(pl.col("duration_s") + PART_GAP_S, pl.lit(LATE_S))
    return pl.col(start) + pl.duration(seconds=matters) >= end_of_day


def _late_calls(calls: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return calls that matter after midnight as CARRY_OVER."""
    types = empty(CARRY_OVER, calls.schema["calling_number"]).schema
    missing = {c: pl.lit(None, types[c]) for c in types if c not in calls.columns}
    rows = calls.with_columns(day=pl.lit(day, pl.Date), **missing).select(list(CARRY_OVER))
    return rows.cast(types).sort(pl.all())
