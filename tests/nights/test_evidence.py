"""What nights remember of evidence, of actors, and of what was said of them."""

from __future__ import annotations

import shutil
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly.alerts.peer_scoring import BY_ITSELF, BY_NIGHTS
from cdr_anomaly.evaluation.simulation import city
from cdr_anomaly.nights import ledger, operations, run, state, upgrade
from cdr_anomaly.schema import ALERTS, EVIDENCE, FINDINGS
from tests.helpers import night_runs
from tests.helpers.builders import SHANGHAI, feed, many, past

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.nights.run import Outcome

NIGHTS = 9
HUB = "+8613111111111"
DAYS = past("2026-05-04", 4)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    calls = city.simulate(days=31, lines=300, seed=4).calls
    last = night_runs.local_days(calls)[-NIGHTS:]
    in_time = pl.col("start_time").dt.convert_time_zone(SHANGHAI).dt.date() >= last[0]
    return night_runs.by_day(tmp_path_factory.mktemp("calls") / "days", calls.filter(in_time))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("states") / "state"


@pytest.fixture(scope="module")
def outcomes(days: Path, place: Path) -> list[Outcome]:
    done = night_runs.every(days, night_runs.run(place))
    assert len(done) == NIGHTS
    return done


def test_the_first_nights_are_calibrated_by_themselves(outcomes: list[Outcome]) -> None:
    by = [night.result.evidence["calibrated_by"].unique().to_list() for night in outcomes]
    assert by == [[BY_ITSELF]] * 5 + [[BY_NIGHTS]] * (NIGHTS - 5)


def test_a_list_that_is_made_again_is_that_of_the_night(
    outcomes: list[Outcome], place: Path
) -> None:
    assert sum(night.result.alerts["p_value"].count() for night in outcomes) > 10
    for night in outcomes:
        _, again, _ = operations.rank_again(place, night.day, night_runs.run(place).settings, None)
        assert_frame_equal(again, night.result.alerts)


def test_a_night_that_is_run_again_weighs_the_same(
    outcomes: list[Outcome], place: Path, days: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(place, tmp_path / "state")
    before = night_runs.remembered(copy)
    assert before["evidence"]
    for night in outcomes[-2:]:
        again = run.nightly([days / f"{night.day}.parquet"], night.day, night_runs.run(copy))
        assert again.result.evidence.equals(night.result.evidence)
        assert again.result.alerts.equals(night.result.alerts)
    assert night_runs.remembered(copy) == before


def aged(place: Path, *, without: dict[str, list[str]], no: str) -> None:
    """Make of a state one that an older program has left: columns and a table less."""
    known = state.open_writable(place, SHANGHAI, "CN")
    versions = known.versions
    for name, columns in without.items():
        table = known.read(name).collect().drop(columns)
        options: dict[str, Any] = {"schema_mode": "overwrite", "partition_by": ["day"]}
        known._write(name, table, mode="overwrite", **options)
        versions[name] = known._table(name).version()
    del versions[no]
    known.note("retention", tables=versions)
    events = pl.col("facts").str.replace(r'"callers": \d+, ', "")
    whole = state.open_readonly(place).ledger.with_columns(facts=events)
    known._write(upgrade.LEDGER_NAME, whole, mode="overwrite")


def test_a_state_of_an_older_program_is_read_and_written_on(
    outcomes: list[Outcome], place: Path, days: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(place, tmp_path / "state")
    lacking = {
        "alerts": ["lines", "would_clear_if", "lowered_because"],
        "findings": ["would_clear_if", "fixed_limit"],
    }
    aged(copy, without=lacking, no="evidence")
    known = state.open_readonly(copy)
    assert not any("callers" in n.facts for n in ledger.finished_nights(known.ledger).values())
    for name, columns in lacking.items():
        table, kind = known.read(name).collect(), {"alerts": ALERTS, "findings": FINDINGS}[name]
        assert dict(table.schema) == {c: each.dtype for c, each in kind.items()}
        assert table.height > 0
        assert all(table[c].null_count() == table.height for c in columns)
    assert known.read("evidence").collect().is_empty()
    assert dict(known.read("evidence").collect_schema()).keys() == EVIDENCE.keys()
    _, listed, _ = operations.rank_again(
        copy, outcomes[-1].day, night_runs.run(copy).settings, None
    )
    assert listed.height > 0, "as well as the older one could tell"

    last = outcomes[-1]
    again = run.nightly([days / f"{last.day}.parquet"], last.day, night_runs.run(copy)).result
    assert again.evidence["calibrated_by"].unique().to_list() == [BY_ITSELF], "no night is known"
    rules = pl.col("detector") != "unlike_peers"
    assert again.findings.filter(rules).equals(last.result.findings.filter(rules))
    written = state.open_readonly(copy).read("findings").collect()
    assert written.filter(day=last.day)["would_clear_if"].null_count() == 0
    assert written.filter(pl.col("day") < last.day)["would_clear_if"].null_count() > 0


@pytest.fixture
def relayed(tmp_path: Path) -> Path:
    """Six lines that forward to one, which a block of twelve is no part of."""
    bridges = many(6, "+8613400000000", lambda one: one.forwards(12, on=DAYS, to=HUB))
    calls = feed(*bridges, *many(12, "+8613900000000", lambda one: one.dials(4, on=DAYS)))
    return night_runs.by_day(tmp_path / "days", calls)


def test_what_is_said_of_a_member_is_said_of_the_actor(tmp_path: Path, relayed: Path) -> None:
    told = night_runs.run(tmp_path / "state", "repeat_after_days=1")
    first, second = (relayed / f"{day}.parquet" for day in DAYS[:2])
    night = run.nightly([first], date.fromisoformat(DAYS[0]), told)
    (alert,) = night.result.alerts.to_dicts()
    assert alert["subject"] == HUB
    assert len(alert["lines"]) > 1
    member = alert["lines"][-1]
    subject, day = operations.record_feedback(told.location, member, "cleared", "one firm", None)
    assert (subject, str(day)) == (member, DAYS[0])
    said = state.open_readonly(told.location).read("feedback").collect()
    assert sorted(said["line"]) == sorted(alert["lines"])
    shown = operations.status(told.location, 3)["What became of alerts, by detector"]
    assert shown["cleared"].unique().to_list() == [1], "it is one alert, whatever its lines"

    again = run.nightly([second], date.fromisoformat(DAYS[1]), told).result.alerts
    (later,) = again.filter(pl.col("lines").list.contains(HUB)).to_dicts()
    grades = ("low", "medium", "high", "critical")
    assert grades.index(later["severity"]) == grades.index(alert["severity"]) - 1
    assert later["lowered_because"] == f"cleared on {DAYS[0]}"
    assert later["feedback"] == f"cleared on {DAYS[0]}: one firm"
    operations.record_feedback(told.location, HUB, "confirmed", None, night.day)
    said = state.open_readonly(told.location).read("feedback").collect()
    assert said["verdict"].unique().to_list() == ["confirmed"], "of all of them, once"


def test_nights_of_actors_go_on(tmp_path: Path, relayed: Path) -> None:
    told = night_runs.run(tmp_path / "state")
    lists = [night.result.alerts for night in night_runs.every(relayed, told)]
    assert [each.filter(subject=HUB)["rank"].to_list() for each in lists] == [[1]] + [[None]] * 3
    since = date.fromisoformat(DAYS[0])
    assert all(each.filter(subject=HUB)["ongoing_since"].item() == since for each in lists[1:])
