"""Files of one shape, read as one table: raw rows to CALLS with a verdict each, lazily."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, time, timedelta
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from cdr_anomaly.ingest import validate
from cdr_anomaly.ingest.mapping import NUMBERS, PARTIES
from cdr_anomaly.ingest.validate import KIND
from cdr_anomaly.schema import CALLS
from cdr_anomaly.storage import paths

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from cdr_anomaly.ingest.files import File
    from cdr_anomaly.ingest.mapping import RowMap
    from cdr_anomaly.settings import Settings


@dataclass(frozen=True)
class Shape:
    """Files whose columns and hive keys agree, with the map from their rows to CALLS.

    ``given`` are raw rows of theirs that somebody else has read, with their path as ``lineage``;
    then these are the rows, whatever the files.
    """

    files: Sequence[File]
    rows: RowMap
    settings: Settings
    tz: str
    given: pl.LazyFrame | None = None

    @cached_property
    def expressions(self) -> dict[str, pl.Expr]:
        """One expression over the raw columns for each column of CALLS that the files offer."""
        return self.rows.expressions(self.lineage)

    def mapped(self, lines: pl.Series | None = None) -> pl.LazyFrame:
        """Return the rows of the span in the columns of CALLS, each with whether it is sound.

        ``lost`` and ``doubt`` mark rows with a number that has no code, and with one of which the
        footer seemed to prove that it has. With ``lines``, only the calls from and to these.
        """
        raw = self._raw(lineage=self.rows.layout.served_is_file_name)
        if lines is not None and self.plain_parties:
            # On the raw columns, so that all else is decoded and read in the rows that are left.
            written = [pl.col(column).cast(pl.Int64, strict=False) for column in self.plain_parties]
            raw = raw.filter(of_lines(lines, written))
        rows = self._read(raw.select(**self.expressions))
        if lines is not None and not self.plain_parties:
            rows = rows.filter(of_lines(lines))
        sound = validate.sound(rows.collect_schema().names(), self.settings.max_duration_s)
        return rows.with_columns(sound=sound)

    def filled(
        self, columns: Collection[str], line: pl.DataType, lines: pl.Series | None = None
    ) -> pl.LazyFrame:
        """Return the same with all ``columns`` of a feed of which this shape may lack some.

        ``line`` is how lines are carried. A file without a record type, beside others with it,
        holds whole calls.
        """
        missing = sorted(set(columns) - set(self.expressions))
        types = {c: CALLS[c].dtype for c in missing} | dict.fromkeys(NUMBERS, line)
        fill = {column: pl.lit(None, types[column]) for column in missing}
        if "record_type" in missing:
            fill["record_type"] = pl.lit("call", KIND)
        return self.mapped(lines).with_columns(**fill)

    def starts(self) -> pl.LazyFrame:
        """Return the start of every row, of any day, and its file (start_time, file)."""
        rows = self._scan(lineage=True)
        return rows.select(start_time=self.expressions["start_time"], file=pl.col(self.lineage))

    def refused(self) -> pl.LazyFrame:
        """Return the refused rows as they came, as text, each with its file and the reason."""
        own = {"reason": pl.col("reason"), "file": pl.col("file")}
        # A column of the vendor's that is called like one of ours stands beside it, marked.
        names = {name: f"{name}_as_came" if name in own else name for name in self.rows.types}
        row = pl.struct(self.rows.as_came(name).alias(kept) for name, kept in names.items())
        rows = self._raw(lineage=True)
        rows = rows.select(row.alias("row"), pl.col(self.lineage).alias("file"), **self.expressions)
        reasons = dict(enumerate(validate.VERDICTS))
        reason = pl.col("verdict").replace_strict(reasons, return_dtype=pl.String)
        wanted = pl.col("verdict").is_in(validate.REFUSED)
        verdict = validate.verdict(self.expressions, self.settings.max_duration_s)
        judged = self._read(rows).with_columns(verdict=verdict)
        kept = judged.filter(wanted).select("row", "file", reason=reason)
        return kept.select(*own.values(), "row").unnest("row")

    @property
    def lineage(self) -> str:
        """A name for the column of paths that no column of the file has."""
        return f"path_{max(self.rows.types, key=len, default='')}"

    @property
    def plain_parties(self) -> list[str]:
        """The raw columns of the two parties, where both are proven to be E.164 as they stand."""
        return (
            [self.rows.layout.source(c) for c in PARTIES] if self.rows.e164 >= set(PARTIES) else []
        )

    @property
    def bounds(self) -> tuple[datetime | None, datetime | None]:
        """The instants between which the rows wanted start; the second one is not among them."""
        zone, since, until = ZoneInfo(self.tz), self.settings.since, self.settings.until
        # The first and the last year of the calendar mean "no bound", and have no instant in UTC.
        first = datetime.combine(since, time(), zone) if since and since.year > MINYEAR else None
        after = until + timedelta(days=1) if until and until.year < MAXYEAR else None
        end = datetime.combine(after, time(), zone) if after else None
        return first, end

    def _scan(self, *, lineage: bool) -> pl.LazyFrame:
        if self.given is not None:
            return self.given
        return scan(self.files, lineage=self.lineage if lineage else None)

    def _raw(self, *, lineage: bool) -> pl.LazyFrame:
        raw = self._scan(lineage=lineage)
        name = self.rows.layout.source("start_time")
        dtype = self.rows.types[name]
        if not isinstance(dtype, pl.Datetime) or not any(self.bounds):
            return raw
        # On the raw column, so that row groups outside are skipped by their statistics.
        return raw.filter(
            _span(pl.col(name), *(self._bound(bound, dtype) for bound in self.bounds))
        )

    def _read(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Keep the rows of the span, and turn their written numbers into lines."""
        columns = rows.collect_schema().names()
        if any(self.bounds):
            bounds = (self._bound(b, pl.Datetime("us", "UTC")) for b in self.bounds)
            rows = rows.filter(_span(pl.col("start_time"), *bounds))
        for step in self.rows.steps(columns):
            rows = rows.with_columns(**step)
        return rows.select(*columns, "lost", "doubt")

    @staticmethod
    def _bound(bound: datetime | None, dtype: pl.Datetime) -> pl.Expr | None:
        if bound is None:
            return None
        if dtype.time_zone is None:
            return pl.lit(bound.replace(tzinfo=None), dtype=dtype)
        # Through UTC: a clock may skip midnight itself.
        instant = pl.lit(bound.astimezone(UTC), dtype=pl.Datetime(dtype.time_unit, "UTC"))
        return instant.dt.convert_time_zone(dtype.time_zone)


