"""Rows by hour: what is counted while calls are read is what reading the starts alone gives."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly import ingest, settings
from cdr_anomaly.engines import Local
from cdr_anomaly.ingest import source as ingest_source
from tests.helpers.raw_feeds import call, feed

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.ingest import Source


def look_at(source: Source) -> pl.DataFrame | None:
    return Local(source.settings.memory).first_look(source, None, lambda _: None).rows_by_hour


def opened(folder: Path, **told: Any) -> Source:
    return ingest.open_source([folder], settings.load_settings(**told))


def write_files(folder: Path) -> None:
    """Write files of two shapes, with rows that are refused, and with a wrong clock."""
    rows = feed(*(call(1000 * n, duration_s=-1 if n % 9 == 0 else 20) for n in range(200)))
    clock = pl.Series([datetime(2075, 1, 1, tzinfo=UTC), None], dtype=pl.Datetime("us", "UTC"))
    astray = rows.head(2).with_columns(start_time=clock)
    rows.head(90).write_parquet(folder / "a.parquet", row_group_size=20)
    pl.concat([rows.slice(50, 60), astray]).write_parquet(folder / "b.parquet")
    other = rows.tail(70).with_columns(cell_id=pl.lit("x"), day=pl.lit("k"))
    other.write_parquet(folder / "c.parquet", row_group_size=30)
    rows.clear().write_parquet(folder / "d.parquet")


@pytest.mark.parametrize("part_rows", [1, 30, 100, 10_000])
@pytest.mark.parametrize("tz", ["Asia/Kolkata", "America/St_Johns"])
def test_it_is_what_a_reading_of_all_starts_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part_rows: int, tz: str
) -> None:
    write_files(tmp_path)
    monkeypatch.setattr(ingest_source, "PART_ROWS", part_rows)
    source = opened(tmp_path, tz=tz)
    found = look_at(source)
    assert found is not None
    assert_frame_equal(found, source.rows_by_hour())
    assert found["rows"].sum() == 90 + 61 + 70
    assert found["file"].n_unique() == 3


def test_it_is_not_counted_where_days_are_left_out(tmp_path: Path) -> None:
    write_files(tmp_path)
    assert look_at(opened(tmp_path, tz="UTC", since=date(2026, 5, 2))) is None
