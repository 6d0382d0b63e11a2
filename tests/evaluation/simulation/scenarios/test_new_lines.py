"""Bursts of new lines and many cards of one holder do what is said of them."""

from __future__ import annotations

import polars as pl
import pytest

from tests.helpers.hard_cities import SEEDS, hard_city, rate

TWINS = ("moved_firm", "student", "ported_line")


@pytest.mark.parametrize(("grade", "days", "shops"), [(1, 1, 1), (2, 2, 2), (3, 3, 4)])
def test_new_lines_come_at_once_from_so_many_shops(grade: int, days: int, shops: int) -> None:
    hard = hard_city(1, grade)
    for lines in (hard.lines("burst_card"), hard.lines(*TWINS)):
        sold = hard.subscribers.join(lines, on="line")
        assert sold["activation"].n_unique() <= days
        assert 1 <= sold["dealer"].n_unique() <= shops
        assert (sold["activation"] <= sold["first_day"]).all()
        blocks = sold["line"].str.slice(3, 7).n_unique()
        assert (blocks == 1) == (grade == 1)


def test_plain_bursts_are_over_midnight() -> None:
    burst = hard_city(1, 1).placed("burst_card")
    assert (burst["hour"] < 3).sum() > 10
    assert (burst["hour"] > 21).sum() > 10


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_twins_of_a_burst_are_called_by_those_whom_they_call(seed: int) -> None:
    hard = hard_city(seed)
    burst, twins = hard.placed("burst_card"), hard.placed(*TWINS)
    assert hard.received("burst_card").height < 0.15 * burst.height
    assert hard.received(*TWINS).height > 0.2 * twins.height
    assert rate(twins) == pytest.approx(rate(burst), rel=0.3)


def test_a_ported_line_was_there_before_its_activation() -> None:
    """The same city for all, whatever twin its seed draws: one of three seeds has ported lines."""
    cities = [hard_city(seed) for seed in (1, 2, 3)]
    (hard,) = [each for each in cities if each.lines("ported_line").height]
    before = hard.before("ported_line")
    assert before["calling_number"].n_unique() == hard.lines("ported_line").height
    assert before["trunk_in"].str.starts_with("IC-").all()
    assert before["cell_id"].null_count() == before.height
    after = hard.placed("ported_line")
    assert after["trunk_in"].null_count() == after.height


@pytest.mark.parametrize(("grade", "holders", "size"), [(1, 1, 30), (2, 2, 15), (3, 3, 10)])
def test_holders_have_many_cards_and_use_few_at_a_time(grade: int, holders: int, size: int) -> None:
    hard = hard_city(1, grade)
    for kind in ("held_card", "fleet_card"):
        used = hard.subscribers.join(hard.lines(kind), on="line")
        assert used["holder_token"].n_unique() <= holders
        held = hard.subscribers.filter(
            pl.col("holder_token").is_in(used["holder_token"].unique().to_list())
        )
        cards = held.group_by("holder_token").len()["len"]
        assert (cards >= size).all()
        a_day = hard.placed(kind).group_by("day").agg(pl.col("calling_number").n_unique())
        assert a_day["calling_number"].max() <= 9  # type: ignore[operator]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_fleet_drives_about_and_is_called_back(seed: int) -> None:
    hard = hard_city(seed)
    fleet, crew = hard.placed("fleet_card"), hard.placed("held_card")
    assert rate(fleet) == pytest.approx(rate(crew), rel=0.25)
    assert hard.received("fleet_card").height > 0.18 * fleet.height
    assert hard.received("held_card").height < 0.12 * crew.height
