from __future__ import annotations

import os
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly.errors import InputError
from cdr_anomaly.ingest import files
from tests.helpers.raw_feeds import (
    ANNA,
    BO,
    CAO,
    DU,
    at,
    call,
    columns,
    feed,
    opened,
    read,
    written,
)

if TYPE_CHECKING:
    from pathlib import Path

DAY_S = 86_400


def names(*paths: Path | str) -> list[str]:
    return [file.path.name for file in files.find_files(paths)]


def test_a_file_a_folder_and_a_glob_are_read_together_each_file_once(tmp_path: Path) -> None:
    one = written(tmp_path, feed(call()), "a/one.parquet")
    written(tmp_path, feed(call(1)), "a/deep/two.pq")
    written(tmp_path, feed(call(2)), "b/three.parq")
    found = names(one, tmp_path / "a", f"{tmp_path}/*/*.par*", one)
    assert found == ["two.pq", "one.parquet", "three.parq"]


def test_names_that_begin_with_a_dot_or_an_underscore_are_left_out_of_folders(
    tmp_path: Path,
) -> None:
    for name in ("seen.parquet", ".hidden.parquet", "_meta.parquet", "_tmp/x.parquet", "note.txt"):
        written(tmp_path, feed(call()), name)
    assert names(tmp_path) == ["seen.parquet"]


def test_a_hidden_file_that_is_named_is_read(tmp_path: Path) -> None:
    assert names(written(tmp_path, feed(call()), "_odd.parquet")) == ["_odd.parquet"]


def test_a_folder_below_a_hidden_one_is_read_when_it_is_named(tmp_path: Path) -> None:
    written(tmp_path, feed(call()), ".cache/day/x.parquet")
    assert names(tmp_path / ".cache" / "day") == ["x.parquet"]


def test_the_same_file_behind_a_link_counts_once(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call()))
    (tmp_path / "link.parquet").symlink_to(file)
    assert len(files.find_files([tmp_path, os.path.relpath(file)])) == 1


