"""Times to local days: zones, types, the hours that spring and autumn change, broken clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly import pipeline, settings
from cdr_anomaly.errors import InputError
from tests.helpers.raw_feeds import ANNA, NOON, call, feed, opened, read, refused, scanned, written

if TYPE_CHECKING:
    from pathlib import Path

NAIVE = datetime(2026, 5, 1, 12)  # noqa: DTZ001


def profile_days(*paths: Path | str, **told: Any) -> dict[date, int]:
    """Count the placed calls of each local day."""
    watched = settings.load_settings(
        **told, assignments=("mass_dialler.calls=1", "mass_dialler.distinct=1")
    )
    result = pipeline.scan(paths, watched, extra_line=ANNA)
    days = result.tables.profile.group_by("day").agg(pl.col("n_out").sum()).collect()
    return dict(days.sort("day").rows())


@pytest.mark.parametrize("unit", ["ns", "us", "ms"])
def test_naive_times_are_of_the_zone_that_is_told(tmp_path: Path, unit: Any) -> None:
    naive = feed(call(start_time=NAIVE)).cast({"start_time": pl.Datetime(unit)})
    file = written(tmp_path, naive)
    assert read(file, tz="Asia/Shanghai")["start_time"].to_list() == [NOON]
    assert read(file, tz="UTC")["start_time"].to_list() == [NOON + timedelta(hours=8)]


def test_naive_times_without_a_zone_are_an_error_that_says_what_to_add(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call(start_time=NAIVE)))
    with pytest.raises(InputError) as caught:
        opened(file)
    assert str(caught.value) == (
        f"'{file}': the times in 'start_time' carry no zone; "
        "say which with --tz, as in --tz Asia/Shanghai."
    )


@pytest.mark.parametrize(
    ("dtype", "named"), [(pl.String, "String"), (pl.Int64, "Int64"), (pl.Date, "Date")]
)
def test_a_column_that_is_no_time_is_named_with_its_type(
    tmp_path: Path, dtype: Any, named: str
) -> None:
    time = pl.col("start_time").dt.to_string() if dtype == pl.String else pl.col("start_time")
    file = written(tmp_path, feed(call()).with_columns(time.cast(dtype)))
    with pytest.raises(InputError) as caught:
        opened(file)
    assert str(caught.value) == (
        f"'{file}': the column 'start_time' is {named}, not a timestamp; "
        "write it as one, or give a layout with time_format or time_unit."
    )


@pytest.mark.parametrize(
    ("day", "hours", "zone"),
    [
        (date(2026, 3, 29), 23, "Europe/Berlin"),
        (date(2026, 10, 25), 25, "Europe/Berlin"),
        (date(2026, 5, 1), 24, "Asia/Shanghai"),
        (date(2018, 11, 4), 23, "America/Sao_Paulo"),  # the clock skips midnight itself
        (date(2019, 2, 16), 25, "America/Sao_Paulo"),
    ],
)
@pytest.mark.parametrize("naive", [False, True])
def test_a_local_day_is_as_long_as_it_is(
    tmp_path: Path,
    day: date,
    hours: int,
    zone: str,
    naive: bool,  # noqa: FBT001
) -> None:
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=1)
    rows = feed(*(call(start_time=first + timedelta(minutes=30 * n)) for n in range(144)))
    start = pl.col("start_time").dt.convert_time_zone(zone)
    local = rows.with_columns(start.dt.replace_time_zone(None) if naive else start)
    file = written(tmp_path, local if not naive else local.unique(maintain_order=True))
    counted = profile_days(file, tz=zone)
    # Of an hour that comes twice, naive times tell only one.
    assert counted[day] == 2 * (min(hours, 24) if naive else hours)
    since = profile_days(file, tz=zone, since=day, until=day)
    assert since == {day: counted[day]}


def test_a_naive_time_in_the_hour_that_spring_skips_is_refused(tmp_path: Path) -> None:
    skipped = datetime(2026, 3, 29, 2, 30)  # noqa: DTZ001
    file = written(tmp_path, feed(call(start_time=skipped)))
    assert refused(file, tz="Europe/Berlin")["reason"].to_list() == ["no start time"]


def test_a_naive_time_in_the_hour_that_comes_twice_is_the_earlier_one(tmp_path: Path) -> None:
    twice = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001
    file = written(tmp_path, feed(call(start_time=twice)))
    earlier = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert read(file, tz="Europe/Berlin")["start_time"].to_list() == [earlier]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", None])
def test_times_of_a_broken_clock_are_refused_and_do_not_stop_the_scan(
    tmp_path: Path, unit: Any, zone: str | None
) -> None:
    extremes = pl.Series("start_time", [2**63 - 1, -(2**63 - 1), 0, 2**63 - 2**40], pl.Int64)
    times = extremes.cast(pl.Datetime(unit)).dt.replace_time_zone("UTC")
    times = (
        times.dt.replace_time_zone(None) if zone is None else times.cast(pl.Datetime(unit, zone))
    )
    rows = feed(*[call()] * 4).with_columns(times)
    file = written(tmp_path, rows)
    counts = scanned(file, tz="Asia/Shanghai").counts
    assert sum(counts.refused.values()) == counts.read == 4
