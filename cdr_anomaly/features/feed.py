"""A feed after the first look: what is known of it as a whole, and how to read it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.settings import MAX_SILENT_DAYS

if TYPE_CHECKING:
    from datetime import date

    from cdr_anomaly.engines.base import Engine, RowsDone, SecondLook
    from cdr_anomaly.engines.first_pass import FirstLook
    from cdr_anomaly.engines.profile import NeededLines
    from cdr_anomaly.ingest import Source
    from cdr_anomaly.ingest.subscribers import Subscribers


@dataclass(frozen=True)
class Feed:
    """What is known of a feed before any detector judges it.

    It is ``opaque`` if lines are carried as text, and has no ``numbers`` if all callers are tokens.
    ``pseudonyms`` are tokens with their class and block, and maybe with
    which of them are ``neighbours``. It may hold unanswered ``attempts``, and seconds of ``talk``.
    ``listed_columns`` are the columns of the list of subscribers.
    """

    columns: frozenset[str]
    first_day: date | None
    last_day: date | None
    opaque: bool
    attempts: bool
    talk: bool
    numbers: bool = True
    pseudonyms: bool = False
    neighbours: bool = True
    listed_columns: frozenset[str] = frozenset()

    @property
    def days(self) -> tuple[date, ...]:
        """Every day that the feed covers."""
        if self.first_day is None or self.last_day is None:
            return ()
        return tuple(pl.date_range(self.first_day, self.last_day, eager=True))

    @property
    def classes(self) -> bool:
        """Whether numbers have a class and a block."""
        return self.pseudonyms or self.numbers

    @property
    def activations(self) -> bool:
        """Whether the list of subscribers says when lines were activated."""
        return "activation" in self.listed_columns

    @property
    def forwards(self) -> bool:
        """Whether the feed can say who forwarded a call."""
        return "redirecting_number" in self.columns


@dataclass(frozen=True)
class FeedReader:
    """A feed after the first look at all its calls, and how to read the calls of some lines again.

    ``line`` is a line to read again whatever it did, as the calls carry it, or None. The first look
    took only the lines that reach ``needed``, where it is given. ``done`` receives numbers of rows.
    """

    engine: Engine
    source: Source
    subscribers: Subscribers
    line: object
    needed: NeededLines | None
    look: FirstLook
    feed: Feed
    done: RowsDone

    def read_lines(
        self, lines: pl.DataFrame, worth: pl.Expr, *, carry_over: pl.Expr | None = None
    ) -> SecondLook:
        """Count the calls of ``lines`` by day, and return the LEGS of the line-days in ``worth``.

        ``carry_over`` says which CALLS of any line to return, too.
        """
        repeat_keys = self.look.repeat_keys
        return self.engine.second_look(
            self.source,
            lines,
            worth,
            repeat_keys=repeat_keys,
            carry_over=carry_over,
            rows_done=self.done,
        )

    def read_calls(self, line_days: pl.LazyFrame) -> pl.DataFrame:
        """Return the calls of some lines on some days (line, day), with the columns of REACHED."""
        return self.engine.third_look(
            self.source, line_days.collect(), repeat_keys=self.look.repeat_keys
        )


def describe_feed(source: Source, look: FirstLook, subscribers: Subscribers) -> Feed:
    """Return what the first look says of a feed as a whole.

    Where it saw the calls of some lines only, the days are those of all, and whether others attempt
    calls that fail is not known: it is taken for granted.
    """
    some = source.line_filter is not None
    first, last = _covered_days(source.days() if some else look.days)
    return Feed(
        columns=frozenset(source.columns),
        first_day=first,
        last_day=last,
        opaque=source.as_text,
        pseudonyms=source.has_pseudonyms,
        neighbours=source.has_neighbours,
        attempts=some or look.has_unanswered,
        talk=look.has_talk,
        numbers=look.has_numbers or not (look.has_names or source.as_text),
        listed_columns=subscribers.columns,
    )


def _covered_days(days: pl.DataFrame) -> tuple[date | None, date | None]:
    """Return the first and the last day that the feed covers.

    A row with a wrong clock may lie years before or after all others. Days that are cut off by
    three months without a call are not covered: nothing is known of the days between.
    """
    gap = (pl.col("day") - pl.col("day").shift()).dt.total_days() > MAX_SILENT_DAYS
    stretches = days.group_by(stretch=gap.fill_null(value=False).cum_sum()).agg(
        pl.col("calls").sum(), first=pl.col("day").min(), last=pl.col("day").max()
    )
    if stretches.is_empty():
        return None, None
    longest = stretches.sort("calls", "first", descending=[True, False]).row(0, named=True)
    return longest["first"], longest["last"]
