from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import binom

from cdr_anomaly import pipeline, settings
from cdr_anomaly.engines import local
from cdr_anomaly.ingest import source
from tests.helpers.builders import BIDDEN, Line, feed, found, line, scanned

if TYPE_CHECKING:
    from pathlib import Path

DAY = "2026-05-20"
CLOSER = "+8613700000001"
OPENERS = ("+8613800000001", "+8613800000002")


def person(n: int, opener: str) -> str:
    return f"+861390{opener[-1]}{n:06}"


def at(minute: float) -> str:
    seconds = round(60 * minute)
    return f"{9 + seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def opener(number: str, talk_s: int = 120, **more: Any) -> Line:
    """Call 48 people all day, ten minutes after each other, of whom one in four talks."""
    own = line(number)
    for n in range(48):
        answers = 1.0 if n % 4 == 0 else 0.0
        own.dials(
            1, on=DAY, at=at(10 * n), to=person(n, number), answered=answers, talk_s=talk_s, **more
        )
    return own


def closer(
    people: int, *, minutes: float = 5, number: str = CLOSER, talk_s: int = 900, of: int = 12
) -> Line:
    """Call so many of those that each opener talked to, minutes after it had begun."""
    own = line(number)
    for n in range(0, 4 * of, 4):
        for opened in OPENERS[: 1 + n // 4 % 2]:
            if n // 4 < people:
                own.dials(1, on=DAY, at=at(10 * n + minutes), to=person(n, opened), talk_s=talk_s)
    return own


def scan(folder: Path, *lines: Line, words: tuple[str, ...] = ()) -> Any:
    return scanned(folder, feed(*lines), *words)


# What the closer does, how many people it is found for, and why.
CASES: dict[str, tuple[Line, int | None, str]] = {
    "clerk": (closer(4), 6, "it calls five minutes after each talk began"),
    "one too few": (closer(1), None, "one person is no pattern"),
    "the next hour": (closer(4, minutes=40), None, "not just after"),
    "within the talk": (closer(4, minutes=1), 6, "an attended transfer: the opener is still on"),
    "before the talk": (closer(4, minutes=-0.5), None, "it called first"),
    "nobody answers": (closer(4, talk_s=0), None, "the call after it is not answered"),
    "twelve people": (closer(8), 12, "three times as many and more"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_case(tmp_path: Path, case: str) -> None:
    own, people, why = CASES[case]
    result = scan(tmp_path, *map(opener, OPENERS), own)
    closers = found(result, "hand_off", CLOSER)
    assert [row["observed"] for row in closers] == ([] if people is None else [people]), why
    if people is None:
        assert found(result, "hand_off") == [], why
        return
    assert closers[0]["severity"] == ("critical" if people >= 9 else "high")
    assert closers[0]["reason"].startswith(f"called {people} people (limit 3) within 15 minutes")
    assert not any(word in closers[0]["reason"] for word in BIDDEN)


def test_a_closer_and_its_openers_are_one_actor(tmp_path: Path) -> None:
    result = scan(tmp_path, *map(opener, OPENERS), closer(4))
    rows = {row["subject"]: row for row in found(result, "hand_off")}
    assert set(rows) == {CLOSER, *OPENERS}
    assert rows[CLOSER]["members"] == sorted([CLOSER, *OPENERS])
    for each in OPENERS:
        assert rows[each]["members"] == sorted([CLOSER, each])
        assert CLOSER in rows[each]["reason"]
        told = json.loads(rows[each]["evidence"])
        assert told["role"] == "opener"
        assert {hand_off["opener"] for hand_off in told["timeline"]} == {each}
    (alert,) = result.alerts.filter(pl.col("detectors").list.contains("hand_off")).to_dicts()
    assert {CLOSER, *OPENERS} <= set(alert["members"])
    timeline = json.loads(rows[CLOSER]["evidence"])["timeline"]
    assert timeline[0] == {
        "person": person(0, OPENERS[0]),
        "opener": OPENERS[0],
        "closer": CLOSER,
        "began": f"{DAY} 09:00",
        "talk_s": 120,
        "ended": f"{DAY} 09:02",
        "called": f"{DAY} 09:05",
    }


def test_those_that_are_spared(tmp_path: Path) -> None:
    clinic = line("+8613500000001")  # its patients answer
    for n in range(40):
        clinic.dials(1, on=DAY, at=at(10 * n), to=person(n, "+9"), talk_s=120)
    pharmacy = line("+8613500000002")
    for n in range(0, 40, 3):
        pharmacy.dials(1, on=DAY, at=at(10 * n + 6), to=person(n, "+9"), talk_s=60)
    courier = line("+8613500000003")  # is called back, and answered
    courier.dials(
        60, on=DAY, at="09:00", gap_s=300, answered=0.85, talk_s=70, cells=12, called_back=0.3
    )
    mother, victim = line("+8613500000004"), person(0, OPENERS[0])
    mother.dials(6, on=DAY, at=at(3), gap_s=120, to=victim, talk_s=60)
    result = scan(tmp_path, *map(opener, OPENERS), clinic, pharmacy, courier, mother)
    assert found(result, "hand_off") == []


def test_chance_is_no_hand_off(tmp_path: Path) -> None:
    """Friends call whenever they like, one friend calls many of these people."""
    random = Random(3)  # noqa: S311 - no secret
    friends = []
    for n in range(30):
        friend = line(f"+86136{n:08}")
        for _ in range(8):
            called = person(4 * random.randrange(12), random.choice(OPENERS))
            friend.dials(1, on=DAY, at=at(random.uniform(0, 480)), to=called, talk_s=100)
        friends.append(friend)
    result = scan(tmp_path, *map(opener, OPENERS), *friends)
    assert found(result, "hand_off") == []
    both = scan(tmp_path, *map(opener, OPENERS), *friends, closer(8))
    assert {row["subject"] for row in found(both, "hand_off")} == {CLOSER, *OPENERS}


def test_records_of_both_sides_give_the_same(tmp_path: Path) -> None:
    calls = feed(*map(opener, OPENERS), closer(4))
    kinds = pl.lit(pl.Series(["moc", "mtc"])).implode()
    both = calls.with_columns(record_type=kinds).explode("record_type")
    one, other = scanned(tmp_path / "one", calls), scanned(tmp_path / "both", both)
    assert found(one, "hand_off") == found(other, "hand_off") != []


@pytest.mark.parametrize("seed", range(3))
def test_counts_equal_the_double_loop(tmp_path: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    lines = [opener(each) for each in OPENERS]
    closers = [line(f"+86137{n:08}") for n in range(8)]
    for own in closers:
        for _ in range(random.randrange(1, 25)):
            n = 4 * random.randrange(12)
            start = 10 * n + random.choice([0.5, 1, 2, 3, 16, 17.5, 60])
            to = person(n, random.choice(OPENERS))
            own.dials(1, on=DAY, at=at(start), to=to, talk_s=random.choice([0, 30, 80]))
    calls = feed(*lines, *closers)
    result = scanned(tmp_path, calls, "hand_off.fdr=0.5", "hand_off.people=2")
    told = {row["subject"]: row for row in found(result, "hand_off") if row["p_value"] is not None}
    counted = twin(calls.to_dicts())
    assert told
    for number, row in told.items():
        people, both = counted[number]
        figures = json.loads(row["evidence"])
        assert (row["observed"], figures["n_both"]) == (people, both)
        assert figures["n_tested"] == len(counted)
        chance = figures["expected"] / both
        assert row["p_value"] == pytest.approx(binom.sf(people - 1, both, chance))


def twin(rows: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """Count for each line the people handed to it, and those that answered it and an opener."""
    handed: dict[str, set[str]] = {}
    both: dict[str, set[str]] = {}
    talks = [r for r in rows if r["calling_number"] in OPENERS and r["duration_s"] >= 60]
    for talk in talks:
        for call in rows:
            who, called = call["calling_number"], call["called_number"]
            if called != talk["called_number"] or who == talk["calling_number"]:
                continue
            if not call["duration_s"]:
                continue
            both.setdefault(who, set()).add(called)
            after = (call["start_time"] - talk["start_time"]).total_seconds() - talk["duration_s"]
            if -120 < after <= 900 and call["start_time"] > talk["start_time"]:
                handed.setdefault(who, set()).add(called)
    return {who: (len(handed.get(who, ())), len(people)) for who, people in both.items()}


def test_reached_is_all_calls_of_those_people_that_day_and_no_other(tmp_path: Path) -> None:
    victim = person(0, OPENERS[0])
    own = line(victim).dials(3, on=[DAY, "2026-05-21"], at="20:00")
    others = line("+8613600000009").dials(5, on=DAY, at="18:00", to=victim, answered=0)
    short = line("+8613600000008").dials(2, on=DAY, to=person(1, OPENERS[0]))
    result = scan(tmp_path, opener(OPENERS[0]), own, others, short)
    reached = result.tables.reached.collect()
    assert set(reached["day"].cast(pl.String)) == {DAY}
    written = reached.select(result.tables.written(pl.col("line"))).to_series()
    assert Counter(written) == {person(n, OPENERS[0]): 1 for n in range(4, 48, 4)} | {victim: 9}


@pytest.mark.parametrize("kept", [True, False])
def test_how_much_is_read_at_once_or_kept_makes_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, kept: bool
) -> None:
    """Repeats of a call stand in several parts, too."""
    calls = feed(*map(opener, OPENERS), closer(4)).with_columns(answered=pl.col("duration_s") > 0)
    plain = scanned(tmp_path / "plain", calls)
    monkeypatch.setattr(source, "PART_ROWS", 20)
    if not kept:
        monkeypatch.setattr(local, "KEPT_SHARE", 0)
        monkeypatch.setattr(local, "KEYS_SHARE", 0)
    folder = tmp_path / "parts"
    folder.mkdir()
    repeated = pl.concat([calls, calls.gather_every(3)])
    repeated.write_parquet(folder / "calls.parquet", row_group_size=7)
    told = settings.load_settings(tz="Asia/Shanghai")
    parted = pipeline.scan([folder / "calls.parquet"], told)
    assert parted.counts.duplicates == calls.gather_every(3).height
    assert_frame_equal(parted.tables.reached.collect(), plain.tables.reached.collect())
    assert_frame_equal(parted.findings, plain.findings)
    assert_frame_equal(parted.victims, plain.victims)
    assert not plain.victims.is_empty()


def test_opaque_numbers_are_handed_over_as_well(tmp_path: Path) -> None:
    numbers = pl.col("calling_number", "called_number").str.replace("+86", "x", literal=True)
    calls = feed(*map(opener, OPENERS), closer(4)).with_columns(numbers)
    result = scanned(tmp_path, calls)
    (row,) = found(result, "hand_off", CLOSER.replace("+86", "x"))
    assert row["observed"] == 6
    assert set(result.victims["number"].str.slice(0, 1)) == {"x"}
    assert set(result.victims["hand_offs"]) == {1}


def test_nobody_is_looked_at_where_nobody_was_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = line(OPENERS[0]).dials(48, on=DAY, answered=0.2, talk_s=50)
    calls = feed(own)
    monkeypatch.setattr(local.Local, "read_calls", _once(local.Local.read_calls))
    result = scanned(tmp_path, calls)
    assert result.tables.cold_callers.collect().height == 1
    assert result.tables.reached.collect().is_empty()


def _once(plain: Any) -> Any:
    """Let rows be read again once, for the second look."""
    times: list[int] = []

    def again(*given: Any, **named: Any) -> Any:
        times.append(1)
        assert len(times) == 1
        return plain(*given, **named)

    return again
