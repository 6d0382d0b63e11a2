"""A state that was written before a table had a column opens, is read, and goes on."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from polars.testing import assert_frame_equal

from cdr_anomaly.nights import run, state
from cdr_anomaly.schema import CARRY_OVER, LEGS, STATE_TABLES
from tests.helpers import night_runs
from tests.helpers.builders import feed, line

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FIRST, SECOND, THIRD = (date(2026, 5, day) for day in (4, 5, 6))
NEW = ("imsi", "trunk_in")


def test_columns_that_an_older_state_lacks_are_empty_and_new_nights_have_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [str(FIRST), str(SECOND)]
    calls = feed(line("+8613800000001").dials(50, on=days, at="23:20", imsi="460001", trunk_in="x"))
    folder = night_runs.by_day(tmp_path / "days", calls)
    told, plain = night_runs.run(tmp_path / "state"), night_runs.run(tmp_path / "plain")
    night_runs.every(folder, plain)
    plainly = state.State.commit

    def as_before(self: state.State, *words: Any, **more: Any) -> state.State:
        with monkeypatch.context() as then:
            for name, table in {"legs": LEGS, "carry_over": CARRY_OVER}.items():
                older = {column: each for column, each in table.items() if column not in NEW}
                then.setitem(STATE_TABLES, name, older)
            return plainly(self, *words, **more)

    with monkeypatch.context() as once:
        once.setattr(state.State, "commit", as_before)
        run.nightly([folder / f"{FIRST}.parquet"], FIRST, told)
    for name in ("legs", "carry_over"):
        written = pl.scan_delta(str(told.location / name)).collect_schema()
        assert not set(NEW) & set(written)
    for name in ("legs", "carry_over"):
        known = state.open_readonly(told.location).read(name).collect()
        assert known.height > 0
        assert known.select(NEW).null_count().row(0) == (known.height, known.height)
    for day in (SECOND, THIRD):  # the burst of the second evening ends on the third day
        run.nightly([folder / f"{day}.parquet"], day, told)
    legs = state.open_readonly(told.location).read("legs").collect()
    told_now = legs.filter(pl.col("day") == SECOND).select(NEW).unique()
    assert told_now.rows() == [("460001", "x")]
    assert legs.filter(pl.col("day") == FIRST).select(NEW).unique().rows() == [(None, None)]
    assert_frame_equal(night_runs.findings(told.location), night_runs.findings(plain.location))
