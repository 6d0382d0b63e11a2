from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly import settings
from cdr_anomaly.reports import line_story, line_story_terminal
from tests.helpers.builders import BIDDEN, SHANGHAI, Line, feed, found, line, past, scanned

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.result import Result

DAYS = past("2026-05-04", 16)
DAY, NEXT = DAYS[:2]
AGENT = "+8613800000"


def works(who: Line | str, on: str | list[str], n: int = 120, **told: Any) -> Line:
    """Talk four minutes in each of some calls, one after the other: 120 of them are 8 hours."""
    one = line(AGENT + who) if isinstance(who, str) else who
    return one.dials(n, on=on, **({"at": "09:00", "gap_s": 270, "talk_s": 240} | told))


def at_odd_hours(who: str) -> Line:
    one = line(AGENT + who)
    for day, at in zip(DAYS[:4], ("00:10", "05:00", "10:00", "15:00"), strict=True):
        works(one, day, n=100, at=at, called_back=0.1)
    return one


def low(*days: str, observed: float = 8.0, limit: float = 8.0) -> list[tuple[Any, ...]]:
    return [(day, "low", observed, limit) for day in days]


def medium(*days: str, observed: float = 8.0, limit: float = 8.0) -> list[tuple[Any, ...]]:
    return [(day, "medium", observed, limit) for day in days]


CLIENTS = [f"+86137{i:08}" for i in range(100)]

# What the line does; what is found, by day: severity, observed and limit; why.
CASES: dict[str, tuple[Line, list[tuple[Any, ...]], str]] = {
    case: (what, finds, why)
    for case, what, finds, why in [
        ("one day", works("001", DAY), low(DAY), "a day by itself accuses nobody"),
        ("just under", works("002", DAY, 119), [], "7.9 hours"),
        ("four days", works("003", DAYS[:4]), low(*DAYS[:3]) + medium(DAYS[3]), "often, regular"),
        (
            "six hours",
            works("004", DAYS[:5], 90),
            medium(*DAYS[3:5], observed=6.0, limit=6.0),
            "from the fourth day on",
        ),
        ("just under six", works("005", DAYS[:5], 89), [], "5.9 hours, however often"),
        (
            "four of 14",
            works("006", [DAYS[n] for n in (0, 5, 9, 13)], 90),
            medium(DAYS[13], observed=6.0, limit=6.0),
            "the first is 13 days before the last",
        ),
        ("four of 15", works("007", [DAYS[n] for n in (0, 5, 9, 14)], 90), [], "three of 14"),
        (
            "long ago",
            works("008", [*DAYS[:4], DAYS[15]], 90),
            medium(DAYS[3], observed=6.0, limit=6.0),
            "what is long ago does not count",
        ),
        (
            "odd hours",
            at_odd_hours("009"),
            low(DAYS[3], observed=6.6, limit=6.0),
            "often, but never at one time, and some call back",
        ),
        (
            "overlapping",
            works("010", DAY, 230, gap_s=120),
            [],
            "15.3 hours of calls, two at a time, in 7.7 hours",
        ),
        (
            "overlapping more",
            works("011", DAY, 239, gap_s=120),
            low(DAY),
            "16 hours of calls in 8 hours",
        ),
        (
            "night shift",
            works("012", [DAY], 130, at="19:00"),
            [],
            "8.7 hours in one night, on two days",
        ),
        (
            "from night to night",
            works("013", DAYS[:3], 130, at="19:00"),
            low(*DAYS[1:3], observed=8.6),
            "the morning of one night, the evening of the next",
        ),
        (
            "begun before midnight",
            works(line(AGENT + "014").dials(1, on=DAY, at="23:56", talk_s=481), NEXT, 119),
            low(NEXT),
            "119 calls of 4 minutes, and 4 of a call of the evening before",
        ),
        (
            "ended before midnight",
            works(line(AGENT + "015").dials(1, on=DAY, at="23:56", talk_s=240), NEXT, 119),
            [],
            "that call ended on its own day",
        ),
        (
            "goes on after midnight",
            works("016", DAY, 118).dials(1, on=DAY, at="23:56", talk_s=7200),
            [],
            "of two hours 4 minutes are of the day",
        ),
        (
            "few calls",
            works("017", DAYS[:4], 59, gap_s=600, talk_s=580),
            [],
            "9.5 hours, in fewer than 60 calls",
        ),
        ("enough calls", works("018", DAY, 60, gap_s=600, talk_s=480), low(DAY), "in 60"),
        (
            "open line",
            line(AGENT + "019").dials(
                2, on=DAYS, at="08:00", gap_s=36_000, talk_s=35_000, to="+8613700000001"
            ),
            [],
            "two calls of ten hours, as of one who watches over a child",
        ),
        (
            "couple",
            works("020", DAYS, 80, to=["+8613700000001", "+8613700000002"], talk_s=400),
            [],
            "long calls to one or two: forty calls for each number",
        ),
        (
            "called twice",
            works("021", DAYS[:4], 120, to=CLIENTS[:79]),
            [],
            "1.52 calls for each number",
        ),
        (
            "called at times twice",
            works("022", DAY, 120, to=CLIENTS[:80]),
            low(DAY),
            "1.5 calls for each number",
        ),
        (
            "dispatch",
            works("023", DAYS[:5]).receives(31, on=DAYS[:5]),
            [],
            "79 % of its calls are outgoing",
        ),
        (
            "called now and then",
            works("024", DAYS[:4]).receives(30, on=DAYS[:4]),
            low(*DAYS[:3]) + medium(DAYS[3]),
            "80 % are outgoing",
        ),
        (
            "hotline",
            line(AGENT + "025").receives(150, on=DAYS, gap_s=270, talk_s=240, at="08:00"),
            [],
            "it is called",
        ),
        (
            "unanswered",
            works("026", DAYS[:5], 1200, gap_s=30, talk_s=20, answered=0.1),
            [],
            "1200 calls a day, of which one in ten is answered: forty minutes of talk",
        ),
        (
            "called back",
            works("027", DAYS[:5], called_back=0.15),
            low(*DAYS[:5]),
            "people call back: its calls are wanted",
        ),
        (
            "called back by few",
            works("028", DAYS[:5], called_back=0.1),
            low(*DAYS[:3]) + medium(*DAYS[3:5]),
            "often, and at one time",
        ),
        (
            "clients",
            works("029", DAYS[:5], 120, to=CLIENTS),
            low(*DAYS[:5]),
            "the same numbers every day: often, at one time, but known to it",
        ),
    ]
}


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Result:
    lines = [what for what, _, _ in CASES.values()]
    return scanned(tmp_path_factory.mktemp("shift"), feed(*lines))


