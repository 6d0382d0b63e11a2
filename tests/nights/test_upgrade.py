"""A state that an earlier version wrote is read as it is, and upgraded by the next run that writes.

states/version-1.tar.xz was written by the version that is tagged before-house: three nights of a
small feed, from 2026-05-04 on, with ``--set campaign.calls_day=20 --set campaign.cells=5``, and a
feedback after the first. Each step of upgrade.STEPS is tested from this file.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from cdr_anomaly.errors import StateError
from cdr_anomaly.nights import operations, run, state, state_header, upgrade
from cdr_anomaly.schema import STATE_TABLES
from cdr_anomaly.storage import delta, paths
from tests.helpers import night_runs, store_files
from tests.helpers.builders import SHANGHAI, feed, line

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdr_anomaly.storage.paths import Address, Location

STATES = Path(__file__).parent / "states"
NEXT = date(2026, 5, 7)


@pytest.fixture
def former(tmp_path: Path) -> Path:
    """The state that version 1 wrote."""
    with tarfile.open(STATES / "version-1.tar.xz") as packed:
        packed.extractall(tmp_path / "state", filter="data")
    return tmp_path / "state"


@pytest.fixture
def written(former: Path) -> dict[str, pl.DataFrame]:
    """Its tables as they lie there, by their names of today."""
    ledger = pl.scan_delta(DeltaTable(former / "ledger")).sort("number").collect()
    versions = json.loads(ledger["tables"].drop_nulls()[-1])
    tables = {
        name: pl.scan_delta(DeltaTable(former / name, version)).collect()
        for name, version in versions.items()
    }
    assert all(frame.height for frame in tables.values()), "the file has rows of every table"
    assert upgrade.TABLES_2.keys() <= tables.keys()
    return {
        upgrade.TABLES_2.get(name, name): frame.rename(upgrade.COLUMNS_2.get(name, {}))
        for name, frame in tables.items()
    }


def assert_is(place: Location, written: dict[str, pl.DataFrame]) -> None:
    """Check that a state holds what version 1 wrote, whatever its layout is now."""
    known = state.open_readonly(place)
    for name, frame in written.items():
        rows = known.read(name).collect()
        assert rows.columns == list(STATE_TABLES[name])
        assert_frame_equal(
            rows.select(frame.columns), frame, check_row_order=False, check_column_order=False
        )
    events = known.ledger.head(7)
    assert events["event"].to_list() == [
        "begun", "done", "feedback", "begun", "done", "begun", "done",
    ]  # fmt: skip
    for text in events["settings"].drop_nulls():
        given = json.loads(text)
        assert given["detectors"] == {}
        assert given["cold_callers"] == upgrade.COLD_CALLERS_2 | {"calls_day": 20, "cells": 5}


def files(place: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(place)): file.read_bytes()
        for file in place.rglob("*")
        if file.is_file()
    }


def test_a_former_state_is_read_without_a_change(
    former: Path, written: dict[str, pl.DataFrame]
) -> None:
    before = files(former)
    assert_is(former, written)
    tables = operations.status(former, 5)
    (nights, of_detectors) = tables.values()
    assert nights["state"].to_list() == ["done"] * 3
    assert of_detectors["cleared"].sum() > 0
    told = night_runs.run(former).settings
    _, alerts, findings = operations.rank_again(former, None, told, None)
    assert (alerts.height, findings.height) > (0, 0)
    state.check_files(former)
    assert files(former) == before


def test_the_next_run_that_writes_upgrades_it(
    former: Path, written: dict[str, pl.DataFrame]
) -> None:
    said = operations.record_feedback(former, "+8613511110000", "confirmed", None, None)
    assert said == ("+8613511110000", date(2026, 5, 6))
    assert state_header.read(former) == state_header.Header(upgrade.VERSION, SHANGHAI, "CN")
    known = state.open_readonly(former)
    assert known.layout == upgrade.VERSION
    assert known.ledger["event"].to_list()[-2:] == [upgrade.EVENT, "feedback"]
    verdicts = known.read("feedback").sort("at").collect()["verdict"].to_list()
    assert verdicts[:1] == ["cleared"]
    assert "confirmed" in verdicts
    there = {file.name for file in former.iterdir() if not file.name.startswith(".")}
    assert there == {"state.json", "ledger", *STATE_TABLES} - {"line_names"}  # no opaque lines
    assert_is(former, {name: frame for name, frame in written.items() if name != "feedback"})


def test_nights_go_on_as_if_it_had_been_written_today(former: Path, tmp_path: Path) -> None:
    calls = feed(
        line("+8613800001001").dials(26, on=str(NEXT), at="09:00", to="+8613900000001"),
        line("+8613400000000").forwards(12, on=str(NEXT), to="+8613511110000"),
        line("+8613600000001").dials(1, on=str(NEXT), at="20:00", to="+8613600000002", talk_s=3000),
    )
    (tmp_path / "calls").mkdir()
    calls.write_parquet(tmp_path / "calls" / f"{NEXT}.parquet")
    night = run.nightly([tmp_path / "calls"], NEXT, night_runs.run(former))
    hub = night.result.findings.filter(subject="+8613511110000")
    assert hub["reason"].str.contains("forwarded to by 6 lines in the 7 days to 2026-05-07").all()
    assert hub.height > 0
    known = state.open_readonly(former)
    assert set(known.read("cold_callers").collect()["day"].to_list()) > {date(2026, 5, 4)}
    assert known.damaged().is_empty()


class CutOffError(OSError):
    """Error raised where a run is cut off."""


def cut_off(monkeypatch: pytest.MonkeyPatch, at: int, *, after: bool) -> list[str]:
    """Let the write number ``at`` be the last one, done or not; return the writes so far."""
    writes: list[str] = []

    def cut(name: str, module: Any) -> Callable[..., Any]:
        function = getattr(module, name)

        def write(*words: Any, **options: Any) -> Any:
            writes.append(f"{module.__name__.rpartition('.')[2]}.{name}")
            if len(writes) > at and not after:
                raise CutOffError
            answer = function(*words, **options)
            if len(writes) > at:
                raise CutOffError
            return answer

        return write

    for module, name in ((delta, "write"), (paths, "write"), (paths, "remove")):
        monkeypatch.setattr(module, name, cut(name, module))
    return writes


@pytest.mark.slow
@pytest.mark.parametrize("after", [False, True])
def test_an_upgrade_that_is_cut_off_leaves_a_state_and_goes_on(
    former: Path, written: dict[str, pl.DataFrame], tmp_path: Path, *, after: bool
) -> None:
    """After each write: it is read as before, and the next opening begins again or goes on."""
    for at in range(100):
        place = shutil.copytree(former, tmp_path / f"cut-{at}")
        with pytest.MonkeyPatch.context() as patch:
            writes = cut_off(patch, at, after=after)
            try:
                state.open_writable(place, SHANGHAI, "CN")
            except (CutOffError, StateError):
                assert len(writes) == at + 1
            else:
                break
        close = at % 4 == 0 or set(writes[-2:]) != {"delta.write"}
        if close:
            assert_is(place, written)
        known = state.open_writable(place, SHANGHAI, "CN")
        assert known.header.version == upgrade.VERSION
        assert (known.ledger["event"] == upgrade.EVENT).sum() == 1
        assert not any((place / name).exists() for name in upgrade.FORMER_TABLES)
        if close:
            assert known.damaged().is_empty()
            assert_is(place, written)
    removed = ["paths.remove"] * len(upgrade.FORMER_TABLES)
    assert writes[-len(removed) - 2 :] == ["delta.write", *removed, "paths.write"]
    assert len(writes) > 25


@pytest.mark.parametrize("point", ["a table", "the ledger", "after the ledger", "the header"])
def test_an_upgrade_that_is_cut_off_goes_on(
    former: Path, written: dict[str, pl.DataFrame], tmp_path: Path, point: str
) -> None:
    """The same at four points, in a second each."""
    with pytest.MonkeyPatch.context() as patch:
        writes = cut_off(patch, 100, after=True)
        state.open_writable(shutil.copytree(former, tmp_path / "plain"), SHANGHAI, "CN")
    ledger = len(writes) - 2 - len(upgrade.FORMER_TABLES)
    at = {"a table": 5, "the ledger": ledger, "after the ledger": ledger + 2}
    with pytest.MonkeyPatch.context() as patch:
        cut_off(patch, at.get(point, len(writes) - 1), after=point == "after the ledger")
        with pytest.raises((CutOffError, StateError)):
            state.open_writable(former, SHANGHAI, "CN")
    assert state_header.read(former) == state_header.Header(1, SHANGHAI, "CN")
    assert_is(former, written)
    state.open_writable(former, SHANGHAI, "CN")
    assert state_header.read(former) == state_header.Header(upgrade.VERSION, SHANGHAI, "CN")
    assert_is(former, written)


def test_steps_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def add(n: int) -> upgrade.Step:
        return lambda tables: {f"{name}{n}": rows for name, rows in tables.items()}

    monkeypatch.setattr(upgrade, "STEPS", (add(2), add(3), add(4)))
    tables = {"a": pl.LazyFrame()}
    names = [list(upgrade.through_steps(tables, version)) for version in (1, 2, 3, 4)]
    assert names == [["a234"], ["a34"], ["a4"], ["a"]]


def test_a_damaged_former_state_is_one_sentence(former: Path) -> None:
    (file,) = list((former / "hops" / "day=2026-05-05").glob("*.parquet"))
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(StateError, match="is of version 1, and cannot be brought up to date"):
        state.bring_up_to_date(former)


def test_a_state_without_a_night_is_made_anew(tmp_path: Path) -> None:
    place = tmp_path / "state"
    state_header.write(place, state_header.Header(1, "Asia/Urumqi", "CN"))
    known = state.open_writable(place, SHANGHAI, "CN")
    assert known.header == state_header.Header(upgrade.VERSION, SHANGHAI, "CN")


def test_a_former_state_in_a_store_is_read_and_upgraded(
    former: Path, written: dict[str, pl.DataFrame], bucket: Address
) -> None:
    place = store_files.put(former, bucket / "memory")
    assert_is(place, written)
    state.open_writable(place, SHANGHAI, "CN")
    assert_is(place, written)
    there = {address.name for address in place.iterdir()}
    assert there == {"state.json", "ledger", *STATE_TABLES} - {"line_names"}  # no opaque lines
