"""A feed in parts of some million rows, which are read one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.ingest.mapping import NUMBERS
from cdr_anomaly.ingest.shape import of_lines
from cdr_anomaly.ingest.verdicts import KIND
from cdr_anomaly.schema import CALLS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cdr_anomaly.ingest import Source


class Part(NamedTuple):
    """A part of a feed, and the columns that the feed has.

    ``next_start`` is when the rows of later parts begin, None if unknown. ``carried`` are its rows
    where they are not of the files, and are counted already.
    """

    source: Source
    columns: set[str]
    rows: int
    next_start: datetime | None
    carried: pl.DataFrame | None = None

    def mapped(self, lines: pl.Series | None = None) -> pl.LazyFrame:
        """Return the part's rows in the columns of CALLS that the feed has; see Shape."""
        if self.carried is not None:
            rows = self._as_carried(self.carried.lazy())
            return rows if lines is None else rows.filter(of_lines(lines))
        return self.source.mapped(lines, self.columns)

    def _as_carried(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Give carried rows, which are sound, the columns and types of the feed."""
        if self.source.as_text:
            rows = numbering.as_text(rows, NUMBERS)
        known = rows.collect_schema().names()
        columns = {
            column: pl.col(column) if column in known else pl.lit(None, CALLS[column].dtype)
            for column in sorted(self.columns)
        }
        if "record_type" in columns:
            columns["record_type"] = columns["record_type"].fill_null("call").cast(KIND)
        marks = {"sound": True, "lost": False, "doubt": False}
        return rows.select(**columns, **{mark: pl.lit(value) for mark, value in marks.items()})


def together(rows: list[int], enough: int) -> Iterator[tuple[int, int]]:
    """Group neighbours until they have enough rows; yield where each group begins and ends."""
    begin = total = 0
    for place, size in enumerate(rows):
        total += size
        if total >= enough:
            yield begin, place + 1
            begin, total = place + 1, 0
    if begin < len(rows):
        yield begin, len(rows)
