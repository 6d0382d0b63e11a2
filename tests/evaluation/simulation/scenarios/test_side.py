"""What all hard patterns have in common with their honest twins, and what they have not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly.errors import SettingError
from cdr_anomaly.evaluation.simulation import city
from cdr_anomaly.evaluation.simulation.scenarios import GRADES, SCENARIOS
from tests.helpers.hard_cities import hard_city

if TYPE_CHECKING:
    from pathlib import Path

NAMES = {scenario.pattern for scenario in SCENARIOS}


@pytest.mark.parametrize("grade", range(1, len(GRADES) + 1))
def test_every_pattern_has_an_honest_twin_in_every_grade(grade: int) -> None:
    truth = hard_city(1, grade).truth
    graded = truth.filter(pl.col("grade").is_not_null())
    assert set(graded["grade"]) == {grade}
    assert set(graded.filter(~pl.col("honest"))["pattern"]) == NAMES
    assert set(graded.filter("honest")["twin_of"]) == NAMES
    assert graded.filter("honest")["pattern"].unique().to_list() == [""]
    assert set(truth.filter(~pl.col("honest"))["pattern"]) == NAMES
    assert truth["first_day"].null_count() == 0
    assert truth["line"].is_unique().all()
    assert hard_city(1, grade).subscribers["line"].is_unique().all()


@pytest.mark.parametrize("grade", range(1, len(GRADES) + 1))
def test_most_of_whom_a_crew_calls_is_of_other_networks(grade: int) -> None:
    hard = hard_city(1, grade)
    crews = hard.truth.filter(~pl.col("honest"), ~pl.col("pattern").is_in(AT_HOME))
    calls = hard.calls.join(crews, left_on="calling_number", right_on="line")
    calls = calls.filter(pl.col("day") >= pl.col("first_day"))
    calls = calls.filter(~pl.col("called_number").is_in(crews["line"].to_list()))
    ours = calls["called_number"].is_in(hard.subscribers["line"].to_list()).mean()
    assert 0.05 < ours < 0.3  # type: ignore[operator]


AT_HOME = ("sim_box", "one_ring", "home_numbers_from_abroad", "called_burst")


def test_the_same_seed_draws_the_same_calls_and_another_seed_others() -> None:
    size = {"lines": 1_000, "days": 28, "patterns": "hard"}
    one, same, other = (city.simulate(seed=seed, **size) for seed in (1, 1, 2))  # type: ignore[arg-type]
    assert one.calls.equals(same.calls)
    assert one.truth.equals(same.truth)
    assert not one.calls.equals(other.calls)


def test_a_clean_city_has_the_twins_alone() -> None:
    clean = city.simulate(lines=1_000, days=28, seed=3, patterns="hard", clean=True)
    assert clean.truth["honest"].all()
    assert set(clean.truth["twin_of"].drop_nulls()) == {"", *NAMES}
    assert clean.victims.is_empty()


def test_usual_patterns_know_no_grade() -> None:
    usual = city.simulate(lines=200, days=9, seed=3)
    assert usual.truth.columns[-1] == "last_day"
    assert not NAMES & set(usual.truth["pattern"])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"patterns": "hardest"}, "are no patterns"),
        ({"patterns": "hard", "grade": 4}, "is not a grade"),
        ({"patterns": "hard", "days": 20}, "too few for hard patterns"),
        ({"patterns": "hard", "lines": 900}, "too few for hard patterns"),
    ],
)
def test_what_cannot_be_drawn_is_said(words: dict[str, object], why: str) -> None:
    size = {"lines": 1_000, "days": 28}
    with pytest.raises(SettingError, match=why):
        city.simulate(**(size | words))  # type: ignore[arg-type]


def test_polls_are_declared_in_one_city_of_two() -> None:
    polls = [
        set(hard_city(seed).lines("declared_poll", "undeclared_poll")["kind"]) for seed in (1, 2)
    ]
    assert {"declared_poll"} in polls
    assert {"undeclared_poll"} in polls
    for seed in (1, 2):
        hard = hard_city(seed)
        declared = set(hard.sample.entities["line"])
        assert set(hard.lines("declared_poll")["line"]) <= declared
        assert not set(hard.lines("undeclared_poll")["line"]) & declared


def test_households_and_firms_call_one_another() -> None:
    hard = hard_city(1)
    firms = hard.placed("firm_staff")
    staff = hard.lines("firm_staff").select("line", firm="actor")
    within = firms.join(staff, left_on="called_number", right_on="line")
    assert (within["actor"] == within["firm"]).mean() > 0.95  # type: ignore[operator]
    assert 0.1 < within.height / firms.height < 0.4


def test_the_command_draws_hard_patterns(tmp_path: Path, run: Any) -> None:
    words = ("simulate", "--out", tmp_path / "city", "--patterns", "hard", "--grade", 1)
    ran = run(*words, "--days", 28, "--lines", 1_000)
    assert ran.code == 0, ran.err
    assert "exact_list_room" in ran.out
    truth = pl.read_parquet(tmp_path / "city" / "truth.parquet")
    assert set(truth["grade"].drop_nulls()) == {1}
    ran = run(*words, "--days", 27, "--lines", 1_000)
    assert ran.code == 2
    assert "too few for hard patterns; expected at least 1000 and 28." in ran.err
