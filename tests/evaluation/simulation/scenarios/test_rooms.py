"""Rooms of hard patterns do what is said of them, and so do the offices that resemble them."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from tests.helpers.hard_cities import (
    SEEDS,
    answered,
    called_by_several,
    hard_city,
    known_share,
    rate,
)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_exact_list_is_answered_as_readily_as_a_register(seed: int) -> None:
    hard = hard_city(seed)
    room = hard.placed("room_seat")
    desk = hard.placed("community_desk", "courier_enquiry_desk")
    assert 0.7 < answered(room) < 0.93
    assert answered(desk) == pytest.approx(answered(room), abs=0.05)
    assert rate(desk) == pytest.approx(rate(room), rel=0.25)
    assert rate(room) < 32
    assert room["cell_id"].n_unique() == 2
    assert 0.4 <= hard.lived_share("room_seat") <= 0.6
    # colleagues call again who listened; a desk knows most of those whom it calls
    assert called_by_several(room) > 0.08
    assert known_share(room) < 0.45
    assert known_share(desk) > 0.7
    callers = hard.received("community_desk", "courier_enquiry_desk")
    assert callers["calling_number"].is_in(desk["called_number"].to_list()).mean() > 0.9  # type: ignore[operator]


def test_who_listened_is_called_again_by_a_colleague() -> None:
    room = hard_city(1).placed("room_seat")
    listened = room.filter(pl.col("duration_s") > 0).select(
        "called_number", first="calling_number", then="start_time"
    )
    again = room.join(listened, on="called_number").filter(pl.col("start_time") > pl.col("then"))
    assert again.height / room.height > 0.05
    assert (again["first"] != again["calling_number"]).mean() > 0.5  # type: ignore[operator]


def test_plain_rooms_have_cards_without_a_past_in_one_cell() -> None:
    hard = hard_city(1, 1)
    assert hard.lived_share("room_seat") == 0
    assert hard.placed("room_seat")["cell_id"].n_unique() == 1
    assert rate(hard.placed("room_seat")) > 45


@pytest.mark.parametrize("seed", SEEDS)
def test_a_room_of_few_calls_shares_one_list_over_many_lines(seed: int) -> None:
    hard = hard_city(seed)
    room, office = hard.placed("floor_seat"), hard.placed("open_plan_desk")
    assert room["calling_number"].n_unique() >= 24
    assert room.group_by("calling_number", "day").len()["len"].mean() < 13  # type: ignore[operator]
    assert rate(office) == pytest.approx(rate(room), rel=0.25)
    assert answered(office) == pytest.approx(answered(room), abs=0.06)
    lines = hard.lines("floor_seat", "open_plan_desk")["line"].to_list()
    outside = ~pl.col("called_number").is_in(lines)
    assert called_by_several(room.filter(outside)) > 0.1
    assert called_by_several(office.filter(outside)) < 0.08


@pytest.mark.parametrize("grade", [1, 2, 3])
def test_a_list_goes_on_under_new_numbers(grade: int) -> None:
    hard = hard_city(1, grade)
    seats = hard.placed("list_seat")
    first = seats.group_by("calling_number").agg(since=pl.col("day").min())
    later = seats.join(first, on="calling_number")
    start = later["day"].min()
    old = later.filter(pl.col("since") <= start + timedelta(days=2))  # type: ignore[operator]
    new = later.filter(pl.col("since") > start + timedelta(days=2))  # type: ignore[operator]
    assert new["calling_number"].n_unique() >= 4
    called = old["called_number"].unique().to_list()
    assert 0.08 < new["called_number"].is_in(called).mean() < 0.6  # type: ignore[operator]
    assert (seats["cell_id"].n_unique() > 1) == (grade == 3)
    assert bool(set(new["imei"]) & set(old["imei"])) == (grade == 1)


def test_a_renumbered_desk_keeps_its_customers_and_callers() -> None:
    hard = hard_city(1)
    desk, callers = hard.placed("renumbered_desk"), hard.received("renumbered_desk")
    since = desk.with_columns(since=pl.col("day").min().over("calling_number"))
    change = desk["day"].min() + timedelta(days=8)  # type: ignore[operator]
    before, after = since.filter(pl.col("since") < change), since.filter(pl.col("since") >= change)
    assert before["day"].max() < after["day"].min()  # type: ignore[operator]
    known = after["called_number"].is_in(before["called_number"].unique().to_list())
    assert known.mean() > 0.25  # type: ignore[operator]
    assert callers.height > 0.25 * desk.height


@pytest.mark.parametrize("seed", SEEDS)
def test_a_rented_desk_was_a_firm_s_and_a_licensed_one_always_dialled(seed: int) -> None:
    hard = hard_city(seed)
    seats, desk, past = (
        hard.placed("rented_seat"),
        hard.placed("licensed_desk"),
        hard.before("rented_seat"),
    )
    assert rate(past) < 20
    assert rate(seats) > 50
    assert rate(desk) == pytest.approx(rate(seats), rel=0.25)
    middle = desk["day"].min() + timedelta(days=14)  # type: ignore[operator]
    early, late = desk.filter(pl.col("day") < middle), desk.filter(pl.col("day") >= middle)
    assert rate(early) == pytest.approx(rate(late), rel=0.15)
    assert known_share(desk) < 0.2
