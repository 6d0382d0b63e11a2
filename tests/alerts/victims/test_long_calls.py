"""Who is held on the line by somebody on no list."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly.alerts.victims import long_calls
from cdr_anomaly.nights import run as nights_run
from cdr_anomaly.nights import state
from cdr_anomaly.nights.state import State
from tests.helpers import night_runs
from tests.helpers.builders import Line, feed, line, scanned
from tests.helpers.victim_feeds import DAYS, FRIENDS, LAST, OTHER, V, holds, life, others, told

if TYPE_CHECKING:
    from pathlib import Path


HELD: dict[str, tuple[list[Line], str | None, str]] = {
    "two days": ([holds(DAYS[-2:])], "today", "a friend would look the same"),
    "three days": ([holds(DAYS[-3:])], "now", "three days running"),
    "one day": ([holds(DAYS[-1:])], None, "one long call is nothing"),
    "short ones": ([holds(DAYS[-3:], talk_s=1750)], None, "no call of half an hour"),
    "half an hour": ([holds(DAYS[-3:], talk_s=1900)], "now", "long enough for anybody"),
    "until yesterday": ([holds(DAYS[-4:-1])], "now", "whoever was held yesterday may be called"),
    "until days ago": ([holds(DAYS[-6:-3])], None, "not up to now"),
    "with a gap": ([holds([DAYS[-4], DAYS[-3], DAYS[-1]])], None, "the days must be running"),
    "a couple": ([holds(DAYS[-2:]), holds(DAYS[-12:-11])], None, "they talked for long before"),
    "a couple that calls back": (
        [holds(DAYS[-2:]), line(V).dials(1, on=DAYS[-9], to=OTHER, talk_s=2000)],
        None,
        "the other one did",
    ),
    "a relative": (
        [holds(DAYS[-2:]), line(V).dials(1, on=DAYS[-6], to=OTHER, talk_s=20)],
        None,
        "who is held had called before",
    ),
    "mutual": (
        [holds(DAYS[-2:]), line(V).dials(1, on=LAST, at="23:00", to=OTHER, talk_s=1900)],
        None,
        "both call for long",
    ),
    "others in vain": (
        [holds(DAYS[-2:]), line(FRIENDS[0]).dials(3, on=LAST, at="20:30", to=V, answered=0)],
        "now",
        "others find the line busy",
    ),
    "silent": ([holds(DAYS[-2:]), life(days=DAYS[:-2])], "now", "calls nobody any more"),
    "at the begin of the feed": (
        [holds(DAYS[-2:], caller="+8613800000007")],
        "today",
        "a week before is known",
    ),
}


@pytest.mark.parametrize("case", HELD)
def test_one_caller_for_hours_on_days_running(tmp_path: Path, case: str) -> None:
    lines, tier, why = HELD[case]
    rows = told(tmp_path, *lines, others())
    assert {number: row["tier"] for number, row in rows.items()} == (
        {} if tier is None else {V: tier}
    ), why
    if tier is not None:
        assert rows[V]["captive"]
        assert rows[V]["found_by"] == ["held"]
        assert "with 1 line on no list" in rows[V]["why"]


def test_nobody_is_held_whose_days_before_are_not_known(tmp_path: Path) -> None:
    assert told(tmp_path, holds(DAYS[5:7]), others(DAYS[:7])) == {}
    assert set(told(tmp_path, holds(DAYS[7:9]), others(DAYS[:9]))) == {V}


def test_a_long_call_in_parts_and_twice_delivered_is_one(tmp_path: Path) -> None:
    calls = feed(holds(DAYS[-2:], talk_s=900), others())
    parts = [
        calls.filter(calling_number=OTHER).with_columns(
            pl.col("start_time") + pl.duration(seconds=900 * n),
            call_id=pl.col("start_time").cast(pl.String),
        )
        for n in range(6)
    ]
    whole = pl.concat([calls.filter(pl.col("calling_number") != OTHER), *parts, *parts[:2]])
    (row,) = scanned(tmp_path, whole).victims.to_dicts()
    assert (row["calls"], row["minutes"]) == (2, 180.0)


@pytest.mark.parametrize("seed", range(20))
def test_pairs_equal_the_definition(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    first = date(2026, 5, 1)
    rows = [
        (
            random.choice("ab"),
            random.choice("abcd"),
            first + timedelta(days=random.randrange(24)),
            random.choice([1800, 3600]),
        )
        for _ in range(random.randrange(5, 40))
    ]
    types = {"caller": pl.String, "called": pl.String, "day": pl.Date, "duration_s": pl.Int64}
    day = first + timedelta(days=23)
    found = long_calls.pairs(pl.DataFrame(rows, types, orient="row"), day, first)
    assert set(found.rows()) == twin(rows, day, first)


def twin(rows: list[tuple[str, str, date, int]], day: date, first: date) -> set[Any]:
    found = set()
    for caller, called in {row[:2] for row in rows}:
        since = day + timedelta(days=1)
        while (
            sum(r[3] for r in rows if r[:3] == (caller, called, since - timedelta(days=1))) >= 3600
        ):
            since -= timedelta(days=1)
        either = [r for r in rows if {r[0], r[1]} == {caller, called} and r[2] < since]
        back = [r for r in rows if r[:2] == (called, caller)]
        known = (since - first).days >= 7
        if (day - since).days >= 1 and known and not either and not (back and called != caller):
            found.add((caller, called, since))
    return found


def test_a_state_from_before_the_list_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long calls are known from the first new night on; before that nobody is said to be held."""
    days = DAYS[:18]
    folder = night_runs.by_day(
        tmp_path / "days", feed(holds(days[-10:-8]), holds(days[-2:]), others(days))
    )
    run, files = night_runs.run(tmp_path / "state"), sorted(folder.glob("*.parquet"))
    commit = State.commit

    def as_before(self: State, event: str, frames: dict[str, pl.DataFrame], **more: Any) -> State:
        old = {name: rows for name, rows in frames.items() if name not in {"long_calls", "victims"}}
        more["facts"].pop("long")
        return commit(self, event, old, **more)

    with monkeypatch.context() as patched:
        patched.setattr(State, "commit", as_before)
        for file in files[:8]:
            nights_run.nightly([file], date.fromisoformat(file.stem), run)
    assert "long_calls" not in state.open_readonly(run.location).versions
    for file in files[8:10]:
        night = nights_run.nightly([file], date.fromisoformat(file.stem), run)
        assert night.result.victims.is_empty()
    for file in files[10:]:
        night = nights_run.nightly([file], date.fromisoformat(file.stem), run)
    assert night.result.victims.is_empty(), "the long calls of the week before are their past"
    assert set(state.open_readonly(run.location).versions) >= {"long_calls", "victims"}