def of_lines(lines: pl.Series, numbers: Sequence[pl.Expr] = ()) -> pl.Expr:
    """Tell which calls are from or to one of the lines; by default by the columns of CALLS."""
    either = numbers or [pl.col(column) for column in PARTIES]
    return pl.any_horizontal(number.is_in(lines.implode()) for number in either)


def scan(files: Sequence[File], *, lineage: str | None = None) -> pl.LazyFrame:
    """Scan files of one shape; the hive keys that a layout needs become columns."""
    rows = pl.scan_parquet(
        [str(file.path) for file in files],
        **paths.polars_options(files[0].path),
        glob=False,  # a name with brackets in it is a name
        hive_partitioning=False,
        include_file_paths=lineage,
    )
    stretch = files[0].stretch
    if stretch is not None:
        rows = rows.slice(stretch.offset, stretch.rows)
    return rows.with_columns(pl.lit(value, pl.String).alias(name) for name, value in files[0].keys)


def dated(calls: pl.DataFrame, tz: str) -> pl.DataFrame:
    """Add the local day of each start; a day of 23 or 25 hours is as long as it is.

    The midnights of the few days that a part of a feed touches are worked out once: to convert
    every start to its zone takes longer than to read it.
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
    place = pl.lit(midnights).search_sorted(pl.col("start_time"), side="right")
    return calls.with_columns(day=pl.lit(begin, pl.Date) + pl.duration(days=place))


def midnight(tz: str, day: date) -> datetime:
    """Return the instant at which a local day begins, in UTC: a clock may skip midnight itself."""
    return datetime.combine(day, time(), ZoneInfo(tz)).astimezone(UTC)


def _span(start: pl.Expr, first: pl.Expr | None, end: pl.Expr | None) -> pl.Expr:
    """Hold for starts in [first, end); a row without a start is kept, to be refused and counted."""
    inside = pl.lit(value=True)
    if first is not None:
        inside &= start >= first
    if end is not None:
        inside &= start < end
    return inside | start.is_null()
