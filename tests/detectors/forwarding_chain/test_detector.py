from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.helpers.builders import Line, feed, found, gravest, line, many, past, scanned

if TYPE_CHECKING:
    import pathlib

    from cdr_anomaly.result import Result

DAY = "2026-05-20"
WEEK = past("2026-05-14", 7)
HOME, ABROAD = "+8613800000", "+959425550"
FRIENDS = [f"+86137{i:08}" for i in range(3)]


def known(number: str) -> Line:
    """Make a line that is not new: it was seen before the feed was warm."""
    return line(HOME + number).receives(1, on="2026-04-15")


# What happens, the subject, its gravest finding, why.
CASES: dict[str, tuple[list[Line], str, str | None, str]] = {
    "two hops by id": (
        [known("001").forwards(6, on=DAY, to=HOME + "101", then=[HOME + "201"])],
        HOME + "001",
        "medium",
        "a line that only forwards, to one that forwards on",
    ),
    "two hops by time": (
        [known("002").forwards(6, on=DAY, to=HOME + "102", then=[HOME + "202"], shape="legs")],
        HOME + "002",
        "medium",
        "the same without a call id",
    ),
    "three hops": (
        [known("003").forwards(6, on=DAY, to=HOME + "103", then=[HOME + "203", HOME + "303"])],
        HOME + "003",
        "high",
        "longer than two",
    ),
    "two hops abroad, new": (
        [line(HOME + "004").forwards(6, on=DAY, to=HOME + "104", then=[ABROAD + "004"])],
        HOME + "004",
        "critical",
        "as in Panzhihua: new, two hops, abroad",
    ),
    "one hop": (
        [known("005").forwards(6, on=DAY, to=HOME + "105", by=FRIENDS)],
        HOME + "005",
        None,
        "a second phone: the same few callers",
    ),
    "second phone": (
        [known("006").dials(6, on=DAY).forwards(6, on=DAY, to=HOME + "106", by=FRIENDS)],
        HOME + "006",
        None,
        "somebody's second phone, from a line in use",
    ),
    "second phone of strangers": (
        [known("007").forwards(6, on=DAY, to=HOME + "107")],
        HOME + "007",
        "low",
        "a shop that forwards to the owner's mobile",
    ),
    "new, of strangers": (
        [line(HOME + "008").forwards(6, on=DAY, to=HOME + "108")],
        HOME + "008",
        "medium",
        "the same by a line that is new",
    ),
    "abroad": (
        [known("009").forwards(6, on=DAY, to=ABROAD + "009", by=FRIENDS)],
        HOME + "009",
        "low",
        "only forwards, and abroad, but the same few callers: an emigrant",
    ),
    "strangers abroad": (
        [known("209").forwards(6, on=DAY, to=ABROAD + "209")],
        HOME + "209",
        "medium",
        "only forwards, strangers, and abroad",
    ),
    "travelling owner": (
        [known("010").dials(6, on=DAY).forwards(6, on=DAY, to=ABROAD + "010", by=FRIENDS)],
        HOME + "010",
        None,
        "a line in use whose owner travels",
    ),
    "four calls": (
        [known("011").forwards(4, on=DAY, to=HOME + "111")],
        HOME + "011",
        None,
        "too few to say",
    ),
    "answers some": (
        [known("012").forwards(8, on=DAY, to=HOME + "112").receives(2, on=DAY)],
        HOME + "012",
        None,
        "eight of ten received are forwarded: somebody is there",
    ),
    "forwards over a week": (
        [known("013").forwards(1, on=WEEK, to=ABROAD + "013")],
        HOME + "013",
        "medium",
        "one a day for seven days",
    ),
    "hub": (
        [known(f"02{i}").forwards(6, on=DAY, to="+8613877770120") for i in range(5)],
        "+8613877770120",
        "medium",
        "five lines that only forward strangers, to one target",
    ),
    "desks": (
        [known(f"12{i}").forwards(6, on=DAY, to=HOME + "190") for i in range(5)],
        HOME + "190",
        "low",
        "the same to a line of their own group: a reception",
    ),
    "elders": (
        [known(f"13{i}").forwards(6, on=DAY, to="+8613877770130", by=FRIENDS) for i in range(5)],
        "+8613877770130",
        "low",
        "the same few callers: a relative who answers for them",
    ),
    "hub of four": (
        [known(f"03{i}").forwards(6, on=DAY, to=HOME + "130", by=FRIENDS) for i in range(4)],
        HOME + "130",
        None,
        "four are too few",
    ),
    "hub of new lines": (
        many(5, HOME + "040", lambda each: each.forwards(6, on=DAY, to=HOME + "140")),
        HOME + "140",
        "high",
        "five new ones",
    ),
    "great hub of new lines": (
        many(10, HOME + "050", lambda each: each.forwards(6, on=DAY, to=HOME + "150")),
        HOME + "150",
        "critical",
        "ten new ones",
    ),
    "reception": (
        [known(f"06{i}").dials(5, on=DAY).forwards(6, on=DAY, to=HOME + "160") for i in range(8)],
        HOME + "160",
        None,
        "desks of a company that are in use",
    ),
    "voicemail platform": (
        [known(f"07{i}").dials(5, on=DAY).forwards(6, on=DAY, to=HOME + "170") for i in range(9)]
        + [known("079").forwards(6, on=DAY, to=HOME + "170")],
        HOME + "170",
        None,
        "ten lines forward there and nine are in use",
    ),
    "voicemail user": (
        [],
        HOME + "079",
        None,
        "a line that only forwards, but to a platform",
    ),
    "service number": (
        [known("080").forwards(6, on=DAY, to="12599")],
        HOME + "080",
        None,
        "a short service number",
    ),
    "voicemail at the end": (
        [known("081").forwards(6, on=DAY, to=HOME + "181", by=FRIENDS, then=[HOME + "170"])],
        HOME + "081",
        None,
        "the second hop goes to the voicemail platform: one hop is left",
    ),
    "declared platform": (
        [known("082").forwards(6, on=DAY, to=HOME + "999")],
        HOME + "082",
        None,
        "to a platform that the settings name",
    ),
    "rota": (
        [
            known("083")
            .forwards(4, on=past("2026-05-06", 15), to=HOME + "183")
            .forwards(4, on=past("2026-05-06", 15), at="18:00", to=HOME + "184")
            .forwards(4, on=past("2026-05-06", 15), at="22:00", gap_s=60, to=HOME + "185")
        ],
        HOME + "083",
        "low",
        "three doctors take turns, and several calls come in a turn",
    ),
    "relay": (
        [
            known("084").forwards(
                12, on=[*WEEK[:2], DAY], by="+95942555084", to=[f"+86139{i:08}" for i in range(12)]
            )
        ],
        HOME + "084",
        "high",
        "twelve targets for twelve calls",
    ),
    "changing target": (
        [
            known("085").forwards(
                20, on=DAY, by="+95942555085", to=[f"+86139{i:08}" for i in range(50, 70)]
            )
        ],
        HOME + "085",
        "high",
        "re-set for each call",
    ),
    "self-calls": (
        [known("086").forwards(3, on=DAY, by=HOME + "086", to=HOME + "186")],
        HOME + "086",
        "high",
        "A calls A, and somebody else answers",
    ),
    "two self-calls": (
        [known("087").forwards(2, on=DAY, by=HOME + "087", to=HOME + "187")],
        HOME + "087",
        None,
        "somebody tries out the forwarding",
    ),
    "loop": (
        [
            known("088")
            .dials(3, on=DAY)
            .forwards(1, on=DAY, by=FRIENDS, to=HOME + "188", then=[HOME + "088"])
        ],
        HOME + "088",
        "low",
        "two colleagues forward to each other: a slip",
    ),
    "decoy": (
        [
            known("089").dials(3, on=DAY).forwards(1, on=DAY, to=HOME + "189", shape="legs"),
            known("189")
            .dials(3, on=DAY)
            .forwards(1, on=DAY, at="12:00:08", to=HOME + "289", shape="legs"),
        ],
        HOME + "089",
        None,
        "the next hop is of another caller's call",
    ),
    "rota behind a line in use": (
        [
            known("090")
            .dials(3, on=DAY)
            .forwards(6, on=DAY, to=HOME + "190", by=FRIENDS, then=[HOME + "290"])
        ],
        HOME + "090",
        "low",
        "two hops from a line in use",
    ),
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    lines = [each for what, *_ in CASES.values() for each in what]
    folder = tmp_path_factory.mktemp("forwarding")
    return scanned(folder, feed(*lines), f'forwarding_chain.platforms=["{HOME}999"]')


@pytest.mark.parametrize("case", CASES)
def test_forwarding(result: Result, case: str) -> None:
    _, subject, severity, why = CASES[case]
    assert gravest(result, "forwarding_chain", subject) == severity, why


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("001", f"{HOME}001 -> {HOME}101 -> {HOME}201"),
        ("001", "linked by call id"),
        ("002", "linked by time, which is less certain than a call id"),
        ("003", "over 3 hops (limit 2)"),
        ("088", "the path comes back to a line on it"),
    ],
)
def test_a_chain_says_its_path_and_how_certain_it_is(
    result: Result, number: str, words: str
) -> None:
    rows = found(result, "forwarding_chain", HOME + number)
    (chain,) = [row for row in rows if row["subject_kind"] == "chain"]
    assert words in chain["reason"]


