from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import polars as pl
import pytest

from cdr_anomaly.detectors.forwarding_chain import ForwardingChain, roles
from cdr_anomaly.schema import HOPS, LINES, PROFILE, empty, require
from tests.helpers import naive

FIRST = date(2026, 5, 1)
LIMITS = ForwardingChain(
    bridge_forwards=5,
    forward_share=0.9,
    own_calls=1,
    new_days=30,
    stranger_share=0.8,
    platform_lines=3,
)


def hops(rows: list[tuple[str, str, str | None, date]]) -> pl.LazyFrame:
    """Make HOPS of (forwarder, target, caller, day)."""
    start = datetime(2026, 5, 1, 4, tzinfo=UTC)
    full = [
        (b, c, a, start, day, None, True, i, 1, 1, False) for i, (b, c, a, day) in enumerate(rows)
    ]
    schema = {name: column.dtype or pl.String() for name, column in HOPS.items()}
    return pl.DataFrame(full, schema, orient="row").lazy()


def profile(rows: list[tuple[str, date, int, int, int]]) -> pl.LazyFrame:
    """Make PROFILE of (line, day, n_out, n_in, n_forwarded)."""
    schema = {name: column.dtype or pl.String() for name, column in PROFILE.items()}
    return require(pl.DataFrame(rows, schema, orient="row").lazy(), PROFILE, "profile")


def lines(born: dict[str, date | None]) -> pl.LazyFrame:
    rows = [
        {"line": who, "number": who, "number_class": "mobile", "born": day}
        for who, day in born.items()
    ]
    schema = {name: column.dtype or pl.String() for name, column in LINES.items()}
    return pl.DataFrame(rows, schema).lazy()


def week_of(
    n_out: int = 0, n_in: int = 6, n_forwarded: int = 6, callers: int = 6, born: date | None = None
) -> list[dict[str, Any]]:
    table = hops([("b", "c", f"a{i % callers}", FIRST) for i in range(n_forwarded)])
    days = profile([("b", FIRST, n_out, n_in, n_forwarded)])
    return roles.bridges(table, days, lines({"b": born}), LIMITS).collect().to_dicts()


@pytest.mark.parametrize(
    ("week", "is_bridge", "why"),
    [
        ({}, True, "passes on all it receives and places no call"),
        ({"n_forwarded": 5, "n_in": 5, "callers": 5}, True, "as few as a bridge may forward"),
        ({"n_forwarded": 4, "n_in": 4, "callers": 4}, False, "too few"),
        ({"n_out": 1}, True, "one call of its own, to test it"),
        ({"n_out": 2}, False, "a line in use"),
        ({"n_forwarded": 9, "n_in": 10}, True, "nine tenths of what it receives"),
        ({"n_forwarded": 9, "n_in": 11}, False, "answers some itself"),
        ({"n_in": 0}, True, "a feed that names a forwarded call on its forwarding leg only"),
    ],
)
def test_a_bridge_passes_on_nearly_all_and_places_nothing(
    *, week: dict[str, int], is_bridge: bool, why: str
) -> None:
    assert bool(week_of(**week)) == is_bridge, why


@pytest.mark.parametrize(
    ("week", "new", "strangers", "why"),
    [
        ({}, False, True, "birth not known, as many callers as calls"),
        ({"born": FIRST}, True, True, "born that day"),
        ({"born": FIRST - timedelta(days=30)}, True, True, "30 days old"),
        ({"born": FIRST - timedelta(days=31)}, False, True, "31 days old"),
        ({"n_forwarded": 10, "n_in": 10, "callers": 8}, False, True, "8 callers of 10 calls"),
        ({"n_forwarded": 10, "n_in": 10, "callers": 7}, False, False, "the same few call again"),
    ],
)
def test_a_bridge_may_be_new_and_serve_strangers(
    *, week: dict[str, Any], new: bool, strangers: bool, why: str
) -> None:
    (row, *_) = week_of(**week)
    assert (row["new"], row["strangers"]) == (new, strangers), why


@pytest.mark.parametrize("seed", range(6))
def test_bridges_and_platforms_equal_the_double_loops(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    days = [FIRST + timedelta(days=n) for n in range(16)]
    passed = [
        (b, random.choice("vwx"), random.choice(["a", "z", "y", None, f"a{i}"]), day)
        for b in "bcdefg"
        for day in random.sample(days, 6)
        for i in range(random.choice([0, 1, 4]))
    ]
    sums = []
    for b in "bcdefgh":
        for day in days:
            n = sum((hop[0], hop[3]) == (b, day) for hop in passed)
            n_out = random.choice([0, 0, 0, 0, 0, 0, 0, 1, 3])
            if n or n_out:
                sums.append((b, day, n_out, n + random.choice([0, 0, 0, 1]), n))
    table, sums_table = hops(passed), profile(sums)
    made = roles.bridges(table, sums_table, lines({}), LIMITS)
    known = {(row["line"], row["day"]): row for row in made.collect().to_dicts()}
    twins = naive.weeks(sums_table.collect().to_dicts(), table.collect().to_dicts())
    last = max(hop[3] for hop in passed)
    want = {
        at: week
        for at, week in twins.items()
        if week.n_forwarded >= 5
        and week.n_out <= 1
        and week.n_forwarded >= 0.9 * max(week.n_in, week.n_forwarded)
        and at[1] <= last
    }
    assert {at: naive.Week(*(row[f] for f in naive.Week._fields)) for at, row in known.items()} == (
        want
    )
    told = roles.platforms(table, made, LIMITS).collect().rows()
    assert set(told) == naive.platforms(table.collect().to_dicts(), set(known), 3)


def test_nothing_forwarded_no_bridges() -> None:
    nothing = [empty(table).lazy() for table in (HOPS, PROFILE, LINES)]
    made = roles.bridges(*nothing, LIMITS)
    assert made.collect().is_empty()
    assert roles.platforms(nothing[0], made, LIMITS).collect().is_empty()
