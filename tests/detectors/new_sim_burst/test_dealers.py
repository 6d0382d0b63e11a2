"""Surges of new lines that were sold by one dealer, or are held by people of one region."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest

from cdr_anomaly.reports.html import chart_data
from tests.helpers.builders import found, scanned
from tests.helpers.new_lines import BORN
from tests.helpers.sold_lines import SOLD, calls, listed

if TYPE_CHECKING:
    import pathlib

    from cdr_anomaly.result import Result

KINDS = ("dealer", "region")


EVERY = [lot for lot, *_ in SOLD.values()]


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
    drawn = chart_data.build_charts(alerts, regional.findings, tables, tables.legs.clear())
    (rank,) = alerts.filter(subject="dealer D03")["rank"]
    by_day = dict(drawn.pictures["births"].filter(rank=rank).select("day", "n").iter_rows())
    assert (by_day[BORN[5:]], sum(by_day.values())) == (14, 15), "one was new weeks before"
