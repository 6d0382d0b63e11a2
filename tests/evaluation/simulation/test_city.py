"""What is planted does what it is said to do, and the honest outnumber it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly.evaluation.simulation import city as simulation_city
from tests.helpers.city_records import ZONE, plain, simulate, told

if TYPE_CHECKING:
    from pathlib import Path

PATTERNS = {
    "mass_dialler", "high_frequency", "forwarding_relay", "forwarding_hub", "block_burst",
    "new_sim", "evasion_split", "evasion_throttled", "evasion_ramped", "evasion_rotated",
    "evasion_changing", "evasion_replaced", "overseas_presentation", "agent_shift", "campaign",
    "site", "hand_off", "captor",
}  # fmt: skip
HONEST = {
    "courier", "rider", "new_courier", "estate_agent", "sales", "call_centre", "hospital",
    "school", "taxi", "alarm", "promotion", "second_phone", "voicemail", "voicemail_user", "rota",
    "rota_doctor", "company_desk", "reception", "depot_courier", "licensed_seat", "clinic",
    "pharmacy", "family", "collector", "pollster", "franchise_shop", "mall_staff", "repair_shop",
    "overseas_firm", "inbound_roamer", "outbound_roamer", "hotline", "carer", "open_line",
    "long_talker",
}  # fmt: skip
LAST = simulation_city.FIRST_DAY + timedelta(days=35)


def busiest(calls: pl.DataFrame, hours: float) -> dict[str, int]:
    """Tell of each line the most calls it placed within so many hours."""
    most: dict[str, int] = {}
    for (line,), own in calls.group_by("line"):
        at = own["start_time"].sort().dt.epoch("s")
        before = at.search_sorted(at - int(hours * 3600), side="right")
        most[str(line)] = int((pl.int_range(1, len(at) + 1, eager=True) - before).max() or 0)
    return most


@pytest.fixture(scope="module")
def full() -> simulation_city.Sample:
    """Make a city of full size, of eight days."""
    return simulate(days=8)


@pytest.fixture(scope="module", params=[1, 2, 3])
def city(request: pytest.FixtureRequest) -> simulation_city.Sample:
    return simulation_city.simulate(lines=400, seed=request.param)


@pytest.fixture(scope="module")
def placed(city: simulation_city.Sample) -> pl.DataFrame:
    return told(city).filter(pl.col("record_type") == "call")


@pytest.fixture(scope="module")
def passed_on(city: simulation_city.Sample) -> pl.DataFrame:
    return told(city).filter(pl.col("record_type") == "fwd")


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for folder, seed in (("one", 4), ("two", 4), ("other", 5)):
        simulation_city.write_sample(
            simulation_city.simulate(days=9, lines=200, seed=seed), tmp_path / folder
        )
    written = {
        folder: {
            str(file.relative_to(tmp_path / folder)): file.read_bytes()
            for file in (tmp_path / folder).rglob("*.*")
            if file.is_file()
        }
        for folder in ("one", "two", "other")
    }
    assert len(written["one"]) == 9 + 4
    assert written["one"] == written["two"]
    assert written["one"] != written["other"]


def test_a_smallest_city_has_every_kind_and_every_pattern() -> None:
    truth = simulation_city.simulate(lines=simulation_city.MIN_LINES).truth
    assert set(truth.filter(~pl.col("honest"))["pattern"]) == PATTERNS
    assert set(truth.filter("honest")["kind"]) == HONEST
    assert set(truth.filter("honest")["pattern"]) == {""}


def test_the_honest_who_call_much_are_far_more_than_the_planted(
    full: simulation_city.Sample,
) -> None:
    planted = full.truth.filter(~pl.col("honest"))["line"].n_unique()
    honest = full.truth.filter("honest")["line"].n_unique()
    assert 230 < planted < 360
    assert 5 < honest / planted < 9
    of = dict(full.truth.group_by("kind").agg(pl.col("line").n_unique()).iter_rows())
    assert (of["courier"], of["rider"], of["estate_agent"]) == (280, 180, 140)
    assert (of["second_phone"], of["sales"], of["call_centre"]) == (160, 60, 5)
    assert of["voicemail_user"] > 180  # those of 200 who missed a call


def test_ordinary_people_place_some_sixty_calls_on_rare_days(full: simulation_city.Sample) -> None:
    people = full.calls.filter(
        pl.col("record_type") == "call", pl.col("calling_number").is_not_null()
    ).select(
        line=plain("calling_number"),
        day=pl.col("start_time").dt.convert_time_zone(ZONE).dt.date(),
    )
    a_day = people.join(full.truth, on="line", how="anti").group_by("line", "day").len()["len"]
    assert 45 <= int(a_day.max() or 0) <= 100  # type: ignore[arg-type, call-overload]
    assert 0 < (a_day >= 30).mean() < 0.005  # type: ignore[operator]


def test_no_line_is_listed_twice(full: simulation_city.Sample) -> None:
    assert full.subscribers["line"].is_unique().all()
    assert full.truth["line"].is_unique().all()
    assert set(full.entities["line"]) <= set(full.truth.filter("honest")["line"])
    undeclared = full.truth.filter(~pl.col("line").is_in(full.entities["line"].to_list()))
    assert {"hospital", "school", "taxi"} <= set(undeclared["kind"])
    assert "hospital appointment reminders" in set(full.entities["purpose"])


def test_without_the_planted_all_are_honest() -> None:
    clean = simulate(days=9, lines=300, clean=True)
    assert clean.truth["honest"].all()
    assert set(clean.truth["kind"]) == HONEST


def test_mass_diallers_place_a_thousand_calls_within_a_day(placed: pl.DataFrame) -> None:
    own = placed.filter(pl.col("pattern") == "mass_dialler")
    assert own["line"].n_unique() == 5
    assert min(busiest(own, 24).values()) >= 1000
    assert own.group_by("line").agg(pl.col("day").n_unique())["day"].max() <= 6  # type: ignore[operator]


def test_bursts_are_of_sixty_strangers_in_three_hours(placed: pl.DataFrame) -> None:
    own = placed.filter(pl.col("pattern") == "high_frequency")
    own = own.filter(pl.col("day").is_between("first_day", "last_day"))
    assert min(busiest(own, 3).values()) >= 55
    strangers = own.group_by("line").agg(pl.col("called_number").n_unique() / pl.len())
    assert (strangers["called_number"] > 0.5).all()


def test_a_relay_has_few_callers_and_another_target_for_nearly_every_call(
    passed_on: pl.DataFrame,
) -> None:
    own = passed_on.filter(pl.col("kind").is_in(["relay", "changing"]))
    assert own["kind"].n_unique() == 2
    by_line = own.group_by("line").agg(
        pl.len(),
        pl.col("called_number").n_unique() / pl.len(),
        callers=pl.col("calling_number").n_unique(),
    )
    assert (by_line["len"] >= 20).all()
    assert (by_line["called_number"] > 0.8).all()
    assert (by_line["callers"] <= 3).all()


def test_a_line_that_calls_itself_is_answered_elsewhere(
    placed: pl.DataFrame, passed_on: pl.DataFrame
) -> None:
    own = placed.filter(pl.col("kind") == "self_call")
    assert own.height == passed_on.filter(pl.col("kind") == "self_call").height > 10
    assert (own["called_number"] == own["line"]).all()


def test_hubs_and_bridges_have_few_targets_and_bridges_go_on_abroad(
    passed_on: pl.DataFrame, placed: pl.DataFrame
) -> None:
    for pattern, most in (("hub", 1), ("bridge", 3)):
        forwarders = passed_on.filter(pl.col("kind") == f"{pattern}_forwarder")
        assert forwarders["line"].n_unique() >= 6
        assert 1 <= forwarders["called_number"].n_unique() <= most
        assert placed.filter(pl.col("kind") == f"{pattern}_forwarder").is_empty()
    onward = passed_on.filter(pl.col("kind") == "bridge_target")
    assert not onward["called_number"].str.starts_with("+86").any()


@pytest.mark.parametrize("kind", ["bridge_forwarder", "block_burst", "promotion"])
def test_sims_of_one_delivery_share_a_block_and_are_new(
    city: simulation_city.Sample, kind: str
) -> None:
    sims = city.truth.filter(pl.any_horizontal(pl.col("kind", "pattern") == kind))
    sims = sims.join(
        city.subscribers.select("line", pl.col("activation").cast(pl.Date)), on="line", how="left"
    )
    by_actor = sims.group_by("actor").agg(
        pl.len(),
        blocks=pl.col("line").str.slice(3, 7).n_unique(),
        within=(pl.col("activation").max() - pl.col("activation").min()).dt.total_days(),
        early=(pl.col("first_day") < pl.col("activation")).any(),
        oldest=pl.col("activation").min(),
    )
    assert (by_actor["len"] >= 10).all()
    assert (by_actor["blocks"] == 1).all()
    assert (by_actor["within"] <= 3).all()
    assert not by_actor["early"].any()
    assert (by_actor["oldest"] >= LAST - timedelta(days=8)).all()


def test_new_sims_begin_in_the_last_week(city: simulation_city.Sample) -> None:
    new = city.truth.filter(pl.col("pattern").is_in(["block_burst", "new_sim"]))
    assert (new["first_day"] > LAST - timedelta(days=7)).all()


def test_a_split_campaign_reaches_a_thousand_and_none_of_its_lines_does(
    placed: pl.DataFrame,
) -> None:
    own = placed.filter(pl.col("kind") == "split")
    assert own.group_by("day").len()["len"].is_between(900, 1100).all()
    assert own.group_by("day", "line").len()["len"].is_between(70, 130).all()


def test_a_throttled_line_is_steady(placed: pl.DataFrame) -> None:
    own = placed.filter(pl.col("kind") == "throttled")
    assert (own.group_by("day").len()["len"] == 900).all()
    assert own["day"].n_unique() >= 5
    assert max(busiest(own, 1).values()) <= 75


def test_a_ramped_line_grows_seven_percent_a_day(placed: pl.DataFrame) -> None:
    a_day = placed.filter(pl.col("kind") == "ramped").group_by("day").len().sort("day")["len"]
    assert 270 <= a_day[-1] <= 450
    assert a_day[-7:].sum() / a_day[-14:-7].sum() == pytest.approx(1.07**7, rel=0.1)


def test_rotated_sims_share_a_handset_and_act_a_day_each(placed: pl.DataFrame) -> None:
    own = placed.filter(pl.col("kind") == "rotated")
    assert own["line"].n_unique() == 8
    assert own["imei"].n_unique() <= 2  # one handset in eighty is replaced
    assert (own.group_by("line").agg(pl.col("day").n_unique())["day"] == 1).all()
    assert own["day"].n_unique() == 8


def test_both_sides_have_the_same_calls(city: simulation_city.Sample) -> None:
    made: dict[str, Any] = {"days": 9, "lines": 200, "seed": 6}
    one, both = (simulation_city.simulate(**made, sides=sides) for sides in ("call", "both"))
    assert one.truth.equals(both.truth)
    assert set(both.calls["record_type"]) == {"moc", "mtc", "fwd"}
    assert set(one.calls["call_id"]) == set(both.calls["call_id"])
    assert city.calls.schema == both.calls.schema


def test_the_command_writes_for_its_owner_only(tmp_path: Path, run: Any) -> None:
    out = tmp_path / "city"
    words = ("simulate", "--out", out, "--days", 8, "--lines", 150, "--start", "2026-03-02")
    ran = run(*words, "--seed", 9)
    assert ran.code == 0, ran.err
    assert "mass_dialler" in ran.out
    assert "8 day(s)" in ran.err
    victims = pl.read_parquet(out / "victims.parquet")
    assert f"{victims.height} victim(s)" in ran.err
    assert victims.columns == ["line", "actor", "first_day", "last_day"]
    files = [path for path in out.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in out.rglob("*") if path.is_dir()} == {0o700}
    first = min(path.parent.name for path in files if path.name == "calls.parquet")
    assert first == f"date={date(2026, 3, 2)}"
    assert run(*words, "--clean").code == 0
    assert pl.read_parquet(out / "truth.parquet")["honest"].all()
    assert len(list((out / "calls").iterdir())) == 8


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--lines", 149), "149 lines are too few for all kinds; expected at least 150."),
        (("--days", 3), "3 days are too few for all kinds; expected at least 8."),
    ],
)
def test_what_is_too_small_is_said_in_one_sentence(
    tmp_path: Path, run: Any, words: tuple[Any, ...], why: str
) -> None:
    ran = run("simulate", "--out", tmp_path, *words)
    assert (ran.code, ran.err.strip()) == (2, f"cdr-anomaly: {why}")


def test_calls_that_no_simulation_made_are_not_replaced(tmp_path: Path, run: Any) -> None:
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls" / "real.parquet").write_text("the operator's")
    ran = run("simulate", "--out", tmp_path, "--days", 8, "--lines", 150)
    assert ran.code == 2
    assert "no simulation made it" in ran.err
    assert (tmp_path / "calls" / "real.parquet").exists()
