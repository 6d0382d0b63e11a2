"""What an engine does: it moves the rows of a feed and counts them; judging is not its business."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from datetime import date

    import polars as pl

    from cdr_anomaly.ingest import Reader, Source
    from cdr_anomaly.profile import Least

    Progress = Callable[[int], None]


class FirstLook(NamedTuple):
    """What one reading of all the calls gives.

    ``verdicts`` counts the rows of each verdict, ``days`` the calls of each local day (day, calls).
    Each of the ``profiles`` is the PROFILE of some lines, with all their days, and no line is in
    two; they can be had once, and a later one may take another reading. ``callers`` says how many
    lines placed or forwarded a call on each day, when the profiles were had. ``long`` are the calls
    with much talk (LONG). ``unanswered`` tells whether any call was, ``talk`` whether any has a
    duration, ``numbers`` whether any who placed one has more than a token; ``lost`` and ``doubt``
    whether any number has no code, and any of which a footer seemed to prove that it has. ``alike``
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
    lost: bool
    doubt: bool
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