@pytest.mark.parametrize("case", CASES)
def test_what_is_found(together: Result, case: str) -> None:
    what, finds, why = CASES[case]
    rows = found(together, "agent_shift", what.number)
    seen = [(str(r["day"]), r["severity"], r["observed"], r["threshold"]) for r in rows]
    assert seen == finds, why


def test_the_reason_has_the_numbers(together: Result) -> None:
    rows = found(together, "agent_shift", AGENT + "024")
    assert rows[0]["reason"] == (
        "talked 8 hours on 2026-05-04 (limit 8) in 120 calls to 120 different numbers, 80 % of its "
        "calls outgoing, from 09:00 to 17:55; 6 hours or more on 1 of 14 days; 0 % called back; "
        "its usual is not known"
    )
    assert (
        "6 hours or more on 4 of 14 days, begun at 09:00, give or take 0 minutes; "
        in (rows[3]["reason"])
    )
    (six,) = found(together, "agent_shift", AGENT + "006")
    assert six["reason"].startswith("talked 6 hours on 2026-05-17 (limit 6) in 90 calls to 90 ")
    assert six["would_clear_if"] == "less than 8 hours of talk a day, and than 6 on 4 of 14 days"
    clients = found(together, "agent_shift", AGENT + "029")[1]
    assert "; 100 % called on busy days before; " in clients["reason"]
    reasons = together.findings.filter(detector="agent_shift")["reason"]
    assert not any(word in reason.lower() for word in BIDDEN for reason in reasons)


def test_evidence_holds_what_a_picture_needs(together: Result) -> None:
    row = found(together, "agent_shift", AGENT + "003")[3]
    told = json.loads(row["evidence"])
    assert [day["day"] for day in told["days"]] == DAYS[:4]
    assert told["days"][0] == {
        "day": DAY,
        "first": "09:00",
        "last": "17:55",
        "talk_h": 8.0,
        "n_out": 120,
    }
    minutes = told["minutes_by_hour"]
    assert len(minutes) == 24
    assert [hour for hour, n in enumerate(minutes) if n] == list(range(9, 18))
    assert sum(minutes) == pytest.approx(480, abs=9)
    assert (told["begun"], told["within_min"], told["n_often"]) == ("09:00", 0, 4)
    odd = json.loads(found(together, "agent_shift", AGENT + "009")[0]["evidence"])
    assert odd["within_min"] > 45


def test_days_that_begin_about_midnight_begin_at_one_time(tmp_path: Path) -> None:
    """Of 23:50, 00:10, 23:50 and 00:10 the mean is midnight, ten minutes about it."""
    one = line(AGENT + "001")
    for day in DAYS[:6]:
        works(one, day, n=100, at="00:10")
    two = line(AGENT + "002")
    for n, day in enumerate(DAYS[:6]):
        works(two, day, n=100, at="08:20" if n % 2 else "09:40")
    rows = scanned(tmp_path, feed(one, two), "agent_shift.regular_min=41")
    (*_, last) = found(rows, "agent_shift", two.number)
    assert "begun at 09:00, give or take 40 minutes" in last["reason"]
    assert last["severity"] == "medium"
    narrow = scanned(tmp_path, feed(one, two), "agent_shift.regular_min=39")
    (*_, last) = found(narrow, "agent_shift", two.number)
    assert "give or take" not in last["reason"]


