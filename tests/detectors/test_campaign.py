from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly.detectors.campaign import Campaign
from cdr_anomaly.settings import ColdCallers
from tests.helpers.builders import BIDDEN, Line, feed, found, line, scanned

if TYPE_CHECKING:
    from pathlib import Path

DAYS = ("2026-05-04", "2026-05-05", "2026-05-06")
BLOCK = 8613900000000


def team(n: int, *, start: int = 1) -> list[Line]:
    return [line(f"+86138{start + 7 * k:08}") for k in range(n)]


def listed(n: int, *, seed: int = 1, blocks: int = 40) -> list[str]:
    """Draw a list of people."""
    drawn = Random(seed).sample(range(blocks * 10_000), n)  # noqa: S311 - no secret
    return [f"+{BLOCK + number}" for number in drawn]


def dealt(lines: list[Line], people: list[str], **habits: Any) -> list[Line]:
    """Deal people at random to the lines, 60 a day each; nobody looks whom others had."""
    random = Random(7)  # noqa: S311 - no secret
    for each in lines:
        for day in DAYS:
            each.dials(60, on=day, gap_s=400, at="08:30", to=random.sample(people, 60), **habits)
    return lines


COLD = {"answered": 0.4, "talk_s": 25}


def test_lines_that_work_one_list_are_found(tmp_path: Path) -> None:
    """Sixty calls a day each, never more than nine an hour: no limit of a line is near."""
    lines = dealt(team(8), listed(1500), **COLD)
    result = scanned(tmp_path, feed(*lines))
    rows = [row for row in found(result, "campaign") if str(row["day"]) == DAYS[-1]]
    numbers = sorted(each.number for each in lines)
    assert [row["subject"] for row in rows] == numbers
    assert found(result, "high_frequency") == found(result, "mass_dialler") == []
    for row in rows:
        assert row["members"] == numbers
        assert (row["subject_kind"], row["severity"]) == ("campaign", "high")
        assert (row["observed"], row["threshold"]) == (8, 3)
        assert row["p_value"] < 1e-4
        assert not any(word in row["reason"] for word in BIDDEN)
    (alert,) = result.alerts.to_dicts()
    assert (alert["rank"], sorted(alert["lines"])) == (1, numbers)


def test_the_reason_has_the_numbers_in_it(tmp_path: Path) -> None:
    people = listed(60)
    three = team(3)
    for each in three:
        each.dials(40, on=DAYS[0], gap_s=500, at="09:00", to=people[:40], **COLD)
    three[2].dials(20, on=DAYS[1], gap_s=500, to=people[40:], **COLD)
    row = found(scanned(tmp_path, feed(*three)), "campaign", three[0].number)[0]
    assert row["reason"] == (
        "one of 3 lines (limit 3) with called numbers in common in the 7 days to 2026-05-04: 40 of "
        "its 40 were called by others of them, too; 40 by one of these (0.0 expected by chance)"
    )


def test_many_lines_are_graver(tmp_path: Path) -> None:
    lines = dealt(team(9), listed(1500), **COLD)
    rows = found(scanned(tmp_path, feed(*lines)), "campaign")
    assert {row["severity"] for row in rows if str(row["day"]) == DAYS[-1]} == {"critical"}


def test_a_range_that_is_dealt_in_turn_is_found(tmp_path: Path) -> None:
    """No number is called by two of the lines."""
    lines = team(8)
    for k, each in enumerate(lines):
        numbers = [f"+{BLOCK + 2000 + 8 * n + k}" for n in range(40)]
        each.dials(40, on=DAYS[0], gap_s=500, at="09:00", to=numbers, **COLD)
    rows = found(scanned(tmp_path, feed(*lines)), "campaign")
    assert {row["subject"] for row in rows} == {each.number for each in lines}
    assert all("within 5 of those of one of these" in row["reason"] for row in rows)


