from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.helpers.builders import Line, feed, found, gravest, line, past, scanned

if TYPE_CHECKING:
    import pathlib

    from cdr_anomaly.result import Result

DAY, NEXT = "2026-05-20", "2026-05-21"
WORKDAYS = past("2026-04-15", 27)  # all of them 8 days or more before the judged day
NUMBER = "+8613800000"
# Small enough not to be seen twice: a day that no detector looks at.
FEW = {"on": DAY, "gap_s": 1200, "at": "12:00"}


def known(number: str) -> Line:
    """Make a line that is not new: it was seen before the feed was warm."""
    return line(NUMBER + number).dials(1, on="2026-04-15")


def burst(number: str, n: int = 96, **more: object) -> Line:
    """Dial strangers for an hour and a half from one cell, half of them unanswered."""
    told = {"on": DAY, "at": "09:00", "gap_s": 60, "answered": 0.4, "talk_s": 20} | more
    return known(number).dials(n, **told)  # type: ignore[arg-type]


def courier(number: str, **more: object) -> Line:
    """Call strangers all day from many cells; many call back, to say where they are."""
    told = {
        "on": DAY,
        "at": "08:00",
        "gap_s": 55,
        "answered": 0.85,
        "talk_s": 25,
        "cells": 12,
        "called_back": 0.25,
    } | more
    return known(number).dials(96, **told)  # type: ignore[arg-type]


