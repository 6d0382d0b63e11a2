"""Surges of new lines that were sold by one dealer, or are held by people of one region."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import polars as pl
import pytest

from cdr_anomaly.reports.html import chart_data
from tests.builders import Line, feed, found, many, scanned
from tests.detectors.test_new_sim_burst import BORN, city, dialling, forwarding, used

if TYPE_CHECKING:
    import pathlib

    from cdr_anomaly.result import Result

KINDS = ("dealer", "region")
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


EVERY = [lot for lot, *_ in SOLD.values()]


def calls(*sold: Sold) -> pl.DataFrame:
    return feed(*city(), *(each for lot in sold for each in lot.lines))


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    place = tmp_path_factory.mktemp("sold")
    return scanned(place, calls(*EVERY), subscribers=listed(*EVERY))


@pytest.fixture(scope="module")
def regional(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Scan what is bought by people from elsewhere: so much else would be a promotion."""
    own = [SOLD[case][0] for case in ("mules", "students")]
    return scanned(tmp_path_factory.mktemp("regions"), calls(*own), subscribers=listed(*own))


def surging(result: Result) -> dict[str, tuple[float, str]]:
    return {
        row["subject"]: (row["observed"], row["severity"])
        for row in found(result, "new_sim_burst")
        if row["subject_kind"] in KINDS and str(row["day"]) == BORN
    }


def test_dealers(result: Result) -> None:
    expected = {
        subject: finding for _, told, _ in SOLD.values() for subject, finding in told.items()
    }
    assert surging(result) == expected, {case: why for case, (_, _, why) in SOLD.items()}


def test_regions(regional: Result) -> None:
    """Lines from the north forward; those from the south are used as lines."""
    assert surging(regional) == {"dealer D03": (14, "high"), "region north": (11, "high")}


def test_a_dealer_is_told_of_in_neutral_words(result: Result) -> None:
    row = found(result, "new_sim_burst", "dealer D03")[0]
    lot = SOLD["mules"][0]
    assert row["subject_kind"] == "dealer"
    assert row["members"] == sorted(each.number for each in lot.lines)
    assert row["reason"].startswith("14 lines sold by dealer D03 were new in the ")
    assert row["reason"].endswith(
        "; 11 of 14 are held by people registered outside home, in 1 other region(s); usual 0 %; "
        "4 holder(s) have several of them, 14 in all"
    )
    assert (
        row["would_clear_if"]
        == "fewer than 10 new lines, or 3 times what is expected of the dealer"
    )
    told = json.loads(row["evidence"])
    assert (told["home"], told["n_elsewhere"], told["n_placed"]) == ("home", 11, 14)
    assert (told["n_holders"], told["n_theirs"]) == (4, 14)


def test_a_block_says_who_holds_its_lines(result: Result) -> None:
    row = found(result, "new_sim_burst", "+861650002")[0]
    assert row["reason"].endswith(
        "; 0 of 12 are held by people registered outside home, in 0 other region(s); usual 10 %; "
        "no holder has several of them"
    )


def test_a_region_does_not_say_that_its_holders_are_of_it(regional: Result) -> None:
    row = found(regional, "new_sim_burst", "region north")[0]
    assert row["reason"].startswith("11 lines of holders in region north were new in ")
    assert "registered outside" not in row["reason"]


@pytest.mark.parametrize(
    ("case", "subject", "others"),
    [("a block, too", "+861650002", "dealer D08"), ("mules", "dealer D03", "region north")],
)
def test_what_names_the_same_lines_is_one_alert(
    result: Result, regional: Result, case: str, subject: str, others: str
) -> None:
    """Though no line of theirs is found by itself."""
    whole = regional if case == "mules" else result
    ours = {each.number for each in SOLD[case][0].lines}
    listed_ = whole.alerts.filter(pl.col("rank").is_not_null())
    named = listed_.filter(pl.col("members").list.eval(pl.element().is_in(ours)).list.any())
    assert {subject, others} <= set(whole.findings["subject"])
    assert others not in set(whole.alerts["subject"])
    (alert,) = named.to_dicts()
    assert set(alert["members"]) >= ours
    assert not set(alert["lines"]) & {subject, others}


def test_nobody_is_on_a_list_for_selling_much(result: Result) -> None:
    of = {each.number for case in ("a shop opens", "students") for each in SOLD[case][0].lines}
    listed_ = result.alerts.filter(pl.col("rank").is_not_null())["members"].explode()
    assert not of & set(listed_)


@pytest.mark.parametrize("told", [["dealer"], ["holder_region"], ["holder_token"], []])
def test_each_column_tells_of_its_own(
    tmp_path: pathlib.Path, result: Result, told: list[str]
) -> None:
    """And nothing else of a finding depends on it."""
    whole = listed(*EVERY)
    made = scanned(tmp_path, calls(*EVERY), subscribers=whole.select("line", "activation", *told))
    kinds = {"dealer": "dealer", "holder_region": "region"}
    kept = {kinds[column] for column in told if column in kinds}
    expected = {s: f for s, f in surging(result).items() if s.split()[0] in kept}
    assert surging(made) == expected
    blocks = ("subject", "day", "severity", "observed", "baseline", "p_value", "members")
    own, others = (
        each.findings.filter(subject_kind="block").select(blocks) for each in (made, result)
    )
    assert own.equals(others)


def test_dealers_are_told_without_a_day_of_activation(tmp_path: pathlib.Path) -> None:
    """Which lines are new is then known by their first legs."""
    lot = SOLD["mules"][0]
    made = scanned(tmp_path, calls(lot), subscribers=listed(lot).drop("activation"))
    assert {subject: severity for subject, (_, severity) in surging(made).items()} == {
        "dealer D03": "high",
        "region north": "high",
    }


def test_the_picture_of_a_dealer_counts_its_new_lines_by_day(regional: Result) -> None:
    alerts = regional.alerts.filter(pl.col("rank").is_not_null()).with_columns(judged_day="day")
    tables = regional.tables
    drawn = chart_data.drawn(alerts, regional.findings, tables, tables.legs.clear())
    (rank,) = alerts.filter(subject="dealer D03")["rank"]
    by_day = dict(drawn.pictures["births"].filter(rank=rank).select("day", "n").iter_rows())
    assert (by_day[BORN[5:]], sum(by_day.values())) == (14, 15), "one was new weeks before"
