"""Whom to warn: by sentences, against slow twins, and night by night."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cdr_anomaly.alerts.victims import urgency
from cdr_anomaly.nights import state
from cdr_anomaly.reports import summary
from tests.helpers import night_runs
from tests.helpers.builders import BIDDEN, SHANGHAI, Line, feed, line, scanned
from tests.helpers.victim_feeds import (
    DAYS,
    FOUND,
    FRIENDS,
    LAST,
    OTHER,
    V,
    W,
    dialler,
    holds,
    life,
    told,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_who_talks_for_long_with_a_line_that_is_found_is_to_be_warned(tmp_path: Path) -> None:
    caller = dialler().dials(1, on=DAYS[-3:], at="20:00", to=V, talk_s=2400)
    (row,) = told(tmp_path, caller, life(days=DAYS[:-3])).values()
    assert row["number"] == V
    assert row["tier"] == "now"
    assert (row["streak"], row["days"], row["calls"], row["minutes"]) == (3, 3, 3, 120.0)
    assert (row["lines"], row["found_by"]) == ([FOUND], ["high_frequency", "mass_dialler"])
    assert (row["usual"], row["placed"], row["silence"]) == (5.0, 0, 1.0)
    assert row["why"] == (
        "talked 120 minutes in 3 calls on 3 days running with 1 listed line, longest 40; placed 0 "
        "calls of its usual 5"
    )
    assert row["hours_since"] == 3.3


def test_one_short_talk_with_a_mass_dialler_is_no_reason(tmp_path: Path) -> None:
    assert told(tmp_path, dialler().dials(1, on=LAST, at="20:00", to=V, talk_s=100)) == {}


# What happens beside a talk of half an hour on the last day, the tier, what is said of it.
CASES: dict[str, tuple[list[Line], str, str | None]] = {
    "nothing": ([], "today", None),
    "a call back": ([line(V).dials(1, on=LAST, at="21:00", to=FOUND)], "now", "called back once"),
    "a call back to another": (
        [dialler(OTHER), line(V).dials(2, on=LAST, at="21:00", to=OTHER, answered=0)],
        "now",
        "called back 2 times",
    ),
    "others in vain": (
        [line(f).dials(2, on=LAST, at="20:05", to=V, answered=0) for f in FRIENDS[:3]],
        "today",
        "3 others found the line busy",
    ),
    "others before": (
        [line(FRIENDS[0]).dials(2, on=LAST, at="19:00", to=V, answered=0)],
        "today",
        None,
    ),
    "one who gets through": ([line(FRIENDS[0]).dials(2, on=LAST, at="20:05", to=V)], "today", None),
}


@pytest.mark.parametrize("case", CASES)
def test_what_else_is_known(tmp_path: Path, case: str) -> None:
    beside, tier, said = CASES[case]
    caller = dialler().dials(1, on=LAST, at="20:00", to=V, talk_s=1800)
    row = told(tmp_path, caller, *beside)[V]
    assert row["tier"] == tier
    talk = "talked 30 minutes in 1 call on 1 day with 1 listed line, longest 30"
    if "call back" in case:
        assert row["why"].endswith(f"; {said}")
    else:
        assert row["why"] == (talk if said is None else f"{talk}; {said}")
    assert not any(word in row["why"] for word in BIDDEN)


def test_those_who_are_not_on_it(tmp_path: Path) -> None:
    """Other listed lines, declared people, short numbers, and those whom no such line called."""
    caller = dialler()
    for n, number in enumerate((OTHER, W, "95588", "10086")):
        caller.dials(1, on=LAST, at=f"{19 + n}:00", to=number, talk_s=1800)
    calls_it = line(FRIENDS[0]).dials(1, on=LAST, at="22:00", to=FOUND, talk_s=3000)
    lines = (caller, dialler(OTHER), calls_it)
    assert set(told(tmp_path / "all", *lines)) == {W}
    assert told(tmp_path / "declared", *lines, entities={W: "bank"}) == {}
    assert told(tmp_path / "lines", *lines, entities={FOUND: "bank", OTHER: "bank"}) == {}


def test_who_is_handed_over_comes_first(tmp_path: Path) -> None:
    opener, closer = line(FOUND), line(OTHER)
    for n in range(48):
        answers = 1.0 if n % 4 == 0 else 0.0
        at, then = (f"{9 + m // 60:02}:{m % 60:02}" for m in (10 * n, 10 * n + 4))
        to = f"+861390{n:07}"
        opener.dials(1, on=LAST, at=at, to=to, answered=answers, talk_s=90)
        if n % 4 == 0:
            closer.dials(1, on=LAST, at=then, to=to, talk_s=700)
    rows = told(tmp_path, opener, closer)
    assert len(rows) == 12
    assert {row["tier"] for row in rows.values()} == {"now"}
    assert {row["hand_offs"] for row in rows.values()} == {1}
    assert {tuple(row["lines"]) for row in rows.values()} == {(FOUND, OTHER)}


def test_no_more_than_so_many_and_ties_by_number(tmp_path: Path) -> None:
    caller = dialler()
    people = [f"+861390000{n:04}" for n in range(30)]
    for to in reversed(people):
        caller.dials(1, on=LAST, at="20:00", to=to, talk_s=900)
    result = scanned(tmp_path, feed(caller), "max_victims=20")
    assert result.victims["number"].to_list() == people[:20]
    assert result.victims["rank"].to_list() == list(range(1, 21))
    assert summary.victims_sentence(result.victims) == "0 now, 0 today, 20 on watch"


def test_what_a_feed_cannot_tell_stays_empty(tmp_path: Path) -> None:
    caller = line(FOUND).dials(1200, on=LAST, at="08:00", gap_s=30)
    calls = feed(caller.dials(1, on=LAST, at="20:00", to=V, talk_s=1800))
    (row,) = scanned(tmp_path, calls).victims.to_dicts()
    assert (row["busy_callers"], row["usual"], row["silence"]) == (None, None, None)


def points(**more: Any) -> float:
    row = {
        "streak": 1,
        "minutes": 10.0,
        "longest": 5.0,
        "n_lines": 1,
        "hand_offs": 0,
        "call_backs": 0,
        "busy_callers": 0,
        "silence": 0.0,
        "weight": 0.8,
        "hours_since": 6.0,
        "talking": False,
    } | more
    scored = urgency._scored(pl.LazyFrame([row])).collect()
    return float(scored["score"].item())


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("streak", range(6)),
        ("minutes", (0.5, 5.0, 60.0, 600.0)),
        ("longest", (0.5, 5.0, 60.0, 600.0)),
        ("n_lines", range(1, 7)),
        ("hand_offs", range(3)),
        ("call_backs", range(4)),
        ("busy_callers", (None, 0, 1, 3, 9)),
        ("silence", (None, 0.0, 0.5, 1.0)),
        ("weight", (0.5, 0.8, 1.0)),
        ("hours_since", (200.0, 48.0, 1.0, 0.0)),
        ("talking", (False, True)),
    ],
)
def test_points_only_rise(name: str, values: Any) -> None:
    rising = [points(**{name: value}) for value in values]
    assert rising == sorted(rising)
    assert rising[0] < rising[-1]


def test_points_halve_in_48_hours() -> None:
    assert points(hours_since=48.0) == pytest.approx(points(hours_since=0.0) / 2, abs=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_streaks_and_sums_equal_the_obvious(tmp_path: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    caller, tried = dialler(), line(FRIENDS[0])
    talks: dict[str, list[tuple[int, int]]] = {}
    attempts: dict[str, list[int]] = {}
    for to in (f"+86139000000{n:02}" for n in range(20)):
        for _ in range(random.randrange(1, 8)):
            day, talk = random.randrange(10, 20), random.choice([10, 60, 600, 3000])
            minute = random.randrange(0, 100)
            at = f"{20 + minute // 60}:{minute % 60:02}"
            caller.dials(1, on=DAYS[day], at=at, to=to, talk_s=talk)
            talks.setdefault(to, []).append((1440 * day + minute, talk))
        minute = random.randrange(0, 100)
        tried.dials(1, on=LAST, at=f"{20 + minute // 60}:{minute % 60:02}", to=to, answered=0)
        attempts[to] = [1440 * 19 + minute]
    rows = told(tmp_path, caller, tried)
    assert len(rows) > 5
    for to, row in rows.items():
        week = [(at, talk) for at, talk in talks[to] if at // 1440 > 12]
        long = [(at, talk) for at, talk in week if talk >= 20]
        days = {at // 1440 for at, _ in long}
        much = {d for d in days if sum(talk for at, talk in long if at // 1440 == d) >= 300}
        streak = next(n for n in range(9) if max(much, default=0) - n not in much)
        assert (row["calls"], row["days"], row["streak"]) == (len(long), len(days), streak)
        assert row["minutes"] == pytest.approx(sum(talk for _, talk in long) / 60, abs=0.06)
        busy = any(at < tried_at < at + talk / 60 for at, talk in week for tried_at in attempts[to])
        assert row["busy_callers"] == busy


def test_a_nights_list_is_that_of_a_scan(tmp_path: Path) -> None:
    days = DAYS[:12]
    caller = dialler(on=days[-2]).dials(2, on=days[-2:], at="20:00", to=V, talk_s=1500)
    holder = holds(days[-3:], caller="+8613811111111")
    lines = [
        caller,
        life(V, days=days[:-2]),
        life(W, days=days),
        holder,
        line(FRIENDS[1]).dials(3, on=days[-1], at="20:10", to=[V, W], answered=0),
        line("+8613822222222").dials(1, on=days[-3:], at="21:00", to=W, talk_s=4000),
    ]
    calls = feed(*lines)
    folder = night_runs.by_day(tmp_path / "days", calls)
    run = night_runs.run(tmp_path / "state")
    nights = night_runs.every(folder, run)
    for n in (-2, -1):
        upto = calls.filter(
            pl.col("start_time").dt.convert_time_zone(SHANGHAI).dt.date() <= nights[n].day
        )
        whole = scanned(tmp_path / str(n), upto)
        assert_frame_equal(nights[n].result.victims, whole.victims)
    assert nights[-1].result.victims.height == 2
    kept = state.open_readonly(run.location).read("victims").collect()
    assert set(kept["day"]) == {nights[-2].day, nights[-1].day}
    again = night_runs.every(folder, run)[-1]
    assert_frame_equal(again.result.victims, nights[-1].result.victims)


def test_people_to_warn_are_shown_below_the_alerts_counted_and_explained(
    run: Any, tmp_path: Path
) -> None:
    person, found = "+8613900000001", "+8613800000001"
    caller = dialler(found, on="2026-05-03")
    for n in range(2):
        caller.dials(1, on=f"2026-05-0{n + 2}", at="20:00", to=person, talk_s=3000)
    feed(caller).write_parquet(tmp_path / "calls.parquet")
    place = tmp_path / "out"
    ran = run("scan", tmp_path / "calls.parquet", "--tz", "Asia/Shanghai", "--out", place)
    assert "To warn: 1 now, 0 today, 0 on watch." in ran.err
    assert ran.out.index("To warn, the first 10") > ran.out.index(found)
    assert "talked 100 minutes in 2 calls on 2 days" in ran.out
    assert person not in ran.err
    told = json.loads((place / "run.json").read_text())
    assert told["to_warn"] == {"now": 1, "today": 0, "watch": 0}
    assert (place / "victims.csv").stat().st_mode & 0o777 == 0o600
    kept = pl.read_parquet(place / "victims.parquet")
    assert kept["number"].to_list() == [person]
    for form in ("csv", "jsonl"):
        data = run("scan", tmp_path / "calls.parquet", "--tz", "Asia/Shanghai", "--format", form)
        assert "talked 100 minutes" not in data.out
    for number in (person, found):
        ran = run("explain", number, tmp_path / "calls.parquet", "--tz", "Asia/Shanghai", "--judge")
        titles = ("To be warned\n", "Talked to these, who are to be warned, the first 10\n")
        own, rest = ran.out.split(f"\n{titles[0]}")[1].split(f"\n{titles[1]}")
        others, _ = rest.split("\nRelated numbers")
        listed, other = (own, others) if number == person else (others, own)
        assert person in listed
        assert other.strip() == "none"
