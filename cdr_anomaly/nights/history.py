"""The history that a state keeps of the days before a night.

It is exact: a night finds what a scan of all days would find on its day. docs/nightly.md says why,
table by table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.forwarding_chain import roles
from cdr_anomaly.engines.profile import COUNTS
from cdr_anomaly.features import cold_callers, day_stats, forwarding_hops, rolling, shared_targets
from cdr_anomaly.features.history import NoHistory
from cdr_anomaly.ingest import midnight
from cdr_anomaly.ingest.deduplicate import PART_GAP_S
from cdr_anomaly.schema import CARRY_OVER, FORWARD_LEGS, LEGS, PROFILE, empty, require

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.history import ActiveDays
    from cdr_anomaly.features.needs import FeedNeeds
    from cdr_anomaly.features.second_look import LineReading
    from cdr_anomaly.features.tables import Tables

# A call matters after midnight if it began in the last hour, has not ended, or may have another
# part: for windows of 10 and 60 minutes, calls under way at once, and partial records.
LATE_S = 3600
# A group that has moved is recognised by its lines of half a year ago (algorithms, section 2, h).
COLD_CALLER_DAYS = 180


@dataclass(frozen=True)
class StateHistory(NoHistory):
    """What a state remembers of the days before ``since``, the day that a night judges.

    ``read`` returns a table of the state (STATE_TABLES), with lines as the night carries them;
    ``active`` sums up the active line-days of the last weeks. ``keep_profile`` receives PROFILE of
    the day, of all lines, which comes in parts.
    """

    line_type: pl.DataType
    tz: str
    since: date
    active: ActiveDays
    read: Callable[[str], pl.LazyFrame]
    keep_profile: Callable[[pl.DataFrame], None]

    def days(self, name: str, first: int, last: int = 1) -> pl.LazyFrame:
        """Return the rows of a table that are ``first`` to ``last`` days old."""
        begin, end = (self.since - timedelta(days=n) for n in (first, last))
        return self.read(name).filter(pl.col("day").is_between(begin, end))

    def judged_days(self, feed: Feed) -> tuple[date, ...]:
        """Return the day of the night."""
        del feed
        return (self.since,)

    def watch(self, needs: FeedNeeds) -> pl.Expr:
        """Return which lines' calls of the day are needed, on this night or on a later one."""
        return needs.retention()

    def legs_needed(self, needs: FeedNeeds) -> pl.Expr:
        """Return that LEGS of all lines that are watched are needed."""
        del needs
        return pl.lit(value=True)

    def carry_over(self) -> pl.Expr:
        """Return which CALLS matter after the end of the day."""
        return _is_late("start_time", midnight(self.tz, self.since + timedelta(days=1)))

    def select_profile(self, part: pl.DataFrame) -> pl.DataFrame:
        """Return PROFILE of the day, and keep it; of the night before nothing counts."""
        rows = part.filter(pl.col("day") == self.since)
        counts = rows.lazy().with_columns(pl.col(COUNTS).cast(pl.Int64))
        self.keep_profile(require(counts, PROFILE, "profile").sort("line").collect())
        return rows

    def sightings(self) -> pl.DataFrame:
        """Return when lines were first seen on the days before."""
        seen = self.read("line_sightings").select("line", "first_seen")
        return seen.filter(pl.col("first_seen") < self.since).collect()

    def is_recent(self) -> pl.Expr:
        """Return which hops are of the week that ends with the day."""
        return pl.col("day") > self.since - timedelta(days=roles.WEEK)

    def hops(self, forwarded: pl.DataFrame, link_s: int) -> pl.DataFrame:
        """Add to the hops of the day those of the week, and the earlier targets of its forwarders.

        Only hops of two days are linked: no call is forwarded from one midnight to the next.
        """
        today = self._forward_legs(forwarded)
        week = self.days("forward_legs", roles.WEEK - 1, 2)
        lines = today.lazy().select("forwarder").unique()
        before = self.days("forward_legs", roles.REUSED_DAYS, roles.WEEK)
        older = pl.concat([week, before.join(lines, on="forwarder", how="semi")])
        alone, last = pl.collect_all([older, self.days("forward_legs", 1)])
        recent = pl.concat([last, today]).rename({"forwarder": "line"})
        linked = forwarding_hops.hops(recent, link_seconds=link_s)
        placed = alone.drop("call_id").with_row_index("chain", offset=linked.height)
        placed = placed.with_columns(
            pl.col("chain").cast(pl.Int64),
            depth=pl.lit(1, pl.Int64),
            hops=pl.lit(1, pl.Int64),
            by_id=pl.lit(value=False),
        )
        return pl.concat([linked, placed.select(linked.columns)])

    def forwarders(self, hops: pl.DataFrame, needs: FeedNeeds) -> pl.DataFrame:
        """Return the lines that have forwarded as many calls in the week as are needed."""
        many = pl.len() >= needs.forwards
        return hops.group_by(line="forwarder").agg(many=many).filter("many").select("line")

    def profile(self, lines: pl.DataFrame) -> pl.LazyFrame:
        """Return PROFILE of the days that lines are compared with.

        Files are filtered as they are read: they have all lines, of which few are needed.
        """
        past = self.days("profile", rolling.PAST_DAYS[1])
        return past.filter(pl.col("line").is_in(lines["line"].implode()))

    def legs(self, today: pl.DataFrame, births: pl.DataFrame, needs: FeedNeeds) -> pl.DataFrame:
        """Add to the legs of the day those of the same lines that are needed of the days before.

        Windows reach back two days, and to the first days of new lines. Of the days before these
        only the numbers count that a line called then and calls now.
        """
        day, reach = self.since, needs.new_line_days
        young = births.filter(pl.col("born") >= day - timedelta(days=reach))["line"]
        ours = today.lazy().filter(pl.col("day") == day)
        lines = ours.select("line").unique()
        called = ours.filter("outgoing").select("line", "counterpart").unique()
        is_young = pl.col("line").is_in(young.implode())
        # Those that were late the night before are among today's, with the parts that came since.
        late = _is_late("start", midnight(self.tz, day))
        early = (pl.col("day") < day - timedelta(days=1)) | ~late
        near = self.days("legs", day_stats.WINDOW_REACH_DAYS).filter(early)
        first = self.days("legs", reach, day_stats.WINDOW_REACH_DAYS + 1).filter(is_young)
        far = self.days("legs", day_stats.FAMILIAR_DAYS, day_stats.WINDOW_REACH_DAYS + 1)
        begun = is_young & (pl.col("day") >= day - timedelta(days=reach))
        past = [
            pl.concat([near, first]).join(lines, on="line", how="semi"),
            far.filter("outgoing", ~begun)
            .join(called, on=["line", "counterpart"], how="semi")
            .unique(["line", "day", "counterpart"]),
        ]
        return pl.concat([today.select(list(LEGS)), *pl.collect_all(past)])

    def cold_callers(self) -> pl.LazyFrame:
        """Return COLD_CALLERS of half a year."""
        return self.days("cold_callers", COLD_CALLER_DAYS)

    def lists(self) -> pl.LazyFrame:
        """Return LISTS of the six days before."""
        n_days = shared_targets.LIST_DAYS - 1
        return cold_callers.lists(self.days("legs", n_days), self.days("cold_callers", n_days))

    def shifts(self, days: int) -> pl.LazyFrame:
        """Return SHIFTS of so many days before."""
        return self.days("shifts", days)

    def state_rows(self, reading: LineReading, tables: Tables) -> dict[str, pl.DataFrame]:
        """Return what the state keeps of the day, by table, beside PROFILE and LINE_SIGHTINGS."""
        day, look = pl.col("day") == self.since, reading.reader.look
        legs = reading.legs.rows.filter(day)
        return {
            "long_calls": look.long.filter(day),
            "forward_legs": self._forward_legs(look.forwarded),
            "legs": legs.select(list(LEGS)).sort(pl.all()),
            "carry_over": _late_calls(reading.carry_over, self.since),
            "shifts": tables.shifts.filter(day).sort("line").collect(),
            "cold_callers": tables.cold_caller_days.sort("line").collect(),
        }

    def _forward_legs(self, forwarded: pl.DataFrame) -> pl.DataFrame:
        """Return the forwarding legs of the day, as the state keeps them."""
        calls = forwarded.lazy().filter(pl.col("day") == self.since)
        named = calls.rename({"line": "forwarder"})
        return require(named, FORWARD_LEGS, "forward_legs").sort(pl.all()).collect()


def update_sightings(
    before: pl.LazyFrame, was: pl.LazyFrame, today: pl.LazyFrame, others: pl.LazyFrame, day: date
) -> pl.DataFrame:
    """Return LINE_SIGHTINGS brought up to date: when each line was first and last seen.

    ``before`` is LINE_SIGHTINGS so far; ``was`` and ``today`` are PROFILE of the day as it was, if
    it was done before, and as it is; ``others`` is PROFILE of all other days. A line that is not of
    the day any more is looked up there.
    """
    now = today.select("line", now=pl.lit(day, pl.Date))
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