def test_a_hub_names_its_lines(result: Result) -> None:
    (hub,) = found(result, "forwarding_chain", HOME + "140")
    assert hub["subject_kind"] == "hub"
    assert hub["members"] == [*(f"{HOME}{n:03}" for n in range(40, 45)), HOME + "140"]
    assert (hub["observed"], hub["threshold"]) == (5, 5)


def test_targets_that_come_again_are_those_of_a_rota(tmp_path: pathlib.Path) -> None:
    doctors = [HOME + f"18{i}" for i in range(6)]
    days = past("2026-05-06", 15)
    everyone = known("001").dials(5, on=days).forwards(6, on=days, to=doctors)
    rows = found(scanned(tmp_path, feed(everyone)), "forwarding_chain")
    assert {str(row["day"]) for row in rows} <= {days[0]}, "nothing can be known on the first day"


SHAPES = ["legs with ids", "legs", "ordinary rows"]


@pytest.mark.parametrize("shape", SHAPES)
def test_all_ways_to_deliver_a_forwarding_find_the_same(tmp_path: pathlib.Path, shape: str) -> None:
    two = {"to": HOME + "101", "then": [ABROAD + "004"], "shape": shape}
    lines = [
        line(HOME + "001").forwards(6, on=DAY, **two),  # type: ignore[arg-type]
        line("+8613911111111").dials(1, on="2026-04-15"),
        *many(5, HOME + "040", lambda each: each.forwards(6, on=DAY, to=HOME + "140", shape=shape)),
    ]
    without = ["record_type", "call_id"] if shape == "ordinary rows" else []
    result = scanned(tmp_path, feed(*lines, without=without))
    assert gravest(result, "forwarding_chain", HOME + "001") == "critical"
    assert gravest(result, "forwarding_chain", HOME + "140") == "high"
    by_id = [
        "linked by call id" in row["reason"]
        for row in found(result, "forwarding_chain", HOME + "001")
        if row["subject_kind"] == "chain"
    ]
    assert by_id == [shape == "legs with ids"]


