"""Cards with a past, a padded present or another handset every day do what is said of them."""

from __future__ import annotations

import polars as pl
import pytest

from tests.helpers.hard_cities import SEEDS, answered, hard_city, known_share, rate


@pytest.mark.parametrize("seed", SEEDS)
def test_sleepers_lay_silent_or_had_another_life(seed: int) -> None:
    hard = hard_city(seed)
    sleepers, twins = hard.placed("sleeper"), hard.placed("woken_card")
    assert 0.5 <= hard.lived_share("sleeper") <= 0.7
    assert hard.lived_share("woken_card") == hard.lived_share("sleeper")
    past = hard.before("sleeper").group_by("calling_number").agg(pl.col("called_number").n_unique())
    assert past["called_number"].max() <= 8  # type: ignore[operator]
    waking = hard.lines("sleeper")["first_day"]
    assert 1 < waking.n_unique() <= 7
    assert rate(twins) == pytest.approx(rate(sleepers), rel=0.25)
    assert answered(twins) == pytest.approx(answered(sleepers), abs=0.07)
    backs = [
        hard.received(kind).height / hard.placed(kind).height for kind in ("sleeper", "woken_card")
    ]
    assert backs[0] < 0.1
    assert backs[1] > 0.15


def test_plain_sleepers_wake_together_in_one_room_without_a_past() -> None:
    hard = hard_city(1, 1)
    assert hard.lived_share("sleeper") == 0
    assert hard.lines("sleeper")["first_day"].n_unique() <= 2  # a Sunday may lie between
    assert hard.placed("sleeper")["cell_id"].n_unique() == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_padded_pool_calls_itself_and_helpers_call_it(seed: int) -> None:
    hard = hard_city(seed)
    pool, colleagues = hard.placed("padded_card"), hard.placed("depot_runner", "market_stall")
    cards = hard.lines("padded_card")["line"].to_list()
    assert 0.12 < pool["called_number"].is_in(cards).mean() < 0.4  # type: ignore[operator]
    inward = hard.received("padded_card").filter(~pl.col("calling_number").is_in(cards))
    by_helpers = inward["calling_number"].is_in(hard.lines("helper")["line"].to_list())
    assert by_helpers.mean() > 0.7  # type: ignore[operator]
    assert inward.height > 0.1 * pool.height
    outside = ~pl.col("called_number").is_in(cards)
    runners = hard.lines("depot_runner", "market_stall")["line"].to_list()
    served = colleagues.filter(~pl.col("called_number").is_in(runners))
    assert known_share(pool.filter(outside)) < 0.3
    assert known_share(served) > 0.5
    assert rate(colleagues) == pytest.approx(rate(pool), rel=0.25)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_card_is_in_another_handset_every_day(seed: int) -> None:
    hard = hard_city(seed)
    for kind in ("card_in_turn", "repair_card"):
        a_day = (
            hard.placed(kind)
            .group_by("calling_number", "day")
            .agg(pl.col("imei").first(), several=pl.col("imei").n_unique())
            .sort("calling_number", "day")
        )
        assert (a_day["several"] == 1).mean() > 0.95  # type: ignore[operator]
        changed = a_day["imei"] != a_day["imei"].shift(1)
        assert changed.mean() > 0.9  # type: ignore[operator]
    assert hard.received("repair_card").height > 0.25 * hard.placed("repair_card").height
    assert hard.received("card_in_turn").height < 0.15 * hard.placed("card_in_turn").height
