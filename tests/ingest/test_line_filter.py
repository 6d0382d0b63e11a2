"""The filter of a line's calls loses none of them, however the numbers are written."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdr_anomaly import numbering
from cdr_anomaly.ingest.line_filter import LineFilter
from tests.helpers.raw_feeds import call, feed, opened, spelled, written

if TYPE_CHECKING:
    from pathlib import Path

REGIONS = ("CN", "HK", "US", "GB", "IT", "HU", "RU", "KR")
HEADS = ("", "+", "00", "+86", "86", "0086", "0", "17951", "0755", "39", "7", "8", "06", "011")
BODIES = st.text("0123456789", max_size=12) | st.sampled_from(["95588", "13812345678", "x-1 2"])
NUMBERS = st.builds("{}{}".format, st.sampled_from(HEADS), BODIES)
PARTIES = ("calling_number", "called_number", "redirecting_number")


def passed(numbers: list[str], line_filter: LineFilter, *, tokens: bool) -> list[bool]:
    frame = pl.DataFrame({"n": pl.Series(numbers, dtype=pl.String)})
    condition = line_filter.may_name({"calling_number": pl.col("n")}, tokens=tokens)
    return frame.select(n=condition)["n"].to_list()


@given(st.lists(NUMBERS, min_size=1, max_size=8), st.sampled_from(REGIONS), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_number_passes_the_filter_of_its_line(
    numbers: list[str], region: str, tokens: Any
) -> None:
    home = numbering.home_plan(region)
    blanks = [f" {number[:3]}-{number[3:]} " for number in numbers]
    lines = [numbering.one_line_text(number, home) for number in numbers]
    for number, blank, line in zip(numbers, blanks, lines, strict=True):
        if line is not None:
            for wanted in ([line], [line, "+8613999999999", "110"]):
                line_filter = LineFilter.of_lines(wanted, home)
                assert passed([number, blank], line_filter, tokens=tokens) == [True, True]


@given(st.lists(NUMBERS, max_size=8), st.sampled_from(REGIONS))
@settings(max_examples=15, deadline=None)
def test_the_text_of_one_line_is_that_of_many(numbers: list[str], region: str) -> None:
    home = numbering.home_plan(region)
    frame = pl.DataFrame({"n": numbers}, {"n": pl.String})
    texts = frame.select(numbering.line_text(pl.col("n"), home)).to_series().to_list()
    assert [numbering.one_line_text(number, home) for number in numbers] == texts


def test_other_numbers_do_not_pass() -> None:
    home = numbering.home_plan("CN")
    one = LineFilter.of_lines(["+8613812345678"], home)
    some = LineFilter.of_lines(["+8613812345678", "+8613812345679", "95588", "110"], home)
    numbers = ["13812345677", "+442079460000", "10086", "138-1234", ""]
    assert passed(numbers, one, tokens=False) == [False, False, False, True, False]
    assert passed(numbers, some, tokens=True) == [False] * 5
    assert passed(["02195588", "0110", "13812345679"], some, tokens=False) == [True] * 3
    assert passed(["13812345678"], LineFilter(), tokens=False) == [False]


@pytest.mark.parametrize("tokens", [None, "text", "codes"])
def test_what_is_read_of_some_lines_is_what_they_have_in_the_whole_feed(
    tmp_path: Path, tokens: Any
) -> None:
    chance = random.Random(7)  # noqa: S311 - not for secrets
    forms = ("{}", "+86{}", "0086{}", "86{}", "0{}", " {}", "+86-{}")
    people = [f"1380000{n:04}" for n in range(30)]
    rows = []
    for n in range(400):
        caller, called, over = (chance.choice(forms).format(chance.choice(people)) for _ in "abc")
        numbers = {"calling_number": caller, "called_number": called}
        if n % 3 == 0:
            numbers |= {"redirecting_number": over, "record_type": "fwd"}
        rows.append(call(60 * n, **numbers, imei=f"35000000000{n % 7:03}1"))
    if tokens:
        rows.append(call(0, calling_number="sip:anna-b", called_number=people[0]))
    source = opened(written(tmp_path, feed(*rows)), home="CN", tz="Asia/Shanghai")
    source = source.with_text() if tokens == "text" else source
    lines = ["+8613800000003", "+8613800000017"] + (["sip:anna-b"] if tokens else [])
    of_lines = pl.any_horizontal(pl.col(name).is_in(lines) for name in PARTIES)
    every = spelled(source.map_rows().collect(), source.names).filter(of_lines)
    narrow = source.with_line_filter(LineFilter.of_lines(lines, source.plan))
    found = spelled(narrow.map_rows().collect(), narrow.names)
    assert found.filter(of_lines).sort(pl.all()).equals(every.sort(pl.all()))
    assert 0 < every.height <= found.height < 300

    handset = LineFilter(handsets=frozenset(["35000000000002"]))
    on_it = source.with_line_filter(handset).map_rows().collect()
    assert on_it["imei"].str.starts_with("35000000000002").sum() == len(range(2, 400, 7))

    block = source.with_line_filter(LineFilter(block="1380000"))
    assert block.map_rows().collect().height >= 400


def test_the_days_of_all_lines_are_known_from_footers_and_from_the_rows(tmp_path: Path) -> None:
    days = [call(86_400 * n, calling_number=f"+861380000000{n}") for n in range(5)]
    file = written(tmp_path, feed(*days))
    source = opened(file, tz="Asia/Shanghai")
    ends = source.days()["day"].to_list()
    far = [*days, call(86_400 * 400)]
    unproven = opened(written(tmp_path, feed(*far), "far.parquet"), tz="Asia/Shanghai").days()
    assert [ends[0], ends[-1]] == [unproven["day"][0], unproven["day"][4]]
    assert unproven.height == 6
    some = opened(file, tz="Asia/Shanghai", since=unproven["day"][1], until=unproven["day"][3])
    assert some.days()["day"].to_list() == [unproven["day"][1], unproven["day"][3]]
