"""What an engine does: it moves the rows of a feed and counts them; judging is not its business."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple, Protocol

import polars as pl

from cdr_anomaly import ingest
from cdr_anomaly.engines import legs, profile
from cdr_anomaly.ingest import add_local_day, deduplicate
from cdr_anomaly.schema import REACHED, empty

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import date

    from cdr_anomaly.engines.profile import Least
    from cdr_anomaly.ingest import Reader, Source

    Progress = Callable[[int], None]
    from collections.abc import Sequence

    from cdr_anomaly.engines.first_pass import Kind


class FirstLook(NamedTuple):
    """What one reading of all the calls gives.

    ``verdicts`` counts the rows of each verdict, ``days`` the calls of each local day (day, calls).
    Each of the ``profiles`` is the PROFILE of some lines, with all their days, and no line is in
    two; they can be had once, and a later one may take another reading. ``callers`` says how many
    lines placed or forwarded a call on each day, when the profiles were had. ``long`` are the calls
    with much talk (LONG_CALLS). ``unanswered`` tells if any call was, ``talk`` whether any has a
    duration, ``numbers`` whether any who placed one has more than a token; ``uncoded``
    and ``misread`` whether any row has these marks (RowMap.number_steps). ``alike``
    are the keys of rows that may repeat others, ``duplicates`` and ``partial`` count the rows that
    mending took away.
    """

    verdicts: Mapping[int, int]
    days: pl.DataFrame
    profiles: Iterator[pl.DataFrame]
    callers: Mapping[date, int]
    forwarded: pl.DataFrame
    traffic: pl.DataFrame
    long: pl.DataFrame
    unanswered: bool
    talk: bool
    numbers: bool
    uncoded: bool
    misread: bool
    alike: pl.Series
    duplicates: int
    partial: int


class SecondLook(NamedTuple):
    """What another reading gives of some lines: their ``days`` (line, day, n_out, n_in), and LEGS.

    The legs are only those of the lines that are worth it. ``late`` are CALLS of any lines.
    """

    days: pl.DataFrame
    legs: pl.DataFrame
    late: pl.DataFrame


class Engine(Protocol):
    """Reads a feed twice: all of it once, and again for the lines that deserve it.

    ``reader`` is what a Source is to read its rows by (ingest.Reader).
    """

    @property
    def reader(self) -> Reader:
        """Return how the rows of a shape are read."""

    def first_look(
        self, source: Source, least: Least | None, done: Progress, counts: Collection[str] = ()
    ) -> FirstLook:
        """Count the rows by verdict, add up PROFILE, and take the forwarded legs.

        With ``least`` PROFILE may leave out lines that have less, and nobody's ``n_in`` is
        counted. ``done`` is told the number of rows after each part. ``counts`` names what TRAFFIC
        is counted of.
        """

    def callers(self, source: Source, wanted: pl.Expr) -> pl.Series:
        """Name the lines that placed any call of which ``wanted`` holds: by trunk_in, day or night.

        It is asked between the two looks. Rows are not mended, and lines may be named that placed
        none once they are.
        """

    def second_look(
        self,
        source: Source,
        lines: pl.DataFrame,
        worth: pl.Expr,
        *,
        alike: pl.Series,
        late: pl.Expr | None,
        done: Progress,
    ) -> SecondLook:
        """Count the calls of those lines (line, born) by day, and take the LEGS of the worthy.

        A line is worthy if ``worth``, an expression over (line, day, n_out, n_in, age_d), holds on
        any of its days. ``alike`` are the keys of the rows that are to be mended, ``late`` tells
        which CALLS are wanted whoever's they are.
        """

    def third_look(
        self, source: Source, line_days: pl.DataFrame, *, alike: pl.Series
    ) -> pl.DataFrame:
        """Take the calls of some lines on some days (line, day), in the columns of REACHED.

        ``alike`` are the keys of the rows that are to be mended. Nothing is read for nobody.
        """


# Columns that the first look counts by; legs need these too, and what else they can have.
COUNTED = (
    "calling_number",
    "called_number",
    "start_time",
    "duration_s",
    "record_type",
    "redirecting_number",
    "call_id",
)
ON_FORWARDS = ("redirect_reason", "answered")
ON_LEGS = ("answered", "cell_id", "imei", "imsi", "trunk_in")


class Looks(ABC):
    """An engine but for how it reads and counts."""

    @abstractmethod
    def calls(
        self,
        source: Source,
        wanted: Sequence[str],
        asked: pl.Expr,
        lines: pl.Series | None,
        *,
        done: Progress,
    ) -> pl.DataFrame:
        """Take columns of the calls that are ``asked`` for; all are of ``lines``, if any."""

    @staticmethod
    @abstractmethod
    def key(source: Source) -> pl.Expr:
        """Make one integer of what makes two rows of a feed one call."""

    def second_look(
        self,
        source: Source,
        lines: pl.DataFrame,
        worth: pl.Expr,
        *,
        alike: pl.Series,
        late: pl.Expr | None,
        done: Progress,
    ) -> SecondLook:
        """Count what the lines (line) placed and received, and take the LEGS of the worthy."""
        more = () if late is None else ON_FORWARDS
        wanted = [c for c in dict.fromkeys((*COUNTED, *ON_LEGS, *more)) if c in source.columns]
        asked = ingest.has_party_in(lines["line"])
        if late is not None:
            # Of a late call that was delivered in parts all parts are needed.
            parts = self.key(source).is_in(alike.implode()) if len(alike) else False
            asked = asked | late | parts
        only = lines["line"] if late is None else None
        calls = self._mended(source, wanted, asked, only, alike=alike, done=done)
        calls = add_local_day(calls, source.tz)
        days = profile.by_day(calls, lines)
        age = (pl.col("day") - pl.col("born")).dt.total_days()
        aged = days.join(lines, on="line").with_columns(age_d=age)
        worthy = aged.filter(worth).select("line").unique()
        whose = pl.lit(value=False) if late is None else late
        return SecondLook(days, legs.of_lines(calls, worthy), calls.filter(whose))

    def third_look(
        self, source: Source, line_days: pl.DataFrame, *, alike: pl.Series
    ) -> pl.DataFrame:
        """Take the calls of some lines on some days (line, day), in the columns of REACHED."""
        if line_days.is_empty():
            return empty(REACHED, source.line_type)
        lines = line_days.select("line").unique()
        wanted = [c for c in (*COUNTED, "answered") if c in source.columns]
        asked = ingest.has_party_in(lines["line"])
        calls = self._mended(source, wanted, asked, lines["line"], alike=alike, done=lambda _: None)
        found = legs.of_lines(add_local_day(calls, source.tz), lines).select(list(REACHED))
        return found.join(line_days, on=["line", "day"], how="semi").sort(pl.all())

    def _mended(
        self,
        source: Source,
        wanted: list[str],
        asked: pl.Expr,
        lines: pl.Series | None,
        *,
        alike: pl.Series,
        done: Progress,
    ) -> pl.DataFrame:
        calls = self.calls(source, wanted, asked, lines, done=done)
        if len(alike):
            repeat = self.key(source).is_in(alike.implode())
            calls = deduplicate.merge_repeats(calls, source.columns, repeat)
        return calls


def counted_by(kind: Kind) -> list[str]:
    """Name the columns of a kind of feed that the first look counts by."""
    on_forwards = ON_FORWARDS if "redirecting_number" in kind.columns else ()
    wanted = dict.fromkeys((*COUNTED, *on_forwards, *kind.traffic().columns))
    return [column for column in wanted if column in kind.columns]
