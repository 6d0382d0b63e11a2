"""Bursts upon one line, single rings and nightly far countries do what is said of them."""

from __future__ import annotations

import polars as pl
import pytest

from tests.helpers.hard_cities import SEEDS, answered, hard_city, rate


@pytest.mark.parametrize("grade", [1, 2, 3])
def test_hundreds_fall_upon_one_line_within_an_hour(grade: int) -> None:
    hard = hard_city(1, grade)
    for kind, most_lines in (("bombed_line", 12), ("phone_in", 1)):
        called = hard.lines(kind)["line"].to_list()
        assert 1 <= len(called) <= most_lines
        calls = hard.calls.filter(pl.col("called_number").is_in(called))
        from_pool = calls.filter(
            pl.col("calling_number").is_in(hard.lines("burst_caller", "listener")["line"].to_list())
        )
        burst = calls.join(
            from_pool.select("called_number", "day").unique(), on=["called_number", "day"]
        )
        a_day = burst.group_by("called_number", "day").agg(
            pl.len(),
            first=pl.col("start_time").quantile(0.05),
            last=pl.col("start_time").quantile(0.95),
            callers=pl.col("calling_number").n_unique(),
        )
        a_day = a_day.filter(pl.col("len") > 60)  # a victim has other days, too
        assert a_day.height >= 5
        assert a_day["len"].median() > 100  # type: ignore[operator]
        assert a_day["callers"].median() > 30  # type: ignore[operator]
        within = (a_day["last"] - a_day["first"]).dt.total_minutes().median()
        assert within <= 70  # type: ignore[operator]
        assert answered(burst) < 0.25


@pytest.mark.parametrize("seed", SEEDS)
def test_a_phone_in_has_its_hour_and_its_listeners(seed: int) -> None:
    hard = hard_city(seed)
    to_show = hard.received("phone_in")
    assert to_show["hour"].n_unique() <= 2
    to_victims = hard.placed("burst_caller").filter(
        pl.col("called_number").is_in(hard.lines("bombed_line")["line"].to_list())
    )
    days = to_victims.group_by("called_number").agg(pl.col("day").n_unique())["day"]
    assert (days == 1).mean() > 0.9  # type: ignore[operator]
    victims = hard.sample.victims.filter(pl.col("actor").str.starts_with("called_burst"))
    assert set(hard.lines("bombed_line")["line"]) == set(victims["line"])


@pytest.mark.parametrize("grade", [1, 2, 3])
def test_one_ring_is_never_answered_and_called_back(grade: int) -> None:
    hard = hard_city(1, grade)
    rings, doors = hard.placed("ring_caller"), hard.placed("bus_driver")
    assert answered(rings) == answered(doors) == 0
    backs = hard.received("ring_caller")
    assert 0.06 < backs.height / rings.height < 0.25
    assert (backs["duration_s"] > 60).mean() > 0.5  # type: ignore[operator]
    assert hard.received("bus_driver").is_empty()
    by_day = [
        calls.group_by("calling_number", "called_number").agg(pl.col("day").n_unique())["day"]
        for calls in (rings, doors)
    ]
    # a small city has too few people for the hundreds of calls of plain crews
    assert (by_day[0] == 1).mean() > (0.2 if grade == 1 else 0.75)  # type: ignore[operator]
    assert by_day[1].mean() > 5  # type: ignore[operator]
    if grade == 3:
        assert rate(rings) < 15
        assert rings["calling_number"].n_unique() > 30


@pytest.mark.parametrize("seed", SEEDS)
def test_an_exchange_calls_countries_by_night_that_it_never_called(seed: int) -> None:
    hard = hard_city(seed)
    for kind, nights in (("hacked_exchange", 6), ("export_firm", 19)):
        lines = hard.lines(kind)["line"].to_list()
        calls = hard.calls.filter(pl.col("calling_number").is_in(lines))
        far = calls.filter(~pl.col("called_number").str.starts_with("+86"))
        assert far["hour"].is_in([0, 1, 2, 3, 4, 22, 23]).all()
        assert 3 <= far["called_number"].str.head(4).n_unique() <= 6
        active = far["day"].n_unique()
        assert (active <= nights) == (kind == "hacked_exchange")
        a_night = far.group_by("calling_number", "day").len()["len"]
        assert 6 < a_night.mean() < 20  # type: ignore[operator]
        by_day = calls.filter(pl.col("called_number").str.starts_with("+86"))
        assert by_day["day"].n_unique() > 15
