from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import binom

from cdr_anomaly import numbering
from cdr_anomaly.detectors.overseas_presentation import OverseasPresentation, trunks
from cdr_anomaly.numbering import caller_id
from tests.helpers import night_runs
from tests.helpers.builders import FEED, feed, line, many, past, scanned
from tests.helpers.builders import gravest as gravest_of
from tests.helpers.overseas_calls import DAY, LONDON, NAME, found, homes, others, pool

if TYPE_CHECKING:
    from pathlib import Path

    from cdr_anomaly.result import Result
    from tests.helpers.builders import Line

CN = numbering.home_plan("CN")


def gravest(result: Result, subject: str) -> str | None:
    return gravest_of(result, NAME, subject)


def domestic(trunk: str, n: int = 400) -> Line:
    """Let a home line from another network call on a trunk."""
    return line("+8613900000009").dials(n, on=DAY, gap_s=100, trunk_in=trunk, cells=0)


def test_a_number_that_calls_many_strangers_who_hardly_answer(tmp_path: Path) -> None:
    calls = feed(
        line(LONDON).dials(80, on=DAY, to=homes(80), answered=0.3, cells=0),
        line("+8613800000001").dials(9, on=past("2026-05-01", 19), answered=0.5),
    )
    (row,) = found(scanned(tmp_path, calls), LONDON)
    assert row["severity"] == "medium"
    assert (row["observed"], row["threshold"]) == (80, 20)
    assert row["reason"].startswith("presented as foreign, called 80 different home subscribers on")
    assert json.loads(row["evidence"])["n_contacts"] == 80


@pytest.mark.parametrize(
    "number",
    [
        line(LONDON).dials(80, on=DAY, to=homes(80), answered=0.9, cells=0),
        line(LONDON).dials(80, on=DAY, to=homes(80), answered=0.3, called_back=0.2, cells=0),
        line(LONDON).dials(80, on=["2026-05-11", DAY], to=homes(80), answered=0.3, cells=0),
        line(LONDON).dials(30, on=DAY, to=homes(30), answered=0.3, cells=0),
    ],
    ids=["an airline is answered", "a bank is called back", "known people", "too few"],
)
def test_who_is_wanted_or_known_is_low(tmp_path: Path, number: Line) -> None:
    assert {
        row["severity"] for row in found(scanned(tmp_path, feed(number))) if str(row["day"]) == DAY
    } == {"low"}


@pytest.mark.parametrize(
    "number",
    [
        line(LONDON).dials(300, on=DAY, to=homes(12), cells=0),
        line(LONDON).dials(60, on=DAY, cells=0),
        line("+8613800000001").dials(80, on=DAY, to=homes(80), answered=0.3),
    ],
    ids=["an expatriate's family", "calls of foreigners to foreigners", "a home line"],
)
def test_who_is_not_meant(tmp_path: Path, number: Line) -> None:
    assert not found(scanned(tmp_path, feed(number)))


def test_a_foreign_number_with_a_home_identity(tmp_path: Path) -> None:
    calls = feed(
        line(LONDON).dials(12, on=DAY, to=homes(12), imsi="460001234567890"),
        line("+442071234568").dials(5, on=DAY, to=homes(5), imsi="460011234567890"),
        line("+442071234569").dials(4, on=DAY, to=homes(4), imsi="460001234567891"),
        line("+442071234570").dials(12, on=DAY, to=homes(12), imsi="234101234567890", imei="3520"),
    )
    result = scanned(tmp_path, calls)
    assert gravest(result, LONDON) == "high"
    assert gravest(result, "+442071234568") == "medium"
    assert not found(result, "+442071234569"), "fewer than five calls"
    assert not found(result, "+442071234570"), "a guest who roams here"
    (row,) = found(result, LONDON)
    assert (row["observed"], row["threshold"]) == (12, 5)
    assert "from 1 home subscriber identities (IMSI of 460, 461)" in row["reason"]


def test_what_is_a_home_identity_can_be_told(tmp_path: Path) -> None:
    calls = feed(line(LONDON).dials(6, on=DAY, to=homes(6), imsi="234101234567890"))
    assert found(scanned(tmp_path, calls, f'{NAME}.home_mcc=["234"]'), LONDON)