def test_a_thousand_calls_dealt_to_ten_lines_are_found_by_whom_they_try_again(
    tmp_path: Path,
) -> None:
    """Everybody is somebody else's but for a tenth, whom another line tries the next day."""
    people, lines = listed(3000, seed=3), team(10)
    for k, each in enumerate(lines):
        for n, day in enumerate(DAYS):
            first = people[1000 * n + 100 * k : 1000 * n + 100 * k + 90]
            before = 1000 * (n - 1) + 100 * ((k + 3) % 10)
            again = people[before : before + 10] if n else people[2900 + k : 2910 + k]
            each.dials(100, on=day, gap_s=300, at="08:00", to=first + again, **COLD)
    rows = found(scanned(tmp_path, feed(*lines)), "campaign")
    assert {row["subject"] for row in rows} == {each.number for each in lines}


def test_lines_with_lists_of_their_own_are_not_found(tmp_path: Path) -> None:
    people, lines = listed(480 * 3), team(8)
    for k, each in enumerate(lines):
        for n, day in enumerate(DAYS):
            own = people[480 * n + 60 * k : 480 * n + 60 * k + 60]
            each.dials(60, on=day, gap_s=400, at="08:30", to=own, **COLD)
    assert found(scanned(tmp_path, feed(*lines)), "campaign") == []


@pytest.mark.parametrize(
    "habits",
    [
        {"answered": 0.8, "talk_s": 25},
        {"answered": 0.4, "talk_s": 25, "cells": 9},
        {"answered": 0.4, "talk_s": 25, "called_back": 0.2},
    ],
    ids=["people answer", "they move about", "people call back"],
)
def test_couriers_of_one_depot_are_spared(tmp_path: Path, habits: dict[str, Any]) -> None:
    lines = dealt(team(8), listed(1500), **habits)
    assert found(scanned(tmp_path, feed(*lines)), "campaign") == []


def test_customers_are_no_strangers_any_more(tmp_path: Path) -> None:
    """Whoever is called again and again is known, by whomever else, too."""
    people, lines = listed(50), team(6)
    for each in lines:
        each.dials(50, on=DAYS, gap_s=400, at="08:30", to=people, **COLD)
    rows = found(scanned(tmp_path, feed(*lines)), "campaign")
    assert {str(row["day"]) for row in rows} == {DAYS[0]}


def test_lines_that_call_each_other_are_spared(tmp_path: Path) -> None:
    lines = dealt(team(3), listed(300), **COLD)
    for k, each in enumerate(lines):
        others = [other.number for other in lines if other is not each]
        each.dials(2, on=DAYS[0], at="20:00", to=others, answered=1.0, talk_s=200 + k)
    assert found(scanned(tmp_path, feed(*lines)), "campaign") == []


def test_who_has_stopped_is_a_member_and_no_subject(tmp_path: Path) -> None:
    people = listed(400)
    early, late = team(3), team(2, start=900)
    for n, each in enumerate([*early, *late]):
        day = DAYS[0] if each in early else DAYS[2]
        to = Random(n).sample(people, 120)  # noqa: S311 - no secret
        each.dials(120, on=day, gap_s=250, at="08:30", to=to, **COLD)
    result = scanned(tmp_path, feed(*early, *late))
    rows = [row for row in found(result, "campaign") if str(row["day"]) == DAYS[2]]
    assert {row["subject"] for row in rows} == {each.number for each in late}
    assert all(len(row["members"]) == 5 for row in rows)
    assert result.alerts["rank"].count() == 1, "who stopped and who began are one actor"


def test_opaque_lines_are_compared_too(tmp_path: Path) -> None:
    lines = dealt(team(5), listed(900), **COLD)
    calls = feed(*lines).with_columns(
        pl.col("calling_number", "called_number").hash(3).cast(pl.String).str.pad_start(24, "h")
    )
    rows = found(scanned(tmp_path, calls), "campaign")
    assert len({row["subject"] for row in rows}) == 5


def test_what_is_asked_of_a_line_is_asked_of_its_rule() -> None:
    rule = ColdCallers(calls_day=20, answered=0.5)
    needs = Campaign(cold_callers=rule).needs()
    assert needs.cold_callers == rule
    assert needs.calls_day == needs.busy_calls == 20
