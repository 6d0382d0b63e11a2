"""Chains by night and pools of relays do what is said of them."""

from __future__ import annotations

import polars as pl
import pytest

from tests.helpers.hard_cities import SEEDS, answered, hard_city


@pytest.mark.parametrize("grade", [1, 2, 3])
def test_the_middle_of_a_chain_changes_and_a_switchboard_keeps_its_path(grade: int) -> None:
    hard = hard_city(1, grade)
    crew, board = hard.forwarded("chain_entry"), hard.forwarded("switchboard")
    assert crew["called_number"].n_unique() >= 3
    assert board["called_number"].n_unique() == 1
    second = hard.forwarded("chain_middle")
    assert second.height == pytest.approx(crew.height, abs=2)
    assert second["called_number"].n_unique() == 1
    assert second["called_number"].str.starts_with("+86").all() == (grade > 1)
    assert crew["hour"].is_in([19, 20, 21, 22, 23, 0, 1, 2, 3, 4, 5]).all()
    a_night = [calls.height / calls["day"].n_unique() for calls in (crew, board)]
    assert a_night[0] == pytest.approx(a_night[1], rel=0.25)
    if grade == 3:
        assert hard.lived_share("chain_middle") == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_relay_serves_few_callers_and_a_masked_number_two_at_a_time(seed: int) -> None:
    hard = hard_city(seed)
    relayed, masked = hard.forwarded("relay_card"), hard.forwarded("masked_number")
    assert relayed["calling_number"].n_unique() <= 18
    assert relayed["called_number"].n_unique() > 0.75 * relayed.height
    assert masked["calling_number"].n_unique() > 60
    assert answered(masked) == pytest.approx(answered(relayed), abs=0.05)
    lines = [
        calls.group_by("redirecting_number", "day").len()["len"] for calls in (relayed, masked)
    ]
    assert lines[0].mean() == pytest.approx(lines[1].mean(), rel=0.15)
    assert lines[0].mean() < 10  # type: ignore[operator]
    # both parties of a ride call the same number
    ends = masked.select("redirecting_number", "day", a="calling_number", b="called_number")
    back = ends.join(ends.select("redirecting_number", "day", a="b", b="a"), on=ends.columns)
    assert back.height > 0.1 * masked.height
    assert pl.Series([relayed.height]).item() > 100
