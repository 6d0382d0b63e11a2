"""The tables of all lines are written in pieces that fit the memory, and are the same."""

from __future__ import annotations

import shutil
from itertools import pairwise
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from deltalake import DeltaTable

from cdr_anomaly import numbering
from cdr_anomaly.engines import local, profile
from cdr_anomaly.nights import ledger, open_state, run, state
from tests.helpers import night_runs
from tests.helpers.builders import feed, line, many
from tests.helpers.crash_nights import DAYS, last

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.crash_nights import Tables

PIECES = ("profile", "line_sightings")


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """PROFILE comes in several parts, and LINE_SIGHTINGS is merged in several ranges of lines."""
    monkeypatch.setattr(profile, "MIN_HELD_COUNTS", 500)
    monkeypatch.setattr(local, "COUNT_BYTES", 2**40)
    monkeypatch.setattr(open_state, "SIGHTING_BYTES", 2**30 // 3000)
    monkeypatch.setattr(open_state, "SAMPLED_LINES", 7)


def n_files(place: Path, name: str) -> int:
    """Count the files of a table, of the last day if it is divided by day."""
    known = state.open_readonly(place)
    uris = DeltaTable(place / name, known.versions[name]).file_uris()
    return sum("day=" not in uri or f"day={DAYS[3]}" in uri for uri in uris)


def test_a_night_in_little_memory_leaves_the_same_state(
    tmp_path: Path, files: Path, after: Tables, small_memory: None
) -> None:
    del small_memory
    place = tmp_path / "state"
    night_runs.every(files, night_runs.run(place))
    assert all(n_files(place, name) > 2 for name in PIECES)
    now = night_runs.remembered(place)
    # The other state has named a file of half a day, and when its nights were run.
    for name in now.keys() - {"ledger", "volume"}:
        assert now[name] == after[name]
    run.nightly([last(files)], DAYS[3], night_runs.run(place))
    again = night_runs.remembered(place)
    assert {name: again[name] for name in PIECES} == {name: after[name] for name in PIECES}


def test_files_of_lines_are_in_the_order_of_lines_and_do_not_overlap(
    tmp_path: Path, files: Path, small_memory: None
) -> None:
    del small_memory
    place = tmp_path / "state"
    night_runs.every(files, night_runs.run(place))
    version = state.open_readonly(place).versions["line_sightings"]
    uris = DeltaTable(place / "line_sightings", version).file_uris()
    lines = [pl.read_parquet(uri)["line"] for uri in uris]
    assert all(of_file.is_sorted() for of_file in lines)
    spans = sorted((of_file[0], of_file[-1]) for of_file in lines)
    assert all(left[1] < right[0] for left, right in pairwise(spans))


def test_a_night_that_fails_between_pieces_changes_nothing(
    tmp_path: Path, files: Path, small_memory: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del small_memory
    place = tmp_path / "state"
    told = night_runs.run(place)
    for day in DAYS[:3]:
        run.nightly([files / f"{day}.parquet"], day, told)
    was = night_runs.remembered(place)
    plainly, left = state.State.stage, iter(())

    def fail(self: state.State, *words: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        plainly(self, *words)

    monkeypatch.setattr(state.State, "stage", fail)
    for n_pieces in (0, 1, 2, 4):
        left = iter(range(n_pieces))
        with pytest.raises(KeyboardInterrupt):
            run.nightly([last(files)], DAYS[3], told)
        now = night_runs.remembered(place)
        assert {name: rows for name, rows in now.items() if name != "ledger"} == {
            name: rows for name, rows in was.items() if name != "ledger"
        }
    assert list(ledger.unfinished_nights(state.open_readonly(place).ledger)) == [DAYS[3]]
    monkeypatch.setattr(state.State, "stage", plainly)
    run.nightly([last(files)], DAYS[3], told)
    assert list(open_state.read_nights(place)) == DAYS


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("as_text", [False, True])
def test_every_line_is_in_one_range(seed: int, *, as_text: bool, small_memory: None) -> None:
    del small_memory
    random = Random(seed)  # noqa: S311 - no secret
    tables = [
        pl.DataFrame({"line": random.sample(range(-50, 500), random.randrange(200))})
        for _ in range(2)
    ]
    if as_text:
        tables = [table.with_columns(pl.col("line").cast(pl.String)) for table in tables]
    lines = pl.concat(tables).unique()
    ranges = open_state._line_ranges([table.lazy() for table in tables], 2**25)
    assert len(ranges) > 2 or lines.height < 80
    inside = lines.select(
        pl.sum_horizontal(in_range.cast(pl.Int64) for in_range in ranges).alias("n")
    )
    assert (inside["n"] == 1).all()


def test_lines_that_are_tokens_are_staged_as_others(tmp_path: Path, small_memory: None) -> None:
    del small_memory
    plain = feed(*many(30, "+8613900000000", lambda one: one.dials(3, on=str(DAYS[0]))))
    tokens = feed(line("hidden").dials(3, on=str(DAYS[1])))
    place = tmp_path / "state"
    for day, calls in zip(DAYS, (plain, tokens), strict=False):
        calls.write_parquet(tmp_path / f"{day}.parquet")
        run.nightly([tmp_path / f"{day}.parquet"], day, night_runs.run(place))
    known = state.open_readonly(place)
    assert known.read("line_names").collect()["name"].to_list() == ["hidden"]
    seen = known.read("line_sightings").collect()
    assert set(seen["line"]) == set(known.read("profile").collect()["line"])
    assert seen["line"].n_unique() == seen.height


@pytest.mark.parametrize("name", PIECES)
def test_staged_rows_of_lines_that_are_text_turn_the_table_into_text(
    name: str, tmp_path: Path, files: Path, before: Path
) -> None:
    del files
    place = shutil.copytree(before, tmp_path / "state")
    known = state.open_writable(place, "Asia/Shanghai", "CN")
    was = known.read(name).collect()
    today = was.filter(pl.col("day") == DAYS[3]) if name == "profile" else was
    rows = numbering.format_lines(today.lazy(), ("line",)).collect()
    for piece in (rows[:50], rows[50:]):
        known.stage(name, piece, DAYS[3])
        assert known.read(name).collect().equals(was), "nobody sees it before it is noted"
    known = known.commit("done", {}, day=DAYS[3])
    now = known.read(name).collect()
    assert now.sort(pl.all()).equals(
        numbering.format_lines(was.lazy(), ("line",)).collect().sort(pl.all())
    )
