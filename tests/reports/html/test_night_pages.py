"""The page of a night shows what the state remembers beside what the night found."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly.nights import volume
from cdr_anomaly.reports.html import template
from tests.helpers.builders import SHANGHAI, feed, line, past

if TYPE_CHECKING:
    from pathlib import Path

DIALLER, DAYS = "+8613800000001", past("2026-05-04", 4)


@pytest.fixture
def pages(tmp_path: Path, run: Any) -> dict[str, dict[str, Any]]:
    """Run four nights of a line that dials much, and of one that does not, and unpack the pages."""
    feed(
        line(DIALLER).dials(1200, gap_s=20, on=DAYS),
        line("+8613800000002").dials(5, on=DAYS),
    ).write_parquet(tmp_path / "calls.parquet")
    ran = run(
        "backfill",
        tmp_path / "calls.parquet",
        "--state",
        tmp_path / "state",
        "--from",
        DAYS[0],
        "--to",
        DAYS[-1],
        "--out",
        tmp_path / "out",
        "--tz",
        SHANGHAI,
    )
    assert ran.code == 0
    files = {day: tmp_path / "out" / day / "report.html" for day in DAYS}
    return {day: template.unpack(file.read_text()) for day, file in files.items()}


def rows(held: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Give the rows of the first picture of a kind."""
    drawn = next(each for each in held["pictures"] if each["kind"] == kind)
    return [dict(zip(drawn["columns"], row, strict=True)) for row in drawn["rows"]]


def test_earlier_nights_are_in_its_pictures(pages: dict[str, dict[str, Any]]) -> None:
    first = pages[DAYS[0]]
    assert [row["n"] for row in rows(first, "days")] == [1200]
    assert {row["day"] for row in rows(first, "severity")} == {"05-04"}
    assert {row["usual"] for row in rows(first, "volume")} == {None}
    last = pages[DAYS[-1]]
    assert sum(row["n"] for row in rows(last, "volume")) == 1205
    assert sum(row["usual"] or 0 for row in rows(last, "volume")) == pytest.approx(1205, abs=2)
    assert min(row["day"] for row in rows(last, "severity")) == "05-04"
    assert [row["n"] for row in rows(last, "days")] == [1200] * 4
    assert {row["day"] for row in rows(last, "grid")} == {"05-04", "05-05", "05-06", "05-07"}
    assert sum(row["n"] for row in rows(last, "grid")) == 4800


def test_what_an_hour_usually_has_is_the_mean_of_the_days_it_is_compared_with() -> None:
    days = [date(2026, 5, day) for day in range(4, 8)]
    told = pl.DataFrame(
        [(day, hour, "x", 100 * (n + 1) + hour) for n, day in enumerate(days) for hour in (9, 10)],
        {"day": pl.Date, "hour": pl.Int64, "source": pl.String, "rows": pl.Int64},
        orient="row",
    )
    shown = volume.volume_by_hour(told, days[-1]).rows()
    assert shown == [(9, 409, 209.0), (10, 410, 210.0)]
    missing = told.filter(~((pl.col("day") == days[-1]) & (pl.col("hour") == 10)))
    assert volume.volume_by_hour(missing, days[-1]).rows() == [(9, 409, 209.0), (10, 0, 210.0)]
    assert volume.volume_by_hour(told, days[0])["usual"].to_list() == [None, None]
