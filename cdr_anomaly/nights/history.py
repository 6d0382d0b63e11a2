"""A night's tables: those of its day, with what is remembered of the days before.

What is remembered is exact: a night finds what a scan of all the days would find on its day.
docs/nightly.md says why, table by table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.detectors.forwarding_chain import roles
from cdr_anomaly.detectors.new_sim_burst import surges
from cdr_anomaly.features import (
    cold_callers,
    day_stats,
    forwarding_hops,
    line_ages,
    rolling,
    second_look,
    shared_targets,
    shifts,
)
from cdr_anomaly.features import tables as features_tables
from cdr_anomaly.features.tables import Basis, Counting, Past
from cdr_anomaly.ingest import midnight
from cdr_anomaly.ingest.deduplicate import PART_GAP_S
from cdr_anomaly.schema import FORWARDED, LATE, LEGS, PROFILE, empty, require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cdr_anomaly.detectors import Detector, Tables
    from cdr_anomaly.features.second_look import Active
    from cdr_anomaly.features.tables import Looked
    from cdr_anomaly.ingest.subscribers import Subscribers

# A call matters after midnight where it began in the last hour, or has not ended yet, or may have
# another part: for windows of 10 and 60 minutes, calls under way at once, and partial records.
LATE_S = 3600
# A room that has moved is known again by who was in it half a year ago (algorithms, section 2, h).
OUTBOUND_DAYS = 180


@dataclass(frozen=True)
class Memory:
    """What is known of the days before ``day``, of which ``first_day`` is the first.

    ``read`` gives a table of the state (state.TABLES), with lines as the night carries them;
    ``active`` sums up the active line-days of the last weeks.
    """

    day: date
    first_day: date
    active: Active
    read: Callable[[str], pl.LazyFrame]

    def days(self, name: str, first: int, last: int = 1) -> pl.LazyFrame:
        """Return the rows of a table that are ``first`` to ``last`` days old."""
        begin, end = (self.day - timedelta(days=n) for n in (first, last))
        return self.read(name).filter(pl.col("day").is_between(begin, end))


class Night(NamedTuple):
    """The TABLES that detectors read, and what is kept for the nights to come (state.TABLES)."""

    tables: Tables
    kept: Mapping[str, pl.DataFrame]
    active: Active


def made(looked: Looked, built: list[Detector], memory: Memory, subscribers: Subscribers) -> Night:
    """Make the tables of a night."""
    feed, source, day = looked.feed, looked.source, memory.day
    profile = _profile(looked, day)
    known_from = memory.first_day + timedelta(days=max(d.warm_up() for d in built))
    born = _born(memory, profile, subscribers.activations, known_from)
    abroad = second_look.elsewhere(source)
    needed = _needed(profile.with_columns(abroad=abroad), born, built)
    from_abroad = second_look.by_calls(looked.engine, source, looked.look, built)
    own = pl.concat([needed, from_abroad]).unique(maintain_order=True)
    late = _late("start_time", midnight(source.tz, day + timedelta(days=1)))
    second = looked.again(
        own.join(born.select("line", "born"), on="line", how="left"), pl.lit(value=True), late=late
    )
    forwarded = _forwarded(looked, day)
    hops = _hops(memory, forwarded, max(detector.link() for detector in built))
    fresh = born.filter(pl.col("born") > day - line_ages.WEEK).select("line")
    in_week = hops.filter(pl.col("day") > day - timedelta(days=roles.WEEK))
    enough = min(detector.least().n_forwarded for detector in built)
    forwarders = in_week.group_by(line="forwarder").len().filter(pl.col("len") >= enough)
    told = pl.concat([own, fresh, forwarders.select("line")]).unique()
    past = memory.days("profile", rolling.PAST_DAYS[1]).join(told.lazy(), on="line", how="semi")
    whole = pl.concat([past.collect(), profile.join(told, on="line", how="semi")]).lazy()
    reach = max(detector.reaches() for detector in built)
    young = born.filter(pl.col("born") >= day - timedelta(days=reach))["line"]
    legs = _legs(memory, second.legs, young, midnight(source.tz, day), reach).lazy()
    active = second_look.active(profile, built)
    counting = Counting.of(built, two_way=active.plus(memory.active).two_way())
    working = shifts.enough(detector.working() for detector in built)
    lines = pl.concat([told, in_week.select(line="target")]).unique().drop_nulls().lazy()
    basis = Basis(
        looked=looked,
        since=day,
        judged=(day,),
        births_from=memory.first_day - surges.PAST if feed.activations else known_from,
        working=working,
        past=Past(_called(memory), memory.days("shifts", working.days_before)),
        profile=whole,
        legs=legs,
        hops=hops.lazy(),
        lines=second_look.lines_of(lines, born, subscribers, source),
        births=born.lazy(),
        subscribers=subscribers.lines,
    )
    judging_by = features_tables.made(basis, counting)
    kept = {
        "profile": profile,
        "long": looked.look.long.filter(pl.col("day") == day),
        "hops": forwarded,
        "legs": second.legs.filter(pl.col("day") == day).select(list(LEGS)).sort(pl.all()),
        "late": _as_late(second.late, day),
        "shifts": judging_by.tables.shifts.filter(pl.col("day") == day).sort("line").collect(),
        "outbound": judging_by.outbound.sort("line").collect(),
    }
    return Night(judging_by.tables, kept, active)


def seen(
    before: pl.LazyFrame, was: pl.LazyFrame, today: pl.DataFrame, others: pl.LazyFrame, day: date
) -> pl.DataFrame:
    """Bring SEEN up to date: when each line was first and last seen.

    ``before`` is SEEN so far; ``was`` and ``today`` are PROFILE of the day as it was, if it was
    done before, and as it is; ``others`` is PROFILE of all other days. A line that is not of the
    day any more is looked up there.
    """
    now = today.lazy().select("line", now=pl.lit(day, pl.Date))
    gone = was.select("line").join(now, on="line", how="anti").collect().lazy()
    stay = before.join(gone, on="line", how="anti").join(now, on="line", how="full", coalesce=True)
    whole = stay.select(
        "line",
        first_seen=pl.min_horizontal("first_seen", "now"),
        last_seen=pl.max_horizontal("last_seen", "now"),
    ).collect()
    if gone.collect().is_empty():
        return whole.sort("line")
    there = ever_seen(others.join(gone, on="line", how="semi")).rename(
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
    return pl.concat([whole, looked_up.collect()]).sort("line")


def ever_seen(profile: pl.LazyFrame) -> pl.LazyFrame:
    """Make SEEN from PROFILE alone."""
    return profile.group_by("line").agg(
        first_seen=pl.col("day").min(), last_seen=pl.col("day").max()
    )


def _profile(looked: Looked, day: date) -> pl.DataFrame:
    """Put PROFILE of all lines together; of the calls of the night before nothing counts."""
    whole = pl.concat(list(looked.look.profiles)).filter(pl.col("day") == day)
    counts = whole.with_columns(pl.col("n_out", "n_in", "n_forwarded").cast(pl.Int64))
    return require(counts.lazy(), PROFILE, "profile").sort("line").collect()


def _born(
    memory: Memory, profile: pl.DataFrame, activations: pl.LazyFrame | None, known_from: date
) -> pl.DataFrame:
    """Give BIRTHS as they are known at the end of the day."""
    today = profile.lazy().select("line", first_seen="day")
    if activations is not None:
        whole = today.clear()
    else:
        lines = memory.read("lines").select("line", "first_seen")
        before = lines.filter(pl.col("first_seen") < memory.day)
        whole = pl.concat([before, today.join(before, on="line", how="anti")])
    return line_ages.born(whole, activations, known_from=known_from).collect()


def _needed(profile: pl.DataFrame, born: pl.DataFrame, built: list[Detector]) -> pl.DataFrame:
    """Find the lines whose calls of the day are needed, on this night or on a later one."""
    young = born.select("line", "born").drop_nulls()
    age = (pl.col("day") - pl.col("born")).dt.total_days()
    aged = profile.join(young, on="line", how="left").with_columns(age_d=age)
    return aged.filter(pl.any_horizontal(d.keeps() for d in built)).select("line")


def _legs(
    memory: Memory, today: pl.DataFrame, young: pl.Series, begin: datetime, reach: int
) -> pl.DataFrame:
    """Add to the day's legs those of the same lines that windows reach back to, or know again.

    Windows reach back two days, and over the first days of ``young`` lines; of days before these
    it is only asked whom a line called then that it calls now.
    """
    ours = today.lazy().filter(pl.col("day") == memory.day)
    lines = ours.select("line").unique()
    called = ours.filter("outgoing").select("line", "counterpart").unique()
    is_young = pl.col("line").is_in(young.implode())
    # Those that were late the night before are among today's, with the parts that came since.
    early = (pl.col("day") < memory.day - timedelta(days=1)) | ~_late("start", begin)
    near = memory.days("legs", day_stats.REACH).filter(early)
    first = memory.days("legs", reach, day_stats.REACH + 1).filter(is_young)
    far = memory.days("legs", day_stats.FAMILIAR_DAYS, day_stats.REACH + 1)
    begun = is_young & (pl.col("day") >= memory.day - timedelta(days=reach))
    known = [
        pl.concat([near, first]).join(lines, on="line", how="semi"),
        far.filter("outgoing", ~begun)
        .join(called, on=["line", "counterpart"], how="semi")
        .unique(["line", "day", "counterpart"]),
    ]
    return pl.concat([today.select(list(LEGS)), *pl.collect_all(known)])


def _forwarded(looked: Looked, day: date) -> pl.DataFrame:
    calls = looked.look.forwarded.lazy().filter(pl.col("day") == day)
    named = calls.rename({"line": "forwarder"})
    return require(named, FORWARDED, "hops").sort(pl.all()).collect()


def _hops(memory: Memory, today: pl.DataFrame, link_seconds: int) -> pl.DataFrame:
    """Add to the day's hops those of the week, and where its lines forwarded to before that.

    Only the hops of two days are linked: no call is forwarded from one midnight to the next.
    """
    week = memory.days("hops", roles.WEEK - 1, 2)
    lines = today.lazy().select("forwarder").unique()
    before = memory.days("hops", roles.REUSED_DAYS, roles.WEEK)
    older = pl.concat([week, before.join(lines, on="forwarder", how="semi")]).collect()
    last = memory.days("hops", 1).collect()
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


def _called(memory: Memory) -> cold_callers.Before:
    """Return what is known of those who called strangers before, and whom they called lately."""
    known = memory.days("outbound", OUTBOUND_DAYS)
    lately = memory.days("outbound", shared_targets.DAYS - 1)
    called = cold_callers.lists(memory.days("legs", shared_targets.DAYS - 1), lately)
    return cold_callers.Before(known, called)


def _late(start: str, end_of_day: datetime) -> pl.Expr:
    """Tell which calls of a day matter after its end."""
    matters = pl.max_horizontal(pl.col("duration_s") + PART_GAP_S, pl.lit(LATE_S))
    return pl.col(start) + pl.duration(seconds=matters) >= end_of_day


def _as_late(calls: pl.DataFrame, day: date) -> pl.DataFrame:
    types = empty(LATE, calls.schema["calling_number"]).schema
    missing = {c: pl.lit(None, types[c]) for c in types if c not in calls.columns}
    rows = calls.with_columns(day=pl.lit(day, pl.Date), **missing).select(list(LATE))
    return rows.cast(types).sort(pl.all())
