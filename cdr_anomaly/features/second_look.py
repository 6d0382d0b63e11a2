"""A feed is read twice: which lines are read again, and what both looks and the past tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.engines.profile import COUNTS
from cdr_anomaly.features import line_ages, midnight_bursts
from cdr_anomaly.features.history import ActiveDays
from cdr_anomaly.features.needs import is_abroad
from cdr_anomaly.features.sorted_legs import SortedLegs
from cdr_anomaly.schema import PROFILE

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import FeedReader
    from cdr_anomaly.features.history import NoHistory
    from cdr_anomaly.features.needs import FeedNeeds

# The first day of a feed without calls.
NO_FIRST_DAY = date(1990, 1, 1)
# How many days back it counts whether calls that lines receive are delivered.
TWO_WAY_DAYS = 36


@dataclass(frozen=True)
class LineReading:
    """What two looks at a feed and its history tell of the lines that are needed.

    ``needs`` are those of the detectors that they were read for. ``births_from`` is the first day
    whose new lines are known. ``line_days`` and ``carry_over`` are of the second look. The rest is
    as in Tables.
    """

    reader: FeedReader
    needs: FeedNeeds
    history: NoHistory
    line_days: pl.DataFrame
    carry_over: pl.DataFrame
    births_from: date
    profile: pl.LazyFrame
    legs: SortedLegs
    hops: pl.LazyFrame
    lines: pl.LazyFrame
    line_ages: pl.LazyFrame

    def active_days(self, needs: FeedNeeds) -> ActiveDays:
        """Count the line-days of the last weeks that are watched for what they placed."""
        last = self.reader.feed.last_day or date.max
        first = max(self.history.since, last - timedelta(days=TWO_WAY_DAYS - 1))
        placed = pl.col("n_out") >= needs.day_calls
        watched = self.line_days.filter(placed, pl.col("day") >= first)
        return ActiveDays(watched.height, *watched.select(pl.col("n_out", "n_in").sum()).row(0))

    def two_way(self, needs: FeedNeeds) -> bool:
        """Return whether the feed holds the calls that lines receive."""
        return self.active_days(needs).plus(self.history.active).two_way()


def read_lines(reader: FeedReader, needs: FeedNeeds, history: NoHistory) -> LineReading:
    """Read the calls of the lines that any detector needs, and add what is remembered of them."""
    feed, source = reader.feed, reader.source
    start = feed.first_day or NO_FIRST_DAY
    known_from = start + timedelta(days=needs.warm_up_days)
    asked_for = (pl.col("line") == pl.lit(reader.line, source.line_type)).fill_null(value=False)
    # The first days are judged by births of the week before them, too.
    fresh_from = max(start, history.since) - line_ages.WEEK
    hops = history.hops(reader.look.forwarded, needs.hop_link_s)
    recent = hops.filter(history.is_recent())
    forwarders = history.forwarders(recent, needs)
    by_burst = midnight_bursts.callers(reader, history.judged_days(feed), needs.burst_calls)
    by_calls = pl.concat([callers_by_trunk(reader, needs), by_burst]).unique()
    watch = asked_for | history.watch(needs)
    others = pl.concat([forwarders, by_calls])["line"]
    profile, watched, births = _watched_profile(
        reader, watch, known_from, fresh_from, others, history
    )
    # A line that is asked for may have received calls only, which PROFILE need not tell.
    line = pl.DataFrame({"line": [] if reader.line is None else [reader.line]}, watched.schema)
    watched = pl.concat([watched, line, by_calls]).unique()
    marked = watched.join(births.select("line", "born"), on="line", how="left").with_columns(
        abroad=is_abroad(source), sought=pl.col("line").is_in(by_calls["line"].implode())
    )
    legs_needed = asked_for | history.legs_needed(needs)
    second = reader.read_lines(marked, legs_needed, carry_over=history.carry_over())
    fresh = births.filter(pl.col("born") > fresh_from).select("line")
    lines = pl.concat([watched, fresh, forwarders]).unique()
    named = pl.concat([lines, recent.select(line="target")]).unique().drop_nulls()
    if reader.needed is not None:
        profile = _with_received(profile.lazy(), second.days.lazy()).collect()
    past, profile = history.profile(lines).collect(), profile.select(list(PROFILE))
    return LineReading(
        reader=reader,
        needs=needs,
        history=history,
        line_days=second.days,
        carry_over=second.carry_over,
        births_from=births_counted_from(reader, known_from),
        profile=(pl.concat([past, profile]) if past.height else profile).lazy(),
        legs=SortedLegs(history.legs(second.legs, births, needs)),
        hops=hops.lazy(),
        lines=describe_lines(named, births, reader).lazy(),
        line_ages=births.lazy(),
    )


def births_counted_from(reader: FeedReader, known_from: date) -> date:
    """Return the first day whose new lines are known: by their activation, or by a first leg."""
    first_day = reader.feed.first_day
    if first_day is None or not reader.feed.activations:
        return known_from
    return first_day - line_ages.SURGE_PAST


def _watched_profile(
    reader: FeedReader,
    watch: pl.Expr,
    known_from: date,
    fresh_from: date,
    others: pl.Series,
    history: NoHistory,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Return what is kept of the PROFILE of all lines, which comes in parts.

    These are PROFILE of the lines that are watched, born after ``fresh_from`` or among ``others``;
    the watched lines (line); and LINE_AGES of all lines.
    """
    counted, abroad = reader.needed is None, is_abroad(reader.source)
    activations = reader.subscribers.activations
    before = history.sightings() if counted and activations is None else None
    unseen = pl.DataFrame(schema={"line": reader.source.line_type, "first_seen": pl.Date})
    parts, seen = [], [unseen] if before is None else [before]
    recent = seen[0].filter(pl.col("first_seen") >= known_from)
    for part in reader.look.profiles:
        profile = history.select_profile(part).lazy()
        if counted and activations is None:
            first = line_ages.first_seen(profile)
            new = first if before is None else first.join(before.lazy(), on="line", how="anti")
            seen.append(new.collect())
        firsts = pl.concat([recent, *seen[1:][-1:]]).lazy()
        births = line_ages.find_births(firsts, activations, known_from=known_from)
        born = births.select("line", "born").drop_nulls().collect()
        watched = _watched_lines(profile.with_columns(abroad=abroad), born, watch).collect()
        fresh = born.filter(pl.col("born") > fresh_from)
        lines = pl.concat([watched["line"], fresh["line"], others]).implode()
        rows = profile.filter(pl.col("line").is_in(lines))
        parts.append((rows.with_columns(pl.col(COUNTS).cast(pl.Int64)).collect(), watched))
    kept_rows, watched = (pl.concat(frames) for frames in zip(*parts, strict=True))
    births = line_ages.find_births(pl.concat(seen).lazy(), activations, known_from=known_from)
    return kept_rows, watched, births.collect()


