"""Talk as a union of calls, by local day and hour, beside counting every second of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from cdr_anomaly.features import shifts
from cdr_anomaly.features.shifts import ShiftNeeds
from cdr_anomaly.features.sorted_legs import SortedLegs
from tests.helpers import naive
from tests.helpers.builders import FEED, feed, line, scanned

if TYPE_CHECKING:
    from pathlib import Path

A, B = "+8613800000001", "+8613800000002"
EVERYBODY = (
    "agent_shift.calls_day=1",
    "agent_shift.talk_h=0.001",
    "agent_shift.out_share=0",
    "high_frequency.calls_day=1",
    "high_frequency.out_share=0",
)


def shift(folder: Path, calls: pl.DataFrame, zone: str) -> dict[tuple[str, date], dict[str, Any]]:
    tables = scanned(folder, calls, *EVERYBODY, tz=zone).tables
    rows = tables.shifts.with_columns(line=tables.written(pl.col("line"))).collect().to_dicts()
    return {(row["line"], row["day"]): row for row in rows}


def drawn(seed: int, first: datetime, lines: list[str]) -> pl.DataFrame:
    """Draw calls of three days and a half, many of them about midnight, some alike."""
    random = Random(seed)  # noqa: S311 - no secret
    rows: list[dict[str, Any]] = []
    for _ in range(60):
        hours = random.choice([-1, 0, 23, 24, 47, random.randrange(80)])
        start = first + timedelta(hours=hours, seconds=random.randrange(3600))
        row = {
            "calling_number": random.choice(lines),
            "called_number": f"+49301{random.random()}",
            "start_time": start.astimezone(UTC),
            "record_type": "call",
            "duration_s": random.choice([0, 1, 59, 600, 900, 3600, random.randrange(9000)]),
        }
        if random.random() < 0.1:
            row["duration_s"] = random.choice([20, 24]) * 3600
        rows += [row] * random.choice([1, 1, 2])
        if random.random() < 0.1:
            back = {"calling_number": "+49301", "called_number": row["calling_number"]}
            rows.append(row | back)
    return pl.DataFrame(rows, FEED)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", date(2026, 3, 28)),  # 23 hours on the 29th
        ("Europe/Berlin", date(2025, 10, 25)),  # 25 hours on the 26th
        ("Africa/Cairo", date(2026, 4, 23)),  # the 24th begins at one o'clock
        ("Asia/Kathmandu", date(2026, 5, 4)),  # 5:45 from UTC
        ("Australia/Lord_Howe", date(2026, 4, 4)),  # half an hour more on the 5th
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_talk_equals_counting_every_second(tmp_path: Path, zone: str, day: date, seed: int) -> None:
    calls = drawn(seed, datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)), [A, B])
    found = shift(tmp_path, calls, zone)
    for number in (A, B):
        placed = calls.filter(calling_number=number).unique()
        rows = placed.select("start_time", "duration_s").rows()
        days = placed.select(pl.col("start_time").dt.convert_time_zone(zone).dt.date())
        expected = {
            (number, when): hours
            for when, hours in naive.talk(rows, ZoneInfo(zone)).items()
            if when in days.to_series() and sum(hours) >= 3
        }
        assert {key: row["hours_s"] for key, row in found.items() if key[0] == number} == expected
        for key, hours in expected.items():
            assert found[key]["talk_s"] == sum(hours)


def test_a_row_counts_the_calls_of_its_day(tmp_path: Path) -> None:
    calls = feed(
        line(A)
        .dials(3, on="2026-05-04", at="22:00", gap_s=3000, talk_s=7200, answered=0.67)
        .dials(2, on="2026-05-05", at="09:00", to="+4930", talk_s=30)
    )
    rows = shift(tmp_path, calls, "Asia/Shanghai")
    first, second = rows[A, date(2026, 5, 4)], rows[A, date(2026, 5, 5)]
    assert (first["n_out"], first["n_distinct"], first["talk_s"]) == (3, 3, 4200)
    assert (first["first_out"].hour, first["last_out"].hour) == (14, 15)  # UTC
    # A hundred minutes of the two calls of the evening, and a minute of two calls.
    assert (second["n_out"], second["n_distinct"], second["talk_s"]) == (2, 1, 6060)


def test_parts_of_seconds_are_added_up_before_they_are_dropped() -> None:
    start = datetime(2026, 5, 4, 8, 0, 0, 600_000, tzinfo=UTC)
    legs = pl.DataFrame(
        {
            "line": [1] * 2,
            "day": [date(2026, 5, 4)] * 2,
            "outgoing": [True] * 2,
            "answered": [True] * 2,
            "start": [start, start + timedelta(microseconds=1_500_000)],
            "duration_s": [2, 2],
        },
        schema_overrides={"start": pl.Datetime("us", "UTC")},
    )
    measured = pl.DataFrame({"line": [1], "day": [date(2026, 5, 4)], "n_out": [2], "talk_s": [4]})
    for talk_s, n in ((3, 1), (4, 0)):
        made = shifts.line_days(SortedLegs(legs), measured, "UTC", ShiftNeeds(1, talk_s))
        assert made.height == n
        assert made["talk_s"].to_list() == [3] * n