def test_an_ordinary_life_of_talk_both_ways_stays_low(tmp_path: Path) -> None:
    """A desk that calls as it is called for weeks, and then only calls for a week."""
    days = past("2026-05-04", 43)
    before, now = days[:36], days[36:]
    desk = line(AGENT + "001").dials(100, on=before, gap_s=270, talk_s=30)
    works(desk.receives(40, on=before, gap_s=600), now)
    agent = line(AGENT + "002").dials(100, on=before, gap_s=270, talk_s=30)
    works(agent, now)
    quiet = line(AGENT + "003").dials(3, on=before).receives(3, on=before)
    works(quiet, now)
    result = scanned(tmp_path, feed(desk, agent, quiet))
    rows = found(result, "agent_shift", desk.number)
    assert {row["severity"] for row in rows} == {"low"}
    assert rows[0]["reason"].endswith(
        "; usual for this line 100 calls a day and talk both ways (71 % outgoing)"
    )
    assert found(result, "agent_shift", agent.number)[4]["severity"] == "medium"
    early = found(result, "agent_shift", quiet.number)[0]
    assert early["severity"] == "medium", "nobody calls back, and far above its own past"
    assert early["reason"].endswith("usual for this line 3 calls a day")


def test_a_new_line_is_medium_at_once(tmp_path: Path) -> None:
    number = AGENT + "001"
    calls = feed(works("001", DAY), works("002", DAY, called_back=0.05))
    told = {number: "2026-05-01", AGENT + "002": "2026-05-01"}
    result = scanned(tmp_path, calls, subscribers=told)
    (row,) = found(result, "agent_shift", number)
    assert row["severity"] == "medium"
    assert "; a line new since 2026-05-01; " in row["reason"]
    (other,) = found(result, "agent_shift", AGENT + "002")
    assert other["severity"] == "low", "some call back"


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 7.0), ("2025-10-26", 9.0)])
def test_a_day_is_as_long_as_its_clock_says(tmp_path: Path, day: str, hours: float) -> None:
    """A night of talk from midnight to eight by the clock."""
    zone = "Europe/Berlin"
    one = line("+4915100000001", zone).dials(
        round(hours * 12), on=day, at="00:00", gap_s=300, talk_s=300
    )
    words = ("agent_shift.talk_h=7", "home=DE")
    (row,) = found(scanned(tmp_path, feed(one), *words, tz=zone), "agent_shift")
    assert row["observed"] == hours
    minutes = json.loads(row["evidence"])["minutes_by_hour"]
    assert minutes == [60, 60, 0 if hours == 7 else 120, 60, 60, 60, 60, 60] + [0] * 16
    assert row["reason"].count("from 00:00 to 07:55") == 1


def test_calls_that_are_delivered_twice_are_placed_once(tmp_path: Path) -> None:
    calls = feed(works("001", DAY, 59, gap_s=600, talk_s=580))
    assert not found(scanned(tmp_path, pl.concat([calls, calls])), "agent_shift")


def test_a_feed_of_placed_calls_alone_says_nothing_of_call_backs(tmp_path: Path) -> None:
    """Sixty line-days without a received call: nobody could be seen to call back."""
    lines = [works(f"{n:03}", DAYS[:5]) for n in range(12)]
    rows = found(scanned(tmp_path, feed(*lines)), "agent_shift")
    assert len(rows) == 60
    assert not any("called back" in row["reason"] for row in rows)
    grades = {str(row["day"]): row["severity"] for row in rows}
    assert list(grades.values()) == ["low"] * 3 + ["medium"] * 2


def test_without_durations_it_is_not_applicable(tmp_path: Path) -> None:
    calls = feed(works("001", DAYS[:3])).with_columns(duration_s=pl.lit(0, pl.Int64))
    result = scanned(tmp_path, calls)
    why = result.not_applicable["agent_shift"]
    assert why == "no call of the feed has a duration, so nothing is known of talk"
    assert "agent_shift" not in scanned(tmp_path, feed(works("001", DAY))).not_applicable


def test_explain_draws_the_shift(tmp_path: Path) -> None:
    works_, rests = works("001", DAYS[:4]), line(AGENT + "002").dials(40, on=DAY)
    feed(works_, rests).write_parquet(tmp_path / "calls.parquet")
    told = settings.load_settings(tz=SHANGHAI)
    tables = line_story_terminal.tables(line_story.explain(works_.number, [tmp_path], told)[0])
    ((title, shift),) = ((t, table) for t, table in tables.items() if t.startswith("The shift"))
    assert shift.height == 4
    *_, hours = shift.columns
    assert len(hours) == 24
    assert shift.row(0) == (
        pl.select(pl.lit(DAY).str.to_date()).item(),
        8.0,
        120,
        120,
        "09:00",
        "17:55",
        "." * 9 + "#########" + "." * 6,
    )
    assert all(sign in title for sign in (".", "-", "=", "#"))
    quiet = line_story_terminal.tables(line_story.explain(rests.number, [tmp_path], told)[0])
    assert quiet[title].is_empty()