def test_brackets_in_a_name_are_a_name(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call()), "calls[1].parquet")
    assert read(file).height == 1
    assert read(tmp_path).height == 1


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("nowhere", "There is no file or folder '{}'."),
        ("nothing*.parquet", "No Parquet file matches '{}'."),
        ("empty", "The folder '{}' holds no Parquet file (looked for .parquet, .pq, .parq)."),
    ],
)
def test_a_path_that_leads_nowhere_is_named(tmp_path: Path, path: str, sentence: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        files.find_files([tmp_path / path])
    assert str(caught.value) == sentence.format(tmp_path / path)


def test_damage_is_told_apart_by_where_it_is(tmp_path: Path) -> None:
    whole = written(tmp_path, feed(call())).read_bytes()
    cases = {
        "is not a Parquet file": b"a,b\n1,2\n",
        "is not a Parquet file.": b"",
        "is truncated: copy it again": whole[:-20],
        "has a damaged footer: copy it again": whole[:-120] + b"\x5a" * 112 + whole[-8:],
    }
    for fault, content in cases.items():
        (tmp_path / "calls.parquet").write_bytes(content)
        with pytest.raises(InputError, match=fault):
            files.find_files([tmp_path])


def test_read_through_names_the_file_with_a_damaged_page(tmp_path: Path) -> None:
    written(tmp_path, feed(call()), "sound.parquet")
    damaged(written(tmp_path, feed(*(call(n) for n in range(500))), "worse.parquet"))
    with pytest.raises(InputError, match=r"worse.parquet' is damaged"):
        files.check_pages([tmp_path])


def damaged(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4:200] = b"\x5a" * 196
    file.write_bytes(content)


def test_a_hive_key_that_the_layout_needs_is_a_column_and_others_are_not(tmp_path: Path) -> None:
    row = feed(call()).drop("called_number")
    written(tmp_path, row, f"date=2026-05-01/called_number={CAO}/calls.parquet")
    written(tmp_path, row, f"date=2026-05-02/called_number={DU}/calls.parquet")
    source = opened(tmp_path)
    assert read(tmp_path)["called_number"].to_list() == [CAO, DU]
    assert "date" not in {column for file in source.files for column in file.columns}


def test_a_column_of_the_file_shadows_a_hive_key_of_its_name(tmp_path: Path) -> None:
    written(tmp_path, feed(call()), f"called_number={DU}/calls.parquet")
    assert read(tmp_path)["called_number"].to_list() == [BO]


def test_files_of_many_shapes_are_read_as_one_feed(tmp_path: Path) -> None:
    plain = feed(call(imei="867"))
    written(tmp_path, plain, "1.parquet")
    written(tmp_path, feed(call(1)), "2.parquet")
    written(tmp_path, feed(call(2)).select(sorted(plain.drop("imei").columns)), "3.parquet")
    written(tmp_path, feed(call(3)).cast({"duration_s": pl.Int32}), "4.parquet")
    written(tmp_path, feed(call(4)).cast({"duration_s": pl.UInt8}), "5.parquet")
    for n, unit in enumerate(("us", "ns", "ms"), start=5):
        time = pl.col("start_time").dt.cast_time_unit(unit)
        written(tmp_path, feed(call(n)).with_columns(time), f"{unit}.parquet")
    zoned = pl.col("start_time").dt.convert_time_zone("Europe/Berlin")
    written(tmp_path, feed(call(8)).with_columns(zoned), "zoned.parquet")
    calls = read(tmp_path)
    assert calls["start_time"].to_list() == [at(n) for n in range(9)]
    assert calls["imei"].to_list() == ["867", *[None] * 8]
    assert calls["duration_s"].to_list() == [60] * 9


def test_rows_without_a_record_type_are_whole_calls_beside_files_that_have_one(
    tmp_path: Path,
) -> None:
    written(tmp_path, feed(call(record_type="moc")), "typed.parquet")
    written(tmp_path, feed(call(1)), "plain.parquet")
    assert read(tmp_path)["record_type"].to_list() == ["moc", "call"]


def test_the_order_of_rows_and_files_does_not_change_the_calls(tmp_path: Path) -> None:
    rows = [call(n, called_number=f"139{n:08d}") for n in range(50)]
    written(tmp_path, feed(*rows), "at_once/a.parquet")
    written(tmp_path, feed(*reversed(rows[:20])), "in_parts/z.parquet")
    written(tmp_path, feed(*reversed(rows[20:])), "in_parts/a.parquet")
    assert_frame_equal(read(tmp_path / "at_once"), read(tmp_path / "in_parts"))


def test_only_the_local_days_from_since_to_until_are_read(tmp_path: Path) -> None:
    local_midnight = datetime(2026, 5, 1, 16, tzinfo=UTC)
    starts = [local_midnight.replace(minute=0), datetime(2026, 5, 1, 15, 59, 59, tzinfo=UTC)]
    starts += [datetime(2026, 5, 2, 15, 59, 59, tzinfo=UTC), datetime(2026, 5, 2, 16, tzinfo=UTC)]
    file = written(tmp_path, feed(*(call(start_time=start) for start in starts)))
    calls = read(file, since=date(2026, 5, 2), until=date(2026, 5, 2))
    assert calls["start_time"].to_list() == [starts[0], starts[2]]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", None])
def test_row_groups_outside_since_and_until_are_not_even_decoded(
    tmp_path: Path, zone: str | None
) -> None:
    days = feed(*(call(n * DAY_S / 1000) for n in range(3000)))
    start = pl.col("start_time").dt.convert_time_zone(zone or "UTC")
    days = days.with_columns(start if zone else start.dt.replace_time_zone(None))
    file = tmp_path / "calls.parquet"
    days.write_parquet(file, row_group_size=1000)
    # The first row group is damaged: reading the other days must not touch it.
    damaged(file)
    calls = read(file, since=date(2026, 5, 3), tz="UTC")
    assert calls.height == 3000 - 1834
    with pytest.raises(pl.exceptions.PolarsError):
        read(file, tz="UTC")


def test_no_bound_may_be_written_as_the_end_of_the_calendar(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call()))
    assert read(file, since=date.min, until=date.max).height == 1


def test_only_the_columns_that_are_needed_are_read(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call(comment="x" * 1000)))
    plan = opened(file).map_rows().explain()
    assert "comment" not in plan
    assert "PROJECT 4/5 COLUMNS" in plan


def test_a_row_without_a_number_still_names_its_parties_side(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call(calling_number=None), call(1)))
    assert columns(read(file), "calling_number", "called_number") == [(None, BO), (ANNA, BO)]
