"""New lines of a city by who sold them and where their holders are registered."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from tests.helpers.builders import Line, feed, many
from tests.helpers.new_lines import BORN, city, dialling, forwarding, used

DEALERS = [f"D{n:02}" for n in range(100)]


REGIONS = ["north", "south", "east", *(f"r{n}" for n in range(20))]


HEAD = {"line": str, "activation": str, "holder_token": str, "holder_region": str, "dealer": str}


class Sold(NamedTuple):
    """Lines that one dealer sold on a day, where their holders are registered, who these are."""

    lines: list[Line]
    dealer: str
    regions: list[str]
    holders: int = 1000


def spread(n: int, prefix: int, sentence: object) -> list[Line]:
    """Make lines of so many blocks."""
    return [each for i in range(n) for each in many(1, f"+86{prefix + i}8880001", sentence)]


# What is sold, with how many lines and how grave its dealer is found; why.
SOLD: dict[str, tuple[Sold, dict[str, tuple[float, str]], str]] = {
    "mules": (
        Sold(spread(14, 1500, forwarding), "D03", ["north"] * 11 + ["home"] * 3, 4),
        {"dealer D03": (14, "high")},
        "lines of many blocks, all of which forward, bought by a few people from elsewhere",
    ),
    "a shop opens": (
        Sold(spread(35, 1520, used), "opened", ["home"] * 35),
        {},
        "lines that are used as lines",
    ),
    "students": (
        Sold(spread(30, 1560, used), "D04", ["south"] * 30),
        {},
        "used as lines, by newcomers",
    ),
    "some of many": (
        Sold([*spread(30, 1800, used), *spread(8, 1840, dialling)], "D05", ["home"] * 38),
        {"dealer D05": (38, "medium")},
        "eight of them dial: a fifth",
    ),
    "few of many": (
        Sold([*spread(33, 1850, used), *spread(2, 1890, dialling)], "D06", ["home"] * 35),
        {},
        "two of them dial",
    ),
    "nine": (Sold(spread(9, 1900, forwarding), "D07", ["east"] * 9), {}, "too few for a surge"),
    "a block, too": (
        Sold(many(12, "+8616500020001", dialling), "D08", ["home"] * 12),
        {"dealer D08": (12, "high")},
        "one dealer sold the lines of a block",
    ),
}


def listed(*sold: Sold) -> pl.DataFrame:
    """List the old lines of the city, most held there, and what was sold."""
    old = city()
    rows = [
        (
            each.number,
            "2026-05-12" if n % 9 == 0 else "2025-01-01",
            f"p{n}",
            "home" if n % 10 else REGIONS[n // 10 % 23],
            DEALERS[n * 7 % 100],
        )
        for n, each in enumerate(old)
    ]
    rows += [
        (each.number, BORN, f"{lot.dealer}/{n % lot.holders}", region, lot.dealer)
        for lot in sold
        for n, (each, region) in enumerate(zip(lot.lines, lot.regions, strict=True))
    ]
    return pl.DataFrame(rows, HEAD, orient="row")


def calls(*sold: Sold) -> pl.DataFrame:
    return feed(*city(), *(each for lot in sold for each in lot.lines))