# What the line does, how grave it is, why.
CASES: dict[str, tuple[Line, str | None, str]] = {
    "burst": (burst("001"), "high", "strangers, one cell, nobody answers or calls back"),
    "courier": (courier("002"), "low", "the same volume, but called back and on the move"),
    "courier at rest": (
        courier("003", cells=1),
        "low",
        "called back and answered, though the feed knows one cell",
    ),
    "courier whom few call": (
        courier("004", called_back=0.0),
        "low",
        "answered and on the move, though nobody calls back",
    ),
    "too few": (burst("005", n=29), None, "29 calls are not judged at all"),
    "slow": (
        known("006").dials(40, **FEW, answered=0.3),
        None,
        "40 calls in the day, 3 in the hour: no burst",
    ),
    "12 in 10 minutes": (
        burst("007", n=12, gap_s=50).dials(18, **FEW),
        "low",
        "twelve in ten minutes, on a day of thirty: found, but just at the limit",
    ),
    "11 in 10 minutes": (
        known("008")
        .dials(11, on=DAY, at="09:00", gap_s=59.9)
        .dials(19, on=DAY, at="12:00", gap_s=1200),
        None,
        "eleven in ten minutes, and few else in the hour",
    ),
    "30 in 60 minutes": (
        known("009").dials(30, on=DAY, at="09:00", gap_s=120, answered=0.3),
        "high",
        "thirty in the hour, of which no ten minutes hold twelve",
    ),
    "29 in 60 minutes": (
        known("010").dials(60, on=DAY, at="09:00", gap_s=125, answered=0.3),
        None,
        "one every 125 s is 29 in the hour",
    ),
    "200 in the day": (
        known("011").dials(200, on=DAY, at="04:00", gap_s=300, answered=0.3),
        "high",
        "a slow machine: one every five minutes around the clock",
    ),
    "199 in the day": (
        known("012").dials(199, on=DAY, at="04:00", gap_s=300, answered=0.3),
        None,
        "one fewer",
    ),
    "redialler": (
        burst("013", to=[f"+86137{i:08}" for i in range(40)]),
        None,
        "96 calls to 40 numbers",
    ),
    "hotline": (
        burst("014").receives(60, on=DAY),
        None,
        "60 come in for 96 that go out: 62 % outgoing",
    ),
    "taxi dispatch": (
        known("015").dials(40, on=DAY, at="09:00", gap_s=60).receives(300, on=DAY, gap_s=100),
        None,
        "mostly incoming",
    ),
    "school": (
        known("016").dials(
            300,
            on=["2026-05-13", DAY],
            at="17:00",
            gap_s=12,
            answered=0.9,
            talk_s=20,
            to=[f"+86136{i:08}" for i in range(300)],
        ),
        "low",
        "the same parents as last week, who answer",
    ),
    "short calls": (
        burst("017", answered=1.0, talk_s=4),
        "medium",
        "all answer, and hang up at once: that nearly all answer speaks against",
    ),
    "night": (
        known("018").dials(58, on=DAY, at="23:31", gap_s=62, answered=0.3),
        "high",
        "29 before midnight and 29 after are an hour of the night, if on neither day 30",
    ),
    "over midnight": (
        known("019").dials(90, on=DAY, at="23:15", gap_s=62, answered=0.3),
        "high",
        "the hour is full just after midnight",
    ),
    "above its past": (
        burst("020", n=40, cells=4).dials(3, on=WORKDAYS, gap_s=3600),
        "high",
        "a line of three calls a day",
    ),
    "within its past": (
        burst("021", n=40, cells=4, answered=0.6).dials(38, on=WORKDAYS, gap_s=1000),
        "low",
        "a salesman who does so every day: a distance of less than 3",
    ),
    "new": (
        line(NUMBER + "023").dials(40, on=DAY, at="09:00", answered=0.6),
        "high",
        "a line first seen that day: one sign more than the same by an old one",
    ),
    "not new": (
        known("024").dials(40, on=DAY, at="09:00", answered=0.6),
        "low",
        "strangers only, one cell, but as well answered as anybody: it may be a reminder service",
    ),
    "declared": (burst("022"), "high", "found as any other; the list of alerts sets it aside"),
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    lines = [what for what, _, _ in CASES.values()]
    folder = tmp_path_factory.mktemp("high")
    return scanned(folder, feed(*lines), entities={NUMBER + "022": "survey"})


@pytest.mark.parametrize("case", CASES)
def test_high_frequency(result: Result, case: str) -> None:
    what, severity, why = CASES[case]
    assert gravest(result, "high_frequency", what.number) == severity, why


@pytest.mark.parametrize("n", [29, 30, 58])
def test_calls_over_midnight_are_found_as_they_are_an_hour_earlier(
    tmp_path: pathlib.Path, n: int
) -> None:
    half, usual = 31 * n // 60, past("2026-04-15", 27)
    twins = [
        line(NUMBER + number)
        .dials(3, on=usual, gap_s=3600)
        .dials(n, on=DAY, at=f"{hour}:{60 - half}", gap_s=62, answered=0.3)
        for number, hour in (("101", 22), ("102", 23))
    ]
    result = scanned(tmp_path, feed(*twins))
    earlier, later = (found(result, "high_frequency", NUMBER + end) for end in ("101", "102"))
    assert len(earlier) == len(later) == (n >= 30)
    for one, other in zip(earlier, later, strict=True):
        assert (str(one["day"]), str(other["day"])) == (DAY, NEXT)
        same = ("severity", "observed", "threshold", "baseline")
        assert [one[name] for name in same] == [other[name] for name in same]
        hours = [row["window_end"] - row["window_start"] for row in (one, other)]
        assert hours[0] == hours[1]
        assert other["window_end"] - one["window_end"] == timedelta(hours=1)


def test_the_courier_and_the_burst_differ_in_what_they_did(result: Result) -> None:
    (suspect,) = found(result, "high_frequency", NUMBER + "001")
    (courier_row,) = found(result, "high_frequency", NUMBER + "002")
    assert "for attention: 0 % called back, nearly all outgoing" in suspect["reason"]
    assert suspect["reason"].endswith("against: none")
    assert "12 cells" in courier_row["reason"].split("against: ")[1]
    assert "25 % called back" in courier_row["reason"].split("against: ")[1]


def test_the_limit_exceeded_most_is_the_one_that_is_told(result: Result) -> None:
    told = {
        "001": ("60 calls in 60 minutes", 60, 30),
        "007": ("12 calls in 10 minutes", 12, 12),
        "011": (f"200 calls on {DAY}", 200, 200),
    }
    for number, (words, observed, limit) in told.items():
        (row,) = found(result, "high_frequency", NUMBER + number)
        assert (row["observed"], row["threshold"]) == (observed, limit)
        assert f"placed {words}" in row["reason"]


def test_the_window_reaches_back_over_midnight(result: Result) -> None:
    rows = {str(row["day"]): row for row in found(result, "high_frequency", NUMBER + "019")}
    assert list(rows) == [DAY, NEXT]
    start = rows[NEXT]["window_start"].astimezone().timestamp()
    first_out = rows[NEXT]["window_end"].timestamp()
    assert first_out - start == 3600
    assert rows[NEXT]["observed"] > 43


def test_the_usual_is_told(result: Result) -> None:
    (row,) = found(result, "high_frequency", NUMBER + "020")
    assert row["baseline"] == 3
    assert "usual for this line 3" in row["reason"]
    assert "far above its usual" in row["reason"]


@pytest.mark.parametrize(
    ("answered", "severity", "why"),
    [(1.0, "high", "no call of the feed is unanswered: that all are answered says nothing")],
)
def test_a_feed_of_answered_calls_only(
    tmp_path: pathlib.Path, answered: float, severity: str, why: str
) -> None:
    calls = feed(burst("001", answered=answered))
    result = scanned(tmp_path, calls)
    assert not result.tables.feed.attempts
    (row,) = found(result, "high_frequency")
    assert "answered" not in row["reason"]
    assert row["severity"] in ("medium", severity), why


def test_a_feed_without_cells_has_no_sign_of_cells(tmp_path: pathlib.Path) -> None:
    result = scanned(tmp_path, feed(burst("001"), courier("002"), without=["cell_id"]))
    assert gravest(result, "high_frequency", NUMBER + "001") == "medium"
    assert gravest(result, "high_frequency", NUMBER + "002") == "low"
    assert not any("cell" in row["reason"] for row in found(result, "high_frequency"))


def test_in_a_feed_of_placed_calls_alone_nobody_is_blamed_for_silence(
    tmp_path: pathlib.Path,
) -> None:
    lines = [
        line(f"+86138111100{n:02}").dials(40, on=DAY, at="09:00", gap_s=60, answered=0.6)
        for n in range(60)
    ]
    result = scanned(tmp_path, feed(*lines))
    assert not result.tables.two_way
    assert any("call-backs" in what for what in result.tables.unknown())
    assert not any("called back" in row["reason"] for row in found(result, "high_frequency"))


def test_a_fixed_line_is_not_blamed_for_staying_put(tmp_path: pathlib.Path) -> None:
    fixed, mobile = "+865911234567", "+8613811111111"
    lines = [
        line(number).dials(70, on=DAY, at="09:00", gap_s=40, answered=0.6)
        for number in (fixed, mobile)
    ]
    result = scanned(tmp_path, feed(*lines))
    assert "cell" not in found(result, "high_frequency", fixed)[0]["reason"]
    assert "1 cell all day" in found(result, "high_frequency", mobile)[0]["reason"]


def test_many_cells_do_not_excuse_a_line_that_nobody_calls_back(tmp_path: pathlib.Path) -> None:
    number = "+8613811111111"
    car = line(number).dials(80, on=DAY, at="09:00", gap_s=40, answered=0.4, cells=8)
    assert gravest(scanned(tmp_path, feed(car)), "high_frequency", number) in {"medium", "high"}
