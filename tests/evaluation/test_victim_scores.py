"""Lists of people to warn held against those who were held: by hand, and by a slow twin."""

from __future__ import annotations

import random
from statistics import median
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from cdr_anomaly.evaluation import alert_scores, victim_scores
from cdr_anomaly.evaluation.victim_scores import ALL, DELAYS, MAIN, SUMS, TIERS, VictimLists
from tests.helpers.alert_lists import PLANTED, night
from tests.helpers.paths import SAMPLE
from tests.helpers.victim_lists import held, person

if TYPE_CHECKING:
    from datetime import date

NOBODY_KNOWN = PLANTED.clear()


def people(nights: dict[date | None, list[str]], victims: pl.DataFrame) -> VictimLists:
    """Make lists of the numbers of each night in order; one of no night is a scan's."""
    rows = {
        day: [person(number, n) for n, number in enumerate(numbers, 1)]
        for day, numbers in nights.items()
    }
    return listing(rows, victims)


def listing(nights: dict[date | None, list[dict[str, Any]]], victims: pl.DataFrame) -> VictimLists:
    frames = [
        pl.DataFrame(rows, victim_scores.LIST_TYPES).with_columns(
            list=pl.lit(str(day)), list_day=pl.lit(day, pl.Date)
        )
        for day, rows in nights.items()
    ]
    names = pl.DataFrame(
        {"list": [str(day) for day in nights], "list_day": list(nights)},
        {"list": pl.String, "list_day": pl.Date},
    )
    return VictimLists(names, pl.concat(frames), victims)


def row(given: VictimLists, name: str, **where: Any) -> dict[str, Any]:
    table = victim_scores.score_victim_lists(given, NOBODY_KNOWN)[name]
    found: dict[str, Any] = table.filter(**where).row(0, named=True)
    return found


def test_shares_are_of_victims_of_all_nights_by_how_many_there_are_on_each() -> None:
    victims = held(("v", "site_1", 0, 1), ("w", "site_2", 1, 1), ("u", "captor_1", 1, 1))
    given = people(
        {
            night(0): ["x", "v"],  # one victim: second of the first two
            # three: u is third, w is sixth, v is seventh
            night(1): ["x", "y", "u", "z", "a", "w", "v"],
            night(2): ["v", "w"],  # nobody is held any more
        },
        victims,
    )
    every = row(given, MAIN, who=ALL)
    assert (every["victims"], every["nights"]) == (3, 4)
    assert (every["in_first_n"], every["in_first_2n"]) == (1 / 4, 3 / 4)
    assert (every["ever_in_first_2n"], every["ever_listed"]) == (1.0, 1.0)
    site = row(given, MAIN, who="site")
    assert (site["victims"], site["nights"], site["in_first_2n"]) == (2, 3, 0.6667)
    assert row(given, MAIN, who="captor")["in_first_n"] == 1.0


def test_a_victim_of_two_actors_is_one_on_a_night_and_one_of_each() -> None:
    given = people({night(0): ["v"]}, held(("v", "site_1", 0, 0), ("v", "captor_1", 0, 1)))
    every = row(given, MAIN, who=ALL)
    assert (every["victims"], every["nights"], every["in_first_n"]) == (2, 1, 1.0)


def test_a_victim_counts_on_its_days_alone() -> None:
    given = people({night(n): ["v"] for n in (0, 3)}, held(("v", "site_1", 1, 2)))
    every = row(given, MAIN, who=ALL)
    assert (every["victims"], every["nights"], every["in_first_n"]) == (0, 0, None)
    assert (every["ever_in_first_2n"], every["ever_listed"]) == (None, None)
    sums = dict(victim_scores.score_victim_lists(given, NOBODY_KNOWN)[SUMS].iter_rows())
    assert sums["victims of whose days there is no list"] == 1
    assert row(given, DELAYS, who=ALL)["in_time"] is None


def test_the_delay_is_from_the_first_day_to_the_first_list() -> None:
    victims = held(
        ("v", "site_1", 0, 4),
        ("w", "site_1", 0, 4),
        ("u", "site_1", 0, 4),
        ("t", "site_1", -3, 4),  # of its first day there is no list
    )
    filler = [f"x{n}" for n in range(8)]
    given = people(
        {
            night(0): ["v"],
            night(1): [*filler, "w"],  # ninth, of four victims
            night(2): [],
            night(3): ["w", "t"],
            night(4): ["u", "w"],
        },
        victims,
    )
    near, anywhere = (
        row(given, DELAYS, who=ALL, listed_in=where) for where in victim_scores.LISTED_IN
    )
    assert (near["victims"], near["found"], near["median_days"]) == (3, 3, 3.0)
    assert near["days_90"] == pytest.approx(3.8)
    assert (near["by_second_night"], near["in_time"]) == (0.3333, False)
    assert (anywhere["median_days"], anywhere["by_second_night"]) == (1.0, 0.6667)
    assert anywhere["in_time"] is True


def test_those_who_are_never_listed_are_late_for_the_median_victim() -> None:
    victims = held(*((name, "site_1", 0, 1) for name in "abc"))
    given = people({night(0): ["a"], night(1): ["a"]}, victims)
    found = row(given, DELAYS, who=ALL, listed_in=victim_scores.ANYWHERE)
    assert (found["found"], found["median_days"], found["in_time"]) == (1, 0.0, False)
    two = people({night(0): [], night(1): ["b", "a"]}, victims)
    assert row(two, DELAYS, who=ALL)["in_time"] is True, "two of three on the second list"


