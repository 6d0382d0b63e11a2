"""What two looks at a feed gave, to the tables that detectors read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.detectors.new_sim_burst import surges
from cdr_anomaly.engines.profile import COUNTS, Least
from cdr_anomaly.features import cold_callers, forwarding_hops, line_ages, shifts
from cdr_anomaly.features.feed import Feed
from cdr_anomaly.features.tables import Basis, Counting, Looked, Past, made
from cdr_anomaly.numbering import caller_id
from cdr_anomaly.settings import MAX_SILENT_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cdr_anomaly.detectors.base import Detector
    from cdr_anomaly.engines.base import Engine, FirstLook
    from cdr_anomaly.features.tables import Tables
    from cdr_anomaly.ingest import Source
    from cdr_anomaly.ingest.subscribers import Subscribers


FEW_LINE_DAYS = 50
# How many days back it counts whether calls that lines receive are delivered.
TWO_WAY_DAYS = 36


class Sifted(NamedTuple):
    """What is kept of the PROFILE of all lines.

    ``profile`` has the rows of the lines that are watched or new, ``watched`` (line) are those to
    look at again, ``seen`` (line, first_seen) is of all lines where it matters.
    """

    profile: pl.DataFrame
    watched: pl.DataFrame
    seen: pl.DataFrame


@dataclass(frozen=True)
class Gathered:
    """What two looks gave, for some detectors and for any others that watch no more lines.

    ``days`` are (line, day, n_out, n_in) of the lines that were looked at twice.
    """

    basis: Basis
    days: pl.DataFrame

    def counting(self, built: list[Detector]) -> Counting:
        """Say how ``built``, which is one detector of each kind, count days and calls."""
        return Counting.of(
            built, two_way=_two_way(self.days, built, self.basis.looked.feed.last_day)
        )

    def tables(self, counting: Counting) -> Tables:
        """Make every table, as detectors with that counting need them."""
        return made(self.basis, counting).tables


def gathered(
    looked: Looked,
    built: list[Detector],
    applicable: list[Detector],
    subscribers: Subscribers,
    also: object,
) -> Gathered:
    """Look again at the lines that any of the detectors watch, and put together what is known.

    ``also`` is a line to look at twice whatever it did, or None.
    """
    feed, look, source = looked.feed, looked.look, looked.source
    activations = subscribers.activations
    start = feed.first_day or date(1990, 1, 1)
    known_from = start + timedelta(days=max(d.warm_up() for d in built))
    watch = pl.any_horizontal(pl.lit(value=False), *(d.watch() for d in applicable))
    told = pl.col("line") == pl.lit(also, source.line_type)
    sifted = _sifted(looked, activations, watch | told.fill_null(value=False), known_from, start)
    born = line_ages.born(sifted.seen.lazy(), activations, known_from=known_from).collect()
    worth = pl.any_horizontal(told.fill_null(value=False), *(d.worth() for d in applicable))
    # A line that is asked for may have received calls only, which PROFILE need not tell.
    asked = pl.DataFrame({"line": [] if also is None else [also]}, {"line": source.line_type})
    sought = by_calls(looked.engine, source, look, applicable)
    watched = pl.concat([sifted.watched, asked, sought]).unique()
    marked = watched.join(born.select("line", "born"), on="line", how="left").with_columns(
        abroad=elsewhere(source), sought=pl.col("line").is_in(sought["line"].implode())
    )
    second = looked.again(marked, worth)
    link = max(detector.link() for detector in built)
    hops = forwarding_hops.hops(look.forwarded, link_seconds=link).lazy()
    # The first days are judged by births of the week before them, too.
    fresh = born.lazy().filter(pl.col("born") > start - line_ages.WEEK).select("line")
    lines = pl.concat([watched.lazy(), fresh, hops.select(line="target")])
    lines = lines.unique().drop_nulls().collect().lazy()
    profile = sifted.profile.lazy()
    if looked.least is not None:
        profile = _with_incoming(profile, second.days.lazy())
    basis = Basis(
        looked=looked,
        since=date.min,
        judged=feed.days,
        births_from=start - surges.PAST if feed.activations and feed.first_day else known_from,
        working=shifts.enough(detector.working() for detector in built),
        past=Past(cold_callers.Before.nothing(source.line_type)),
        profile=profile.collect().lazy(),
        legs=second.legs.lazy(),
        hops=hops,
        lines=lines_of(lines, born, subscribers, source),
        births=born.lazy(),
        subscribers=subscribers.lines,
    )
    return Gathered(basis, second.days)


def feed_of(source: Source, look: FirstLook, told: frozenset[str] = frozenset()) -> Feed:
    """Say what is known of a feed before any detector judges it.

    ``told`` are the columns of the list of subscribers.
    """
    first, last = _covered(look.days)
    return Feed(
        columns=frozenset(source.columns),
        first_day=first,
        last_day=last,
        opaque=source.as_text,
        pseudonyms=source.pseudonyms,
        neighbours=source.neighbours,
        attempts=look.unanswered,
        talk=look.talk,
        numbers=look.numbers,
        told=told,
    )


def _covered(days: pl.DataFrame) -> tuple[date | None, date | None]:
    """Give the first and the last day that the feed covers.

    A row with a wrong clock may stand years before or after all others; what is cut off by three
    months without a call is not covered, and nothing is known of the days between.
    """
    gap = (pl.col("day") - pl.col("day").shift()).dt.total_days() > MAX_SILENT_DAYS
    stretches = days.group_by(stretch=gap.fill_null(value=False).cum_sum()).agg(
        pl.col("calls").sum(), first=pl.col("day").min(), last=pl.col("day").max()
    )
    if stretches.is_empty():
        return None, None
    longest = stretches.sort("calls", "first", descending=[True, False]).row(0, named=True)
    return longest["first"], longest["last"]


class Active(NamedTuple):
    """How many line-days have calls enough to be watched, and what these lines placed, received."""

    line_days: int = 0
    n_out: int = 0
    n_in: int = 0

    def plus(self, other: Active) -> Active:
        """Add those of other days."""
        return Active(*(mine + its for mine, its in zip(self, other, strict=True)))

    def two_way(self) -> bool:
        """Tell whether the feed holds the calls that lines receive, not only those they place.

        Of a feed of placed calls alone it would look as if nobody ever called back. A few lines
        may really receive nothing; of very many, some always do.
        """
        return self.line_days < FEW_LINE_DAYS or self.n_in >= 0.01 * self.n_out


def active(days: pl.DataFrame, built: list[Detector]) -> Active:
    """Count the line-days (n_out, n_in) that some detector would watch for what they placed."""
    enough = min(detector.least().n_out for detector in built)
    watched = days.filter(pl.col("n_out") >= enough)
    return Active(watched.height, *watched.select(pl.col("n_out", "n_in").sum()).row(0))


def _two_way(days: pl.DataFrame, built: list[Detector], last: date | None) -> bool:
    lately = pl.col("day") > (last or date.max) - timedelta(days=TWO_WAY_DAYS)
    return active(days.filter(lately), built).two_way()


def _sifted(
    looked: Looked,
    activations: pl.LazyFrame | None,
    watch: pl.Expr,
    known_from: date,
    start: date,
) -> Sifted:
    kept, abroad = [], elsewhere(looked.source)
    for whole in looked.look.profiles:
        profile = whole.lazy()
        first = line_ages.first_seen(profile) if looked.least is None else _nobody(looked.source)
        seen = first.collect()
        births_known = line_ages.born(seen.lazy(), activations, known_from=known_from)
        born = births_known.select("line", "born").drop_nulls().collect()
        watched = _watched(profile.with_columns(abroad=abroad), born, watch).collect()
        fresh = born.filter(pl.col("born") > start - line_ages.WEEK)
        lines = pl.concat([watched["line"], fresh["line"]]).implode()
        rows = whole.filter(pl.col("line").is_in(lines))
        kept.append((rows.with_columns(pl.col(COUNTS).cast(pl.Int64)), watched, seen))
    return Sifted(*(pl.concat(frames) for frames in zip(*kept, strict=True)))


def _watched(profile: pl.LazyFrame, born: pl.DataFrame, watch: pl.Expr) -> pl.LazyFrame:
    """Find the lines to look at again (see Detector.watch)."""
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


def counts(built: list[Detector]) -> frozenset[str]:
    """Say what any of the detectors needs TRAFFIC of."""
    return frozenset().union(*(detector.counts() for detector in built))


def least(
    built: list[Detector], source: Source, activations: pl.LazyFrame | None, also: object
) -> Least:
    """Say what a line must have to be needed, where it is told when lines were activated.

    ``also`` is a line that is needed whatever it did, or None.
    """
    told = [detector.least() for detector in built]
    lines = [pl.Series([] if also is None else [also], dtype=source.line_type)]
    if activations is not None:
        extent = source.extent
        # Of a day more on either side: zones, and an activation counts from its midnight.
        since = extent[0].date() - line_ages.WEEK - timedelta(days=2) if extent else date.min
        fresh = activations.filter(pl.col("activation") >= since).select("line")
        lines.append(fresh.collect().to_series())
    return Least(
        n_out=min(each.n_out for each in told),
        n_forwarded=min(each.n_forwarded for each in told),
        lines=pl.concat(lines),
        abroad=any(each.abroad is True for each in told) and elsewhere(source),
    )


def _nobody(source: Source) -> pl.LazyFrame:
    return pl.LazyFrame(schema={"line": source.line_type, "first_seen": pl.Date})


def _with_incoming(profile: pl.LazyFrame, days: pl.LazyFrame) -> pl.LazyFrame:
    """Take the received calls of the watched lines from the second look."""
    received = days.filter(pl.col("n_in") > 0).select("line", "day", "n_in")
    counts = pl.col("n_out", "n_in", "n_forwarded")
    return (
        profile.drop("n_in")
        .join(received, on=["line", "day"], how="full", coalesce=True)
        .with_columns(counts.fill_null(0).cast(pl.Int64))
    )


def lines_of(
    lines: pl.LazyFrame, born: pl.DataFrame, subscribers: Subscribers, source: Source
) -> pl.LazyFrame:
    """Make LINES of some lines (line): their numbers, classes, births and kinds."""
    number = pl.col("line") if source.as_text else numbering.format_line(pl.col("line"))
    kinds = subscribers.lines.select("line", "line_kind")
    whole = lines.join(born.lazy(), on="line", how="left")
    known = whole.join(kinds, on="line", how="left", maintain_order="left")
    return (
        known.with_columns(number=number)
        .with_columns(number_class=numbering.number_class(pl.col("number"), source.plan))
        .collect()
        .lazy()
    )


def elsewhere(source: Source) -> pl.Expr:
    """Tell which lines (line) are presented as of elsewhere than the home region."""
    return caller_id.is_foreign_number(pl.col("line"), source.plan, as_text=source.as_text)


def by_calls(
    engine: Engine, source: Source, look: FirstLook, built: Iterable[Detector]
) -> pl.DataFrame:
    """Find the lines (line) that placed calls which some detector seeks; between the looks."""
    told = [detector.seeks(look.traffic) for detector in built]
    wanted = [calls for calls in told if calls is not None]
    none = pl.Series(dtype=source.line_type)
    lines = engine.callers(source, pl.any_horizontal(wanted)) if wanted else none
    return lines.alias("line").to_frame()
