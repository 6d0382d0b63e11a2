"""Groups of files with the same columns, read as one table: lazy frames of CALLS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, time, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.ingest import validate
from cdr_anomaly.ingest.mapping import NUMBERS, PARTIES
from cdr_anomaly.ingest.validate import RECORD_TYPE
from cdr_anomaly.schema import CALLS
from cdr_anomaly.storage import paths

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from datetime import date

    from cdr_anomaly.ingest.files import File
    from cdr_anomaly.ingest.line_filter import LineFilter
    from cdr_anomaly.ingest.mapping import RowMap
    from cdr_anomaly.settings import Settings

NO_TYPES: Mapping[str, pl.DataType] = MappingProxyType({})


@dataclass(frozen=True)
class FileGroup:
    """Files with the same columns and hive keys, and the map from their rows to CALLS.

    ``raw_rows`` are rows that another engine has read, with their path as ``path_column``; the
    files are not read then. With ``line_filter`` other rows are left out.
    """

    files: Sequence[File]
    row_map: RowMap
    settings: Settings
    tz: str
    raw_rows: pl.LazyFrame | None = None
    line_filter: LineFilter | None = None

    @cached_property
    def expressions(self) -> dict[str, pl.Expr]:
        """Return one expression over the raw columns for each column of CALLS of the files."""
        return self.row_map.expressions(self.path_column)

    def map_rows(
        self,
        columns: Collection[str],
        line_type: pl.DataType,
        lines: pl.Series | None = None,
        types: Mapping[str, pl.DataType] = NO_TYPES,
    ) -> pl.LazyFrame:
        """Return the rows of the span as CALLS, with whether each is ``valid``.

        ``columns`` are those of the feed; they are null if this group lacks them, but a row without
        a record type is a whole call. With ``lines``, only the calls from and to these. ``types``
        are those of some columns that are not text then.
        """
        raw = self._scan_span(with_path=self.row_map.layout.served_is_file_name)
        if self.line_filter is not None:
            # In one piece, as each piece of rows takes some milliseconds to parse its numbers.
            used = {name for each in self.expressions.values() for name in each.meta.root_names()}
            raw = raw.select(sorted(used)).collect().rechunk().lazy()
        if lines is not None and self.e164_parties:
            # On the raw columns, so that other columns are decoded for the remaining rows only.
            texts = [pl.col(column) for column in self.e164_parties]
            numbers = [text.cast(pl.Int64, strict=False) for text in texts]
            pairs = zip(numbers, texts, strict=True)
            plain = [(n < numbering.E164_END).fill_null(text.is_null()) for n, text in pairs]
            raw = raw.filter(has_party_in(lines, numbers) | ~pl.all_horizontal(*plain))
        rows = self._parse_numbers(raw.select(**self._expressions_in(types)))
        if lines is not None:
            rows = rows.filter(has_party_in(lines))
        valid = validate.is_valid(rows.collect_schema().names(), self.settings.max_duration_s)
        missing = sorted(set(columns) - set(self.expressions))
        dtypes = {c: CALLS[c].dtype for c in missing}
        dtypes.update(dict.fromkeys(NUMBERS, line_type) | dict(types))
        fill = {column: pl.lit(None, dtypes[column]) for column in missing}
        if "record_type" in missing:
            fill["record_type"] = pl.lit("call", RECORD_TYPE)
        return rows.with_columns(valid=valid).with_columns(**fill)

    def _expressions_in(self, types: Mapping[str, pl.DataType]) -> dict[str, pl.Expr]:
        """Return the expressions with some columns in other types, integers without their text."""
        typed = {
            column: (pl.col(self.row_map.layout.source(column)) if dtype.is_integer() else text)
            for column, dtype in types.items()
            if (text := self.expressions.get(column)) is not None
        }
        return self.expressions | {c: typed[c].cast(types[c]) for c in typed}

    def start_times(self) -> pl.LazyFrame:
        """Return the start of every row, of any day, and its file (start_time, file)."""
        rows = self._scan(with_path=True)
        return rows.select(start_time=self.expressions["start_time"], file=pl.col(self.path_column))

    def line_names(self) -> pl.LazyFrame:
        """Return the names of opaque lines of the span (line, name)."""
        rows = self._scan_span(with_path=self.row_map.layout.served_is_file_name)
        numbers = {name: of for name, of in self.expressions.items() if name in NUMBERS}
        rows = rows.select(**numbers)
        lines = self.row_map.lines(numbers)
        names = (
            rows.select(line=line, name=pl.col(column).str.strip_chars())
            for column, line in lines.items()
        )
        return pl.concat(names).filter(numbering.is_named(pl.col("line"))).unique()

    def refused_rows(self) -> pl.LazyFrame:
        """Return the raw refused rows as text, each with the ``reason`` and its ``file``."""
        # A raw column with the name of one of these two gets another name.
        names = {n: f"{n}_as_came" if n in {"reason", "file"} else n for n in self.row_map.types}
        row = pl.struct(self.row_map.raw_text(raw).alias(name) for raw, name in names.items())
        file = pl.col(self.path_column).alias("file")
        rows = self._scan_span(with_path=True).select(row.alias("row"), file, **self.expressions)
        verdict = validate.verdict(self.expressions, self.settings.max_duration_s)
        rows = self._parse_numbers(rows).with_columns(verdict=verdict)
        reasons = dict(enumerate(validate.VERDICTS))
        reason = pl.col("verdict").replace_strict(reasons, return_dtype=pl.String)
        refused = rows.filter(pl.col("verdict").is_in(validate.REFUSED))
        return refused.select(reason.alias("reason"), "file", "row").unnest("row")

    @property
    def path_column(self) -> str:
        """Return a name for the column of paths that no column of the files has."""
        return f"path_{max(self.row_map.types, key=len, default='')}"

    @property
    def e164_parties(self) -> list[str]:
        """Return the raw columns of the two parties if both are proven to be E.164, else none."""
        proven = self.row_map.e164 >= set(PARTIES)
        return [self.row_map.layout.source(c) for c in PARTIES] if proven else []

    @property
    def time_bounds(self) -> tuple[datetime | None, datetime | None]:
        """Return the instants [from, to) of the days of the settings; None is no bound."""
        zone, since, until = ZoneInfo(self.tz), self.settings.since, self.settings.until
        # The first and the last year of the calendar mean no bound, and have no instant in UTC.
        first = datetime.combine(since, time(), zone) if since and since.year > MINYEAR else None
        after = until + timedelta(days=1) if until and until.year < MAXYEAR else None
        end = datetime.combine(after, time(), zone) if after else None
        return first, end

    def _scan(self, *, with_path: bool) -> pl.LazyFrame:
        if self.raw_rows is not None:
            return self.raw_rows
        return scan_files(self.files, path_column=self.path_column if with_path else None)

    def _scan_span(self, *, with_path: bool) -> pl.LazyFrame:
        raw = self._scan(with_path=with_path)
        if self.line_filter is not None:
            tokens = self.row_map.as_text
            raw = raw.filter(self.line_filter.may_name(self.expressions, tokens=tokens))
        name = self.row_map.layout.source("start_time")
        dtype = self.row_map.types[name]
        if not isinstance(dtype, pl.Datetime):
            return raw
        # On the raw column, so that Polars skips row groups by their statistics.
        return raw.filter(*self._in_span(name, dtype))

    def _parse_numbers(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Return the rows of the span, with lines for numbers as written."""
        columns = rows.collect_schema().names()
        rows = rows.filter(*self._in_span("start_time", pl.Datetime("us", "UTC")))
        return rows.with_columns(**self.row_map.lines(columns))

    def _in_span(self, start: str, dtype: pl.Datetime) -> Iterator[pl.Expr]:
        """Yield the conditions on a start; a row without a start stays, to be refused."""
        first, end = self.time_bounds
        column = pl.col(start)
        if first is not None:
            yield column.is_null() | (column >= self._literal(first, dtype))
        if end is not None:
            yield column.is_null() | (column < self._literal(end, dtype))

    @staticmethod
    def _literal(bound: datetime, dtype: pl.Datetime) -> pl.Expr:
        if dtype.time_zone is None:
            return pl.lit(bound.replace(tzinfo=None), dtype=dtype)
        # Through UTC, because a clock may skip midnight.
        instant = pl.lit(bound.astimezone(UTC), dtype=pl.Datetime(dtype.time_unit, "UTC"))
        return instant.dt.convert_time_zone(dtype.time_zone)


