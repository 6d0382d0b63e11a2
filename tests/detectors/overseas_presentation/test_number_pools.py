"""Pools of neighbouring numbers abroad, and ranges that are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import polars as pl
import pytest
from scipy.stats import poisson

from cdr_anomaly.detectors.overseas_presentation import number_pools
from tests.helpers.builders import Line, feed, line, scanned
from tests.helpers.overseas_calls import DAY, found, homes, others, pool

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("lines", "grade"),
    [
        (pool(15, trunk_in="x"), "medium"),
        (pool(12, trunk_in="x", each=20), "high"),
        (pool(6, each=50, shared=True), "medium"),
        (pool(15), None),
        (pool(10, trunk_in="x"), None),
        (pool(4, trunk_in="x", each=20), None),
    ],
    ids=["on one trunk", "many", "the same people", "nothing binds them", "few called", "too few"],
)
def test_a_pool(tmp_path: Path, lines: list[Line], grade: str | None) -> None:
    result = scanned(tmp_path, feed(*lines, *others()))
    pools_found = [row for row in found(result) if row["subject_kind"] == "pool"]
    assert [row["severity"] for row in pools_found] == ([] if grade is None else [grade])
    for row in pools_found:
        assert row["subject"] == "+442071234xxx"
        assert row["members"] == sorted(each.number for each in lines)
        assert row["observed"] == len(lines)


def test_numbers_of_one_call_each_are_a_pool(tmp_path: Path) -> None:
    lines = pool(60, each=1, trunk_in="x")
    (row,) = found(scanned(tmp_path, feed(*lines, *others())))
    assert (row["subject_kind"], row["observed"]) == ("pool", 60)
    (alert,) = scanned(tmp_path, feed(*lines, *others())).alerts.to_dicts()
    assert alert["subject"] == "+442071234xxx"
    assert alert["lines"] == []
    assert len(alert["members"]) == 60


def test_a_mobile_range_of_which_many_call_is_no_pool(tmp_path: Path) -> None:
    """Each prefix has some 25 callers, as dense as those about it."""
    random = Random(3)  # noqa: S311 - no secret
    dense = [
        line(f"+85261{random.randrange(20_000):06}").dials(
            3, on=DAY, to=homes(3, random.randrange(10**6)), cells=0, trunk_in="hk"
        )
        for _ in range(500)
    ]
    assert not found(scanned(tmp_path, feed(*dense, *others())))


def test_pools_equal_the_slow_count() -> None:
    random = Random(4)  # noqa: S311 - no secret
    start = datetime(2026, 5, 20, 2, tzinfo=UTC)
    rows = [
        {
            "day": start.date(),
            "number": f"+{random.choice([44, 44, 33])}20712{n % 29:04}"
            if n % 3
            else f"+4930{random.randrange(10**7):07}",
            "counterpart": random.randrange(40),
            "start": start + timedelta(seconds=n),
            "trunk_in": random.choice([None, "x", "x", "y"]),
        }
        for n in range(300)
    ]
    made = number_pools.pools(pl.DataFrame(rows), 3)
    assert made["n_numbers"].max() == 29
    numbers = {row["number"] for row in rows}
    prefixes = {number[:-3] for number in numbers}
    sizes = {prefix: sum(n[:-3] == prefix for n in numbers) for prefix in prefixes}
    for row in made.to_dicts():
        own = [r for r in rows if r["number"][:-3] == row["prefix"]]
        rest = {p: n for p, n in sizes.items() if p != row["prefix"]}
        code = row["prefix"][:3]
        same = [n for p, n in rest.items() if p[:3] == code]
        whole = (1 + sum(n * (n - 1) for n in rest.values())) / (1 + sum(rest.values()))
        country = (sum(n * (n - 1) for n in same) + 50 * whole) / (sum(same) + 50)
        about = sum(n for p, n in rest.items() if p[:-2] == row["prefix"][:-2]) / 99
        expected = max(country, about)
        assert row["expected"] == pytest.approx(expected)
        assert row["p_value"] == pytest.approx(poisson.sf(row["n_numbers"] - 2, expected))
        called = {r["counterpart"] for r in own}
        by = {c: {r["number"] for r in own if r["counterpart"] == c} for c in called}
        assert row["n_contacts"] == len(called)
        assert row["n_shared"] == sum(len(each) > 1 for each in by.values())
        on = [sum(r["trunk_in"] == trunk for r in own) for trunk in ("x", "y")]
        assert row["n_trunk"] == max(on)
        assert row["n_calls"] == len(own)
