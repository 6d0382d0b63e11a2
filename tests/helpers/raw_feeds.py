"""Small feeds for the tests of ingest: one row by its differences from an ordinary call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly import ingest, numbering, pipeline, settings
from cdr_anomaly.ingest import validate

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.result import Result

NOON = datetime(2026, 5, 1, 4, tzinfo=UTC)  # in Shanghai
ANNA, BO, CAO, DU = (f"+861380000000{n}" for n in range(1, 5))
# CALLS by which records of one call are told, with lines as codes.
CODED_CALLS: dict[str, Any] = {
    "calling_number": pl.Int64,
    "called_number": pl.Int64,
    "record_type": validate.RECORD_TYPE,
    "call_id": pl.String,
    "start_time": pl.Datetime("us", "UTC"),
    "duration_s": pl.Int64,
}


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def call(start_s: float = 0, **other: Any) -> dict[str, Any]:
    ordinary = {
        "calling_number": ANNA,
        "called_number": BO,
        "start_time": at(start_s),
        "duration_s": 60,
    }
    return ordinary | other


def feed(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), infer_schema_length=None)


def written(folder: Path, table: pl.DataFrame, name: str = "calls.parquet") -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    table.write_parquet(file)
    return file


def opened(*paths: Path | str, **told: Any) -> ingest.Source:
    return ingest.open_source(paths, settings.load_settings(**told))


def spelled(calls: pl.DataFrame, names: numbering.LineNames) -> pl.DataFrame:
    numbers = [c for c in ("calling_number", "called_number", "redirecting_number") if c in calls]
    carried = [c for c in numbers if calls[c].dtype == pl.Int64]
    return calls.with_columns(numbering.format_line(pl.col(c), names).alias(c) for c in carried)


def read(*paths: Path | str, **told: Any) -> pl.DataFrame:
    """Return the used rows with their numbers as they are spelled, in order of time."""
    return used(opened(*paths, **told))


def used(source: ingest.Source) -> pl.DataFrame:
    rows = source.map_rows().collect()
    calls = spelled(rows.filter("valid").drop("valid"), source.names)
    order = [
        c for c in ("start_time", "calling_number", "called_number", "record_type") if c in calls
    ]
    return calls.sort(order, nulls_last=True)


def refused(*paths: Path | str, **told: Any) -> pl.DataFrame:
    return opened(*paths, **told).refused_rows().collect()


def columns(calls: pl.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    return calls.select(names).rows()


def scanned(*paths: Path | str, **told: Any) -> Result:
    return pipeline.scan(paths, settings.load_settings(**told))
