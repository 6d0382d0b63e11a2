"""Precision and recall by a slow twin, and the intervals around them."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from cdr_anomaly.evaluation import alert_scores
from cdr_anomaly.evaluation.alert_scores import Bootstrap
from tests.helpers.alert_lists import PLANTED, alert, figures, known, lists, night, ranked

if TYPE_CHECKING:
    import polars as pl

    from cdr_anomaly.evaluation.ground_truth import Lists


def is_true(row: dict[str, Any], day: date, told: list[dict[str, Any]]) -> set[str]:
    """Return the planted lines that a true alert names; nothing if it is not true."""

    def planted(line: str) -> bool:
        return any(
            t["line"] == line
            and not t["honest"]
            and t["first_day"] <= day <= t["last_day"] + timedelta(days=7)
            for t in told
        )

    members = set(row["members"])
    deciding = members if row["subject_kind"] in {"block", "hub"} else members | {row["subject"]}
    in_truth = {line for line in deciding if any(t["line"] == line for t in told)}
    bad = {line for line in in_truth if planted(line)}
    if not bad or 2 * len(bad) < len(in_truth):
        return set()
    named = members | ({row["subject"]} if row["subject_kind"] != "block" else set())
    return {line for line in named if planted(line)}


def slow_precision(nights: dict[date | None, list[dict[str, Any]]], told: Any, k: int) -> float:
    shares = []
    for day, rows in nights.items():
        first = sorted(rows, key=lambda row: row["rank"])[:k]
        if first:
            good = [row for row in first if is_true(row, day or row["day"], told)]
            shares.append(len(good) / len(first))
    return sum(shares) / len(shares)


def slow_recall(
    nights: dict[date | None, list[dict[str, Any]]], told: Any, k: int
) -> tuple[float, float]:
    actors, pairs = set(), set()
    for day, rows in nights.items():
        for row in sorted(rows, key=lambda row: row["rank"])[:k]:
            when = day or row["day"]
            for line in is_true(row, when, told):
                for t in told:
                    on_time = t["first_day"] <= when <= t["last_day"] + timedelta(days=7)
                    if t["line"] == line and not t["honest"] and on_time:
                        actors.add(t["actor"])
                        pairs.add((t["actor"], line))
    every = {(t["actor"], t["line"]) for t in told if not t["honest"]}
    return len(actors) / len({actor for actor, _ in every}), len(pairs) / len(every)


@pytest.mark.parametrize("seed", range(8))
def test_precision_and_recall_equal_the_slow_twin(seed: int) -> None:
    pick = random.Random(seed)  # noqa: S311
    pool = [f"n{i}" for i in range(60)]
    rows: list[tuple[str, str, str | None, int, int]] = []
    for line in pick.sample(pool, 45):
        kind, first = pick.choice(["RING", "SOLO", "courier"]), pick.randrange(12)
        rows.append((line, kind, f"actor{pick.randrange(12)}", first, first + pick.randrange(8)))
    told = known(*rows)
    days: list[date | None] = [night(n) for n in range(0, 20, 3)]
    nights: dict[date | None, list[dict[str, Any]]] = {}
    for day in [*days, None]:
        ranks = pick.sample(range(1, 400), pick.choice([0, 5, 30, 90]))
        nights[day] = [
            alert(
                pick.choice(pool),
                rank,
                day=night(pick.randrange(20)),
                subject_kind=pick.choice(["line", "line", "hub", "block", "chain"]),
                members=pick.sample(pool, pick.choice([0, 1, 1, 2, 3, 9])),
            )
            for rank in ranks
        ]
    found, facts = figures(lists(nights), told), told.to_dicts()
    for place, k in enumerate(alert_scores.BUDGETS, 1):
        close = pytest.approx(slow_precision(nights, facts, k), abs=1e-4)
        assert found["precision", None][place] == close
        actors, lines = slow_recall(nights, facts, k)
        assert found["actors found", alert_scores.ALL][place] == pytest.approx(actors, abs=1e-4)
        assert found["lines found", alert_scores.ALL][place] == pytest.approx(lines, abs=1e-4)


def many() -> tuple[Lists, pl.DataFrame]:
    told = known(*((f"p{n}", "RING", f"actor{n}", 0, 30) for n in range(40)))
    rows = {night(n): ranked(f"p{n}", *(f"x{i}" for i in range(n % 4))) for n in range(20)}
    return lists({**rows}), told


def interval(draws: Bootstrap, figure: str) -> tuple[float, float, float]:
    main = alert_scores.evaluate(*many(), draws)[alert_scores.MAIN].filter(figure=figure)
    found: tuple[float, float, float] = main.select("at_50_low", "at_50", "at_50_high").row(0)
    return found


def test_intervals_hold_the_figure_and_are_the_same_for_the_same_seed() -> None:
    for figure in ("precision", "actors found"):
        low, value, high = interval(Bootstrap(500, 1), figure)
        assert low < value < high
        assert interval(Bootstrap(500, 1), figure) == (low, value, high)
    assert interval(Bootstrap(500, 1), "precision") != interval(Bootstrap(500, 2), "precision")


def test_the_interval_of_recall_is_about_that_of_a_share_of_forty() -> None:
    low, value, high = interval(Bootstrap(4000, 3), "actors found")
    assert value == 0.5
    # 1.645 standard errors, of 0.079 each
    assert (low, high) == (pytest.approx(0.37, abs=0.03), pytest.approx(0.63, abs=0.03))


def test_one_unit_and_no_samples_have_no_interval() -> None:
    assert interval(Bootstrap(0), "precision")[::2] == (None, None)
    main = alert_scores.evaluate(lists({None: ranked("a1")}), PLANTED, Bootstrap(50))[
        alert_scores.MAIN
    ]
    assert main.filter(figure="precision")["at_17_low"].item() is None
    assert main.filter(figure="actors found", pattern="ring")["at_17_low"].item() is None