def test_a_list_without_a_date_has_the_day_of_its_people() -> None:
    given = people({None: ["v"]}, held(("v", "site_1", 0, 0)))
    assert row(given, MAIN, who=ALL)["in_first_n"] == 1.0


def test_who_is_listed_is_a_victim_or_met_a_planted_line_or_neither() -> None:
    rows = [
        person("v", 1, lines=["x"]),  # a victim
        person("m", 2, lines=["c1", "a1"]),  # talked with a planted line
        person("c", 3, lines=["c1"]),  # with an honest one
        person("b", 4, lines=["b1"]),  # with one that is planted the day after
        person("v", 5, tier="watch"),
        person("n", 6, tier="watch", lines=None),
    ]
    later = [person("v", 1), person("w", 2)]  # a week after, and eight days
    given = listing({night(0): rows, night(8): later}, held(("v", "x_1", 0, 1), ("w", "x_1", 0, 0)))
    table = victim_scores.score_victim_lists(given, PLANTED)[TIERS]
    assert table.rows() == [
        ("now", 6, 2, 1, 3, 0.5),
        ("today", 0, 0, 0, 0, None),
        ("watch", 2, 1, 0, 1, 0.5),
    ]


def test_lists_are_summed_up() -> None:
    given = people({night(0): ["a", "b"], night(1): [], night(2): ["a"]}, held(("v", "x_1", 0, 0)))
    assert dict(victim_scores.score_victim_lists(given, NOBODY_KNOWN)[SUMS].iter_rows()) == {
        "lists": 3,
        "people a list, median": 1,
        "people a list, most": 2,
        "victims": 1,
        "victims of whose days there is no list": 0,
        "victims a night, most": 1,
    }


# A slow, obvious twin.


def slow(nights: dict[date | None, list[str]], victims: list[dict[str, Any]]) -> dict[str, Any]:
    def of(day: date) -> set[str]:
        return {v["line"] for v in victims if v["first_day"] <= day <= v["last_day"]}

    def place(line: str, day: date) -> float:
        return nights[day].index(line) + 1 if line in nights[day] else float("inf")

    dates = [day for day in nights if day]
    pairs = [(line, day) for day in dates for line in of(day)]
    near = [place(line, day) <= 2 * len(of(day)) for line, day in pairs]
    first = [place(line, day) <= len(of(day)) for line, day in pairs]
    ever, delays = [], []
    for v in victims:
        days = [day for day in dates if v["first_day"] <= day <= v["last_day"]]
        if days:
            hits = [day for day in days if place(v["line"], day) <= 2 * len(of(day))]
            ever.append(bool(hits))
            if v["first_day"] in days:
                late = (min(hits) - v["first_day"]).days if hits else float("inf")
                delays.append(late)
    return {
        "first": sum(first) / len(pairs),
        "near": sum(near) / len(pairs),
        "ever": sum(ever) / len(ever),
        "delays": delays,
    }


@pytest.mark.parametrize("seed", range(8))
def test_figures_equal_the_slow_twin(seed: int) -> None:
    pick = random.Random(seed)  # noqa: S311
    pool = [f"n{i}" for i in range(25)]
    rows = []
    for _ in range(14):
        first = pick.randrange(10)
        name = f"{pick.choice(['site', 'captor'])}_{pick.randrange(4)}"
        rows.append((pick.choice(pool), name, first, first + pick.randrange(4)))
    victims = held(*rows).unique(maintain_order=True)
    nights: dict[date | None, list[str]] = {
        night(n): pick.sample(pool, pick.choice([0, 3, 12, 25])) for n in range(12)
    }
    del nights[night(pick.randrange(12))]
    given, wanted = people(nights, victims), slow(nights, victims.to_dicts())
    every = row(given, MAIN, who=ALL)
    assert every["in_first_n"] == pytest.approx(wanted["first"], abs=1e-4)
    assert every["in_first_2n"] == pytest.approx(wanted["near"], abs=1e-4)
    assert every["ever_in_first_2n"] == pytest.approx(wanted["ever"], abs=1e-4)
    late = row(given, DELAYS, who=ALL, listed_in=victim_scores.NEAR)
    found = [d for d in wanted["delays"] if d < float("inf")]
    assert (late["victims"], late["found"]) == (len(wanted["delays"]), len(found))
    assert late["median_days"] == median(found)
    soon = sum(d <= 1 for d in wanted["delays"]) / len(wanted["delays"])
    assert late["by_second_night"] == pytest.approx(soon, abs=1e-4)
    assert late["in_time"] == (sorted(wanted["delays"])[(len(wanted["delays"]) - 1) // 2] <= 1)


# What is read.


def test_captors_do_not_count_in_the_recall_of_alerts() -> None:
    from tests.helpers.alert_lists import known, lists, ranked

    told = known(("a1", "RING", "a", 0, 2), ("k1", "CAPTOR", "k", 0, 2))
    main = alert_scores.evaluate(lists({None: ranked("a1")}), told, alert_scores.Bootstrap(0))[
        alert_scores.MAIN
    ].filter(figure="actors found")
    assert main.select("pattern", "at_50").rows() == [
        (alert_scores.ALL, 1.0),
        ("ring", 1.0),
        ("captor", 0.0),
    ]


def test_the_victims_of_the_sample_are_read() -> None:
    found = victim_scores.read_victims(SAMPLE / victim_scores.VICTIMS_NAME)
    assert found["kind"].unique().sort().to_list() == ["agent_shift", "captor", "hand_off", "site"]
