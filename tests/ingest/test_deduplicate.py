"""Duplicates and partial records, against a slow twin that compares every pair of rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from cdr_anomaly import pipeline, settings, wording
from cdr_anomaly.ingest import deduplicate
from cdr_anomaly.ingest import source as ingest_source
from cdr_anomaly.schema import CALLS
from tests.helpers.raw_feeds import ANNA, CAO, CODED_CALLS, at, call, feed, opened, written

if TYPE_CHECKING:
    from pathlib import Path

Row = tuple[Any, ...]
VALUES: dict[str, Any] = {
    "record_type": "call",
    "redirecting_number": CAO,
    "redirect_reason": "cfu",
    "answered": True,
    "release_cause": 16,
}
COLUMNS = tuple(CODED_CALLS)


def slowly(rows: list[Row]) -> list[Row]:
    """Mend rows by hand: distinct ones; then grow each call while some row continues it."""
    unique = sorted(set(rows), key=lambda row: (row[4], row[5]))
    calls: list[list[Any]] = []
    for *same, start, duration in unique:
        end = start + timedelta(seconds=duration)
        for known in calls:
            continues = start <= known[5] + timedelta(seconds=deduplicate.PART_GAP_S)
            if same[3] is not None and known[0] == same and continues:
                known[2] += duration
                known[5] = max(known[5], end)
                break
        else:
            calls.append([same, start, duration, None, None, end])
    return sorted(((*c[0], c[1], c[2]) for c in calls), key=str)


def quickly(rows: list[Row], columns: tuple[str, ...] = COLUMNS) -> list[Row]:
    frame = pl.DataFrame(rows, CODED_CALLS, orient="row").select(columns)
    return sorted(
        deduplicate.merge_calls(frame.lazy(), columns).select(columns).collect().rows(), key=str
    )


ROWS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, None]),
        st.sampled_from([3, 4]),
        st.sampled_from(["moc", "mtc"]),
        st.sampled_from(["x", "y", None]),
        st.integers(0, 40).map(at),
        st.integers(0, 12),
    ),
    max_size=25,
)


@given(rows=ROWS, seed=st.integers(0, 9))
@effort(max_examples=60, deadline=None)
def test_mending_equals_the_slow_twin_in_any_order_of_rows(rows: list[Row], seed: int) -> None:
    shuffled = Random(seed).sample(rows + rows[:5], len(rows) + min(len(rows), 5))  # noqa: S311
    assert quickly(shuffled) == slowly(rows)


@given(rows=ROWS)
@effort(max_examples=40, deadline=None)
def test_without_a_call_id_only_exact_repeats_go(rows: list[Row]) -> None:
    columns = tuple(column for column in COLUMNS if column != "call_id")
    bare = {(*row[:3], *row[4:]) for row in rows}
    assert quickly(rows, columns) == sorted(bare, key=str)


@given(rows=ROWS, more=st.sets(st.sampled_from([name for name in CALLS if name not in COLUMNS])))
@effort(max_examples=60, deadline=None)
def test_a_column_of_the_feed_need_not_have_been_read(rows: list[Row], more: set[str]) -> None:
    frame = pl.DataFrame(rows, CODED_CALLS, orient="row")
    unread = more - {"redirecting_number"}  # the looks always read what tells two calls apart
    mended = deduplicate.merge_calls(frame.lazy(), {*COLUMNS, *unread}).select(COLUMNS).collect()
    assert sorted(mended.rows(), key=str) == quickly(rows)


@pytest.mark.parametrize("column", [*CALLS][4:])
def test_a_call_delivered_twice_is_one_call_whatever_columns_it_has(
    tmp_path: Path, column: str, run: Any
) -> None:
    row = call(60, duration_s=20, call_id="x") | {column: VALUES.get(column, "x")}
    written(tmp_path, feed(row, row))
    for words in (
        ("scan", tmp_path, "--tz", "UTC"),
        ("check", tmp_path, "--tz", "UTC"),
        ("explain", ANNA, tmp_path, "--tz", "UTC"),
        ("nightly", tmp_path, "--tz", "UTC", "--state", tmp_path / "state", "--date", "2026-05-01"),
    ):
        ran = run(*words)
        assert ran.code == 0, ran.err
        if words[0] in {"scan", "nightly"}:
            assert "1 duplicates removed" in ran.err


def test_calls_of_asterisk_that_only_look_alike_stay_apart(tmp_path: Path, run: Any) -> None:
    n = 6000  # so many that keys of different calls meet by chance
    rows = pl.select(pl.int_range(n).alias("n")).select(
        src=pl.lit("+86138") + (pl.col("n") % 40).cast(pl.String).str.zfill(8),
        dst=pl.lit("+86139") + (pl.col("n") % 911).cast(pl.String).str.zfill(8),
        start=pl.datetime(2026, 5, 1) + pl.duration(seconds=pl.col("n") * 9),
        duration=pl.col("n") % 90,
        billsec=pl.col("n") % 80,
        disposition=pl.when(pl.col("n") % 80 > 0)
        .then(pl.lit("ANSWERED"))
        .otherwise(pl.lit("NO ANSWER")),
        linkedid=wording.format_text("1777.{}", "n"),
        uniqueid=wording.format_text("1777.{}", "n"),
    )
    written(tmp_path, rows)
    ran = run("scan", tmp_path, "--layout", "asterisk", "--tz", "Asia/Shanghai")
    assert ran.code == 0, ran.err
    assert f"Rows: {n:,} read, {n:,} calls used." in ran.err
    source = opened(tmp_path, layout="asterisk", tz="Asia/Shanghai")
    keys = source.map_rows().select(deduplicate.call_key(source.columns, as_text=source.as_text))
    assert keys.collect().to_series().is_duplicated().any()


@given(rows=ROWS)
@effort(max_examples=40, deadline=None)
def test_rows_that_can_be_one_call_share_a_key(rows: list[Row]) -> None:
    frame = pl.DataFrame(rows, CODED_CALLS, orient="row")
    keyed = frame.select(deduplicate.call_key(COLUMNS, as_text=False).alias("key"))
    if keyed["key"].n_unique() == frame.height:
        assert quickly(rows) == sorted(rows, key=str)


def counted(*paths: Path, **told: Any) -> tuple[int, int, int, int]:
    counts = pipeline.scan(paths, settings.load_settings(**told)).counts
    return counts.read, counts.used, counts.duplicates, counts.partial


def test_a_duplicate_within_a_file_is_removed_and_counted(tmp_path: Path) -> None:
    assert counted(written(tmp_path, feed(call(), call(), call(1), call()))) == (4, 2, 2, 0)


def test_a_row_that_differs_in_parties_type_start_or_duration_is_no_duplicate(
    tmp_path: Path,
) -> None:
    rows = [
        call(record_type=None),
        call(duration_s=61),
        call(1),
        call(called_number=CAO),
        call(calling_number=CAO),
        call(record_type="moc"),
    ]
    assert counted(written(tmp_path, feed(*rows))) == (6, 6, 0, 0)


def test_two_forms_of_one_number_make_a_duplicate(tmp_path: Path) -> None:
    file = written(tmp_path, feed(call(), call(calling_number="138-0000-0001")))
    assert counted(file) == (2, 1, 1, 0)


def test_a_file_copied_under_another_name_changes_no_count_but_its_own(tmp_path: Path) -> None:
    rows = feed(*(call(10 * n, called_number=f"1390000{n:04d}") for n in range(50)))
    one = written(tmp_path, rows, "a.parquet")
    assert counted(one) == (50, 50, 0, 0)
    written(tmp_path, rows.reverse(), "copy.parquet")
    assert counted(tmp_path) == (100, 50, 50, 0)


def test_repeats_in_files_of_other_days_and_shapes_are_found(tmp_path: Path) -> None:
    day_s = 86_400
    written(tmp_path, feed(call(), call(day_s)), "a.parquet")
    written(
        tmp_path, feed(call(day_s), call(2 * day_s)).cast({"duration_s": pl.Int16}), "b.parquet"
    )
    written(tmp_path, feed(call(2 * day_s, imei="x"), call(0)), "c.parquet")
    assert counted(tmp_path) == (6, 3, 3, 0)


def parts(*starts: float, **other: Any) -> pl.DataFrame:
    return feed(*(call(start, duration_s=100, call_id="c", **other) for start in starts))


@pytest.mark.parametrize(
    ("starts", "calls", "why"),
    [
        ((0, 100, 200), 1, "each part begins where the last one ended"),
        ((0, 105, 210), 1, "clocks differ by seconds"),
        ((0, 106), 2, "a gap is a new call"),
        ((0, 100, 500, 600), 2, "two calls of two parts under one id"),
        ((200, 0, 100), 1, "rows in any order"),
    ],
)
def test_parts_of_a_call_are_merged_when_they_follow_one_another(
    tmp_path: Path, starts: tuple[float, ...], calls: int, why: str
) -> None:
    read, used, duplicates, partial = counted(written(tmp_path, parts(*starts)))
    assert (read, used, duplicates, partial) == (len(starts), calls, 0, len(starts) - calls), why


def test_parts_without_a_call_id_are_calls(tmp_path: Path) -> None:
    table = parts(0, 100).with_columns(call_id=pl.lit(None, pl.String))
    assert counted(written(tmp_path, table)) == (2, 2, 0, 0)


def test_the_two_sides_of_a_call_share_an_id_and_are_not_merged(tmp_path: Path) -> None:
    table = feed(call(call_id="c", record_type="moc"), call(call_id="c", record_type="mtc"))
    assert counted(written(tmp_path, table)) == (2, 2, 0, 0)


def test_parts_in_two_files_are_one_call_of_one_talk(tmp_path: Path) -> None:
    written(tmp_path, parts(0, 200), "a.parquet")
    written(tmp_path, parts(100), "b.parquet")
    words = ("mass_dialler.calls=1", "mass_dialler.distinct=1")
    result = pipeline.scan([tmp_path], settings.load_settings(assignments=words), extra_line=ANNA)
    assert (result.counts.used, result.counts.partial) == (1, 2)
    placed = result.tables.legs.filter("outgoing").collect()
    assert placed.select("start", "duration_s").rows() == [(at(0), 300)]


def test_parts_that_cross_midnight_count_on_the_day_the_call_began(tmp_path: Path) -> None:
    midnight = datetime.fromisoformat("2026-05-02T00:00:00+08:00")
    before_s = (midnight - at(0)).total_seconds() - 50
    table = parts(before_s, before_s + 100)
    words = ("mass_dialler.calls=1", "mass_dialler.distinct=1")
    result = pipeline.scan(
        [written(tmp_path, table)], settings.load_settings(assignments=words), extra_line=ANNA
    )
    profile = result.tables.profile.filter(pl.col("n_out") > 0).collect()
    assert [str(day) for day in profile["day"]] == ["2026-05-01"]
    assert profile["n_out"].to_list() == [1]


def test_findings_do_not_change_when_every_row_comes_twice(tmp_path: Path) -> None:
    rows = feed(*(call(20 * n, called_number=f"1390000{n:04d}") for n in range(60)))
    told = settings.load_settings(assignments=("mass_dialler.calls=50",))
    written(tmp_path, rows, "once/a.parquet")
    written(tmp_path, rows, "twice/a.parquet")
    written(tmp_path, rows.sample(fraction=1, shuffle=True, seed=1), "twice/b.parquet")
    once, twice = (pipeline.scan([tmp_path / name], told) for name in ("once", "twice"))
    assert once.findings.height
    assert once.findings.equals(twice.findings)
    assert once.counts.used == twice.counts.used == 60


@pytest.mark.parametrize("part_rows", [1, 7, 1000])
def test_a_feed_that_is_read_in_parts_is_mended_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part_rows: int
) -> None:
    rows = feed(*(call(10 * n, called_number=f"1390000{n:04d}") for n in range(20)))
    long_call = parts(0, 100, 200, 300)
    table = pl.concat([rows, long_call], how="diagonal").sample(fraction=1, shuffle=True, seed=2)
    for name in ("a.parquet", "b.parquet"):
        table.write_parquet(tmp_path / name, row_group_size=3)
    monkeypatch.setattr(ingest_source, "PART_ROWS", part_rows)
    read, used, duplicates, partial = counted(tmp_path)
    # Whether a row is a repeat or a part of what was merged before depends on where parts are cut.
    assert (read, used, duplicates + partial) == (48, 21, 27)
