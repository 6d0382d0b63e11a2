"""Dealers, regions and blocks of the same lines: who is one actor with whom."""

from __future__ import annotations

from random import Random
from typing import Any

import polars as pl
import pytest

from cdr_anomaly.alerts import actors
from tests.helpers.finding_rows import finding, ranked


def surge(kind: str, name: str, members: str, **more: Any) -> dict[str, Any]:
    """Make the finding of a group of lines, each of one letter."""
    given = {"subject_kind": kind, "members": list(members), "detector": "new_sim_burst"}
    return finding(name, **given | more)


def together(*rows: dict[str, Any]) -> list[str]:
    """Say of each alert with a rank which lines it is about or stands for."""
    made = ranked(list(rows))
    return sorted("".join(m) for m in made.filter(pl.col("rank").is_not_null())["members"])


BLOCK, OTHER = surge("block", "+861", "abc"), surge("block", "+862", "xyz")


@pytest.mark.parametrize(
    ("rows", "alerts", "why"),
    [
        ([BLOCK, surge("dealer", "dealer D", "abc")], ["abc"], "the same lines"),
        ([BLOCK, surge("dealer", "dealer D", "bcde")], ["abcde"], "most of the block's"),
        ([BLOCK, surge("dealer", "dealer D", "cdef")], ["abc", "cdef"], "one line in common"),
        (
            [BLOCK, finding("c"), surge("dealer", "dealer D", "cdef")],
            ["abcdef"],
            "one line in common, of which something is found by itself",
        ),
        ([BLOCK, surge("dealer", "dealer D", "de")], ["abc", "de"], "none in common"),
        ([BLOCK, OTHER, surge("dealer", "dealer D", "abxy")], ["abcxyz"], "one dealer sold both"),
        (
            [BLOCK, OTHER, surge("region", "region R", "abx")],
            ["abcx", "xyz"],
            "of one region are people who have to do with one block, and with another one",
        ),
        (
            [finding("a"), finding("b"), surge("region", "region R", "ab")],
            ["ab"],
            "no block or dealer explains the region: its lines are its own",
        ),
        (
            [BLOCK, surge("dealer", "dealer D", "abcd"), surge("region", "region R", "abd")],
            ["abcd"],
            "all three",
        ),
        ([BLOCK, surge("dealer", "dealer D", "abc", severity="low")], ["abc"], "low connects not"),
    ],
)
def test_who_stands_for_the_same_lines(
    rows: list[dict[str, Any]], alerts: list[str], why: str
) -> None:
    assert together(*rows) == alerts, why


def test_no_dealer_is_a_line_of_an_alert() -> None:
    made = ranked([BLOCK, surge("dealer", "dealer D", "abc"), finding("a")])
    assert made["lines"].to_list() == [["a"]]


@pytest.mark.parametrize("seed", range(20))
def test_those_that_are_alike_are_those_of_the_double_loop(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - no secret
    groups, others = (
        [(random.choice(names), random.sample("abcdef", random.randrange(4))) for _ in range(5)]
        for names in ("RSX", "XYZ")
    )
    schema = {"subject": pl.String, "members": pl.List(pl.String)}
    frames = [pl.DataFrame(rows, schema, orient="row") for rows in (groups, others)]
    own, its = (
        {name: {m for n, ms in rows if n == name for m in ms} for name, _ in rows}
        for rows in (groups, others)
    )
    pairs = sorted(
        (one, -len(mine & theirs), other)
        for one, mine in own.items()
        for other, theirs in its.items()
        if one != other and len(mine & theirs) >= max(2, min(len(mine), len(theirs)) / 2)
    )
    assert actors.matching_groups(*frames).rows() == [(one, other) for one, _, other in pairs]
