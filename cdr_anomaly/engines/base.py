"""What an engine does: it moves the rows of a feed and counts them; judging is not its business."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import polars as pl

    from cdr_anomaly.ingest import Source


class FirstLook(NamedTuple):
    """What one reading of all the calls gives."""

    facts: pl.DataFrame
    profile: pl.DataFrame
    forwarded: pl.DataFrame


class Engine(Protocol):
    """Reads a feed twice: all of it once, and once more for the lines that deserve it."""

    def first_look(self, source: Source) -> FirstLook:
        """Count the rows by verdict, add up PROFILE, and take the forwarded legs."""

    def legs(self, source: Source, lines: pl.DataFrame) -> pl.DataFrame:
        """Take the LEGS of those lines (line)."""
