"""What an engine does: it moves the rows of a feed and counts them; judging is not its business."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from cdr_anomaly.ingest import Source

    Progress = Callable[[int], None]


class FirstLook(NamedTuple):
    """What one reading of all the calls gives.

    ``facts`` has one row per verdict (verdict, rows, n_unanswered, n_lost,
    n_doubt: numbers without a code, in all and where a footer seemed to prove them E.164);
    ``duplicates`` and ``partial`` count the rows that mending took away.
    """

    facts: pl.DataFrame
    profile: pl.DataFrame
    forwarded: pl.DataFrame
    duplicates: int
    partial: int


class Engine(Protocol):
    """Reads a feed twice: all of it once, and once more for the lines that deserve it."""

    def first_look(self, source: Source, *, with_incoming: bool, done: Progress) -> FirstLook:
        """Count the rows by verdict, add up PROFILE, and take the forwarded legs.

        Without ``with_incoming`` nobody's ``n_in`` is counted, which is quicker. ``done`` is told
        the number of rows after each part.
        """

    def legs(
        self, source: Source, lines: pl.DataFrame, *, mend: bool, done: Progress
    ) -> pl.DataFrame:
        """Take the LEGS of those lines (line), mended if need be."""
