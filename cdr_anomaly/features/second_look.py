"""A feed is read twice: which lines are read again, and what both looks give to the tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.engines.profile import COUNTS, NeededLines
from cdr_anomaly.features import forwarding_hops, line_ages, shifts
from cdr_anomaly.features.tables import TableInputs, TableRules, build_tables
from cdr_anomaly.numbering import caller_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.needs import Needs
    from cdr_anomaly.features.tables import FeedReader, Tables
    from cdr_anomaly.ingest import Source


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


def count_active_days(days: pl.DataFrame, detectors: Sequence[Needs]) -> ActiveDays:
    """Count the line-days (n_out, n_in) that some detector would watch for what they placed."""
    enough = min(detector.least().n_out for detector in detectors)
    watched = days.filter(pl.col("n_out") >= enough)
    return ActiveDays(watched.height, *watched.select(pl.col("n_out", "n_in").sum()).row(0))


@dataclass(frozen=True)
class FeedData:
    """What both looks gave, for some detectors and for any others that watch no more lines.

    ``line_days`` has (line, day, n_out, n_in) of the lines that were read again.
    """

    inputs: TableInputs
    line_days: pl.DataFrame

    def rules(self, detectors: Sequence[Needs]) -> TableRules:
        """Return what the tables take from ``detectors``, one of each kind."""
        last = self.inputs.reader.feed.last_day or date.max
        recent = self.line_days.filter(pl.col("day") > last - timedelta(days=TWO_WAY_DAYS))
        return TableRules.of(detectors, two_way=count_active_days(recent, detectors).two_way())

    def tables(self, rules: TableRules) -> Tables:
        """Build every table by these rules."""
        return build_tables(self.inputs, rules)[0]


def read_again(
    reader: FeedReader, detectors: Sequence[Needs], applicable: Sequence[Needs]
) -> FeedData:
    """Read the calls of the lines that any of the ``applicable`` detectors watches."""
    feed, look, source = reader.feed, reader.look, reader.source
    start = feed.first_day or date(1990, 1, 1)
    known_from = births_known_from(start, detectors)
    asked_for = (pl.col("line") == pl.lit(reader.line, source.line_type)).fill_null(value=False)
    watch = pl.any_horizontal(asked_for, *(d.watch() for d in applicable))
    profile, watched, seen = _watched_profile(reader, watch, known_from, start)
    births = line_ages.find_births(
        seen.lazy(), reader.subscribers.activations, known_from=known_from
    ).collect()
    # A line that is asked for may have received calls only, which PROFILE need not tell.
    line = pl.DataFrame({"line": [] if reader.line is None else [reader.line]}, watched.schema)
    by_trunk = callers_by_trunk(reader, applicable)
    watched = pl.concat([watched, line, by_trunk]).unique()
    marked = watched.join(births.select("line", "born"), on="line", how="left").with_columns(
        abroad=is_abroad(source), sought=pl.col("line").is_in(by_trunk["line"].implode())
    )
    worth = pl.any_horizontal(asked_for, *(d.worth() for d in applicable))
    second = reader.read_lines(marked, worth)
    link_seconds = max(detector.link() for detector in detectors)
    hops = forwarding_hops.hops(look.forwarded, link_seconds=link_seconds).lazy()
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
        shift_needs=shifts.merge_needs(detector.working() for detector in detectors),
        profile=profile.collect().lazy(),
        legs=second.legs.lazy(),
        hops=hops,
        lines=describe_lines(lines, births, reader),
        line_ages=births.lazy(),
    )
    return FeedData(inputs, second.days)


def births_known_from(first_day: date, detectors: Sequence[Needs]) -> date:
    """Return the first day on which a first leg means a new line."""
    return first_day + timedelta(days=max(detector.warm_up() for detector in detectors))


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
    """Return the lines that ``watch`` selects (see Needs.watch)."""
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


def traffic_kinds(detectors: Sequence[Needs]) -> frozenset[str]:
    """Return what any of the detectors needs TRAFFIC of: "cell", "trunk"."""
    return frozenset().union(*(detector.counts() for detector in detectors))


def needed_lines(
    detectors: Sequence[Needs], source: Source, activations: pl.LazyFrame | None, line: object
) -> NeededLines:
    """Return what a line must have to be needed, where the days of activation are listed.

    ``line`` is needed whatever it did, unless it is None.
    """
    needs = [detector.least() for detector in detectors]
    lines = [pl.Series([] if line is None else [line], dtype=source.line_type)]
    if activations is not None:
        extent = source.time_range
        # One day more on either side: zones, and an activation counts from its midnight.
        since = extent[0].date() - line_ages.WEEK - timedelta(days=2) if extent else date.min
        fresh = activations.filter(pl.col("activation") >= since).select("line")
        lines.append(fresh.collect().to_series())
    return NeededLines(
        n_out=min(need.n_out for need in needs),
        n_forwarded=min(need.n_forwarded for need in needs),
        lines=pl.concat(lines),
        abroad=any(need.abroad is True for need in needs) and is_abroad(source),
    )


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


def is_abroad(source: Source) -> pl.Expr:
    """Return which lines (line) are presented as of elsewhere than the home region."""
    return caller_id.is_foreign_number(pl.col("line"), source.plan, as_text=source.as_text)


def callers_by_trunk(reader: FeedReader, detectors: Sequence[Needs]) -> pl.DataFrame:
    """Return the lines (line) that placed calls on trunks that some detector seeks."""
    wanted = [d.seeks(reader.look.traffic) for d in detectors]
    calls = [expression for expression in wanted if expression is not None]
    none = pl.Series(dtype=reader.source.line_type)
    lines = reader.engine.callers(reader.source, pl.any_horizontal(calls)) if calls else none
    return lines.alias("line").to_frame()