def test_without_identities_a_home_cell_and_handset_weigh_less(tmp_path: Path) -> None:
    calls = feed(line(LONDON).dials(12, on=DAY, to=homes(12), imei="3520"), without=["imsi"])
    result = scanned(tmp_path, calls)
    (row,) = found(result, LONDON)
    assert row["severity"] == "low"
    assert "the feed has no imsi" in row["reason"]
    assert any("no imsi" in what for what in result.tables.unknown())


def test_a_foreign_number_on_a_domestic_trunk(tmp_path: Path) -> None:
    calls = feed(
        domestic("home"),
        domestic("mixed"),
        line(LONDON).dials(12, on=DAY, to=homes(12), trunk_in="home", cells=0),
        *(
            line(f"+4420{n:08}").dials(1, on=DAY, to=homes(1), trunk_in="mixed", cells=0)
            for n in range(60)
        ),
        line("+33140000000").dials(12, on=DAY, to=homes(12), trunk_in="mixed", cells=0),
    )
    (row,) = found(scanned(tmp_path, calls))
    assert (row["subject"], row["severity"], row["observed"]) == (LONDON, "high", 12)
    assert "100 % of the 400 other calls on it presented as from home" in row["reason"]
    assert row["p_value"] < 1e-3


def test_trunks_can_be_told(tmp_path: Path) -> None:
    calls = feed(
        domestic("home"),
        line(LONDON).dials(6, on=DAY, to=homes(6), trunk_in="home", cells=0),
        line("+33140000000").dials(6, on=DAY, to=homes(6), trunk_in="other", cells=0),
    )
    words = (f'{NAME}.domestic_trunks=["other"]', f'{NAME}.international_trunks=["home"]')
    (row,) = found(scanned(tmp_path, calls, *words))
    assert row["subject"] == "+33140000000"
    assert row["p_value"] is None


def test_a_few_calls_where_many_from_abroad_come_in_are_nothing(tmp_path: Path) -> None:
    """Four in a hundred of the trunk's calls are from abroad as it is: a carrier's hub."""
    hub = [
        line(f"+4930{7_919_317 * n % 10**7:07}").dials(
            1, on=DAY, to=homes(1), trunk_in="hub", cells=0
        )
        for n in range(40)
    ]
    number = line(LONDON).dials(6, on=DAY, to=homes(6), trunk_in="hub", cells=0)
    assert not found(scanned(tmp_path, feed(domestic("hub", 800), number, *hub)))


def abroad(trunk: str = "gate") -> list[Line]:
    def calls_once(one: Line) -> Line:
        return one.dials(1, on=DAY, to=homes(1), trunk_in=trunk, cells=0)

    return many(220, "+4915110000000", calls_once)


def test_a_home_number_from_abroad_while_its_line_is_at_home(tmp_path: Path) -> None:
    own, guest, roamer = (f"+861380000000{n}" for n in range(3))
    calls = feed(
        *abroad(),
        line(own).dials(2, on=DAY, at="09:30", to="+8613911111111"),
        line(own).dials(12, on=DAY, at="10:00", to=homes(12), trunk_in="gate", cells=0),
        line(guest).dials(2, on=DAY, at="02:00", to="+8613911111111"),
        line(guest).dials(12, on=DAY, at="10:00", to=homes(12), trunk_in="gate", cells=0),
        line(roamer).dials(12, on=DAY, at="10:00", to=homes(12), trunk_in="gate", cells=0),
        line(roamer).receives(3, on=DAY, at="10:30", by="+8613911111111"),
    )
    result = scanned(tmp_path, calls)
    (row,) = found(result, own)
    assert (row["severity"], row["observed"], row["threshold"]) == ("high", 12, 5)
    assert "international trunks (gate) within 2 h" in row["reason"]
    assert not found(result, guest), "it left eight hours before"
    assert not found(result, roamer), "it has no cell here"


