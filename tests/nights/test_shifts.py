"""Days of talk, night by night: what a night remembers of them is what a scan of all days sees."""

from __future__ import annotations

import shutil
from datetime import date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly import pipeline
from cdr_anomaly.nights import run, state
from cdr_anomaly.schema import SHIFTS
from tests.helpers import night_runs
from tests.helpers.builders import FEED, SHANGHAI, feed, found, line, past

if TYPE_CHECKING:
    from pathlib import Path

BERLIN = "Europe/Berlin"
# Half an hour of talk in ten calls is a day of it, so that a few calls about midnight decide.
WORDS = (
    "agent_shift.calls_day=10",
    "agent_shift.talk_h=1.5",
    "agent_shift.talk_h_often=0.5",
    "agent_shift.within_days=5",
    "agent_shift.days_often=3",
)


def evenings(seed: int, zone: str, first: date) -> pl.DataFrame:
    """Draw ten days of lines that call about midnight, for minutes or for hours.

    Some days have one call that goes on into a day with many, some have none.
    """
    random = Random(seed)  # noqa: S311 - no secret
    rows: list[dict[str, Any]] = []
    for n, number in enumerate(f"+491510000000{n}" for n in range(8)):
        for day in range(10):
            midnight = datetime(first.year, first.month, first.day, tzinfo=ZoneInfo(zone))
            midnight += timedelta(days=day)
            calls = random.choice([0, 1, 9, 10, 14, 14])
            start = midnight + timedelta(minutes=random.choice([0, 3, 90, 1300]))
            if random.random() < 0.6:  # goes on after midnight
                rows.append(_call(number, n, midnight - timedelta(minutes=40), 4200))
            if random.random() < 0.2:  # goes on for a day, and of another one
                rows.append(_call(number, n, midnight + timedelta(hours=23), 24 * 3600))
            for _ in range(calls):
                start += timedelta(seconds=random.choice([0, 60, 300]))
                rows.append(_call(number, n, start, random.choice([0, 50, 240, 400])))
    return pl.DataFrame(rows, FEED).with_columns(
        called_number=pl.format("+49301{}", pl.int_range(pl.len()) + 10_000)
    )


def _call(number: str, n: int, start: datetime, duration_s: int) -> dict[str, Any]:
    utc = start.astimezone(ZoneInfo("UTC")) + timedelta(seconds=n)
    return {
        "calling_number": number,
        "start_time": utc,
        "duration_s": duration_s,
        "record_type": "call",
    }


def shown(rows: pl.LazyFrame, day: date) -> pl.DataFrame:
    return rows.filter(pl.col("day") == day).sort("line").collect()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zone", "first"),
    [(SHANGHAI, date(2026, 5, 4)), (BERLIN, date(2026, 3, 24)), (BERLIN, date(2025, 10, 21))],
)
@pytest.mark.parametrize("seed", range(2))
def test_every_night_finds_what_a_scan_of_its_days_finds(
    tmp_path: Path, zone: str, first: date, seed: int
) -> None:
    calls = evenings(seed, zone, first)
    days = night_runs.by_day(tmp_path / "days", calls, zone)
    told = night_runs.run(tmp_path / "state", *WORDS, tz=zone)
    n_found = 0
    for n, file in enumerate(sorted(days.glob("*.parquet")), 1):
        night = run.nightly([file], date.fromisoformat(file.stem), told)
        whole = pipeline.scan(sorted(days.glob("*.parquet"))[:n], told.settings)
        own = whole.findings.filter(day=night.day)
        assert_frame_equal(night_runs.in_order(night.result.findings), night_runs.in_order(own))
        n_found += own.filter(detector="agent_shift").height
        kept = shown(state.open_readonly(told.location).read("shifts"), night.day)
        assert_frame_equal(kept, shown(night.result.tables.shifts, night.day))
        worthy = shown(whole.tables.shifts, night.day)
        assert_frame_equal(kept.join(worthy, on="line", how="semi"), worthy)
    assert n_found > 15


def test_a_call_of_the_evening_before_counts_on_a_line_that_was_quiet(tmp_path: Path) -> None:
    first, second = past("2026-05-04", 2)
    agent = line("+8613800000001").dials(1, on=first, at="20:00", talk_s=5 * 3600)
    agent.dials(119, on=second, gap_s=270, talk_s=240)
    days = night_runs.by_day(tmp_path / "days", feed(agent))
    _, night = night_runs.every(days, night_runs.run(tmp_path / "state"))
    (row,) = found(night.result, "agent_shift")
    assert row["observed"] == 8.9, "7.9 hours of the day, and one from midnight on"


def test_a_late_file_of_the_evening_reopens_the_morning(tmp_path: Path) -> None:
    first, second = past("2026-05-04", 2)
    agent = line("+8613800000001").dials(3, on=first, at="09:00")
    morning = line("+8613800000001").dials(119, on=second, gap_s=270, talk_s=240)
    late = line("+8613800000001").dials(1, on=first, at="23:56", talk_s=600, to="+8613700000009")
    folder = night_runs.by_day(tmp_path / "days", feed(agent, morning))
    told = night_runs.run(tmp_path / "state")
    assert not any(found(night.result, "agent_shift") for night in night_runs.every(folder, told))
    feed(late).write_parquet(folder / "late.parquet")
    run.nightly([folder / "late.parquet"], date.fromisoformat(first), told)
    again = list(run.backfill([folder], *map(date.fromisoformat, (first, second)), told))
    (night,) = (each for each in again if not isinstance(each, str))
    (row,) = found(night.result, "agent_shift")
    assert (str(row["day"]), row["observed"]) == (second, 8.0)


def test_a_state_without_the_table_is_read_and_written_on(tmp_path: Path) -> None:
    days = past("2026-05-04", 6)
    agent = line("+8613800000001").dials(90, on=days, gap_s=270, talk_s=240)
    folder = night_runs.by_day(tmp_path / "days", feed(agent))
    told = night_runs.run(tmp_path / "state")
    files = sorted(folder.glob("*.parquet"))
    for file in files[:4]:
        night = run.nightly([file], date.fromisoformat(file.stem), told)
    assert found(night.result, "agent_shift")
    copy = shutil.copytree(told.location, tmp_path / "copy")
    known = state.open_writable(copy, SHANGHAI, "CN")
    older = {name: version for name, version in known.versions.items() if name != "shifts"}
    known.note("retention", tables=older)
    assert state.open_readonly(copy).read("shifts").collect().is_empty()
    aged = night_runs.run(copy)
    fifth = run.nightly([files[4]], date.fromisoformat(files[4].stem), aged)
    assert not found(fifth.result, "agent_shift"), "one day of six hours is all that is known"
    kept = state.open_readonly(copy).read("shifts").collect()
    assert kept.columns == list(SHIFTS)
    assert kept["day"].cast(pl.String).to_list() == [days[4]]
    for file in files[:5]:  # the nights before, again
        again = run.nightly([file], date.fromisoformat(file.stem), aged)
    assert "on 5 of 14 days" in found(again.result, "agent_shift")[0]["reason"]
