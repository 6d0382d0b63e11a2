"""Files of one shape, read as one table: raw rows to CALLS with a verdict each, lazily."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from cdr_anomaly.ingest import mapping

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cdr_anomaly.ingest.files import File
    from cdr_anomaly.ingest.mapping import RowMap
    from cdr_anomaly.settings import Settings


@dataclass(frozen=True)
class Shape:
    """Files whose columns and hive keys agree, with the map from their rows to CALLS."""

    files: Sequence[File]
    rows: RowMap
    settings: Settings
    tz: str

    @cached_property
    def expressions(self) -> dict[str, pl.Expr]:
        """One expression over the raw columns for each column of CALLS that the files offer."""
        return self.rows.expressions()

    def mapped(self) -> pl.LazyFrame:
        """Return the rows of the span in the columns of CALLS, with local day and verdict."""
        raw = self._raw(lineage=self.rows.layout.served_is_file_name)
        return self._judged(raw.select(**self.expressions))

    def refused(self) -> pl.LazyFrame:
        """Return the refused rows as they came, as text, each with its file and the reason."""
        row = pl.struct(pl.all().exclude("file").cast(pl.String)).alias("row")
        rows = self._raw(lineage=True).select(row, "file", **self.expressions)
        reasons = dict(enumerate(mapping.VERDICTS))
        reason = pl.col("verdict").replace_strict(reasons, return_dtype=pl.String)
        wanted = pl.col("verdict").is_in(mapping.REFUSED)
        kept = self._judged(rows).filter(wanted).select("file", "row", reason=reason)
        return kept.select("reason", "file", "row").unnest("row")

    def _raw(self, *, lineage: bool) -> pl.LazyFrame:
        raw = scan(self.files, lineage=lineage)
        for column, values in self.rows.layout.only.items():
            raw = raw.filter(pl.col(column).cast(pl.String).is_in(values))
        name = self.rows.layout.source("start_time")
        dtype = self.rows.types[name]
        if not isinstance(dtype, pl.Datetime):
            return raw
        # On the raw column, so that row groups outside are skipped by their statistics.
        zone = ZoneInfo(dtype.time_zone) if dtype.time_zone else None
        return raw.filter(
            _span(pl.col(name), *(self._bound(bound, zone, dtype) for bound in self._bounds()))
        )

    def _judged(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        verdict = mapping.verdict(set(self.expressions), self.settings.max_duration_s)
        start = pl.col("start_time")
        bounds = (self._bound(b, UTC, pl.Datetime("us", "UTC")) for b in self._bounds())
        day = start.dt.convert_time_zone(self.tz).dt.date()
        return rows.filter(_span(start, *bounds)).with_columns(verdict=verdict, day=day)

    def _bounds(self) -> tuple[datetime | None, datetime | None]:
        zone, since, until = ZoneInfo(self.tz), self.settings.since, self.settings.until
        first = datetime.combine(since, time(), zone) if since else None
        end = datetime.combine(until + timedelta(days=1), time(), zone) if until else None
        return first, end

    @staticmethod
    def _bound(bound: datetime | None, zone: tzinfo | None, dtype: pl.Datetime) -> pl.Expr | None:
        if bound is None:
            return None
        placed = bound.astimezone(zone) if zone else bound.replace(tzinfo=None)
        return pl.lit(placed, dtype=dtype)


def scan(files: Sequence[File], *, lineage: bool = False) -> pl.LazyFrame:
    """Scan files of one shape; the hive keys that a layout needs become columns."""
    return pl.scan_parquet(
        [file.path for file in files],
        hive_partitioning=False,
        include_file_paths="file" if lineage else None,
    ).with_columns(pl.lit(value).alias(name) for name, value in files[0].keys)


def _span(start: pl.Expr, first: pl.Expr | None, end: pl.Expr | None) -> pl.Expr:
    """Hold for starts in [first, end); a row without a start is kept, to be refused and counted."""
    inside = pl.lit(value=True)
    if first is not None:
        inside &= start >= first
    if end is not None:
        inside &= start < end
    return inside | start.is_null()
