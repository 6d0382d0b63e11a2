"""Slow growth and hand-overs do what is said of them."""

from __future__ import annotations

import polars as pl
import pytest

from tests.helpers.hard_cities import SEEDS, hard_city, known_share, rate


@pytest.mark.parametrize(("grade", "growth"), [(1, 1.09), (2, 1.08), (3, 1.06)])
@pytest.mark.parametrize("kind", ["ramp", "growing_shop"])
def test_a_ramp_grows_slowly_and_evenly(grade: int, growth: float, kind: str) -> None:
    calls = hard_city(1, grade).placed(kind)
    a_day = calls.group_by("day").len().sort("day")["len"]
    # a card's few other calls do not grow
    assert 0.7 < a_day[-10:].sum() / a_day[-20:-10].sum() / growth**10 < 1.3
    last = calls.filter(pl.col("day") == pl.col("last_day"))
    in_an_hour = last.group_by("calling_number", "hour").len()["len"]
    assert in_an_hour.max() < 0.3 * rate(last) + 4  # type: ignore[operator]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_growing_shop_keeps_its_customers(seed: int) -> None:
    hard = hard_city(seed)
    assert known_share(hard.placed("growing_shop")) > known_share(hard.placed("ramp")) + 0.2
    assert hard.received("growing_shop").height > 2 * hard.received("ramp").height


@pytest.mark.parametrize("grade", [1, 2, 3])
def test_closers_call_those_who_listened(grade: int) -> None:
    hard = hard_city(1, grade)
    for opening, closing in (("opening_seat", "closing_seat"), ("enquiry_seat", "specialist")):
        opened = hard.placed(opening).filter(pl.col("duration_s") >= 45)
        talked = opened.select("called_number", ended="start_time")
        closed = hard.placed(closing).join(talked, on="called_number")
        wait = (closed["start_time"] - closed["ended"]).dt.total_seconds()
        handed = closed.filter((wait > 0) & (wait < 90_000))["call_id"].n_unique()
        assert handed > 20
        assert handed > 0.1 * talked["called_number"].n_unique()
        soon = (wait.filter((wait > 0) & (wait < 90_000)) < 7_200 + 4_000).mean()
        assert soon > (0.95 if grade == 1 else 0.6)  # type: ignore[operator]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_desk_hands_on_people_of_a_register(seed: int) -> None:
    hard = hard_city(seed)
    crew, desk = hard.placed("opening_seat"), hard.placed("enquiry_seat")
    assert known_share(crew) < 0.45
    assert known_share(desk) > 0.6
    assert rate(desk) == pytest.approx(rate(crew), rel=0.25)
    assert hard.lived_share("opening_seat", "closing_seat") > 0.35
