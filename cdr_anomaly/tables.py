"""What two looks at a feed gave, to the tables that detectors read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import births, forwarding, measures, numbering
from cdr_anomaly.detectors.base import Feed, Tables
from cdr_anomaly.schema import BIRTHS, HOPS, LEGS, LINES, MEASURES, PROFILE, require

if TYPE_CHECKING:
    from cdr_anomaly.detectors.base import Detector
    from cdr_anomaly.engines.base import Engine, FirstLook, Progress
    from cdr_anomaly.ingest import Source

# Longest past that a block's births are compared with, where activation dates are known.
BIRTHS_PAST = timedelta(days=60)
FEW_LINE_DAYS = 50


@dataclass(frozen=True)
class Looked:
    """A feed that was looked at once, and how to look again."""

    engine: Engine
    source: Source
    look: FirstLook
    feed: Feed
    with_incoming: bool
    done: Progress

    def again(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Take the legs of those lines."""
        mend = self.look.duplicates + self.look.partial > 0
        return self.engine.legs(self.source, lines, mend=mend, done=self.done)


def made(
    looked: Looked,
    built: list[Detector],
    applicable: list[Detector],
    activations: pl.LazyFrame | None,
    also: object,
) -> Tables:
    """Make every table; ``also`` is a line to look at twice whatever it did, or None."""
    feed, look, source = looked.feed, looked.look, looked.source
    first, last = feed.first_day, feed.last_day
    days = () if first is None or last is None else tuple(_days(first, last))
    start = first or date(1990, 1, 1)
    known_from = start + timedelta(days=max(d.warm_up() for d in built))
    seen = look.profile if looked.with_incoming else look.profile.clear()
    born = births.born(seen.lazy(), activations, known_from=known_from).collect()
    watched = _watched(look.profile, born, applicable, also)
    legs = looked.again(watched).lazy()
    link = max(detector.link() for detector in built)
    hops = forwarding.hops(look.forwarded, link_seconds=link).lazy()
    # The first days are judged by births of the week before them, too.
    fresh = born.lazy().filter(pl.col("born") > start - births.WEEK).select("line")
    ends = (hops.select(line=column) for column in ("forwarder", "target"))
    lines = pl.concat([watched.lazy(), fresh, *ends]).unique().drop_nulls().collect().lazy()
    profile = look.profile.lazy().join(lines, on="line", how="semi")
    if not looked.with_incoming:
        profile = _with_incoming(profile, legs)
    profile = profile.collect().lazy()
    busy = min(detector.remembers() for detector in built)
    measured = measures.line_days(legs, profile, busy=busy).collect().lazy()
    return Tables(
        feed=feed,
        tz=source.tz,
        plan=source.plan,
        two_way=_two_way(measured),
        judged=days if feed.activations else tuple(day for day in days if day >= known_from),
        births_from=start - BIRTHS_PAST if feed.activations and first else known_from,
        profile=require(profile, PROFILE, "profile"),
        measures=require(measured, MEASURES, "measures"),
        legs=require(legs, LEGS, "legs"),
        hops=require(hops, HOPS, "hops"),
        lines=require(_lines(lines, born, feed, source.plan), LINES, "lines"),
        births=require(born.lazy(), BIRTHS, "births"),
    )


def _two_way(measured: pl.LazyFrame) -> bool:
    """Tell whether the feed holds the calls that lines receive, not only those that they place.

    Of a feed of placed calls alone it would look as if nobody ever called back. A few lines may
    really receive nothing; of very many, some always do.
    """
    sums = measured.select(pl.len(), pl.col("n_out", "n_in").sum()).collect()
    lines, n_out, n_in = sums.row(0)
    return bool(lines < FEW_LINE_DAYS or n_in >= 0.01 * n_out)


def _watched(
    profile: pl.DataFrame, born: pl.DataFrame, applicable: list[Detector], also: object
) -> pl.DataFrame:
    fresh = born.lazy().filter(pl.col("born").is_not_null()).select("line", "born")
    age = (pl.col("day") - pl.col("born")).dt.total_days()
    asked = pl.any_horizontal(pl.lit(value=False), *(d.watch() for d in applicable))
    lines = (
        profile.lazy()
        .join(fresh, on="line", how="left")
        .with_columns(age_d=age)
        .filter(asked)
        .select("line")
        .unique()
        .collect()
    )
    if also is None:
        return lines
    return pl.concat([lines, pl.DataFrame({"line": [also]}, lines.schema)]).unique()


def _with_incoming(profile: pl.LazyFrame, legs: pl.LazyFrame) -> pl.LazyFrame:
    """Count the received calls of the watched lines from their legs."""
    received = legs.filter(~pl.col("outgoing")).group_by("line", "day").agg(n_in=pl.len())
    counts = pl.col("n_out", "n_in", "n_forwarded")
    return (
        profile.drop("n_in")
        .join(received, on=["line", "day"], how="full", coalesce=True)
        .with_columns(counts.fill_null(0).cast(pl.Int64))
    )


def _lines(
    lines: pl.LazyFrame, born: pl.DataFrame, feed: Feed, plan: numbering.HomePlan
) -> pl.LazyFrame:
    number = pl.col("line") if feed.opaque else numbering.spelled(pl.col("line"))
    numbers = lines.join(born.lazy(), on="line", how="left").with_columns(number=number)
    return numbers.with_columns(
        number_class=numbering.number_class(pl.col("number"), plan)
    ).collect().lazy()  # fmt: skip


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
