"""Births of groups and their surges, against counting line by line."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import numpy as np
import polars as pl
import pytest

from cdr_anomaly import significance
from cdr_anomaly.detectors.new_sim_burst import births, surges

FIRST = date(2026, 3, 1)
Born = dict[str, list[date | None]]


def drawn(seed: int) -> tuple[Born, list[date]]:
    """Draw lines of a few groups, and days in any order, some of them without a birth."""
    random = Random(seed)  # noqa: S311 - no secret
    groups: Born = {
        f"+86{n}": [
            random.choice([None, FIRST + timedelta(days=int(random.triangular(-20, 120, n)))])
            for _ in range(random.randrange(1, 30))
        ]
        for n in range(random.randrange(1, 9))
    }
    days = [FIRST + timedelta(days=n) for n in random.sample(range(-5, 130), 60)]
    return groups, days


def rows(groups: Born) -> pl.DataFrame:
    told = [(born, group) for group, days in groups.items() for born in days]
    return pl.DataFrame(told, {"born": pl.Date, "dealer": pl.String}, orient="row")


def between(born: list[date | None], after: date, until: date) -> int:
    return sum(each is not None and after < each <= until for each in born)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("lines", [1, 2, 4])
def test_the_days_to_look_at_are_those_with_births_enough(seed: int, lines: int) -> None:
    groups, days = drawn(seed)
    counts = births.by_birth(rows(groups).select("born", group="dealer"), days, FIRST)
    full = births.Births.of(counts).full_days(births.ordinals(days), lines)
    week = timedelta(days=7)
    expected = [
        day
        for day in sorted(days)
        if any(between(born, day - week, day) >= lines for born in groups.values())
    ]
    assert full.tolist() == births.ordinals(expected).tolist()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("ratio", [0.0, 1.2])
def test_surges_are_those_of_the_slow_twin(seed: int, ratio: float) -> None:
    groups, days = drawn(seed)
    rule = surges.Rule(lines=2, ratio=ratio, fdr=1.0 if ratio == 0 else 0.5)
    known_from = FIRST + timedelta(days=seed % 3)
    found = surges.surges(rows(groups), days, known_from=known_from, rule=rule)
    expected = [row for day in days for row in surges_on(groups, day, known_from, rule)]
    assert found.rows() == sorted(expected, key=lambda row: (row[2], row[1]))


def surges_on(
    groups: Born, day: date, known_from: date, rule: surges.Rule
) -> list[tuple[object, ...]]:
    """Judge the groups one by one, from lists of their lines."""
    week, never = timedelta(days=7), date.min
    known_from = max(known_from, day - timedelta(days=60))
    old = {
        group: between(born, never, day - week) + sum(each is None for each in born)
        for group, born in groups.items()
    }
    new = {
        w: {group: between(born, day - timedelta(days=w), day) for group, born in groups.items()}
        for w in (1, 3, 7)
    }
    there = sorted(group for group in groups if old[group] or new[7][group])
    past = {
        group: between(groups[group], known_from - timedelta(days=1), day - week) for group in there
    }
    past_days = max((day - week - known_from).days + 1, 0)
    size = {group: max(old[group], 1) for group in there}
    enough = past_days >= 7 and sum(past.values()) > 0
    seen = past if enough else {group: new[7][group] for group in there}
    of_days = past_days if enough else max(min((day - known_from).days + 1, 7), 1)
    whole = sum(size.values())
    rate = max(sum(seen.values()) / (whole * of_days), 1e-12) if there else 1e-12
    sizes, seen_by_group = (np.array([each[g] for g in there], float) for each in (size, seen))
    prior = significance.gamma_shape(seen_by_group, rate * sizes * of_days)
    best: dict[str, tuple[float, int, int, float]] = {}
    for w in (1, 3, 7):
        mean = {
            group: (prior + past[group])
            / (prior / rate + size[group] * past_days)
            * size[group]
            * w
            for group in there
        }
        excess = sorted(there, key=lambda group: new[w][group] - mean[group])
        usual = excess[: max(len(there) - 1 - int(0.02 * len(there)), 0)]
        expected = max(rate * sum(size[group] for group in usual) * w, 1e-12)
        more = max(sum(new[w][group] for group in usual) / expected, 1.0)
        for group in there:
            tail = significance.negative_binomial_tail(
                np.array([new[w][group]], float),
                np.array([mean[group] * more]),
                np.array([min(prior + past[group], surges.MOST_SHAPE)]),
            )
            p_value = min(3 * float(tail[0]), 1.0)
            told = (p_value, w, new[w][group], mean[group] * more)
            best[group] = min(best.get(group, told), told)
    held = [
        group
        for group, (_, _, n, mean_n) in best.items()
        if n >= rule.lines and n >= rule.ratio * mean_n
    ]
    q_values = significance.false_discovery(np.array([best[g][0] for g in held]), len(there))
    return [
        ("dealer", group, day, w, n, expected_n, p_value, q_value)
        for group, q_value in zip(held, q_values.tolist(), strict=True)
        for p_value, w, n, expected_n in [best[group]]
        if q_value <= rule.fdr
    ]
