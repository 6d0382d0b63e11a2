"""Vendor files to CALLS: mapping, units, zone, repairs; counts and keeps what it refused.

``open_source`` opens the files and reads no row. The Source that it returns gives lazy frames:
the calls, and the rows that were refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import polars as pl

from cdr_anomaly import numbering, settings
from cdr_anomaly.ingest import files, layouts, parquet_stats
from cdr_anomaly.ingest.file_group import Shape, of_lines, scan
from cdr_anomaly.ingest.mapping import NUMBERS, RowMap
from cdr_anomaly.ingest.validate import KIND
from cdr_anomaly.numbering import pseudonyms
from cdr_anomaly.schema import CALLS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import date

    from cdr_anomaly.ingest.files import File
    from cdr_anomaly.ingest.layouts import Layout
    from cdr_anomaly.storage.paths import Location


class Reader(Protocol):
    """Works something out of the rows of a shape, row by row; see Source.each."""

    def __call__(
        self, shape: Shape, of: Callable[[Shape], pl.LazyFrame], lines: pl.Series | None
    ) -> pl.LazyFrame:
        """Return what ``of`` makes of all rows of the shape."""


def here(
    shape: Shape, of: Callable[[Shape], pl.LazyFrame], lines: pl.Series | None = None
) -> pl.LazyFrame:
    """Let Polars read the rows here, when they are asked for."""
    del lines  # what is made of the shape looks at no others, and Polars sees to the rest
    return of(shape)


PART_ROWS = 4_000_000
EVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Source:
    """Opened call records: what they are, and how they are to be read.

    ``carried`` are CALLS that the night before found at its end, to be read before the files.
    ``reader`` is how the rows of a shape are read; by default here, by Polars.
    """

    files: Sequence[File]
    layout: Layout
    tz: str
    plan: numbering.HomePlan
    settings: settings.Settings
    as_text: bool = False
    trusting: bool = True
    carried: pl.DataFrame | None = None
    reader: Reader = here

    @cached_property
    def columns(self) -> set[str]:
        """The columns of CALLS that at least one of the files offers."""
        return {column for shape in self.shapes() for column in shape.expressions} & set(CALLS)

    @property
    def line_type(self) -> pl.DataType:
        """How a line is carried: as an integer, or as text when the feed has opaque tokens."""
        return pl.String() if self.as_text else pl.Int64()

    @property
    def pseudonyms(self) -> bool:
        """Whether its numbers are pseudonyms, with class and block beside them (tokens.py)."""
        return not self.layout.columns and any(
            pseudonyms.has_pseudonyms(file.columns) for file in self.files
        )

    @property
    def neighbours(self) -> bool:
        """Whether it is known which numbers are neighbours; pseudonyms may have been made so."""
        return not self.pseudonyms or any(
            pseudonyms.POSITION_COLUMN in file.columns for file in self.files
        )

    @property
    def rows(self) -> int:
        """How many rows the files hold, inside the span and outside."""
        return sum(file.rows for file in self.files)

    @cached_property
    def extent(self) -> tuple[datetime, datetime] | None:
        """Two instants between which all rows start, if the footers prove it."""
        name = self.layout.source("start_time")
        whole = [
            parquet_stats.extent(file.footer, range(file.footer.num_row_groups), name)
            for file in self.files
            if file.rows
        ]
        known = [extent for extent in whole if extent is not None]
        if not known or len(known) < len(whole):
            return None
        return min(begin for begin, _ in known), max(end for _, end in known)

    def days_of(self, file: File) -> tuple[date, date] | None:
        """Give two local days between which all rows of a file start, if its footer proves it."""
        name = self.layout.source("start_time")
        extent = parquet_stats.extent(file.footer, range(file.footer.num_row_groups), name)
        zone = ZoneInfo(self.tz)
        return extent and (extent[0].astimezone(zone).date(), extent[1].astimezone(zone).date())

    def days_at_most(self) -> float:
        """Tell how many days the feed can touch, as far as its footers prove it."""
        if not self.rows:
            return 0
        return (self.extent[1] - self.extent[0]).days + 2 if self.extent else inf

    def each(
        self, of: Callable[[Shape], pl.LazyFrame], lines: pl.Series | None = None
    ) -> list[pl.LazyFrame]:
        """Work something out of the rows of each shape, row by row, where the rows are.

        ``of`` may be given a shape's rows in pieces. With ``lines`` it wants no rows but the calls
        from and to these, and may be given no others.
        """
        return [self.reader(shape, of, lines) for shape in self.shapes()]

    def mapped(
        self, lines: pl.Series | None = None, columns: Collection[str] | None = None
    ) -> pl.LazyFrame:
        """Return every row in columns of CALLS, by default its own; see Shape.filled."""
        wanted, line = self.columns if columns is None else columns, self.line_type
        of = [shape.filled(wanted, line, lines) for shape in self.shapes()]
        return pl.concat(of, how="diagonal")

    def parts(self) -> Iterator[Part]:
        """Yield the feed in parts of some million rows, in order of their first start."""
        name = self.layout.source("start_time")
        cut = []
        for file in self.files:
            for stretch in parquet_stats.stretches(file.footer, PART_ROWS):
                extent = parquet_stats.extent(file.footer, stretch.groups, name)
                cut.append((extent and extent[0], file, stretch))
        known = all(start is not None for start, _, _ in cut)
        cut.sort(key=lambda piece: (piece[0] or EVER, str(piece[1].path), piece[2].offset))
        if self.carried is not None:
            yield self.carried_part(cut[0][0] if cut and known else None)
        for begin, end in together([stretch.rows for _, _, stretch in cut], PART_ROWS):
            pieces = [
                file if stretch.rows == file.rows else replace(file, stretch=stretch)
                for _, file, stretch in cut[begin:end]
            ]
            later = cut[end][0] if end < len(cut) and known else None
            rows = sum(stretch.rows for _, _, stretch in cut[begin:end])
            until = EVER if end == len(cut) else later
            yield Part(replace(self, files=pieces), self.columns, rows, until)

    def carried_part(self, next_start: datetime | None = None) -> Part:
        """Return the CALLS that are carried as a part of the feed; maybe none."""
        none = pl.DataFrame(schema=dict.fromkeys(NUMBERS, self.line_type))
        carried = none if self.carried is None else self.carried
        return Part(self, self.columns, carried.height, next_start, carried)

    def blank(self) -> pl.LazyFrame:
        """Return no rows, in the columns and types of mapped ones."""
        return self.carried_part().mapped().clear()

    def refused(self) -> pl.LazyFrame:
        """Return the refused rows as they came, as text, each with its file and the reason."""
        return pl.concat(self.each(Shape.refused), how="diagonal")

    def none_refused(self) -> pl.LazyFrame:
        """Return the same without a row, where it is known that there is none; reads nothing."""
        return replace(self, reader=here).refused().clear()

    def starts(self) -> pl.DataFrame:
        """Count all rows of each file by local day and hour (file, day, hour, rows)."""
        slot = pl.col("start_time").dt.truncate("15m")  # no zone is off by less
        counted = self.each(
            lambda shape: shape.starts().group_by("file", start_time=slot).agg(rows=pl.len())
        )
        local = pl.col("start_time").dt.convert_time_zone(self.tz)
        by_hour = (
            pl.concat(counted)
            .drop_nulls()
            .collect()
            .with_columns(day=local.dt.date(), hour=local.dt.hour().cast(pl.Int64))
        )
        rows = by_hour.group_by("file", "day", "hour").agg(pl.col("rows").cast(pl.Int64).sum())
        return rows.sort("file", "day", "hour")

    def opaque(self) -> pl.LazyFrame:
        """Return whether any number is an opaque token, which an integer cannot carry."""
        numbers = [pl.col(column) for column in NUMBERS if column in self.columns]
        found = [numbering.is_opaque(number, self.plan).any() for number in numbers]
        columns = self.columns
        texts = self.with_text().each(
            lambda shape: shape.filled(columns, pl.String()).select(
                opaque=pl.any_horizontal(*found)
            )
        )
        return pl.concat(texts).select(pl.col("opaque").any())

    def doubting(self) -> Source:
        """Return the same source with every number read with care, whatever footers prove.

        They prove how a number begins, not that no blank or hyphen stands in it.
        """
        return replace(self, trusting=False)

    def with_text(self) -> Source:
        """Return the same source with lines carried as text, for feeds with opaque tokens."""
        return replace(self, as_text=True)

    def shapes(self) -> list[Shape]:
        """Put together the files that can be read as one table, and the map to CALLS of each."""
        groups: dict[object, list[File]] = {}
        for file in self.files:
            groups.setdefault((file.shape, self._e164(file)), []).append(file)
        return [
            Shape(group, self._rows(group), self.settings, self.tz) for group in groups.values()
        ]

    def _e164(self, file: File) -> frozenset[str]:
        """Name the columns of numbers that are proven to be E.164 as they stand."""
        if self.as_text or not self.trusting or self.layout.perspective == "served":
            return frozenset()
        source = self.layout.source
        plain = (c for c in NUMBERS if c not in self.layout.values and c not in self.layout.fixed)
        texts = (c for c in plain if file.is_text(source(c)))  # a category is cast to no integer
        return frozenset(c for c in texts if parquet_stats.all_e164(file.footer, source(c)))

    def _rows(self, group: list[File]) -> RowMap:
        return RowMap(
            layout=self.layout,
            types=scan(group).collect_schema(),
            file=str(group[0].path),
            tz=self.settings.tz or self.layout.tz,
            plan=self.plan,
            as_text=self.as_text,
            e164=self._e164(group[0]),
        )


def zone_of(told: settings.Settings) -> str:
    """Say in which zone local days are counted."""
    return _zone(told, layouts.named(told.layout))


def _zone(told: settings.Settings, layout: Layout) -> str:
    return told.tz or layout.tz or settings.first_zone(told.home)


def open_source(
    paths: Iterable[str | Location], told: settings.Settings, reader: Reader = here
) -> Source:
    """Open the files and settle layout, zone and home plan, or say what does not fit."""
    layout = layouts.named(told.layout)
    wanted = {*layout.columns.values(), *layout.only, *CALLS}
    found = [file.with_keys(wanted) for file in files.find(paths)]
    for file in found:
        layouts.check(layout, file.columns, file.path)
    source = Source(
        files=found,
        layout=layout,
        tz=_zone(told, layout),
        plan=numbering.home_plan(told.home),
        settings=told,
        reader=reader,
    )
    _ = source.columns  # maps every column once, so that what does not fit is said before reading
    return source.with_text() if source.pseudonyms else source


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
            rows = numbering.format_lines(rows, NUMBERS)
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