def test_of_a_feed_without_cells_a_call_on_no_trunk_shows_the_line_at_home(tmp_path: Path) -> None:
    own = "+8613800000000"
    calls = feed(
        *abroad(),
        line(own).dials(2, on=DAY, at="09:30", to="+8613911111111"),
        line(own).dials(6, on=DAY, at="10:00", to=homes(6), trunk_in="gate"),
        without=["cell_id"],
    )
    assert gravest(scanned(tmp_path, calls), own) == "medium"


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+99912345678", "its country code is nobody's"),
        ("+44207123456712", "no number of +44 has 12 digits after that"),
        ("+86138001234567", "no home number has 12 digits after +86"),
        ("+8613800123456", None),
        ("+8695588", None),
        ("+861012345678", None),
        (LONDON, None),
        ("+12025550100", None),
        ("95588", None),
    ],
)
def test_numbers_that_nobody_has(tmp_path: Path, number: str, why: str | None) -> None:
    calls = feed(line(number).dials(6, on=DAY, to=homes(6)))
    said = [
        row["reason"] for row in found(scanned(tmp_path, calls)) if "nobody has" in row["reason"]
    ]
    assert len(said) == (why is not None)
    assert all(f"a number that nobody has: {why}; to 6" in reason for reason in said)
    reason = caller_id.impossible_reason(pl.col("n"), CN).text
    told = pl.DataFrame({"n": [number]}).select(reason).item()
    assert told == why


def test_the_p_of_a_trunk_is_that_of_a_binomial() -> None:
    calls = pl.DataFrame({"day": [1, 1], "trunk_in": ["x", "x"], "n_calls": [9, 7]})
    traffic = pl.DataFrame(
        {"day": [1], "what": ["trunk"], "name": ["x"], "calls": [1016], "abroad": [26]}
    )
    limits = OverseasPresentation(domestic_share=0.95, international_share=0.5, trunk_calls=200)
    made = trunks.on_domestic(limits, calls, traffic)
    assert made["n_other"].to_list() == [1000, 1000]
    expected = [binom.sf(10 + n - 1, 1000 + n, 11 / 1002) for n in (9, 7)]
    assert made["p_value"].to_list() == pytest.approx(expected)


def test_opaque_tokens_are_not_applicable(tmp_path: Path) -> None:
    calls = feed(line("b1a2").dials(30, on=DAY, to=["c3d4"]))
    assert NAME in scanned(tmp_path, calls).not_applicable
    mixed = feed(
        line("b1a2").dials(3, on=DAY, to=["c3d4"]), line(LONDON).dials(30, on=DAY, to=homes(30))
    )
    result = scanned(tmp_path / "mixed", mixed)
    assert NAME not in result.not_applicable
    assert found(result, LONDON)


def test_a_night_finds_what_a_scan_finds(tmp_path: Path) -> None:
    own = "+8613800000000"
    days = past("2026-05-10", 4)
    calls = feed(
        *(each for day in days[::2] for each in others(20, on=day)),
        line(LONDON).dials(30, on=[days[0], days[3]], to=homes(30), answered=0.3, cells=0),
        line("+442071234568").dials(9, on=days, at="23:55", to=homes(9), imsi="460001"),
        line(own).dials(3, on=days, at="23:40", to="+8613911111111"),
        line(own).dials(9, on=days, at="23:50", to=homes(9), trunk_in="gate", cells=0),
        line("+33140000000").dials(250, on=days, gap_s=300, to=homes(5), trunk_in="gate", cells=0),
    )
    folder = night_runs.by_day(tmp_path / "days", calls)
    told = night_runs.run(tmp_path / "state")
    night_runs.every(folder, told)
    whole = night_runs.in_order(scanned(tmp_path / "whole", calls).findings)
    assert {LONDON, own, "+442071234568"} <= set(whole.filter(detector=NAME)["subject"])
    assert_frame_equal(night_runs.findings(told.location), whole)


def test_records_of_both_sides(tmp_path: Path) -> None:
    """The called party's record alone tells of a number from elsewhere, and has no cell of its."""
    rows = [row | {"record_type": "mtc"} for each in pool(15, trunk_in="x") for row in each.rows]
    calls = pl.concat([pl.DataFrame(rows, FEED), feed(*others())]).sort("start_time")
    assert [row["subject"] for row in found(scanned(tmp_path, calls))] == ["+442071234xxx"]


def test_settings_have_bounds() -> None:
    assert OverseasPresentation(domestic_trunks=["a"]).domestic_trunks == ("a",)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="pool_digits"):
        OverseasPresentation(pool_digits=9)