def _watched_lines(profile: pl.LazyFrame, born: pl.DataFrame, watch: pl.Expr) -> pl.LazyFrame:
    """Return the lines that ``watch`` selects (see FeedNeeds.watch)."""
    # Lines that are new or forward are few; only they need their age and their sum.
    plain = profile.with_columns(age_d=pl.lit(None, pl.Int64), n_forwarded_all=pl.lit(0))
    new = pl.col("line").is_in(born["line"].implode())
    age = (pl.col("day") - pl.col("born")).dt.total_days()
    special = (
        profile.filter(new | (pl.col("n_forwarded") > 0))
        .join(born.lazy(), on="line", how="left")
        .with_columns(age_d=age, n_forwarded_all=pl.col("n_forwarded").sum().over("line"))
    )
    return pl.concat([rows.filter(watch).select("line") for rows in (plain, special)]).unique()


def _with_received(profile: pl.LazyFrame, days: pl.LazyFrame) -> pl.LazyFrame:
    """Take from the second look what watched lines received, and what others than these placed."""
    counted = days.select("line", "day", "n_in", n_placed="n_out")
    counts = pl.col("n_out", "n_in", "n_forwarded")
    return (
        profile.drop("n_in")
        .join(counted, on=["line", "day"], how="full", coalesce=True)
        .with_columns(pl.coalesce("n_out", "n_placed"))
        .with_columns(counts.fill_null(0).cast(pl.Int64))
    )


def describe_lines(lines: pl.DataFrame, births: pl.DataFrame, reader: FeedReader) -> pl.DataFrame:
    """Return LINES of some lines (line): their numbers, classes, births and kinds."""
    source = reader.source
    line = pl.col("line")
    number = line if source.as_text else numbering.format_line(line, source.names)
    kinds = reader.subscribers.lines.select("line", "line_kind")
    return (
        lines.lazy()
        .join(births.lazy(), on="line", how="left")
        .join(kinds, on="line", how="left", maintain_order="left")
        .with_columns(number=number)
        .with_columns(number_class=numbering.number_class(pl.col("number"), source.plan))
        .collect()
    )


def callers_by_trunk(reader: FeedReader, needs: FeedNeeds) -> pl.DataFrame:
    """Return the lines (line) that placed calls on trunks that some detector needs."""
    calls = needs.on_trunks(reader.look.traffic)
    none = pl.Series(dtype=reader.source.line_type)
    lines = none if calls is None else reader.engine.callers(reader.source, calls)
    return lines.alias("line").to_frame()
