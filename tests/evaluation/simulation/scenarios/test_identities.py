"""Boxes of cards, changed identities and home numbers from abroad do what is said of them."""

from __future__ import annotations

import polars as pl
import pytest

from tests.helpers.hard_cities import SEEDS, answered, hard_city, rate


@pytest.mark.parametrize(("grade", "cards", "handsets"), [(1, 30, 4), (2, 60, 15), (3, 90, 90)])
def test_a_box_has_so_many_cards_and_handsets(grade: int, cards: int, handsets: int) -> None:
    hard = hard_city(1, grade)
    box, drivers = hard.placed("box_card"), hard.placed("airport_driver")
    assert box["calling_number"].n_unique() == drivers["calling_number"].n_unique() == cards
    assert handsets <= box["imei"].n_unique() <= handsets * 1.1 + 1
    assert answered(box) > 0.55
    assert hard.received("box_card").is_empty()
    assert hard.received("airport_driver").height > 0.08 * drivers.height
    assert rate(drivers) == pytest.approx(rate(box), rel=0.2)
    if grade == 3:
        assert rate(box) < 29
        assert box["cell_id"].n_unique() == drivers["cell_id"].n_unique() == 3


@pytest.mark.parametrize("seed", SEEDS)
def test_a_number_goes_on_with_another_card(seed: int) -> None:
    hard = hard_city(seed)
    for kind in ("stolen_number", "replaced_card"):
        lines = hard.lines(kind)
        own = hard.calls.join(lines, left_on="calling_number", right_on="line")
        own = own.filter(pl.col("imsi").is_not_null())
        old, new = own.filter(pl.col("day") < pl.col("first_day")), hard.placed(kind)
        cards = new.group_by("calling_number").agg(pl.col("imsi").n_unique())
        assert (cards["imsi"] == 1).all()
        assert not set(old["imsi"]) & set(new["imsi"])
        assert not set(old["imei"]) & set(new["imei"])
        assert old["calling_number"].n_unique() >= 0.7 * lines.height


@pytest.mark.parametrize("seed", SEEDS)
def test_an_owner_s_friends_know_the_replaced_card(seed: int) -> None:
    hard = hard_city(seed)
    shares = []
    for kind in ("stolen_number", "replaced_card"):
        met = hard.before(kind).select("calling_number", "called_number").unique()
        new = hard.placed(kind)
        known = new.join(met, on=["calling_number", "called_number"], how="semi")
        shares.append(known.height / new.height)
    assert shares[0] < shares[1]
    after = hard.calls.join(hard.lines("stolen_number"), left_on="calling_number", right_on="line")
    assert after.filter(pl.col("day") > pl.col("last_day")).height < 5


@pytest.mark.parametrize("grade", [1, 2, 3])
def test_home_numbers_come_in_on_a_trunk_from_abroad(grade: int) -> None:
    hard = hard_city(1, grade)
    crew, twin = hard.placed("presented_number"), hard.placed("roaming_family")
    for calls in (crew, twin):
        assert calls["trunk_in"].str.starts_with("INT-").all()
        assert calls["calling_number"].str.starts_with("+86").all()
    assert crew["trunk_in"].n_unique() == 1
    if grade == 3:
        numbers = crew.group_by("calling_number").agg(pl.len(), pl.col("day").n_unique())
        assert numbers.height > 80
        assert numbers["day"].max() <= 2  # type: ignore[operator]
        assert numbers["len"].mean() < 4  # type: ignore[operator]
    ours = hard.calls.join(hard.lines("roaming_family"), left_on="calling_number", right_on="line")
    assert (ours["trunk_in"].is_null()).any()
    if grade > 1:
        assert crew["called_number"].n_unique() > 0.6 * crew.height
