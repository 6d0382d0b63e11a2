"""Vendor files to CALLS: mapping, units, zone, repairs; counts and keeps what it refused.

``open_source`` opens the files and reads no row. The Source that it returns gives lazy frames:
the calls, and the rows that were refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering, settings
from cdr_anomaly.ingest import files, layouts, repairs
from cdr_anomaly.ingest.mapping import LEFT_OUT, NUMBERS, REFUSED, VERDICTS, RowMap
from cdr_anomaly.ingest.shape import Shape, scan
from cdr_anomaly.schema import CALLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from cdr_anomaly.ingest.files import File
    from cdr_anomaly.ingest.layouts import Layout

__all__ = ["LEFT_OUT", "REFUSED", "VERDICTS", "Source", "open_source"]


@dataclass(frozen=True)
class Source:
    """Opened call records: what they are, and how they are to be read."""

    files: Sequence[File]
    layout: Layout
    tz: str
    plan: numbering.HomePlan
    settings: settings.Settings
    as_text: bool = False
    repeats: bool = False

    @property
    def columns(self) -> set[str]:
        """The columns of CALLS that at least one of the files offers."""
        return {column for shape in self._shapes() for column in shape.expressions} & set(CALLS)

    @property
    def line_type(self) -> pl.DataType:
        """How a line is carried: as an integer, or as text when the feed has opaque tokens."""
        return pl.String() if self.as_text else pl.Int64()

    def mapped(self) -> pl.LazyFrame:
        """Return every row in the columns of CALLS, with its local day and its verdict."""
        return pl.concat([shape.mapped() for shape in self._shapes()], how="diagonal")

    def calls(self) -> pl.LazyFrame:
        """Return the rows that are used, with repeated and partial records mended if need be."""
        used = self.mapped().filter(pl.col("verdict") == 0).drop("verdict")
        return repairs.mended(used, self.columns) if self.repeats else used

    def refused(self) -> pl.LazyFrame:
        """Return the refused rows as they came, as text, each with its file and the reason."""
        return pl.concat([shape.refused() for shape in self._shapes()], how="diagonal")

    def opaque(self) -> pl.LazyFrame:
        """Return whether any number is an opaque token, which an integer cannot carry."""
        texts = self.with_text().mapped()
        numbers = [pl.col(column) for column in NUMBERS if column in self.columns]
        found = [numbering.is_opaque(number, self.plan).any() for number in numbers]
        return texts.select(opaque=pl.any_horizontal(*found))

    def with_text(self) -> Source:
        """Return the same source with lines carried as text, for feeds with opaque tokens."""
        return replace(self, as_text=True)

    def mending(self) -> Source:
        """Return the same source with its repeated records mended as they are read."""
        return replace(self, repeats=True)

    def unmended(self) -> tuple[pl.LazyFrame, pl.LazyFrame]:
        """Count the used rows that are left once duplicates are gone, and once parts are merged."""
        used = replace(self, repeats=False).calls()
        unique = repairs.without_duplicates(used, self.columns)
        return unique.select(rows=pl.len()), self.calls().select(rows=pl.len())

    def _shapes(self) -> list[Shape]:
        groups: dict[object, list[File]] = {}
        for file in self.files:
            groups.setdefault(file.shape, []).append(file)
        return [
            Shape(group, self._rows(group), self.settings, self.tz) for group in groups.values()
        ]

    def _rows(self, group: list[File]) -> RowMap:
        return RowMap(
            layout=self.layout,
            types=scan(group).collect_schema(),
            file=str(group[0].path),
            tz=self.settings.tz or self.layout.tz,
            plan=self.plan,
            as_text=self.as_text,
        )


def open_source(paths: Iterable[str | Path], told: settings.Settings) -> Source:
    """Open the files and settle layout, zone and home plan, or say what does not fit."""
    layout = layouts.named(told.layout)
    wanted = {*layout.columns.values(), *layout.only, *CALLS}
    found = [file.with_keys(wanted) for file in files.find(paths)]
    for file in found:
        layouts.check(layout, file.columns, file.path)
    source = Source(
        files=found,
        layout=layout,
        tz=told.tz or layout.tz or settings.first_zone(told.home),
        plan=numbering.home_plan(told.home),
        settings=told,
    )
    _ = source.columns  # maps every column once, so that what does not fit is said before reading
    return source
