from __future__ import annotations

from datetime import date, timedelta
from random import Random

import polars as pl
import pytest

from cdr_anomaly.detectors.new_sim_burst import births, surges
from cdr_anomaly.features import line_ages
from cdr_anomaly.schema import LINE_AGES, PROFILE, require
from tests.helpers import naive

DAY = date(2026, 6, 5)
KNOWN = date(2026, 4, 1)
RULE = surges.Rule(lines=10, ratio=3.0, fdr=0.01)
Born = list[date | None]
BLOCKS = {f"block_{level}": pl.String for level in surges.LEVELS}


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


def table(blocks: dict[str, Born]) -> pl.DataFrame:
    """Make LINE_AGES by block: 7 national digits to the days of birth of the lines in it."""
    rows = [
        (born, *(f"+86{digits[:level]}" for level in surges.LEVELS))
        for digits, days in blocks.items()
        for born in days
    ]
    return pl.DataFrame(rows, {"born": pl.Date} | BLOCKS, orient="row")


def city(n_blocks: int = 60, size: int = 40, every: int = 20) -> dict[str, Born]:
    """Make blocks of old lines, in each of which a line is born every so many days."""
    return {
        f"13{n:02}{n % 7}{n % 10}0": [None] * size
        + [ago(back) for back in range(n % every, 60, every)]
        for n in range(n_blocks)
    }


def surging(blocks: dict[str, Born], rule: surges.Rule = RULE) -> dict[str, int]:
    """Judge the day; the surging blocks, and how many new lines each has."""
    found = surges.surges(table(blocks), [DAY], known_from=KNOWN, rule=rule)
    return dict(found.select("group", "n_new").iter_rows())


@pytest.mark.parametrize(
    ("added", "found", "why"),
    [
        ({}, {}, "a usual day"),
        ({"1344002": [ago(n % 3) for n in range(14)]}, {"+861344002": 14}, "14 in a new block"),
        ({"1344002": [DAY] * 10}, {"+861344002": 10}, "just enough"),
        ({"1344002": [DAY] * 9}, {}, "one fewer"),
        ({"1344002": [ago(7)] * 14}, {}, "a week ago is outside every window"),
        ({"1344002": [ago(6)] * 14}, {"+861344002": 14}, "six days ago is inside the longest"),
        (
            {"1344002": [None] * 40 + [ago(n // 2) for n in range(120)]},
            {},
            "a block that is being filled: two a day, today as ever",
        ),
        (
            {f"134400{n}": [ago(n % 3)] * 6 for n in range(5)},
            {"+86134400": 30},
            "spread over neighbours, each too small: the shorter block explains it",
        ),
        (
            {"1344002": [DAY] * 14, "1344571": [DAY] * 35},
            {"+861344002": 14, "+861344571": 35},
            "a burst and, elsewhere under the same brand, a promotion: two, not one",
        ),
        (
            {"1344002": [DAY] * 12} | {f"134457{n}": [DAY] * 9 for n in range(8)},
            {"+861344002": 12, "+86134457": 72},
            "the promotion is spread over its own neighbours: still two",
        ),
    ],
)
def test_a_surge_is_more_than_the_past_explains(
    added: dict[str, Born], found: dict[str, int], why: str
) -> None:
    assert surging(city() | added) == found, why


def test_a_promotion_everywhere_is_no_surge_of_one_block() -> None:
    blocks = {digits: [*born, *[DAY] * 12] for digits, born in city().items()}
    assert surging(blocks) == {}


def test_a_surge_in_a_small_feed_does_not_explain_itself() -> None:
    """Its own new lines are no evidence that new lines come everywhere."""
    blocks = city(n_blocks=6) | {"1344002": [DAY] * 30}
    assert surging(blocks) == {"+861344002": 30}


@pytest.mark.parametrize("seed", range(4))
def test_births_are_counted_as_by_hand(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    everything = surges.Rule(lines=0, ratio=0.0, fdr=1.0)
    blocks: dict[str, Born] = {
        f"134{random.randrange(10**4):04}": [
            random.choice([None, ago(random.randrange(-3, 40))]) for _ in range(random.randrange(9))
        ]
        for _ in range(30)
    }
    for level in surges.LEVELS:
        by = f"block_{level}"
        lines = table(blocks).select("born", group=by)
        counts = births.by_birth(lines, [DAY], KNOWN)
        judged = surges._surges_by(by, counts, [DAY], KNOWN, everything).to_dicts()
        for row in judged:
            own = lines.filter(group=row["group"])["born"].to_list()
            assert row["n_new"] == naive.born_within(own, DAY, row["window_days"])
            assert 0 <= row["p_value"] <= row["q_value"] <= 1
        there = lines.filter((pl.col("born") <= DAY) | pl.col("born").is_null())["group"]
        assert {row["group"] for row in judged} == set(there)


@pytest.mark.parametrize("born", [[], [None], [DAY], [DAY] * 30])
def test_hardly_any_lines_are_no_error(born: Born) -> None:
    assert isinstance(surging({"1344002": born}), dict)


def test_no_days_no_surges() -> None:
    found = surges.surges(table({"1344002": [DAY] * 30}), [], known_from=KNOWN, rule=RULE)
    assert found.is_empty()
    assert {"by", "group", "day", "window_days", "n_new", "p_value"} <= set(found.columns)


def test_the_days_are_judged_one_by_one() -> None:
    blocks = table(city() | {"1344002": [ago(2)] * 14})
    days = [ago(n) for n in range(-8, 6)]
    found = surges.surges(blocks, days, known_from=KNOWN, rule=RULE)
    alone = [surges.surges(blocks, [day], known_from=KNOWN, rule=RULE) for day in days]
    assert found.sort("day").equals(pl.concat(alone).sort("day"))
    assert found["day"].sort().to_list() == [ago(2 - n) for n in range(7)]


def test_a_century_of_empty_days_is_judged_at_once() -> None:
    """One row with a wrong clock makes the feed that long."""
    days = [ago(n) for n in range(36_500)]
    found = surges.surges(table(city()), days, known_from=KNOWN, rule=RULE)
    assert found.is_empty()


@pytest.mark.parametrize(
    ("seen", "activated", "born", "why"),
    [
        (KNOWN, None, KNOWN, "first seen once the feed was warm"),
        (KNOWN - timedelta(days=1), None, None, "seen before: may be as old as can be"),
        (DAY, KNOWN, KNOWN, "the day of activation goes before the first leg"),
        (KNOWN - timedelta(days=9), DAY, DAY, "given out again to another subscriber"),
        (None, DAY, DAY, "activated, and never seen"),
    ],
)
def test_when_a_line_was_born(
    seen: date | None, activated: date | None, born: date | None, why: str
) -> None:
    schema = {name: column.dtype or pl.String() for name, column in PROFILE.items()}
    days = [] if seen is None else [("a", d, 1, 0, 0) for d in (seen, DAY)]
    profile = pl.DataFrame(days, schema, orient="row").lazy()
    activations = (
        pl.LazyFrame({"line": ["a"], "activation": [activated]})
        .filter(pl.col("activation").is_not_null())
        .cast({"activation": pl.Date})
        if activated
        else None
    )
    made = line_ages.find_births(line_ages.first_seen(profile), activations, known_from=KNOWN)
    (row,) = require(made, LINE_AGES, "line_ages").collect().to_dicts()
    assert row == {"line": "a", "first_seen": seen, "activation": activated, "born": born}, why
