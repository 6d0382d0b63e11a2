from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.helpers.builders import BIDDEN, Line, feed, found, line, scanned

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HERE, THERE = "460-00-1-7", "460-00-1-9"
WEEK = [f"2026-05-0{n}" for n in range(4, 9)]
COLD = {"answered": 0.4, "talk_s": 25, "gap_s": 400, "at": "08:30"}


def at(lines: Iterable[Line], cell: str, *, since: str = "", until: str = "9") -> None:
    """Let the calls of some days begin at a cell."""
    for each in lines:
        for row in each.rows:
            if (
                since <= str(row["start_time"])[:10] <= until
                and row["calling_number"] == each.number
            ):
                row["cell_id"] = cell


def callers(n: int, *, on: list[str], start: int = 1, **habits: Any) -> list[Line]:
    return [line(f"+86138{start + 7 * k:08}").dials(40, on=on, **(COLD | habits)) for k in range(n)]


def town(on: list[str]) -> list[Line]:
    """Two hundred people make four calls a day, at twenty cells."""
    people = [line(f"+86139{9 * k:08}").dials(4, on=on, gap_s=3000) for k in range(200)]
    for k, each in enumerate(people):
        at([each], f"460-00-1-{k % 20}")
    return people


def handset(each: Line, imei: str) -> None:
    for row in each.rows:
        row["imei"] = imei


def test_lines_in_one_room_are_found(tmp_path: Path) -> None:
    room = callers(6, on=WEEK)
    at(room, HERE)
    result = scanned(tmp_path, feed(*room, *town(WEEK)))
    rows = [row for row in found(result, "site") if str(row["day"]) == WEEK[0]]
    numbers = sorted(each.number for each in room)
    assert [row["subject"] for row in rows] == numbers
    for row in rows:
        assert (row["subject_kind"], row["severity"]) == ("site", "high")
        assert row["members"] == numbers
        assert row["reason"] == (
            "one of 6 lines (limit 4) that called strangers at cell 460-00-1-7 on 2026-05-04, 0.3 "
            "expected by its traffic"
        )
        assert not any(word in row["reason"] for word in BIDDEN)
    (alert,) = [row for row in result.alerts.to_dicts() if row["rank"]]
    assert alert["lines"] == numbers


def test_a_station_has_as_many_as_its_traffic_explains(tmp_path: Path) -> None:
    spread = callers(6, on=WEEK[:1])
    for k, each in enumerate(spread):
        at([each], f"460-00-1-{k}")
    people = town(WEEK[:1])
    at(people[:190], HERE)
    crowd = callers(4, on=WEEK[:1], start=900)
    at(crowd, HERE)
    assert found(scanned(tmp_path, feed(*spread, *crowd, *people)), "site") == []


def test_lines_about_the_town_are_not_found(tmp_path: Path) -> None:
    spread = callers(8, on=WEEK)
    for k, each in enumerate(spread):
        at([each], f"460-00-1-{2 * k}")
    assert found(scanned(tmp_path, feed(*spread, *town(WEEK))), "site") == []


def test_a_room_that_has_moved_is_known_by_its_numbers(tmp_path: Path) -> None:
    room = callers(6, on=WEEK)
    at(room, HERE, until=WEEK[1])
    at(room, THERE, since=WEEK[2])
    result = scanned(tmp_path, feed(*room, *town(WEEK)))
    rows = {str(row["day"]): row for row in found(result, "site", room[0].number)}
    assert list(rows) == [*WEEK[:2], WEEK[4]], "who is there for a day may only come by"
    assert (rows[WEEK[1]]["severity"], rows[WEEK[4]]["severity"]) == ("high", "critical")
    assert rows[WEEK[4]]["reason"].endswith(
        "; 6 of them were at cell 460-00-1-7 until 2026-05-05 and are here since 2026-05-06"
    )


def test_who_comes_by_has_nothing_to_do_with_a_room(tmp_path: Path) -> None:
    room, passing = callers(6, on=WEEK), callers(1, on=WEEK, start=900)
    at(room, HERE)
    at(passing, THERE)
    at(passing, HERE, since=WEEK[3], until=WEEK[3])
    rows = found(scanned(tmp_path, feed(*room, *passing, *town(WEEK))), "site")
    assert passing[0].number not in {row["subject"] for row in rows}
    assert all(len(row["members"]) == 6 for row in rows)


def test_a_room_that_has_moved_is_known_by_its_handsets(tmp_path: Path) -> None:
    before, after = callers(5, on=WEEK[:2]), callers(5, on=WEEK[3:], start=5_000)
    at(before, HERE)
    at(after, THERE)
    for k, pair in enumerate(zip(before, after, strict=True)):
        for each in pair:
            handset(each, f"35291100{k:06}{each.number[-1]}")
    result = scanned(tmp_path, feed(*before, *after, *town(WEEK)))
    rows = [row for row in found(result, "site") if str(row["day"]) == WEEK[4]]
    assert {row["severity"] for row in rows} == {"critical"}
    assert "5 of them were at cell 460-00-1-7 until 2026-05-05 and" in rows[0]["reason"]


def test_a_room_with_two_cells_has_not_moved(tmp_path: Path) -> None:
    room = callers(6, on=WEEK)
    for n, day in enumerate(WEEK):
        at(room, (HERE, THERE)[n % 2], since=day, until=day)
    rows = found(scanned(tmp_path, feed(*room, *town(WEEK))), "site")
    assert {row["severity"] for row in rows} == {"high"}


def test_cards_that_are_used_in_turn_on_one_handset_are_found(tmp_path: Path) -> None:
    cards = [callers(1, on=[day], start=100 * n + 1)[0] for n, day in enumerate(WEEK)]
    for n, each in enumerate(cards):
        handset(each, f"35291100123456{n}")
    rows = found(scanned(tmp_path, feed(*cards)), "site")
    assert [row["subject"] for row in rows] == [cards[3].number, cards[4].number]
    assert [row["observed"] for row in rows] == [4, 5]
    assert rows[0]["subject_kind"] == "device"
    assert rows[0]["reason"] == (
        "one of 4 lines (limit 4) that called strangers from handset 35291100123456 in the 7 days "
        "to 2026-05-07"
    )


def test_a_repair_shop_is_spared(tmp_path: Path) -> None:
    cards = [line(f"+86138{n:08}").dials(4, on=WEEK[0], gap_s=60) for n in range(40)]
    for each in cards:
        handset(each, "352911001234567")
    assert found(scanned(tmp_path, feed(*cards)), "site") == []


def test_who_sells_at_the_mall_and_is_called_back_on_most_days_is_spared(tmp_path: Path) -> None:
    staff = callers(6, on=WEEK[:3], called_back=0.2)
    for each in staff:
        each.dials(40, on=WEEK[3], **COLD)
    at(staff, HERE)
    assert found(scanned(tmp_path, feed(*staff, *town(WEEK))), "site") == []


def test_without_cells_and_handsets_it_is_not_applicable(tmp_path: Path) -> None:
    room = callers(6, on=WEEK)
    result = scanned(tmp_path, feed(*room, without=("cell_id", "imei")))
    assert "no cells" in result.not_applicable["site"]
    assert found(result, "site") == []
