from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from cdr_anomaly.nights import volume
from cdr_anomaly.schema import VOLUME

MONDAY = date(2026, 6, 1)
SWITCHES = ("msc1-*.parquet", "msc2-*.parquet")


def table(days: dict[date, dict[tuple[int, str], int]]) -> pl.DataFrame:
    rows = [(day, hour, name, n) for day, of in days.items() for (hour, name), n in of.items()]
    return pl.DataFrame(rows, {n: c.dtype for n, c in VOLUME.items()}, orient="row")


def usual(rows: int = 100) -> dict[tuple[int, str], int]:
    return {(hour, name): rows for hour in range(24) for name in SWITCHES}


def weeks(n: int) -> dict[date, dict[tuple[int, str], int]]:
    """Days of so many weeks before the Monday, those of the weekend with a tenth."""
    days = (MONDAY - timedelta(days=back) for back in range(1, 7 * n + 1))
    return {day: usual(10 if day.isoweekday() > 5 else 100) for day in days}


@pytest.mark.parametrize(
    ("today", "warnings", "why"),
    [
        (usual(), [], "as usual"),
        (usual(75), [], "three quarters"),
        (usual(200), [], "twice as much"),
        (usual(69), ["3,312 rows, 69 % of the usual 4,800"], "far below"),
        (
            {key: n for key, n in usual().items() if key[0] < 12},
            ["2,400 rows, 50 % of the usual 4,800, few or none from 12:00 to 24:00"],
            "half a day",
        ),
        (
            {key: n for key, n in usual().items() if key[0] not in {3, 10, 11} and n},
            [],
            "three hours are not far below",
        ),
        (
            {key: n for key, n in usual().items() if key[1] == SWITCHES[0]},
            ["2,400 rows, 50 % of the usual 4,800, none from 'msc2-*.parquet'"],
            "a switch",
        ),
        (
            usual(200) | {(hour, SWITCHES[1]): 0 for hour in range(24)},
            [],
            "a switch that came, but with nothing",
        ),
        (
            {key: 2 * n for key, n in usual().items() if key[1] == SWITCHES[0]},
            ["4,800 rows, 100 % of the usual 4,800, none from 'msc2-*.parquet'"],
            "a switch is missing though the amount is as usual",
        ),
        (
            {},
            [
                (
                    "0 rows, 0 % of the usual 4,800, few or none from 0:00 to 24:00, none from "
                    "'msc1-*.parquet', none from 'msc2-*.parquet'"
                )
            ],
            "nothing",
        ),
    ],
)
def test_a_day_beside_its_weekday(
    today: dict[tuple[int, str], int], warnings: list[str], why: str
) -> None:
    told = volume.check_volume(table(weeks(4) | {MONDAY: today}), MONDAY)
    assert told.warnings == warnings, why


@pytest.mark.parametrize(
    ("n_days", "known"), [(0, None), (2, None), (3, 4800.0), (7, 4800.0), (14, 4800.0)]
)
def test_what_is_usual_takes_some_days(n_days: int, known: float | None) -> None:
    days = {MONDAY - timedelta(days=back): usual() for back in range(1, n_days + 1)}
    told = volume.check_volume(table(days | {MONDAY: usual(10)}), MONDAY)
    assert told.usual == known
    assert bool(told.warnings) == (known is not None)


def test_days_after_it_do_not_count() -> None:
    later = {MONDAY + timedelta(days=n): usual(9000) for n in range(1, 30)}
    told = volume.check_volume(table(weeks(4) | {MONDAY: usual()} | later), MONDAY)
    assert (told.usual, told.warnings) == (4800.0, [])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/in/msc1-20260601.parquet", "msc1-*.parquet"),
        ("/in/2026-06-01/msc1.parquet", "msc1.parquet"),
        ("/in/date=2026-06-01/switch=A/part-0.parquet", "switch=A/part-0.parquet"),
        (
            "/in/part-00000-1e7d7a1c-0b0c-4f0e-9d3a-3c1b2a4d5e6f-c000.snappy.parquet",
            "part-*-*-c000.snappy.parquet",
        ),
        ("calls.parquet", "calls.parquet"),
    ],
)
def test_files_of_other_days_have_the_same_name(path: str, name: str) -> None:
    assert volume.source_name(path) == name


def test_the_volume_of_a_day_is_counted_by_hour_and_source() -> None:
    starts = pl.DataFrame(
        [
            ("/a/x-20260601.pq", MONDAY, 3, 5),
            ("/a/x-20260602.pq", MONDAY, 3, 2),
            ("/a/x-20260601.pq", MONDAY - timedelta(days=1), 23, 9),
        ],
        ["file", "day", "hour", "rows"],
        orient="row",
    )
    assert volume.count_volume(starts.filter(pl.col("day") == MONDAY)).rows() == [
        (MONDAY, 3, "x-*.pq", 7)
    ]
