from __future__ import annotations

from datetime import date, timedelta
from itertools import combinations
from random import Random

import numpy as np
import polars as pl
import pytest
from scipy.stats import poisson

from cdr_anomaly.features import shared_targets
from cdr_anomaly.features.shared_targets import (
    BLOCK_SIZE,
    LIST,
    LIST_DAYS,
    MAX_CALLERS,
    MAX_Q,
    MIN_SHARED,
    NEIGHBOUR_GAP,
    RANGE,
)

DAY = date(2026, 5, 8)
LISTS = {"line": pl.Int64, "day": pl.Date, "counterpart": pl.Int64, "answered": pl.Boolean}
BASE = 8613800000000


def lists(rows: list[tuple[int, date, int]]) -> pl.DataFrame:
    return pl.DataFrame([(*row, False) for row in rows], LISTS, orient="row")


def drawn(seed: int) -> pl.DataFrame:
    """Draw twelve lines, some of which work one list, or a range, on nine days."""
    random = Random(seed)  # noqa: S311 - no secret
    rows = []
    shared = random.sample(range(3 * BLOCK_SIZE), 120)
    for line in range(12):
        for back in range(9):
            pool = shared if line < 4 else range(3 * BLOCK_SIZE)
            called = random.sample(list(pool), 15)
            if line in {5, 6, 7}:
                called = [20_000 + 3 * (15 * back + n) + line - 5 for n in range(15)]
            rows += [(line, DAY - timedelta(days=back), BASE + n) for n in called]
    rows.append((0, DAY, 1))  # lines 0 and 1 know each other
    return lists(rows)


def block_of(number: int) -> int:
    return number // BLOCK_SIZE if number > 0 else 0


def called_by_line(rows: pl.DataFrame, judged: date, days: int) -> dict[int, set[int]]:
    """List whom each line called in so many days, hotlines left out."""
    called: dict[int, set[int]] = {}
    for line, day, number, _ in rows.rows():
        if timedelta(0) <= judged - day < timedelta(days=days):
            called.setdefault(line, set()).add(number)
    every = [number for numbers in called.values() for number in numbers]
    usual = {
        line: {n for n in numbers if every.count(n) <= shared_targets.MAX_CALLERS}
        for line, numbers in called.items()
    }
    return {line: numbers for line, numbers in usual.items() if numbers}


def chance_to_meet(others: pl.DataFrame, judged: date) -> float:
    called = called_by_line(others, judged, 1)
    busy = [(line, n) for line, numbers in called.items() for n in numbers]
    pairs = [(one, a, other, b) for one, a in busy for other, b in busy]
    met = sum(a == b and one != other for one, a, other, b in pairs)
    could = sum(block_of(a) == block_of(b) for _, a, _, b in pairs)
    return (met + 3) / (could + BLOCK_SIZE)


def by_hand(
    of_lines: pl.DataFrame, others: pl.DataFrame, judged: date = DAY
) -> list[tuple[object, ...]]:
    """Compare the lines two by two, number by number."""
    called, meeting = called_by_line(of_lines, judged, LIST_DAYS), chance_to_meet(others, judged)
    found = []
    for one, other in combinations(sorted(called), 2):
        pairs = [(a, b) for a in called[one] for b in called[other]]
        chances = sum(block_of(a) == block_of(b) for a, b in pairs)
        same = sum(a == b for a, b in pairs)
        beside = sum(0 < abs(a - b) <= NEIGHBOUR_GAP and min(a, b) > 0 for a, b in pairs)
        for by, n, rate in ((LIST, same, meeting), (RANGE, beside, 2 * NEIGHBOUR_GAP / BLOCK_SIZE)):
            expected = chances * rate
            found.append((one, other, by, n, expected, poisson.sf(n - 1, expected)))
    found = sorted((row for row in found if row[3] >= MIN_SHARED), key=lambda row: row[5])
    q, kept = 1.0, []
    for rank in range(len(found), 0, -1):
        one, other, *_, p = found[rank - 1]
        q = min(q, p * len(called) * (len(called) - 1) / rank)
        if q <= MAX_Q and one not in called[other] and other not in called[one]:
            kept.append((*found[rank - 1], q, len(called)))
    return sorted(kept, key=lambda row: row[:3])


@pytest.mark.parametrize("seed", range(4))
def test_links_are_those_of_a_count_by_hand(seed: int) -> None:
    whole = drawn(seed)
    others = drawn(seed + 100).with_columns(pl.col("counterpart") % BLOCK_SIZE + BASE).head(400)
    found = shared_targets.links(whole, others, [DAY])
    expected = by_hand(whole, others)
    assert {row[2] for row in expected} == {LIST, RANGE}
    assert_found(found, expected)
    assert set(found["n_lines"]) == {12}


