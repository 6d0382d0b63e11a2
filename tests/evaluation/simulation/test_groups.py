"""Actors of several lines, their victims, and numbers from abroad."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from cdr_anomaly.evaluation.simulation import city as simulation_city
from tests.helpers.city_records import END, ZONE, calls, of, shown_on, simulate, told


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


def test_a_mobile_has_a_card_and_a_handset_and_others_have_neither(
    city: simulation_city.Sample, all_calls: pl.DataFrame
) -> None:
    own = all_calls.filter(pl.col("imsi").is_not_null())
    assert own["imsi"].str.contains(r"^\d{15}$").all()
    assert own["imei"].is_not_null().all()
    assert own["trunk_in"].is_null().all()
    assert all_calls.filter(pl.col("imei").is_not_null()).height == own.height
    home = own.filter(pl.col("calling_number").is_in(city.subscribers["line"].to_list()))
    assert home["imsi"].str.starts_with("460").all()
    assert (home.group_by("calling_number").agg(pl.col("imsi").n_unique())["imsi"] == 1).all()


def test_calls_from_elsewhere_name_the_trunk_they_came_in_on(
    city: simulation_city.Sample, all_calls: pl.DataFrame
) -> None:
    known = city.subscribers["line"].to_list() + city.truth["line"].to_list()
    others = all_calls.filter(~pl.col("calling_number").is_in(known))
    domestic = others.filter(pl.col("calling_number").str.starts_with("+86"))
    foreign = others.filter(~pl.col("calling_number").str.starts_with("+86"))
    assert shown_on(domestic, "IC-") == 1
    assert 0.9 < shown_on(foreign, "INT-") < 1
    assert shown_on(foreign, "I") == 1
    assert others["cell_id"].is_null().all()


def test_a_pool_is_of_neighbouring_foreign_numbers_on_a_domestic_trunk(
    placed: pl.DataFrame,
) -> None:
    pool = of(placed, "foreign_pool")
    assert shown_on(pool, "IC-") == 1
    for _, own in pool.group_by("actor"):
        numbers = own["line"].unique()
        assert 8 <= len(numbers) <= 25
        assert numbers.str.head(-3).n_unique() == 1
        assert 90 <= own.height / own["day"].n_unique() <= 800
        shared = own.group_by("called_number").agg(pl.col("line").n_unique())
        assert (shared["line"] > 1).sum() >= 3
        assert 0.3 < (own["duration_s"] > 0).mean() < 0.6  # type: ignore[operator]


def test_a_number_that_looks_foreign_has_a_home_card_and_a_home_cell(placed: pl.DataFrame) -> None:
    mask = of(placed, "foreign_mask")
    assert not mask["line"].str.starts_with("+86").any()
    assert mask["imsi"].str.starts_with("460").all()
    assert mask["cell_id"].is_not_null().all()
    assert mask["imei"].is_not_null().all()
    assert mask.group_by("line", "day").len()["len"].is_between(25, 220).all()


def test_impossible_numbers_are_of_no_country_and_come_from_abroad(placed: pl.DataFrame) -> None:
    shown = of(placed, "impossible_number")
    assert shown["line"].n_unique() >= 3
    assert shown["line"].str.contains(r"^\+(21[04579]|219|259|280|801|837|893|999)").all()
    assert shown_on(shown, "INT-") == 1


def test_a_spoofed_number_is_used_at_home_on_the_same_days(placed: pl.DataFrame) -> None:
    own = of(placed, "spoofed_number").filter(pl.col("day").is_between("first_day", "last_day"))
    abroad, home = (own.filter(pl.col("trunk_in").is_null() == here) for here in (False, True))
    assert shown_on(abroad, "INT-") == 1
    assert abroad["imsi"].is_null().all()
    assert home["imsi"].is_not_null().all()
    assert set(home["line"]) == set(abroad["line"])
    assert 20 <= abroad.group_by("line", "day").len()["len"].median() <= 150  # type: ignore[operator]


def test_agents_talk_eight_to_ten_hours_and_begin_at_the_same_time(placed: pl.DataFrame) -> None:
    local = pl.col("start_time").dt.convert_time_zone(ZONE)
    shifts = (
        of(placed, "agent")
        .group_by("actor", "line", "day")
        .agg(
            calls=pl.len(),
            hours=pl.col("duration_s").sum() / 3_600,
            span=(END.max() - pl.col("start_time").min()).dt.total_minutes() / 60,
            begin=(local.dt.hour().cast(pl.Int32) * 60 + local.dt.minute()).min(),
        )
        .filter(pl.col("calls") >= 60)
    )
    assert (shifts["hours"].is_between(7.8, 11)).mean() > 0.9  # type: ignore[operator]
    assert shifts["span"].is_between(8, 15).mean() > 0.95  # type: ignore[operator]
    assert (shifts["calls"] <= 220).all()
    by_line = shifts.group_by("line").agg(pl.col("begin").std(), pl.len())
    assert by_line["begin"].median() < 45  # type: ignore[operator]
    assert 5 <= shifts["line"].n_unique() / shifts["actor"].n_unique() <= 15


def test_agents_share_a_list_and_hardly_repeat_anybody(placed: pl.DataFrame) -> None:
    own = of(placed, "agent")
    by_line = own.group_by("actor", "line").agg(pl.len() / pl.col("called_number").n_unique())
    assert by_line["len"].median() < 1.45  # type: ignore[operator]
    by_callee = own.group_by("actor", "called_number").agg(pl.col("line").n_unique())
    assert (by_callee["line"] > 1).mean() > 0.3  # type: ignore[operator]


def retried_by_others(own: pl.DataFrame) -> tuple[float, float]:
    """Tell which share of unanswered people is tried within three days, and that by others."""
    missed = own.filter(pl.col("duration_s") == 0).select("called_number", "line", "start_time")
    after = own.select("called_number", next="start_time", by="line")
    pairs = missed.join(after, on="called_number").filter(
        (pl.col("next") - pl.col("start_time")).is_between(
            timedelta(0), timedelta(days=3), closed="right"
        )
    )
    tried = pairs.unique(["called_number", "line", "start_time"]).height / missed.height
    return tried, float((pairs["by"] != pairs["line"]).mean())  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["agent", "campaign", "split", "collector"])
def test_who_does_not_answer_is_tried_again_by_another_of_the_group(
    placed: pl.DataFrame, kind: str
) -> None:
    for _, own in of(placed, kind).group_by("actor"):
        tried, by_others = retried_by_others(own)
        assert tried > (0.3 if kind == "split" else 0.12)
        assert by_others > 0.45


def test_a_campaign_deals_the_numbers_of_a_block_in_turn(placed: pl.DataFrame) -> None:
    [own] = [
        calls
        for _, calls in of(placed, "campaign").group_by("actor")
        if calls["called_number"].str.slice(0, 10).n_unique() <= 2
    ]
    last = own["called_number"].str.slice(10).cast(pl.Int32).unique().sort()
    assert (last.diff().drop_nulls() <= 2).mean() > 0.9  # type: ignore[operator]
    assert own["line"].n_unique() >= 6


def test_a_site_falls_silent_and_goes_on_in_another_cell(placed: pl.DataFrame) -> None:
    sites = placed.filter(pl.col("pattern") == "site")
    assert sites["actor"].n_unique() == 3
    for _, own in sites.group_by("actor"):
        days = own.group_by("day").agg(pl.col("cell_id").mode().first()).sort("day")
        moved = days.filter(pl.col("cell_id") != pl.col("cell_id").shift())
        assert moved.height == 1
        silent = (days["day"].diff().dt.total_days() - 1).to_list()
        assert 1 <= silent[days["day"].to_list().index(moved["day"][0])] <= 4
        before, after = (own.filter((pl.col("day") < moved["day"][0]) == was) for was in (1, 0))
        same_lines = len(set(before["line"]) & set(after["line"])) / before["line"].n_unique()
        same_phones = len(set(before["imei"]) & set(after["imei"])) / before["imei"].n_unique()
        assert same_lines >= 0.6 or (same_lines == 0 and same_phones > 0.7)
        assert 5 <= before["line"].n_unique() <= 13


def test_a_closer_calls_minutes_after_the_opener(placed: pl.DataFrame) -> None:
    opened = of(placed, "opener").filter(pl.col("duration_s") >= 60)
    closed = of(placed, "closer").filter(pl.col("duration_s") >= 480)
    both = opened.select("actor", "called_number", ended=END).join(
        closed.select("actor", "called_number", "start_time", "duration_s"),
        on=["actor", "called_number"],
    )
    gap = (pl.col("start_time") - pl.col("ended")).dt.total_seconds()
    handed = both.filter(gap.is_between(-50, 840))
    assert (handed.group_by("actor").len()["len"] >= 15).all()
    assert set(handed["actor"]) == set(opened["actor"])
    few = of(placed, "closer").group_by("line", "day").len()["len"]
    assert few.mean() < 25  # type: ignore[operator]


def test_the_held_are_called_by_the_group_on_each_of_their_days(
    city: simulation_city.Sample, all_calls: pl.DataFrame
) -> None:
    assert city.victims.height >= 20
    assert city.victims["line"].is_unique().all()
    assert set(city.victims["line"]) <= set(city.subscribers["line"])
    actor = city.truth.select(calling_number="line", by="actor")
    on = city.victims.rename({"line": "called_number"})
    held = (
        all_calls.join(actor, on="calling_number")
        .join(on, on="called_number")
        .filter(pl.col("by") == pl.col("actor"), pl.col("day").is_between("first_day", "last_day"))
    )
    minutes = held.group_by("called_number", "day").agg(pl.col("duration_s").sum() / 60)
    assert (minutes["duration_s"] >= 25).all()
    assert (minutes["duration_s"] < 300).all()
    days = on.select(n=(pl.col("last_day") - pl.col("first_day")).dt.total_days() + 1)
    assert minutes.height == days["n"].sum()
    assert days["n"].is_between(2, 4).mean() > 0.9  # type: ignore[operator]


def test_others_find_the_held_busy_and_these_call_hardly_anybody(
    city: simulation_city.Sample, all_calls: pl.DataFrame
) -> None:
    there = city.victims.rename({"line": "called_number"})
    tried = all_calls.join(there, on="called_number").filter(
        pl.col("day").is_between("first_day", "last_day"), pl.col("release_cause") == 17
    )
    assert tried["called_number"].n_unique() > 0.9 * city.victims.height
    own = all_calls.join(city.victims, left_on="calling_number", right_on="line")
    while_held = pl.col("day").is_between("first_day", "last_day")
    days = city.victims.select((pl.col("last_day") - pl.col("first_day")).dt.total_days() + 1)
    n_held = float(days.sum().item())
    usual = own.filter(~while_held).height / (36 * city.victims.height - n_held)
    assert own.filter(while_held).height / n_held < 0.55 * usual


def test_a_captor_holds_one_after_the_other(
    city: simulation_city.Sample, placed: pl.DataFrame
) -> None:
    line = city.truth.filter(pl.col("kind") == "captor")
    mine = city.victims.join(line.select("actor"), on="actor", how="semi")
    assert mine.group_by("actor").len()["len"].is_between(1, 3).all()
    days = mine["last_day"] - mine["first_day"]
    assert (days == timedelta(days=2)).all()
    assert of(placed, "captor").group_by("line", "day").len()["len"].mean() < 15  # type: ignore[operator]


def test_replaced_numbers_give_way_to_others_of_their_block_and_cell(placed: pl.DataFrame) -> None:
    own = of(placed, "replaced")
    days = own.group_by("line").agg(
        first=pl.col("day").min(), last=pl.col("day").max(), handset=pl.col("imei").first()
    )
    assert own["line"].str.slice(0, 10).n_unique() == 1
    assert own["cell_id"].n_unique() == 1
    assert days["handset"].n_unique() == 12
    old, new = (days.filter((pl.col("first") == days["first"].min()) == was) for was in (1, 0))
    assert (old.height, new.height) == (6, 6)
    pause = (new["first"].min() - old["last"].max()).days  # type: ignore[operator, union-attr]
    assert pause in {1, 2}


def test_without_the_planted_nobody_is_held() -> None:
    clean = simulate(days=9, lines=300, clean=True)
    assert clean.victims.is_empty()
    assert clean.victims.columns == ["line", "actor", "first_day", "last_day"]


def test_the_called_side_knows_the_trunk_and_the_calling_side_the_card() -> None:
    both = simulation_city.simulate(days=9, lines=200, seed=6, sides="both").calls
    moc, mtc = (both.filter(pl.col("record_type") == side) for side in ("moc", "mtc"))
    told_twice = moc.join(mtc, on="call_id", how="semi")
    assert told_twice["trunk_in"].is_null().all(), "the called side tells of it, where there is one"
    assert mtc["imsi"].is_null().all()
    assert mtc["trunk_in"].is_not_null().any()
    spoofed = mtc.filter(pl.col("trunk_in").str.starts_with("INT-"))
    assert not set(spoofed["call_id"]) & set(moc.filter(pl.col("imsi").is_not_null())["call_id"])
