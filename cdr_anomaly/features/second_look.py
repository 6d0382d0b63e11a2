"""A feed is read twice: which lines are read again, and what both looks give to the tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.engines.profile import COUNTS
from cdr_anomaly.features import forwarding_hops, line_ages
from cdr_anomaly.features.needs import is_abroad
from cdr_anomaly.features.tables import TableInputs, TableRules, build_tables

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.needs import FeedNeeds
    from cdr_anomaly.features.tables import FeedReader, Tables


FEW_LINE_DAYS = 50
# How many days back it counts whether calls that lines receive are delivered.
TWO_WAY_DAYS = 36


class ActiveDays(NamedTuple):
    """How many line-days have enough calls to be watched, and what these lines placed, received."""

    line_days: int = 0
    n_out: int = 0
    n_in: int = 0

    def plus(self, other: ActiveDays) -> ActiveDays:
        """Add those of other days."""
        return ActiveDays(*(mine + its for mine, its in zip(self, other, strict=True)))

    def two_way(self) -> bool:
        """Return whether the feed holds the calls that lines receive, too.

        In a feed of placed calls alone it would look as if nobody ever called back. A few lines
        may really receive nothing; of very many lines some always do.
        """
        return self.line_days < FEW_LINE_DAYS or self.n_in >= 0.01 * self.n_out


def count_active_days(days: pl.DataFrame, needs: FeedNeeds) -> ActiveDays:
    """Count the line-days (n_out, n_in) that are watched for what they placed."""
    watched = days.filter(pl.col("n_out") >= needs.day_calls)
    return ActiveDays(watched.height, *watched.select(pl.col("n_out", "n_in").sum()).row(0))


@dataclass(frozen=True)
class FeedData:
    """What both looks gave, for some detectors and for any others that watch no more lines.

    ``line_days`` has (line, day, n_out, n_in) of the lines that were read again.
    """

    inputs: TableInputs
    line_days: pl.DataFrame

    def rules(self, needs: FeedNeeds) -> TableRules:
        """Return what the tables take from the needs of detectors, one of each kind."""
        last = self.inputs.reader.feed.last_day or date.max
        recent = self.line_days.filter(pl.col("day") > last - timedelta(days=TWO_WAY_DAYS))
        return TableRules.of(needs, two_way=count_active_days(recent, needs).two_way())

    def tables(self, rules: TableRules) -> Tables:
        """Build every table by these rules."""
        return build_tables(self.inputs, rules)[0]


def read_again(reader: FeedReader, needs: FeedNeeds) -> FeedData:
    """Read the calls of the lines that any detector watches."""
    feed, look, source = reader.feed, reader.look, reader.source
    start = feed.first_day or date(1990, 1, 1)
    known_from = births_known_from(start, needs)
    asked_for = (pl.col("line") == pl.lit(reader.line, source.line_type)).fill_null(value=False)
    watch = asked_for | needs.watch()
    profile, watched, seen = _watched_profile(reader, watch, known_from, start)
    births = line_ages.find_births(
        seen.lazy(), reader.subscribers.activations, known_from=known_from
    ).collect()
    # A line that is asked for may have received calls only, which PROFILE need not tell.
    line = pl.DataFrame({"line": [] if reader.line is None else [reader.line]}, watched.schema)
    by_trunk = callers_by_trunk(reader, needs)
    watched = pl.concat([watched, line, by_trunk]).unique()
    marked = watched.join(births.select("line", "born"), on="line", how="left").with_columns(
        abroad=is_abroad(source), sought=pl.col("line").is_in(by_trunk["line"].implode())
    )
    second = reader.read_lines(marked, asked_for | needs.legs())
    hops = forwarding_hops.hops(look.forwarded, link_seconds=needs.hop_link_s).lazy()
    # The first days are judged by births of the week before them, too.
    fresh = births.lazy().filter(pl.col("born") > start - line_ages.WEEK).select("line")
    lines = pl.concat([watched.lazy(), fresh, hops.select(line="target")])
    lines = lines.unique().drop_nulls().collect().lazy()
    if reader.needed is not None:
        profile = _with_received(profile, second.days.lazy())
    inputs = TableInputs(
        reader=reader,
        since=date.min,
        judged_days=feed.days,
        births_from=births_counted_from(feed, feed.first_day, known_from),
        shift_needs=needs.shifts,
        profile=profile.collect().lazy(),
        legs=second.legs.lazy(),
        hops=hops,
        lines=describe_lines(lines, births, reader),
        line_ages=births.lazy(),
    )
    return FeedData(inputs, second.days)


def births_known_from(first_day: date, needs: FeedNeeds) -> date:
    """Return the first day on which a first leg means a new line."""
    return first_day + timedelta(days=needs.warm_up_days)


def births_counted_from(feed: Feed, first_day: date | None, known_from: date) -> date:
    """Return the first day whose new lines are known: by their activation, or by a first leg."""
    return first_day - line_ages.SURGE_PAST if feed.activations and first_day else known_from


def _watched_profile(
    reader: FeedReader, watch: pl.Expr, known_from: date, start: date
) -> tuple[pl.LazyFrame, pl.DataFrame, pl.DataFrame]:
    """Return what is kept of the PROFILE of all lines, which comes in parts.

    These are PROFILE of the lines that are watched or new, the watched lines (line), and when each
    line was first seen (line, first_seen), of all lines where it matters.
    """
    parts, abroad = [], is_abroad(reader.source)
    unseen = pl.LazyFrame(schema={"line": reader.source.line_type, "first_seen": pl.Date})
    for part in reader.look.profiles:
        profile = part.lazy()
        first = line_ages.first_seen(profile) if reader.needed is None else unseen
        seen = first.collect()
        births = line_ages.find_births(
            seen.lazy(), reader.subscribers.activations, known_from=known_from
        )
        born = births.select("line", "born").drop_nulls().collect()
        watched = _watched_lines(profile.with_columns(abroad=abroad), born, watch).collect()
        fresh = born.filter(pl.col("born") > start - line_ages.WEEK)
        lines = pl.concat([watched["line"], fresh["line"]]).implode()
        rows = part.filter(pl.col("line").is_in(lines))
        parts.append((rows.with_columns(pl.col(COUNTS).cast(pl.Int64)), watched, seen))
    rows, watched, seen = (pl.concat(frames) for frames in zip(*parts, strict=True))
    return rows.lazy(), watched, seen


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
    """Take the received calls of the watched lines from the second look."""
    received = days.filter(pl.col("n_in") > 0).select("line", "day", "n_in")
    counts = pl.col("n_out", "n_in", "n_forwarded")
    return (
        profile.drop("n_in")
        .join(received, on=["line", "day"], how="full", coalesce=True)
        .with_columns(counts.fill_null(0).cast(pl.Int64))
    )


def describe_lines(lines: pl.LazyFrame, births: pl.DataFrame, reader: FeedReader) -> pl.LazyFrame:
    """Return LINES of some lines (line): their numbers, classes, births and kinds."""
    source = reader.source
    number = pl.col("line") if source.as_text else numbering.format_line(pl.col("line"))
    kinds = reader.subscribers.lines.select("line", "line_kind")
    return (
        lines.join(births.lazy(), on="line", how="left")
        .join(kinds, on="line", how="left", maintain_order="left")
        .with_columns(number=number)
        .with_columns(number_class=numbering.number_class(pl.col("number"), source.plan))
        .collect()
        .lazy()
    )


def callers_by_trunk(reader: FeedReader, needs: FeedNeeds) -> pl.DataFrame:
    """Return the lines (line) that placed calls on trunks that some detector needs."""
    calls = needs.on_trunks(reader.look.traffic)
    none = pl.Series(dtype=reader.source.line_type)
    lines = none if calls is None else reader.engine.callers(reader.source, calls)
    return lines.alias("line").to_frame()
