"""Vendor files to CALLS: layout, units, zone, duplicates; refused rows are counted and kept.

open_source() opens the files and reads no row. The Source gives lazy frames: the calls, and the
refused rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.ingest import files, layouts, parquet_stats, volume
from cdr_anomaly.ingest.file_group import FileGroup, has_party_in, scan_files
from cdr_anomaly.ingest.mapping import CODED, NUMBERS, RowMap
from cdr_anomaly.ingest.validate import RECORD_TYPE
from cdr_anomaly.numbering import pseudonyms
from cdr_anomaly.schema import CALLS
from cdr_anomaly.settings import MAX_SILENT_DAYS, Settings, first_zone

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from cdr_anomaly.ingest.files import File
    from cdr_anomaly.ingest.layouts import Layout
    from cdr_anomaly.ingest.line_filter import LineFilter
    from cdr_anomaly.storage.paths import Location

    # A query over the rows of a group, row by row: it may get the rows in several pieces.
    Query = Callable[[FileGroup], pl.LazyFrame]

PART_ROWS = 4_000_000
END_OF_TIME = datetime(9999, 1, 1, tzinfo=UTC)


class Reader(Protocol):
    """Runs a query over a group of files."""

    def __call__(self, group: FileGroup, query: Query, lines: pl.Series | None) -> pl.LazyFrame:
        """Return the result of ``query``; with ``lines`` it needs only the calls of these."""


def read_locally(group: FileGroup, query: Query, lines: pl.Series | None = None) -> pl.LazyFrame:
    """Let Polars read the rows on this machine."""
    del lines  # the query filters
    return query(group)


@dataclass(frozen=True)
class Source:
    """Opened call records, and how to read them.

    ``carry_over`` are CALLS from the end of the night before, read before the files. ``as_text``
    and ``line_type`` say whether lines are text, as those of pseudonyms are, or line codes.
    ``names`` are those of opaque lines, as far as rows were read. With ``line_filter`` only rows
    that may be calls of some lines are read.
    """

    files: Sequence[File]
    layout: Layout
    tz: str
    plan: numbering.HomePlan
    settings: Settings
    as_text: bool = False
    carry_over: pl.DataFrame | None = None
    names: numbering.LineNames = field(default_factory=numbering.LineNames)
    reader: Reader = read_locally
    line_filter: LineFilter | None = None

    @cached_property
    def columns(self) -> set[str]:
        """Return the columns of CALLS that at least one file has."""
        return {name for group in self.file_groups() for name in group.expressions} & set(CALLS)

    @property
    def line_type(self) -> pl.DataType:
        """Return the type of lines: integer, or text."""
        return pl.String() if self.as_text else pl.Int64()

    @property
    def has_pseudonyms(self) -> bool:
        """Return whether its numbers are pseudonyms, with class and block in other columns."""
        names = [file.columns for file in self.files]
        return not self.layout.columns and any(map(pseudonyms.has_pseudonyms, names))

    @property
    def has_neighbours(self) -> bool:
        """Return whether neighbouring numbers can be recognised, which pseudonyms may hide."""
        column = pseudonyms.POSITION_COLUMN
        return not self.has_pseudonyms or any(column in file.columns for file in self.files)

    @property
    def rows(self) -> int:
        """Return the number of rows of the files, in the span or not."""
        return sum(file.rows for file in self.files)

    @cached_property
    def time_range(self) -> tuple[datetime, datetime] | None:
        """Return two instants between which all rows start, None if the footers do not prove it."""
        name = self.layout.source("start_time")
        ranges = [parquet_stats.time_range(file.footer, name) for file in self.files if file.rows]
        proven = [time_range for time_range in ranges if time_range is not None]
        if not proven or len(proven) < len(ranges):
            return None
        return min(begin for begin, _ in proven), max(end for _, end in proven)

    @property
    def has_all_days(self) -> bool:
        """Return whether the rows of all days of the files are read."""
        return self.settings.since is None and self.settings.until is None

    def local_days(self, file: File) -> tuple[date, date] | None:
        """Return the first and the last possible day of a file, None if not proven."""
        span = parquet_stats.time_range(file.footer, self.layout.source("start_time"))
        zone = ZoneInfo(self.tz)
        return span and (span[0].astimezone(zone).date(), span[1].astimezone(zone).date())

    def max_days(self) -> float:
        """Return the greatest number of days of the feed, infinite if the footers prove none."""
        if not self.rows:
            return 0
        return (self.time_range[1] - self.time_range[0]).days + 2 if self.time_range else inf

    def run_query(self, query: Query, lines: pl.Series | None = None) -> list[pl.LazyFrame]:
        """Return the result of a query for each group of files, from the reader.

        With ``lines`` the query needs only the calls from and to these, and may get no others.
        """
        return [self.reader(group, query, lines) for group in self.file_groups()]

    def map_rows(
        self, lines: pl.Series | None = None, columns: Collection[str] | None = None
    ) -> pl.LazyFrame:
        """Return every row as CALLS, by default in the columns of the files; see FileGroup."""
        names = self.columns if columns is None else columns
        groups = self.file_groups()
        rows = [group.map_rows(names, self.line_type, lines) for group in groups]
        return pl.concat(rows, how="diagonal")

    def narrow_types(self) -> dict[str, pl.DataType]:
        """Return the types of the columns of CODED in narrow_rows() of its parts.

        Those of integers in all files are integers; cells and trunks are else categories.
        """
        types: dict[str, pl.DataType] = {}
        groups = [] if self.has_pseudonyms else self.file_groups()
        for column in CODED:
            maps = [group.row_map for group in groups if column in group.expressions]
            integers = {row_map.integer_type(column) for row_map in maps}
            if None not in integers and integers:
                types[column] = pl.Int64() if pl.Int64() in integers else pl.Int32()
            elif maps and column in ("cell_id", "trunk_in"):
                types[column] = pl.Categorical()
        return types

    def parts(self) -> Iterator[Part]:
        """Yield the feed in parts of some million rows, in order of their first start."""
        name = self.layout.source("start_time")
        pieces = []
        for file in self.files:
            for groups in parquet_stats.split_row_groups(file.footer, PART_ROWS):
                span = parquet_stats.time_range(file.footer, name, groups.numbers)
                piece = file if groups.rows == file.rows else replace(file, row_groups=groups)
                pieces.append((span and span[0], groups, piece))
        pieces.sort(key=lambda p: (p[0] or END_OF_TIME, str(p[2].path), p[1].offset))
        if self.carry_over is not None:
            yield self.carry_over_part()
        begin = rows = 0
        for end, (_, groups, _) in enumerate(pieces, 1):
            rows += groups.rows
            if rows >= PART_ROWS or end == len(pieces):
                part = replace(self, files=[piece for _, _, piece in pieces[begin:end]])
                yield Part(part, self.columns, rows)
                begin, rows = end, 0

    def carry_over_part(self) -> Part:
        """Return the CALLS of ``carry_over``, or none, as a part of the feed."""
        none = pl.DataFrame(schema=dict.fromkeys(NUMBERS, self.line_type))
        calls = none if self.carry_over is None else self.carry_over
        return Part(self, self.columns, calls.height, calls)

    def no_rows(self) -> pl.LazyFrame:
        """Return no rows, in the columns and types of map_rows()."""
        return self.carry_over_part().map_rows().clear()

    def refused_rows(self) -> pl.LazyFrame:
        """Return the raw refused rows as text, each with the ``reason`` and its ``file``."""
        return pl.concat(self.run_query(FileGroup.refused_rows), how="diagonal")

    def no_refused_rows(self) -> pl.LazyFrame:
        """Return no rows in the columns of refused_rows(), without reading a file."""
        return replace(self, reader=read_locally).refused_rows().clear()

    def rows_by_hour(self) -> pl.DataFrame:
        """Return the number of rows of each file, local day and hour (file, day, hour, rows)."""
        slot = pl.col("start_time").dt.truncate("15m")
        counts = self.run_query(
            lambda group: group.start_times().group_by("file", start_time=slot).agg(rows=pl.len())
        )
        return volume.sum_by_hour(pl.concat(counts).drop_nulls().collect(), self.tz)

    def days(self) -> pl.DataFrame:
        """Return local days that have rows, the first and the last of them (day, calls).

        They are of all lines. Unless the footers tell, the starts of all rows are read.
        """
        span = self.time_range
        if span is not None and (span[1] - span[0]).days <= MAX_SILENT_DAYS:
            zone, settings = ZoneInfo(self.tz), self.settings
            first, last = (instant.astimezone(zone).date() for instant in span)
            first = max(first, settings.since or first)
            ends = {first, max(first, min(last, settings.until or last))}
            return pl.DataFrame({"day": sorted(ends), "calls": [1] * len(ends)})
        first, last = self.settings.since or date.min, self.settings.until or date.max
        days = self.rows_by_hour().filter(pl.col("day").is_between(first, last))
        return days.group_by("day").agg(calls=pl.col("rows").sum()).sort("day")

    def read_names(self) -> None:
        """Read the names of opaque lines, where other processes have read the rows."""
        if self.reader is not read_locally and not self.as_text:
            self.names.add(pl.concat(self.run_query(FileGroup.line_names)).unique().collect())

    def with_text(self) -> Source:
        """Return the source with lines as text."""
        return replace(self, as_text=True)

    def with_line_filter(self, line_filter: LineFilter) -> Source:
        """Return the source with the rows that may be calls of some lines."""
        return replace(self, line_filter=line_filter)

    def file_groups(self) -> list[FileGroup]:
        """Return the files in groups that can be read as one table, each with its RowMap."""
        groups: dict[object, list[File]] = {}
        for file in self.files:
            groups.setdefault((file.group_key, self._e164(file)), []).append(file)
        return [self._file_group(group) for group in groups.values()]

    def _e164(self, file: File) -> frozenset[str]:
        """Return the columns of numbers that are proven to begin as E.164."""
        if self.as_text or self.layout.perspective == "served":
            return frozenset()
        source = self.layout.source
        plain = (c for c in NUMBERS if c not in self.layout.values and c not in self.layout.fixed)
        texts = (c for c in plain if file.is_text(source(c)))  # a category has no cast to integer
        return frozenset(c for c in texts if parquet_stats.all_e164(file.footer, source(c)))

    def _file_group(self, group: list[File]) -> FileGroup:
        row_map = RowMap(
            layout=self.layout,
            types=scan_files(group).collect_schema(),
            file=str(group[0].path),
            tz=self.settings.tz or self.layout.tz,
            plan=self.plan,
            as_text=self.as_text,
            e164=self._e164(group[0]),
            names=self.names,
        )
        return FileGroup(group, row_map, self.settings, self.tz, line_filter=self.line_filter)


def local_zone(settings: Settings) -> str:
    """Return the zone of local days: of the settings, else of the layout, else of the home plan."""
    zone = settings.tz or layouts.find_layout(settings.layout).tz
    return zone or first_zone(settings.home)


def open_source(
    paths: Iterable[str | Location], settings: Settings, reader: Reader = read_locally
) -> Source:
    """Open the files with layout, zone and home plan; raises an error if they do not fit."""
    layout = layouts.find_layout(settings.layout)
    names = {*layout.columns.values(), *layout.only, *CALLS}
    opened = [file.with_keys(names) for file in files.find_files(paths)]
    for file in opened:
        layouts.check_columns(layout, file.columns, file.path)
    source = Source(
        files=opened,
        layout=layout,
        tz=local_zone(settings),
        plan=numbering.home_plan(settings.home),
        settings=settings,
        reader=reader,
    )
    _ = source.columns  # maps every column once, so that errors come before rows are read
    return source.with_text() if source.has_pseudonyms else source


class Part(NamedTuple):
    """A part of a feed, and the columns of the feed.

    The rows of ``carry_over`` are not of the files and are counted already.
    """

    source: Source
    columns: set[str]
    rows: int
    carry_over: pl.DataFrame | None = None

    def narrow_rows(self, types: Mapping[str, pl.DataType]) -> pl.LazyFrame:
        """Return the rows as CALLS in the columns of the feed, some columns in other ``types``.

        These are from Source.narrow_types() of the whole feed.
        """
        if self.carry_over is not None:
            typed = (pl.col(column).cast(dtype) for column, dtype in types.items())
            return self.map_rows().with_columns(typed)
        rows = [
            group.map_rows(self.columns, self.source.line_type, types=types)
            for group in self.source.file_groups()
        ]
        return pl.concat(rows, how="diagonal")

    def count_quarters(self, start: pl.Series) -> pl.DataFrame:
        """Count all rows of the files by file and quarter of an hour, from narrow_rows()."""
        groups = [] if self.carry_over is not None else self.source.file_groups()
        files = (file for group in groups for file in group.files)
        return volume.count_quarters(((str(file.path), file.n_read) for file in files), start)

    def map_rows(self, lines: pl.Series | None = None) -> pl.LazyFrame:
        """Return the rows as CALLS in the columns of the feed; see FileGroup."""
        if self.carry_over is None:
            return self.source.map_rows(lines, self.columns)
        rows = self.carry_over.lazy()
        if self.source.as_text:
            rows = numbering.format_lines(rows, NUMBERS, self.source.names)
        present = rows.collect_schema().names()
        columns = {
            column: pl.col(column) if column in present else pl.lit(None, CALLS[column].dtype)
            for column in sorted(self.columns)
        }
        if "record_type" in columns:
            columns["record_type"] = columns["record_type"].fill_null("call").cast(RECORD_TYPE)
        rows = rows.select(**columns, valid=pl.lit(value=True))
        return rows if lines is None else rows.filter(has_party_in(lines))