def test_a_feed_without_forwardings_says_so(tmp_path: pathlib.Path) -> None:
    calls = feed(known("001").dials(5, on=DAY), without=["redirecting_number"])
    result = scanned(tmp_path, calls)
    assert result.not_applicable["forwarding_chain"] == (
        "the feed has neither forwarding legs nor a redirecting_number"
    )


def test_a_column_that_is_empty_is_applicable_and_finds_nothing(tmp_path: pathlib.Path) -> None:
    result = scanned(tmp_path, feed(known("001").dials(5, on=DAY)))
    assert "forwarding_chain" not in result.not_applicable
    assert found(result, "forwarding_chain") == []


@pytest.mark.parametrize(
    ("word", "hops", "why"),
    [
        ("link_seconds=35", [2, 2, 2], "the second hop comes 30 s later"),
        ("link_seconds=29", [], "too late for the setting"),
        ("min_hops=3", [], "too short for the setting"),
    ],
)
def test_the_settings_of_a_chain(
    tmp_path: pathlib.Path, word: str, hops: list[int], why: str
) -> None:
    two = [
        known(f"00{i}").forwards(6, on=DAY, to=HOME + f"10{i}", then=[HOME + f"20{i}"], hop_s=30)
        for i in range(3)
    ]
    result = scanned(tmp_path, feed(*two), f"forwarding_chain.{word}")
    rows = found(result, "forwarding_chain")
    assert [row["observed"] for row in rows if row["subject_kind"] == "chain"] == hops, why


def test_a_hub_counts_the_calls_that_came_to_it(tmp_path: pathlib.Path) -> None:
    hub = "+8613877770500"
    relays = [
        known(f"50{n}").forwards(20, on=DAY, to=HOME + f"6{n}0").forwards(1, on=DAY, to=hub)
        for n in range(6)
    ]
    bridges = [known(f"51{n}").forwards(6, on=DAY, to="+8613877770510") for n in range(5)]
    result = scanned(tmp_path, feed(*relays, *bridges))
    assert gravest(result, "forwarding_chain", hub) is None
    (row,) = [
        r for r in found(result, "forwarding_chain", "+8613877770510") if r["subject_kind"] == "hub"
    ]
    assert "30 calls from 30 callers" in row["reason"]


def test_whom_a_relay_reaches_does_not_take_part(tmp_path: pathlib.Path) -> None:
    reached = [f"+86139222200{n:02}" for n in range(12)]
    relay = line(HOME + "700")
    for place, target in enumerate(reached):
        at = f"{9 + place // 2:02}:{place % 2 * 30:02}"
        relay = relay.forwards(1, on=DAY, at=at, to=target, by=[ABROAD + "700"])
    rows = found(scanned(tmp_path, feed(relay)), "forwarding_chain", HOME + "700")
    assert {row["severity"] for row in rows} >= {"high"}
    assert not {member for row in rows for member in row["members"]} & set(reached)
    assert any(reached[0] in row["evidence"] for row in rows)
