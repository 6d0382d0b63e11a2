"""Two telephones side by side and newly forwarded lines do what is said of them."""

from __future__ import annotations

import polars as pl
import pytest

from tests.helpers.city_records import END
from tests.helpers.hard_cities import SEEDS, HardCity, hard_city, known_share


def side_by_side(hard: HardCity, ear: str, mouth: str) -> pl.DataFrame:
    """Return the calls of the second telephone that begin and end with one of the first's."""
    heard = hard.received(ear).select("actor", heard_at="start_time", heard_end=END)
    said = hard.placed(mouth).with_columns(end=END).filter(pl.col("duration_s") > 0)
    pairs = said.join(heard, on="actor")
    wait = (pl.col("start_time") - pl.col("heard_at")).dt.total_seconds()
    gap = (pl.col("end") - pl.col("heard_end")).dt.total_seconds().abs()
    return pairs.filter(wait.is_between(0, 20), gap <= 20)


@pytest.mark.parametrize("grade", [1, 2, 3])
def test_what_one_telephone_hears_the_other_says(grade: int) -> None:
    hard = hard_city(1, grade)
    for ear, mouth in (("relay_ear", "relay_mouth"), ("interpreter", "interpreter_second")):
        pairs = side_by_side(hard, ear, mouth)
        talks = hard.received(ear).filter(pl.col("duration_s") > 0)
        assert pairs["call_id"].n_unique() > 0.5 * talks["call_id"].n_unique()
        assert pairs["call_id"].n_unique() > 20


@pytest.mark.parametrize("seed", SEEDS)
def test_an_interpreter_knows_both_ends(seed: int) -> None:
    hard = hard_city(seed)
    crew, twin = (
        side_by_side(hard, "relay_ear", "relay_mouth"),
        side_by_side(hard, "interpreter", "interpreter_second"),
    )
    assert known_share(crew) < 0.1
    assert known_share(twin) > 0.6


@pytest.mark.parametrize("grade", [1, 2, 3])
def test_a_line_is_forwarded_to_a_stranger_after_a_long_talk(grade: int) -> None:
    hard = hard_city(1, grade)
    legs = hard.rows.filter(record_type="fwd")
    to = hard.lines("forward_target")["line"].to_list()
    passed_on = legs.filter(pl.col("called_number").is_in(to))
    victims = hard.sample.victims.filter(pl.col("actor").str.starts_with("newly_forwarded"))
    assert set(passed_on["line"]) == set(victims["line"])
    assert victims.height >= 6
    talks = hard.placed("forward_talker").filter(
        pl.col("called_number").is_in(victims["line"].to_list())
    )
    longest = talks.group_by("called_number").agg(pl.col("duration_s").max())
    assert longest["duration_s"].min() > 300  # type: ignore[operator]
    talks = talks.filter(pl.col("duration_s") > 300)
    last_talk = talks.group_by(line="called_number").agg(talked=END.min())
    after = passed_on.join(last_talk, on="line")
    assert after.height == passed_on.height
    assert (after["start_time"] >= after["talked"]).all()
    # the warning call arrives at the target, and the person goes on calling
    assert (passed_on["calling_number"] == "96110").any()
    goes_on = hard.calls.join(after.select("line", "day").unique(), on=["line", "day"])
    assert goes_on["line"].n_unique() > 0.3 * victims.height
    targets = passed_on.group_by("line").agg(pl.col("called_number").n_unique())
    assert (targets["called_number"] == 1).all()


def test_a_carer_and_a_person_call_each_other() -> None:
    hard = hard_city(1)
    cared, carers = hard.lines("cared_for"), hard.lines("carer")
    calls = hard.placed("carer").filter(pl.col("called_number").is_in(cared["line"].to_list()))
    back = hard.received("carer").filter(pl.col("calling_number").is_in(cared["line"].to_list()))
    assert calls["calling_number"].n_unique() >= 0.5 * carers.height
    assert back["called_number"].n_unique() >= 0.5 * carers.height
    legs = hard.rows.filter(record_type="fwd")
    passed_on = legs.filter(pl.col("line").is_in(cared["line"].to_list()))
    to_carers = passed_on["called_number"].is_in(carers["line"].to_list())
    assert to_carers.sum() >= 2 * cared.height
