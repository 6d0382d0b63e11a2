"""TRAFFIC is what a slow count says, however the same calls are delivered."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cdr_anomaly import ingest, numbering, settings
from cdr_anomaly.engines import Local, traffic
from cdr_anomaly.ingest import source as ingest_source
from tests.helpers import night_runs
from tests.helpers.builders import SHANGHAI

if TYPE_CHECKING:
    from pathlib import Path

TOLD = settings.load_settings(tz=SHANGHAI)
BOTH = frozenset({"cell", "trunk"})
SCHEMA = {
    "calling_number": pl.String, "called_number": pl.String,
    "start_time": pl.Datetime("us", "UTC"), "duration_s": pl.Int64, "record_type": pl.String,
    "call_id": pl.String, "cell_id": pl.String, "trunk_in": pl.String,
}  # fmt: skip


def drawn(seed: int, *, ids: bool) -> pl.DataFrame:
    """Draw calls of all types about three midnights, some of them in parts."""
    random = Random(seed)  # noqa: S311 - no secret
    first = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)  # an hour before midnight
    rows: list[dict[str, Any]] = []
    for n in range(600):
        start = first + timedelta(seconds=random.randrange(0, 3 * 86_400))
        row = {
            "calling_number": random.choice(["+8613800000001", "+447700900123", "+12025550100"]),
            "called_number": f"+86138{random.randrange(10**8):08}",
            "start_time": start,
            "duration_s": 3600 if n % 7 == 0 else random.randrange(300),
            "record_type": random.choice(["call", "moc", "mtc", "fwd"]),
            "call_id": str(n) if ids else None,
            "cell_id": random.choice([None, "a", "b", "c"]),
            "trunk_in": random.choice([None, "x", "y"]),
        }
        rows.append(row)
        if n % 7 == 0 and ids:
            rows.append(row | {"start_time": start + timedelta(hours=1), "cell_id": "b"})
    frame = pl.DataFrame(rows, SCHEMA).sort("start_time")
    return frame if ids else frame.drop("call_id")


def counted(
    *frames: pl.DataFrame, folder: Path, counts: frozenset[str] = BOTH, group: int = 100
) -> pl.DataFrame:
    folder.mkdir()
    for place, frame in enumerate(frames):
        frame.write_parquet(folder / f"{place}.parquet", row_group_size=group)
    source = ingest.open_source([folder], TOLD)
    return Local(TOLD.memory).first_look(source, None, lambda _: None, counts).traffic


def slowly(calls: pl.DataFrame) -> dict[tuple[date, str, str], tuple[int, int]]:
    """Count by hand; a call in parts is one, of its first day and its least cell and trunk."""
    whole: dict[Any, dict[str, Any]] = {}
    for n, row in enumerate(calls.sort("start_time").to_dicts()):
        known = whole.setdefault(row.get("call_id") or n, row)
        for name in ("cell_id", "trunk_in"):
            told = [value for value in (known[name], row[name]) if value is not None]
            known[name] = min(told, default=None)
    sums: Counter[tuple[date, str, str]] = Counter()
    foreign: Counter[tuple[date, str, str]] = Counter()
    for row in whole.values():
        day = row["start_time"].astimezone(ZoneInfo(SHANGHAI)).date()
        kind, cell, trunk = row["record_type"], row["cell_id"], row["trunk_in"]
        if cell and kind in ("call", "moc"):
            sums[day, "cell", cell] += 1
        if trunk and kind != "fwd":
            sums[day, "trunk", trunk] += 1
            foreign[day, "trunk", trunk] += not row["calling_number"].startswith("+86")
    return {key: (n, foreign[key]) for key, n in sums.items()}


@pytest.mark.parametrize("ids", [True, False])
def test_it_is_what_a_slow_count_says(tmp_path: Path, *, ids: bool) -> None:
    calls = drawn(1, ids=ids)
    table = counted(calls, folder=tmp_path / "a")
    assert {row[:3]: row[3:] for row in table.iter_rows()} == slowly(calls)


@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("rows", [90, 100_000])
def test_it_does_not_depend_on_how_calls_are_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, *, ids: bool
) -> None:
    calls = drawn(2, ids=ids)
    plain = counted(calls, folder=tmp_path / "plain", group=100_000)
    monkeypatch.setattr(ingest_source, "PART_ROWS", rows)
    monkeypatch.setattr(traffic, "MAX_FRAMES", 4)
    shuffled = calls.sample(fraction=1, shuffle=True, seed=3)
    ways = {
        "in parts": [calls],
        "twice": [calls, calls.gather_every(3), calls],
        "in any order": [shuffled.head(200), shuffled.tail(calls.height - 200)],
    }
    for name, frames in ways.items():
        assert_frame_equal(counted(*frames, folder=tmp_path / name), plain)


def test_it_is_counted_only_where_it_is_asked_for_and_told(tmp_path: Path) -> None:
    calls = drawn(3, ids=True)
    assert counted(calls, folder=tmp_path / "none", counts=frozenset()).is_empty()
    cells = counted(calls, folder=tmp_path / "cells", counts=frozenset({"cell"}))
    assert set(cells["what"]) == {"cell"}
    without = counted(calls.drop("cell_id"), folder=tmp_path / "without")
    assert set(without["what"]) == {"trunk"}


def test_a_day_of_its_own_gives_what_all_days_give_of_it(tmp_path: Path) -> None:
    calls = drawn(4, ids=False)
    whole = counted(calls, folder=tmp_path / "whole")
    for day in night_runs.local_days(calls):
        own = counted(night_runs.of_day(calls, day), folder=tmp_path / str(day))
        assert_frame_equal(own, whole.filter(day=day))


@given(
    digits=st.integers(1, 12).flatmap(lambda n: st.integers(10 ** (n - 1), 10**n - 1)),
    ahead=st.sampled_from(["", "1", "7", "86", "852", "39"]),
    home=st.sampled_from(["CN", "HK", "US", "IT", "RU"]),
)
@effort(deadline=None)
def test_abroad_is_what_number_class_calls_international(
    digits: int, ahead: str, home: str
) -> None:
    plan = numbering.home_plan(home)
    lines = pl.DataFrame({"line": [int(f"{ahead}{digits}"), -digits]})
    written = numbering.format_line(pl.col("line"))
    found = lines.select(
        code=numbering.is_abroad(pl.col("line"), plan, as_text=False),
        text=numbering.is_abroad(written, plan, as_text=True),
        slow=numbering.number_class(written, plan) == "international",
    )
    assert found["code"].equals(found["slow"])
    assert found["text"].equals(found["slow"])
