"""The honest beside the planted of an invented city: who looks alike, and is not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tests.helpers.city_records import END, ZONE, calls, of, shown_on, simulate, told

if TYPE_CHECKING:
    from cdr_anomaly.evaluation.simulation import city as simulation_city


@pytest.fixture(scope="module", params=[1, 2])
def city(request: pytest.FixtureRequest) -> simulation_city.Sample:
    return simulate(lines=3_000, seed=request.param)


@pytest.fixture(scope="module")
def placed(city: simulation_city.Sample) -> pl.DataFrame:
    """All calls that lines with a truth placed."""
    return told(city).filter(pl.col("record_type") == "call")


@pytest.fixture(scope="module")
def all_calls(city: simulation_city.Sample) -> pl.DataFrame:
    return calls(city)


def test_couriers_of_a_depot_share_customers_and_their_morning(placed: pl.DataFrame) -> None:
    own = of(placed, "depot_courier").filter(pl.col("day").is_between("first_day", "last_day"))
    customers = own.group_by("actor", "called_number").agg(pl.col("line").n_unique())
    assert (customers["line"] > 1).mean() > 0.03  # type: ignore[operator]
    early = own.filter(pl.col("start_time").dt.convert_time_zone(ZONE).dt.hour() == 8)
    at_depot = early.group_by("actor").agg(
        pl.col("cell_id").value_counts(sort=True, normalize=True).struct.field("proportion").first()
    )
    assert (at_depot["proportion"] > 0.5).all()


def test_a_licensed_centre_works_next_door_to_a_planted_site(
    city: simulation_city.Sample, placed: pl.DataFrame
) -> None:
    seats = of(placed, "licensed_seat")
    assert seats["line"].n_unique() == 12
    site = placed.filter(pl.col("actor") == "site_1")
    assert set(seats["cell_id"]) <= set(site["cell_id"])
    assert set(seats["line"]) <= set(city.entities["line"])


def test_a_pharmacy_rings_minutes_after_the_clinic_and_nobody_declared_it(
    city: simulation_city.Sample, placed: pl.DataFrame
) -> None:
    reminded = of(placed, "clinic").select("actor", "called_number", ended=END)
    rung = of(placed, "pharmacy").join(reminded, on=["actor", "called_number"])
    gap = (pl.col("start_time") - pl.col("ended")).dt.total_seconds()
    soon = rung.filter(gap.is_between(0, 720))
    assert soon["call_id"].n_unique() == of(placed, "pharmacy")["call_id"].n_unique() > 20
    assert not set(rung["line"]) & set(city.entities["line"])


def test_a_repair_shop_has_many_cards_in_one_handset_for_few_calls(
    placed: pl.DataFrame, all_calls: pl.DataFrame
) -> None:
    bench = of(placed, "repair_shop")["imei"].unique()
    cards = all_calls.filter(pl.col("imei").is_in(bench.to_list())).group_by("imei", "imsi").len()
    assert 20 <= cards.height <= 2 * 61
    assert cards["len"].median() <= 4  # type: ignore[operator]


def test_firms_abroad_call_on_international_trunks_and_half_are_declared(
    city: simulation_city.Sample, placed: pl.DataFrame
) -> None:
    firms = of(placed, "overseas_firm")
    assert 0.9 < shown_on(firms, "INT-") <= 1
    declared = firms["line"].unique().is_in(city.entities["line"].to_list())
    assert declared.sum() == -(-len(declared) // 2)


def test_visitors_have_cards_of_their_country_and_a_home_cell(placed: pl.DataFrame) -> None:
    visitors = of(placed, "inbound_roamer")
    assert not visitors["imsi"].str.starts_with("460").any()
    assert visitors["cell_id"].is_not_null().all()
    assert visitors.group_by("line", "day").len()["len"].mean() < 12  # type: ignore[operator]


def test_who_is_abroad_is_at_no_cell_of_ours(placed: pl.DataFrame) -> None:
    away = of(placed, "outbound_roamer").filter(pl.col("day").is_between("first_day", "last_day"))
    assert away.height > 10
    assert shown_on(away, "INT-") == 1
    assert away["cell_id"].is_null().all()


def test_hotlines_talk_all_day_and_place_few_calls(all_calls: pl.DataFrame, placed: Any) -> None:
    lines = of(placed, "hotline")
    inward = all_calls.filter(pl.col("called_number").is_in(lines["line"].unique().to_list()))
    hours = inward.group_by("called_number", "day").agg(pl.col("duration_s").sum() / 3_600)
    assert hours["duration_s"].median() > 8  # type: ignore[operator]
    assert lines.height < 0.2 * inward.height


@pytest.mark.parametrize(("kind", "hours"), [("carer", 1), ("open_line", 3)])
def test_some_talk_for_hours_to_one_person(placed: pl.DataFrame, kind: str, hours: float) -> None:
    long = of(placed, kind).filter(pl.col("duration_s") > hours * 1_800)
    assert (long.group_by("line").agg(pl.col("day").n_unique())["day"] >= 10).all()
    by_line = long.group_by("line").agg(pl.col("called_number").unique_counts().max() / pl.len())
    assert by_line["called_number"].median() > 0.8  # type: ignore[operator]


def test_long_talkers_are_busy_too_and_call_as_ever(
    all_calls: pl.DataFrame, city: simulation_city.Sample
) -> None:
    talkers = city.truth.filter(pl.col("kind") == "long_talker")
    assert not set(talkers["line"]) & set(city.victims["line"])
    then = pl.col("day").is_between("first_day", "last_day")
    inward = all_calls.join(talkers, left_on="called_number", right_on="line").filter(then)
    assert (
        inward.group_by("called_number").agg(pl.col("duration_s").max())["duration_s"] > 600
    ).all()
    busy = inward.filter(pl.col("release_cause") == 17)
    assert busy["called_number"].n_unique() == talkers.height


def test_families_call_each_other_and_shops_of_a_name_share_customers(placed: pl.DataFrame) -> None:
    family = of(placed, "family").select("actor", "line", "called_number")
    other = family.select("actor", called_number="line").unique()
    assert family.join(other, on=["actor", "called_number"]).height > 0.5 * family.height
    shops = of(placed, "franchise_shop").group_by("actor", "called_number")
    assert (shops.agg(pl.col("line").n_unique())["line"] > 1).mean() > 0.3  # type: ignore[operator]


def test_staff_of_the_mall_are_in_the_cell_that_a_site_leaves(placed: pl.DataFrame) -> None:
    work = of(placed, "mall_staff")["cell_id"].mode().first()
    site = placed.filter(pl.col("actor") == "site_3").sort("day")
    assert work == site["cell_id"][0]


def test_the_honest_neighbours_are_many_times_the_planted_actors() -> None:
    truth = simulate(days=8).truth
    new = {"overseas_presentation", "agent_shift", "campaign", "site", "hand_off", "captor"}
    planted = truth.filter(pl.col("pattern").is_in([*new, "evasion_replaced"]))
    beside = {
        "depot_courier",
        "licensed_seat",
        "clinic",
        "family",
        "collector",
        "pollster",
        "franchise_shop",
        "mall_staff",
        "repair_shop",
        "overseas_firm",
        "inbound_roamer",
        "outbound_roamer",
        "hotline",
        "carer",
        "open_line",
        "long_talker",
    }
    honest = truth.filter(pl.col("kind").is_in(beside))
    assert honest["actor"].n_unique() > 8 * planted["actor"].n_unique()
    assert honest["line"].n_unique() > 2 * planted["line"].n_unique()
