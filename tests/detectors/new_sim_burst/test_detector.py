from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.builders import Line, feed, found, gravest, line, many, past, scanned
from tests.helpers.new_lines import BORN, FIRST, city, dialling, forwarding, used

if TYPE_CHECKING:
    import pathlib

    from cdr_anomaly.result import Result

THREE_DAYS = past(BORN, 3)
FRIENDS = [f"+85291110{i:03}" for i in range(3)]


def new(block: str) -> Line:
    return line(f"+86{block}0001")


# What one line does, its gravest finding, why.
LINES: dict[str, tuple[Line, str | None, str]] = {
    "dialler": (
        new("1501001").dials(34, on=THREE_DAYS, gap_s=900, at="09:00"),
        "high",
        "102 strangers in its first three days",
    ),
    "99 in 72 hours": (
        new("1502001").dials(33, on=THREE_DAYS, gap_s=900, at="09:00"),
        None,
        "one too few, and never many at once",
    ),
    "30 in an hour": (new("1503001").dials(30, on=BORN, gap_s=120), "high", "thirty in an hour"),
    "29 in an hour": (new("1504001").dials(29, on=BORN, gap_s=120), None, "one too few"),
    "over midnight": (
        new("1505001").dials(30, on=BORN, at="23:30", gap_s=120),
        "high",
        "the hour lies on either side of midnight",
    ),
    "courier": (
        new("1506001").dials(34, on=THREE_DAYS, gap_s=900, at="09:00", called_back=0.25, cells=9),
        "low",
        "a courier with a new SIM is called back and moves about",
    ),
    "courier at a desk": (
        new("1507001").dials(34, on=THREE_DAYS, gap_s=900, at="09:00", called_back=0.25),
        "low",
        "called back, and that is enough",
    ),
    "courier nobody calls": (
        new("1508001").dials(34, on=THREE_DAYS, gap_s=900, at="09:00", cells=9),
        "low",
        "moves about, and that is enough",
    ),
    "some call back": (
        new("1509001").dials(34, on=THREE_DAYS, gap_s=900, at="09:00", called_back=0.1),
        "medium",
        "one in ten calls back: less than for a courier, more than for a machine",
    ),
    "old": (
        line("+8613100000007").dials(1, on=FIRST).dials(34, on=THREE_DAYS, gap_s=900),
        None,
        "the same by a line that is not new",
    ),
    "redial": (
        new("1510001").dials(110, on=BORN, gap_s=200, to=[f"+4411{i:06}" for i in range(50)]),
        None,
        "110 calls to 50 numbers",
    ),
    "settled": (
        new("1511001").dials(1, on=BORN).dials(29, on="2026-06-04", at="18:00", gap_s=60),
        None,
        "the burst comes once the first 72 hours are over",
    ),
    "settled that day": (
        new("1512001")
        .dials(1, on=BORN, at="10:00")
        .dials(1, on="2026-06-04", at="09:00")
        .dials(40, on="2026-06-04", at="12:00", gap_s=60),
        None,
        "the 72 hours end at ten o'clock of the fourth day, the burst comes at noon",
    ),
    "forwards from birth": (
        new("1513001").forwards(5, on=BORN, to="+8613111111111"),
        "medium",
        "strangers, all of them",
    ),
    "forwards friends": (
        new("1514001").forwards(6, on=BORN, to="+8613111111112", by=FRIENDS),
        "low",
        "somebody's second SIM: the same few callers",
    ),
    "forwards four": (new("1515001").forwards(4, on=BORN, to="+8613111111113"), None, "too few"),
    "forwards some": (
        new("1516001").forwards(6, on=BORN, to="+8613111111114").receives(2, on=BORN),
        None,
        "answers some itself",
    ),
    "forwards and dials": (
        new("1517001").forwards(6, on=BORN, to="+8613111111115").dials(3, on=BORN),
        None,
        "in use",
    ),
    "forwards later": (
        new("1518001").receives(1, on=BORN).forwards(6, on="2026-06-05", to="+8613111111116"),
        None,
        "set up after its first days",
    ),
}


def silent(each: Line) -> Line:
    return each.receives(2, on=BORN)


