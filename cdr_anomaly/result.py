"""What a scan found, in what, and by which versions."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

from cdr_anomaly.wording import Text, say, say_word

if TYPE_CHECKING:
    import polars as pl

    from cdr_anomaly import ingest
    from cdr_anomaly.detectors import Tables


@dataclass(frozen=True)
class Counts:
    """How many rows of a feed were used, and what became of the others."""

    read: int
    used: int
    duplicates: int
    partial: int
    left_out: int
    refused: dict[str, int]
    forwarded: int

    def rows(self) -> dict[str, int]:
        """Return the counts by what became of the rows, in words."""
        kept: dict[str, int] = {
            say("rows.read", "read"): self.read,
            say("rows.used", "calls used"): self.used,
            say("rows.duplicates", "duplicates removed"): self.duplicates,
            say("rows.partial", "partial records merged"): self.partial,
            say("rows.left_out", "of other types, left out"): self.left_out,
        }
        return kept | {
            say("rows.refused", "refused, {refused}", refused=say_word(why)): rows
            for why, rows in self.refused.items()
        }


@cache
def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    names = ("cdr-anomaly", "polars", "pyarrow", "scipy", "numpy")
    return {name: version(name) for name in names} | {"python": sys.version.split()[0]}


@dataclass(frozen=True)
class Result:
    """Findings, alerts and people to warn, with the tables and files that they come from.

    ``line`` is the line that was asked for, as the calls carry it, or None. Where only the calls
    around it were read, ``complete_lines`` are those of which all calls were, and it
    ``has_verdicts`` only if they were added from a scan or from nights. ``rows_by_hour`` is that of
    the source, None if it was not counted.
    """

    findings: pl.DataFrame
    evidence: pl.DataFrame
    alerts: pl.DataFrame
    victims: pl.DataFrame
    counts: Counts
    not_applicable: dict[str, Text]
    tables: Tables
    source: ingest.Source
    line: object
    has_verdicts: bool = True
    complete_lines: pl.Series | None = None
    rows_by_hour: pl.DataFrame | None = None
