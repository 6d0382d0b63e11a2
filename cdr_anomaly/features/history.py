"""What is remembered of the days before those that are judged: nothing in a scan."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.features import forwarding_hops
from cdr_anomaly.schema import COLD_CALLERS, LISTS, PROFILE, SHIFTS, empty

if TYPE_CHECKING:
    from cdr_anomaly.features.feed import Feed
    from cdr_anomaly.features.needs import FeedNeeds

FEW_LINE_DAYS = 50


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


class NoHistory:
    """The history of a scan: all days of the feed are judged, and nothing is known before them.

    A night has another one, of the same methods (nights.history.StateHistory). Days before
    ``since`` are a past; what is found on them does not count. ``active`` are the active line-days
    of the last weeks.
    """

    since: date
    active: ActiveDays

    def __init__(self, line_type: pl.DataType) -> None:
        self.line_type = line_type
        self.since = date.min
        self.active = ActiveDays()

    def judged_days(self, feed: Feed) -> tuple[date, ...]:
        """Return the days that are judged."""
        return feed.days

    def watch(self, needs: FeedNeeds) -> pl.Expr:
        """Return which line-days make their line watched."""
        return needs.watch()

    def legs_needed(self, needs: FeedNeeds) -> pl.Expr:
        """Return which line-days of a watched line make its LEGS needed."""
        return needs.legs()

    def carry_over(self) -> pl.Expr | None:
        """Return which CALLS the next night needs, whatever their lines."""

    def select_profile(self, part: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of a part of PROFILE, of some lines, that count; a night keeps them."""
        return part

    def sightings(self) -> pl.DataFrame | None:
        """Return when lines were first seen before ``since`` (line, first_seen)."""

    def is_recent(self) -> pl.Expr:
        """Return which hops (day) are of the week before a day that is judged."""
        return pl.lit(value=True)

    def hops(self, forwarded: pl.DataFrame, link_s: int) -> pl.DataFrame:
        """Return HOPS of the forwarded calls, and those that are remembered."""
        return forwarding_hops.hops(forwarded, link_seconds=link_s)

    def forwarders(self, hops: pl.DataFrame, needs: FeedNeeds) -> pl.DataFrame:
        """Return lines (line) that are judged by their hops, whatever else they did."""
        del needs
        return hops.clear().select(line="forwarder")

    def profile(self, lines: pl.DataFrame) -> pl.LazyFrame:
        """Return PROFILE of some lines (line) before ``since``."""
        del lines
        return empty(PROFILE, self.line_type).lazy()

    def legs(self, today: pl.DataFrame, births: pl.DataFrame, needs: FeedNeeds) -> pl.DataFrame:
        """Return LEGS, those of ``today`` that were read, and those remembered of their lines."""
        del births, needs
        return today

    def cold_callers(self) -> pl.LazyFrame:
        """Return COLD_CALLERS before ``since``, steady or not."""
        return empty(COLD_CALLERS, self.line_type).lazy()

    def lists(self) -> pl.LazyFrame:
        """Return LISTS of the week before ``since``."""
        return empty(LISTS, self.line_type).lazy()

    def shifts(self, days: int) -> pl.LazyFrame:
        """Return SHIFTS of so many days before ``since``."""
        del days
        return empty(SHIFTS, self.line_type).lazy()
