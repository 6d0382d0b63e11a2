from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdr_anomaly import numbering
from cdr_anomaly.numbering.lines import WITHHELD
from tests.helpers.numbers import HOMES, LINE, REGIONS, run, strings

E164 = st.from_regex(r"\+[1-9][0-9 ()-]{3,18}", fullmatch=True)
PLAIN = st.from_regex(r"\+[1-9][0-9]{0,16}", fullmatch=True)


def slow_name(line: str) -> int:
    """Return the code of a name, digit by digit."""
    hexes = line.encode().hex()
    mixed = len(hexes)
    parts = [int(hexes[begin : begin + 15], 16) for begin in range(0, len(hexes), 15)]
    for part in (*parts, 0, 0):
        mixed = (mixed ^ part) * 0x9E3779B97F4A7C15 % 2**64
        mixed ^= mixed >> 29
    return -(10**15) + mixed % (10**15 - 2**48)


def slow_codes(lines: list[str | None], home: numbering.HomePlan) -> list[int | None]:
    """Return the code of each number by all rules, one number at a time."""
    compact = LINE.str.replace_all(r"[\s().-]", "")
    codes = []
    for line in lines:
        code = run(numbering.line_code(compact, home), [line])[0]
        text = run(LINE.str.strip_chars(), [line])[0]
        if code is None and text is not None and text.lower() not in WITHHELD:
            code = slow_name(text)
        codes.append(code)
    return codes


@given(st.lists(strings | PLAIN | E164, max_size=30), st.sampled_from(REGIONS))
@settings(max_examples=60, deadline=None)
def test_a_column_has_the_codes_of_its_numbers(lines: list[str | None], region: str) -> None:
    home = HOMES[region]
    assert run(numbering.parse_codes(LINE, home), lines) == slow_codes(lines, home)


@given(st.lists(strings | st.text(max_size=60), max_size=30), st.sampled_from(REGIONS))
@settings(max_examples=60, deadline=None)
def test_codes_and_names_lead_back_to_the_lines_as_text(
    lines: list[str | None], region: str
) -> None:
    home, names = HOMES[region], numbering.LineNames()
    codes = run(numbering.parse_codes(LINE, home, names), lines)
    texts = run(numbering.line_text(LINE, home), lines)
    assert run(numbering.format_line(LINE, names), codes, pl.Int64) == texts
    assert run(numbering.parse_texts(LINE, home), lines) == texts
    assert run(numbering.parse_codes(LINE, home), texts) == codes
    assert not names.collide


@given(st.lists(PLAIN | E164 | st.none(), max_size=30))
@settings(max_examples=60, deadline=None)
def test_what_a_footer_proves_changes_no_code(lines: list[str | None]) -> None:
    home = HOMES["CN"]
    assert run(numbering.parse_codes(LINE, home, proven=True), lines) == slow_codes(lines, home)


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_many_rows_of_few_odd_forms_keep_their_order(engine: str) -> None:
    forms = ["+8613812345678", None, "138 1234 5679", "008613812345670", "anonymous", "x"]
    lines = [forms[n * n % 7 % 6] for n in range(300_000)]
    wanted = dict(zip(forms, slow_codes(forms, HOMES["CN"]), strict=True))
    frame = pl.LazyFrame({"line": lines}).select(numbering.parse_codes(LINE, HOMES["CN"]))
    codes = frame.collect(engine=engine)["line"].to_list()  # type: ignore[call-overload]
    assert codes == [wanted[line] for line in lines]