def has_party_in(lines: pl.Series, numbers: Sequence[pl.Expr] = ()) -> pl.Expr:
    """Return whether a call is from or to one of the lines.

    ``numbers`` are the two parties, by default the columns of CALLS.
    """
    parties = numbers or [pl.col(column) for column in PARTIES]
    return pl.any_horizontal(number.is_in(lines.implode()) for number in parties)


def scan_files(files: Sequence[File], *, path_column: str | None = None) -> pl.LazyFrame:
    """Scan files of one group, with their hive keys as columns."""
    rows = pl.scan_parquet(
        [str(file.path) for file in files],
        **paths.polars_options(files[0].path),
        glob=False,  # brackets in a name are no pattern
        hive_partitioning=False,
        include_file_paths=path_column,
    )
    row_groups = files[0].row_groups
    if row_groups is not None:
        rows = rows.slice(row_groups.offset, row_groups.rows)
    return rows.with_columns(pl.lit(value, pl.String).alias(name) for name, value in files[0].keys)


def add_local_day(calls: pl.DataFrame, tz: str) -> pl.DataFrame:
    """Return the calls with the local ``day`` of their start; a day may have 23 or 25 hours.

    Starts are compared with the midnights of the few days of a part: to convert every start to its
    zone takes longer than to read it.
    """
    first, last = calls["start_time"].min(), calls["start_time"].max()
    if not isinstance(first, datetime) or not isinstance(last, datetime):
        return calls.with_columns(day=pl.lit(None, pl.Date))
    zone = ZoneInfo(tz)
    begin, end = first.astimezone(zone).date(), last.astimezone(zone).date()
    days = pl.date_range(begin, end, eager=True)
    if len(days) == 1:
        return calls.with_columns(day=pl.lit(begin, pl.Date))
    midnights = pl.Series([midnight(tz, day) for day in days[1:]], dtype=pl.Datetime("us", "UTC"))
    index = pl.lit(midnights).search_sorted(pl.col("start_time"), side="right")
    return calls.with_columns(day=pl.lit(begin, pl.Date) + pl.duration(days=index))


def midnight(tz: str, day: date) -> datetime:
    """Return the instant in UTC at which a local day begins, even if the clock skips midnight."""
    return datetime.combine(day, time(), ZoneInfo(tz)).astimezone(UTC)