# The new lines of a block or of several, the block that is found with how many and how grave; why.
BLOCKS: dict[str, tuple[list[Line], str, tuple[float, str] | None, str]] = {
    "forwarders": (
        many(14, "+8616500010001", forwarding),
        "+861650001",
        (14, "high"),
        "as in Panzhihua: all of them forward what they receive",
    ),
    "diallers": (many(12, "+8616500020001", dialling), "+861650002", (12, "high"), "all dial"),
    "promotion": (
        many(35, "+8616500030001", used),
        "+861650003",
        (35, "low"),
        "lines that are used as lines",
    ),
    "some of many": (
        [*many(30, "+8616500040001", used), *many(8, "+8616500041001", dialling)],
        "+861650004",
        (38, "medium"),
        "eight of them dial: a fifth",
    ),
    "few of many": (
        [*many(33, "+8616500050001", used), *many(2, "+8616500051001", dialling)],
        "+861650005",
        (35, "low"),
        "two of them dial",
    ),
    "silent": (
        many(12, "+8616500060001", silent),
        "+861650006",
        (12, "low"),
        "none places a call, and none forwards one: watches and alarms",
    ),
    "nine": (many(9, "+8616500070001", forwarding), "+861650007", None, "too few for a surge"),
    "neighbours": (
        [each for n in range(5) for each in many(6, f"+86166001{n}0001", forwarding)],
        "+86166001",
        (30, "high"),
        "six in each of five neighbours: the shorter block explains it",
    ),
    "one of the neighbours": ([], "+861660013", None, "it is no surge by itself"),
    "burst beside a promotion": (
        many(14, "+8616700010001", forwarding),
        "+861670001",
        (14, "high"),
        "not merged with the promotion of the same brand",
    ),
    "promotion beside a burst": (
        many(35, "+8616700560001", used),
        "+861670056",
        (35, "low"),
        "not made grave by the burst of the same brand",
    ),
    "both": ([], "+861670", None, "the brand has no finding of its own"),
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    alone = [what for what, _, _ in LINES.values()]
    blocks = [each for what, *_ in BLOCKS.values() for each in what]
    return scanned(tmp_path_factory.mktemp("new"), feed(*city(), *alone, *blocks))


@pytest.mark.parametrize("case", LINES)
def test_new_lines(result: Result, case: str) -> None:
    what, severity, why = LINES[case]
    assert gravest(result, "new_sim_burst", what.number) == severity, why


@pytest.mark.parametrize("case", BLOCKS)
def test_new_lines_of_a_block(result: Result, case: str) -> None:
    _, block, finding, why = BLOCKS[case]
    rows = [row for row in found(result, "new_sim_burst", block) if str(row["day"]) == BORN]
    told = [(row["observed"], row["severity"]) for row in rows]
    assert told == ([finding] if finding else []), why


def test_no_other_block_surges(result: Result) -> None:
    blocks = {
        row["subject"] for row in found(result, "new_sim_burst") if row["subject_kind"] == "block"
    }
    assert blocks == {block for _, block, finding, _ in BLOCKS.values() if finding}


def test_a_block_names_its_new_lines(result: Result) -> None:
    block = found(result, "new_sim_burst", "+861650001")[0]
    assert block["members"] == [f"+8616500010{n:03}" for n in range(1, 15)]
    assert "14 of them forward 80 % or more of what they receive" in block["reason"]
    assert block["baseline"] < 1
    assert block["p_value"] < 1e-3


def test_the_first_hours_say_what_was_counted(result: Result) -> None:
    rows = {str(row["day"]): row for row in found(result, "new_sim_burst", "+8615010010001")}
    assert list(rows) == [THREE_DAYS[2]]
    row = rows[THREE_DAYS[2]]
    assert (row["observed"], row["threshold"]) == (102, 100)
    assert row["reason"].startswith(f"new since {BORN}, placed 102 calls since its first leg")


DIALLER = "+8615010010001"


@pytest.mark.parametrize(
    ("days", "subscribers", "applicable", "severity", "why"),
    [
        (29, None, True, "high", "28 days of feed before: warm"),
        (28, None, False, None, "a day too few"),
        (28, {DIALLER: BORN}, True, "high", "the list says when it was activated"),
        (28, {DIALLER: "2026-01-01"}, True, None, "the list says that it is old"),
        (40, {DIALLER: "2026-01-01"}, True, None, "the list goes before the first leg"),
        (28, {DIALLER: "2026-05-31"}, True, "high", "activated the day before"),
        (28, {DIALLER: "2026-05-10"}, True, None, "activated weeks ago and left alone till now"),
    ],
)
def test_what_is_new_must_be_known(
    tmp_path: pathlib.Path,
    *,
    days: int,
    subscribers: dict[str, str] | None,
    applicable: bool,
    severity: str | None,
    why: str,
) -> None:
    start = past("2026-04-01", 62 - days + 1)[-1]
    assert len(past(start, days)) == days
    assert past(start, days)[-1] == BORN
    calls = feed(
        line("+8613111111119").dials(1, on=start), line(DIALLER).dials(100, on=BORN, gap_s=300)
    )
    result = scanned(tmp_path, calls, subscribers=subscribers)
    assert ("new_sim_burst" not in result.not_applicable) == applicable, why
    assert gravest(result, "new_sim_burst", DIALLER) == severity, why
    if not applicable:
        assert result.not_applicable["new_sim_burst"] == (
            "which lines are new is not known: the feed covers 28 day(s), "
            "more than 28 are needed, or --subscribers with activation dates"
        )


@pytest.mark.parametrize(
    ("sentence", "severity", "why"),
    [
        (forwarding, "high", "the same block by its activation dates"),
        (used, "low", "a promotion"),
        (lambda each: each, "low", "activated, and in no call: they may lie in a shop"),
    ],
)
def test_a_block_by_activation_dates(
    tmp_path: pathlib.Path, sentence: object, severity: str, why: str
) -> None:
    batch = many(14, "+8616500010001", sentence)
    old = city()
    lists = {each.number: "2025-01-01" for each in old} | {each.number: BORN for each in batch}
    lists |= {each.number: "2026-05-12" for each in old[::9]}
    short = [each for each in old if each.rows]
    result = scanned(tmp_path, feed(*short, *batch), subscribers=lists)
    rows = [row for row in found(result, "new_sim_burst", "+861650001") if str(row["day"]) == BORN]
    assert [(row["observed"], row["severity"]) for row in rows] == [(14, severity)], why
