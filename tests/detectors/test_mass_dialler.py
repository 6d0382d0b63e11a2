from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.builders import Line, feed, found, gravest, line, past, scanned

if TYPE_CHECKING:
    import pathlib

    from cdr_anomaly.result import Result

DAY, NEXT = "2026-05-04", "2026-05-05"
MOBILE, FIXED, ABROAD = "+8613800000", "+8659188000", "+442035550"

REDIALLED = [f"+86137{i:08}" for i in range(49)]


def steady(number: str, n: int, gap_s: float = 20) -> Line:
    return line(number).dials(n, on=DAY, at="08:00", gap_s=gap_s, talk_s=5)


# What the line does; what is found, by day: severity, observed and limit; why.
CASES: dict[str, tuple[Line, list[tuple[str, str, int, int]], str]] = {
    case: (what, finds, why)
    for case, what, finds, why in [
        ("just over", steady(MOBILE + "001", 1001), [(DAY, "high", 1001, 1000)], "over the limit"),
        ("just at", steady(MOBILE + "002", 1000), [(DAY, "high", 1000, 1000)], "the limit counts"),
        ("just under", steady(MOBILE + "003", 999), [(DAY, "low", 999, 500)], "on watch only"),
        ("mobile watch", steady(MOBILE + "004", 500), [(DAY, "low", 500, 500)], "on watch"),
        ("mobile usual", steady(MOBILE + "005", 499), [], "under the watch of mobiles"),
        ("fixed watch", steady(FIXED + "006", 300), [(DAY, "low", 300, 300)], "fixed: earlier"),
        ("fixed usual", steady(FIXED + "007", 299), [], "under the watch of fixed lines"),
        ("abroad watch", steady(ABROAD + "008", 300), [(DAY, "low", 300, 300)], "from abroad too"),
        ("five times", steady(MOBILE + "009", 5000, 10), [(DAY, "critical", 5000, 1000)], "5 x"),
        (
            "night run",
            line(MOBILE + "010").dials(1000, on=DAY, at="22:00", gap_s=14.5, talk_s=5),
            [(NEXT, "high", 1000, 1000)],
            "half of them on either side of midnight: 1000 in 24 hours, found as it ends",
        ),
        (
            "slow night run",
            line(MOBILE + "011")
            .dials(600, on=DAY, at="20:00", gap_s=24, talk_s=5)
            .dials(600, on=NEXT, at="20:00", gap_s=24, talk_s=5),
            [(DAY, "low", 600, 500), (NEXT, "low", 600, 500)],
            "1200 in two evenings, but never 1000 within 24 hours",
        ),
        (
            "echo",
            steady(MOBILE + "012", 1100).dials(3, on=NEXT, at="08:00", to="+8613700000000"),
            [(DAY, "high", 1100, 1000)],
            "three calls the next morning are no second finding",
        ),
        (
            "day after day",
            line(MOBILE + "013")
            .dials(1100, on=DAY, at="10:00", gap_s=20, talk_s=5)
            .dials(1100, on=NEXT, at="09:00", gap_s=20, talk_s=5),
            [(DAY, "high", 1100, 1000), (NEXT, "high", 1100, 1000)],
            "the second day is one by itself, though some 24 hours hold even more",
        ),
        (
            "half a day after",
            steady(MOBILE + "014", 1100).dials(600, on=NEXT, at="06:00", gap_s=10, talk_s=5),
            [(DAY, "high", 1100, 1000), (NEXT, "low", 600, 500)],
            "the second day is on watch by itself",
        ),
        (
            "few targets",
            line(MOBILE + "015").dials(1200, on=DAY, at="08:00", gap_s=20, to=REDIALLED, talk_s=5),
            [],
            "1200 calls to 49 numbers: a list that is redialled",
        ),
        (
            "enough targets",
            line(MOBILE + "016").dials(
                1200, on=DAY, at="08:00", gap_s=20, to=[*REDIALLED, "+8613799999999"], talk_s=5
            ),
            [(DAY, "high", 1200, 1000)],
            "1200 calls to 50 numbers",
        ),
        (
            "redial loop",
            line(FIXED + "017").dials(
                1400, on=DAY, at="00:00", gap_s=60, to="+8613700000001", answered=0
            ),
            [],
            "an alarm panel that redials one number",
        ),
        (
            "gateway",
            line(FIXED + "018").dials(1001, on=DAY, at="08:00", gap_s=20, talk_s=50),
            [(DAY, "critical", 1001, 1000)],
            "three calls under way at once: a gateway",
        ),
        (
            "two at once",
            line(FIXED + "019").dials(1001, on=DAY, at="08:00", gap_s=20, talk_s=30),
            [(DAY, "high", 1001, 1000)],
            "two at once may be a call waiting",
        ),
        (
            "small gateway",
            line(FIXED + "020").dials(300, on=DAY, at="08:00", gap_s=20, talk_s=50),
            [(DAY, "low", 300, 300)],
            "several at once, but on watch only",
        ),
        (
            "unanswered",
            line(MOBILE + "021").dials(1000, on=DAY, at="08:00", gap_s=20, answered=0),
            [(DAY, "high", 1000, 1000)],
            "attempts count whether answered or not",
        ),
        (
            "called",
            line(MOBILE + "022").receives(1500, on=DAY, at="08:00", gap_s=20),
            [],
            "received calls do not count",
        ),
        (
            "forwarder",
            line(MOBILE + "023").forwards(1100, on=DAY, at="06:00", gap_s=20, to="+8613700000002"),
            [],
            "forwarded calls are not placed by the line that forwards",
        ),
    ]
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    lines = [what for what, _, _ in CASES.values()]
    lines.append(line("+865918800099").dials(1200, on=DAY, at="08:00", gap_s=20, talk_s=5))
    return scanned(
        tmp_path_factory.mktemp("mass"),
        feed(*lines),
        entities={"0591-8800099": "licensed call centre"},
    )


@pytest.mark.parametrize("case", CASES)
def test_mass_diallers(result: Result, case: str) -> None:
    what, finds, why = CASES[case]
    rows = found(result, "mass_dialler", what.number)
    told = [(str(r["day"]), r["severity"], r["observed"], r["threshold"]) for r in rows]
    assert told == finds, why


def test_a_declared_line_is_suppressed_and_still_listed(result: Result) -> None:
    assert gravest(result, "mass_dialler", "+865918800099") == "high"
    (alert,) = result.alerts.filter(subject="+865918800099").to_dicts()
    assert (alert["rank"], alert["suppressed_by"]) == (None, "licensed call centre")


def test_the_window_holds_the_calls_that_are_counted(result: Result) -> None:
    (row,) = found(result, "mass_dialler", MOBILE + "010")
    assert (row["window_end"] - row["window_start"]).total_seconds() == 86_400
    assert "in the 24 hours to 2026-05-05 02:01" in row["reason"]
    assert "to 1000 different numbers" in row["reason"]


def test_the_usual_is_that_of_the_own_past(tmp_path: pathlib.Path) -> None:
    days = past("2026-04-01", 20)
    busy = line(MOBILE + "001").dials(3, on=days).dials(1204, on=DAY, at="08:00", gap_s=20)
    (row,) = found(scanned(tmp_path, feed(busy)), "mass_dialler")
    assert row["baseline"] == 3
    assert row["reason"].startswith(
        f"placed 1204 calls on {DAY} (limit 1000) to 1204 different numbers; usual for this line 3"
    )


@pytest.mark.parametrize(
    ("tz", "day", "at", "n", "finds", "why"),
    [
        ("Europe/Berlin", "2026-03-29", "00:00", 23, [("2026-03-29", 23)], "a day of 23 hours"),
        ("Europe/Berlin", "2026-10-25", "00:00", 25, [("2026-10-25", 25)], "a day of 25 hours"),
        (
            "Africa/Cairo",
            "2026-04-24",
            "01:00",
            23,
            [("2026-04-24", 23)],
            "a day that begins at one o'clock: midnight was left out",
        ),
        (
            "America/Havana",
            "2026-11-01",
            "00:00",
            25,
            [("2026-11-01", 25)],
            "a day whose midnight comes twice",
        ),
        (
            "Europe/Berlin",
            "2026-03-28",
            "12:00",
            24,
            [("2026-03-29", 24)],
            "24 hours into the day of 23",
        ),
    ],
)
def test_days_are_as_long_as_they_are(
    tmp_path: pathlib.Path,
    *,
    tz: str,
    day: str,
    at: str,
    n: int,
    finds: list[tuple[str, int]],
    why: str,
) -> None:
    words = [f"mass_dialler.{name}={n}" for name in ("calls", "watch_calls", "watch_calls_fixed")]
    hourly = line(MOBILE + "001", tz).dials(n, on=day, at=at, gap_s=3600)
    result = scanned(tmp_path, feed(hourly), *words, "mass_dialler.distinct=1", tz=tz)
    rows = found(result, "mass_dialler")
    assert [(str(r["day"]), r["observed"]) for r in rows] == finds, why
    assert all(f"to {n} different numbers" in row["reason"] for row in rows)


def test_the_answered_share_is_that_of_the_window(tmp_path: pathlib.Path) -> None:
    night = (
        line(MOBILE + "002")
        .dials(600, on=DAY, at="21:00", gap_s=15, talk_s=5, answered=0.0)
        .dials(600, on=NEXT, at="00:00", gap_s=15, talk_s=5, answered=1.0)
    )
    (row,) = [
        r for r in found(scanned(tmp_path, feed(night)), "mass_dialler") if r["threshold"] == 1000
    ]
    assert row["observed"] == 1200
    assert "50 % answered" in row["reason"]


def test_a_switchboard_that_is_called_as_much_is_no_machine(tmp_path: pathlib.Path) -> None:
    pbx = line("+865911234567").dials(1200, on=DAY, at="08:00", gap_s=30, talk_s=300)
    pbx = pbx.receives(1100, on=DAY, at="08:00", gap_s=30)
    alone = line("+865917654321").dials(1200, on=DAY, at="08:00", gap_s=30, talk_s=300)
    result = scanned(tmp_path, feed(pbx, alone))
    assert gravest(result, "mass_dialler", "+865911234567") == "medium"
    assert gravest(result, "mass_dialler", "+865917654321") == "critical"