def assert_found(found: pl.DataFrame, expected: list[tuple[object, ...]]) -> None:
    keys = ("one", "other", "by", "n_shared", "expected", "p_value", "q_value", "n_lines")
    rows = found.select(keys).rows()
    assert [row[:5] for row in rows] == [row[:5] for row in expected]
    for row, other in zip(rows, expected, strict=True):
        assert row[5:] == pytest.approx(other[5:], rel=1e-9)


@pytest.mark.parametrize("seed", range(16))
def test_days_at_once_are_those_of_each_day_by_hand(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days that nobody called on, numbers that are hotlines on some days, tokens, few at a time."""
    random = Random(seed)  # noqa: S311 - no secret
    monkeypatch.setattr(shared_targets, "MAX_CALLERS", 4)
    monkeypatch.setattr(shared_targets, "CELLS", random.choice([1, 5, 100]))
    monkeypatch.setattr(shared_targets, "PAIRS_AT_ONCE", random.choice([1, 3, 1000]))
    days = [DAY + timedelta(days=n) for n in random.sample(range(30), random.randrange(2, 22))]
    pools = [[BASE + random.randrange(-20, 80) * 200 + n for n in range(9)] for _ in range(40)]
    tokens, lines = [-n for n in range(1, 30)], [*range(1, 8), BASE + 3]
    rows = {
        (line, day, number)
        for line in lines
        for day in random.sample(days, random.randrange(len(days) + 1))
        for number in (
            *(random.choice(random.choice(pools[line % 4 :: 4])) for _ in range(16)),
            *random.sample(tokens, random.randrange(4)),
            *random.sample(lines, random.random() < 0.03),
        )
    }
    busy = [(line, day, n) for line, day, n in sorted(rows) if random.random() < 0.2]
    whole, others = lists(random.sample(sorted(rows), len(rows))), lists(busy)
    judged = [DAY + timedelta(days=n) for n in range(-1, 32) if random.random() < 0.8]
    found = shared_targets.links(whole, others, judged)
    assert found["day"].is_sorted()
    for day in judged:
        active = day in days and not whole.filter(day=day).is_empty()
        assert_found(found.filter(day=day), by_hand(whole, others, day) if active else [])
    assert found["day"].is_in(judged).all()


def test_lines_that_call_each_other_are_not_linked() -> None:
    whole = lists([(line, DAY, BASE + n) for line in (1, 2) for n in range(40)])
    known = lists([(1, DAY - timedelta(days=3), 2)])
    nobody = whole.clear()
    assert shared_targets.links(whole, nobody, [DAY]).height > 0
    assert shared_targets.links(pl.concat([whole, known]), nobody, [DAY]).is_empty()


def test_hotlines_link_nobody() -> None:
    hot = range(0, 400, 20)
    rows = [(line, DAY, BASE + n) for line in range(MAX_CALLERS + 1) for n in hot]
    nobody = lists(rows).clear()
    assert shared_targets.links(lists(rows), nobody, [DAY]).is_empty()
    fewer = [row for row in rows if row[0] < 20]
    assert shared_targets.links(lists(fewer), nobody, [DAY]).height == 190


def test_a_week_is_compared_and_no_more() -> None:
    first = [(1, DAY - timedelta(days=6), BASE + n) for n in range(0, 800, 20)]
    last = [(2, DAY, BASE + n) for n in range(0, 800, 20)]
    whole, nobody = lists(first + last), lists([])
    days = [DAY + timedelta(days=n) for n in range(-6, 2)]
    found = shared_targets.links(whole, nobody, days)
    assert found.select("day", "one", "other", "n_shared").rows() == [(DAY, 1, 2, 40)]


def test_customers_that_busy_lines_share_are_expected() -> None:
    """Where the town has few people, everybody's numbers meet."""
    random = np.random.default_rng(5)
    town = BASE + random.choice(BLOCK_SIZE, 300, replace=False)
    rows = [(line, DAY, int(n)) for line in range(40) for n in random.choice(town, 60)]
    own, others = lists(rows[:600]), lists(rows[600:])
    assert shared_targets.links(own, others, [DAY]).is_empty()
    assert shared_targets.links(own, others.clear(), [DAY]).height == 45


@pytest.mark.parametrize("sign", [1, -1], ids=["numbers", "tokens"])
def test_pairs_of_lines_that_call_at_random_are_as_rare_as_said(sign: int) -> None:
    """Of 44,850 pairs that meet over a few popular numbers alone hardly any is linked."""
    random = np.random.default_rng(1)
    weights = random.pareto(1.5, 40_000) + 0.2
    weights = np.minimum(weights / weights.sum(), 1e-3)
    weights /= weights.sum()
    called = random.choice(40_000, (600, 60), p=weights)
    rows = [
        (line, DAY, sign * (BASE + int(n))) for line, each in enumerate(called) for n in set(each)
    ]
    split = sum(line < 300 for line, _, _ in rows)
    own, others = lists(rows[:split]), lists(rows[split:])
    found = shared_targets.links(own, others, [DAY]).filter(by=LIST)
    assert found.filter(pl.col("q_value") <= 0.01).height <= 2
