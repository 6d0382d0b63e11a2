from __future__ import annotations

import re

import phonenumbers
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdr_anomaly import numbering
from cdr_anomaly.errors import SettingError
from cdr_anomaly.numbering import HomePlan, classes, home_plan
from cdr_anomaly.numbering import lines as numbering_lines
from tests.helpers.numbers import HOMES, LINE, REGIONS, run, strings


def spell(lines: list[str | None], home: HomePlan) -> list[str | None]:
    return run(numbering.format_line(numbering.line_code(LINE, home)), lines)


def classify(lines: list[str | None], home: HomePlan) -> list[str]:
    return run(numbering.number_class(LINE, home), lines)


@pytest.mark.parametrize(
    ("region", "written", "spelling", "why"),
    [
        ("CN", "+8613812345678", "+8613812345678", "E.164 as it is"),
        ("CN", "008613812345678", "+8613812345678", "00 is the international prefix"),
        ("CN", "8613812345678", "+8613812345678", "calling code without a plus"),
        ("CN", "13812345678", "+8613812345678", "a mobile needs no trunk prefix"),
        ("CN", "013812345678", "+8613812345678", "out-of-town mobiles were dialled with 0"),
        ("CN", "02168888888", "+862168888888", "Shanghai"),
        ("CN", "059522345678", "+8659522345678", "Quanzhou, three-digit area code"),
        ("CN", "01065551234", "+861065551234", "Beijing 6..., fact 9: no SMS port"),
        ("CN", "861065551234", "+861065551234", "Beijing behind the calling code"),
        ("CN", "106901234567", "106901234567", "an SMS port is never Beijing"),
        ("CN", "10690000", "10690000", "a short SMS port, too"),
        ("CN", "10655012345", "10655012345", "an SMS port as long as a mobile number"),
        ("CN", "1795113812345678", "+8613812345678", "carrier select 17951"),
        ("CN", "1259313812345678", "+8613812345678", "carrier select 12593"),
        ("CN", "1791113812345678", "+8613812345678", "carrier select 17911"),
        ("CN", "1790913812345678", "+8613812345678", "carrier select 17909"),
        ("CN", "1019313812345678", "+8613812345678", "carrier select 10193"),
        ("CN", "17951", "17951", "the prefix alone is a service number"),
        ("CN", "075595588", "95588", "area code before a 95 code"),
        ("CN", "01095588", "95588", "two-digit area code before a 95 code"),
        ("CN", "02096110", "96110", "area code before a 96 code"),
        ("CN", "07996123456", "+867996123456", "Pingxiang 0799 6..., not 079 96..."),
        ("CN", "013895588123", "+8613895588123", "a mobile with trunk 0, not area 138"),
        ("CN", "95588", "95588", "a bank"),
        ("CN", "10086", "10086", "an operator"),
        ("CN", "250", "250", "research data call lines by plain numbers"),
        ("CN", "0250", "0250", "zeros are kept: 0250 is not 250"),
        ("CN", "000", "000", "zeros only"),
        ("CN", "0", "0", "one zero"),
        ("CN", "4001234567", "+864001234567", "400 numbers are dialled bare"),
        ("CN", "8001234567", "+868001234567", "800 numbers, too"),
        ("CN", "68888888", "68888888", "a local number needs an area code that we lack"),
        ("CN", "1064912345678", "1064912345678", "a 13-digit IoT card"),
        ("CN", "0085291234567", "+85291234567", "abroad: Hong Kong"),
        ("CN", "+0861381234567", None, "no calling code begins with 0"),
        ("CN", "-5", None, "casts to a number, but is none"),
        ("CN", "-0", None, "so does minus zero"),
        ("CN", "00+861381234", None, "a sign in the middle"),
        ("CN", "\uff11\uff13\uff18", None, "full-width digits"),
        ("CN", "12345678901234", None, "14 digits that are no number have no room in a code"),
        ("HK", "91234567", "+85291234567", "Hong Kong has no trunk prefix"),
        ("HK", "21234567", "+85221234567", "fixed lines are bare as well"),
        ("HK", "85291234567", "+85291234567", "calling code without a plus"),
        ("HK", "008613812345678", "+8613812345678", "abroad: China"),
        ("HK", "13812345678", "13812345678", "a Chinese mobile is no home number"),
        ("HK", "18222", "18222", "anti-scam line"),
        ("US", "2125550123", "+12125550123", "ten digits are dialled bare"),
        ("US", "12125550123", "+12125550123", "the trunk prefix is also the calling code"),
        ("US", "01185291234567", "+85291234567", "011 is the international prefix"),
        ("US", "911", "911", "emergency"),
        ("GB", "07911123456", "+447911123456", "mobiles keep the trunk prefix"),
        ("GB", "02079460000", "+442079460000", "London"),
        ("GB", "00442079460000", "+442079460000", "00 is the international prefix"),
        ("IT", "0612345678", "+390612345678", "Rome: the 0 is part of the number"),
        ("IT", "390612345678", "+390612345678", "and stays behind the calling code"),
        ("HU", "06201234567", "+36201234567", "a trunk prefix of two digits"),
        ("RU", "89161234567", "+79161234567", "a trunk prefix other than 0"),
        ("RU", "81085291234567", "+85291234567", "810 is the international prefix"),
        ("KR", "00285291234567", "+85291234567", "one of several international prefixes"),
    ],
)
def test_every_way_to_write_a_line_has_one_spelling(
    region: str, written: str, spelling: str | None, why: str
) -> None:
    assert spell([written], HOMES[region]) == [spelling], why


CHINA = [
    ("110", "emergency", "police"),
    ("122", "emergency", "traffic police"),
    ("1440012345678", "iot", "140-144 with 13 digits"),
    ("1064912345678", "iot", "1064 before 106"),
    ("+8614812345678", "iot", "148 is a data range"),
    ("+8617212345678", "iot", "172 as well"),
    ("106901234567", "sms_port", "106 without calling code"),
    ("+861065551234", "fixed", "106 with calling code is Beijing 6..."),
    ("10086", "service", "operator"),
    ("12345", "service", "city hotline"),
    ("114", "service", "directory"),
    ("95588", "short_95", "bank"),
    ("+8695188", "short_95", "presented with the calling code: shorter than any line of the plan"),
    ("+869511234567", "fixed", "Ningxia 0951, no short code"),
    ("95013123", "short_95", "call-centre licensee with 8 digits"),
    ("96110", "short_96", "anti-fraud"),
    ("+864001234567", "toll_free", "400 before fixed"),
    ("+868001234567", "toll_free", "800"),
    ("+8613491234567", "satellite", "1349"),
    ("+8617401234567", "satellite", "1740"),
    ("+8616212345678", "virtual_operator", "162"),
    ("+8617012345678", "virtual_operator", "170"),
    ("+8617112345678", "virtual_operator", "171"),
    ("+8613440021234", "mobile", "Panzhihua"),
    ("+8619212345678", "mobile", "Broadnet"),
    ("+862168888888", "fixed", "Shanghai"),
    ("+8659522345678", "fixed", "Quanzhou"),
    ("+861012345", "unknown", "malformed home number, not abroad"),
    ("+85291234567", "international", "Hong Kong is abroad"),
    ("+12125550123", "international", "so is America"),
    ("0250", "unknown", "a token"),
    ("a3f9c2", "unknown", "an opaque line"),
    (None, "unknown", "withheld"),
]


@pytest.mark.parametrize(("line", "expected", "why"), CHINA)
def test_a_line_has_the_class_that_china_gives_it(
    line: str | None, expected: str, why: str
) -> None:
    assert classify([line], HOMES["CN"]) == [expected], why


@pytest.mark.parametrize(
    ("region", "line", "expected"),
    [
        ("HK", "+85291234567", "mobile"),
        ("HK", "+85221234567", "fixed"),
        ("HK", "+852800123456", "toll_free"),
        ("HK", "999", "emergency"),
        ("HK", "18222", "service"),
        ("HK", "+8613812345678", "international"),
        ("HK", "a3f9c2", "unknown"),
        ("US", "+12015550123", "mobile"),
        ("US", "+18002345678", "toll_free"),
        ("US", "911", "emergency"),
        ("US", "411", "service"),
        ("US", "+442079460000", "international"),
        ("GB", "+447400123456", "mobile"),
        ("GB", "+442079460000", "fixed"),
        ("GB", "999", "emergency"),
        ("GB", "+449012345678", "service"),
    ],
)
def test_a_line_has_the_class_that_its_home_region_gives_it(
    region: str, line: str, expected: str
) -> None:
    assert classify([line], HOMES[region]) == [expected]


def test_text_strips_separators_and_carries_opaque_lines() -> None:
    lines = ["+86 138-1234-5678", "(010) 6555 1234", " a3f9-c2 ", "withheld", "9" * 14]
    assert run(numbering.line_text(LINE, HOMES["CN"]), lines) == [
        "+8613812345678",
        "+861065551234",
        "a3f9-c2",
        None,
        "9" * 14,
    ]


@pytest.mark.parametrize(
    ("line", "digits", "expected"),
    [
        ("+8613440021234", 7, "+861344002"),
        ("+8613440021234", 4, "+861344"),
        ("+862168888888", 6, "+86216888"),
        ("+8612345", 4, None),
        ("+85291234567", 7, None),
        ("95588", 4, None),
        ("a3f9c2d4e5f6", 7, None),
        (None, 7, None),
    ],
)
def test_a_block_is_the_first_national_digits_of_a_home_line(
    line: str | None, digits: int, expected: str | None
) -> None:
    assert run(numbering.number_block(LINE, HOMES["CN"], digits), [line]) == [expected]


def test_china_dials_exactly_mobiles_and_400_and_800_numbers_bare() -> None:
    assert HOMES["CN"].bare == (
        (10, 4_000_000_000, 4_010_000_000),
        (10, 8_000_000_000, 8_010_000_000),
        (11, 13_000_000_000, 20_000_000_000),
    )


def test_an_unknown_region_names_the_nearest_one() -> None:
    with pytest.raises(SettingError, match=r"'cn' is not a region .* Did you mean 'CN'\?"):
        home_plan("cn")


def slow_code(line: str | None, home: HomePlan) -> int | None:
    """Say in plain Python what `code` says in Polars."""
    if line is None or not re.fullmatch(r"\+[1-9][0-9]{0,14}|[0-9]+", line):
        return None
    if line[0] == "+":
        return int(line[1:])
    country = str(home.calling_code)
    readings = (_slow_abroad_or_china(line, home), _slow_home(line, country, home))
    number = next((n for n in readings if n is not None), None)
    if number is not None:
        return number
    value = int(line)
    zeros = len(line) - len(line.lstrip("0"))
    return -1 - value - zeros * 10**13 if value < 10**13 and len(line) <= 27 else None


def _slow_abroad_or_china(line: str, home: HomePlan) -> int | None:
    for prefix in home.international:
        if re.fullmatch(prefix + "[1-9][0-9]{6,14}", line):
            return int(line.removeprefix(prefix))
    if home.region == "CN":
        if found := re.fullmatch(r"0(?:10|2\d|[3-9]\d\d)(9[56]\d{3,6})", line):
            return -1 - int(found[1])
        if found := re.fullmatch(r"(?:17951|12593|17911|17909|10193)(1[3-9]\d{9})", line):
            return int("86" + found[1])
    return None


def _slow_home(line: str, country: str, home: HomePlan) -> int | None:
    if _bare(line, home):
        return int(country + line)
    national = line.removeprefix(country)
    if national != line and (_bare(national, home) or _behind_trunk(national, home)):
        return int(line)
    if home.trunk and line.startswith(home.trunk):
        national = line.removeprefix(home.trunk)
        if _behind_trunk(national, home):
            return int(country + national)
    return None


def _bare(line: str, home: HomePlan) -> bool:
    return any(len(line) == n and lo <= int(line) < hi for n, lo, hi in home.bare)


def _behind_trunk(line: str, home: HomePlan) -> bool:
    return len(line) in home.trunk_lengths and not line.startswith("0")


@given(st.lists(strings, max_size=40), st.sampled_from(REGIONS))
@settings(max_examples=120, deadline=None)
def test_code_agrees_with_its_slow_twin(lines: list[str | None], region: str) -> None:
    home = HOMES[region]
    expected = [slow_code(line, home) for line in lines]
    assert run(numbering.line_code(LINE, home), lines) == expected
    assert all(-(2**48) < c < 10**15 for c in expected if c is not None)


@given(st.lists(strings, max_size=40), st.sampled_from(REGIONS))
@settings(max_examples=60, deadline=None)
def test_a_spelled_line_has_the_code_it_came_from(lines: list[str | None], region: str) -> None:
    home = HOMES[region]
    codes = run(numbering.line_code(LINE, home), lines)
    spellings = run(numbering.format_line(LINE), codes, pl.Int64)
    assert run(numbering.line_code(LINE, home), spellings) == codes


def test_zeros_of_a_long_token_are_kept() -> None:
    lines = ["0" * 27, "0" * 20 + "123", "0" * 26 + "7", "0" * 14 + "9" * 13]
    assert spell(lines, HOMES["CN"]) == lines
    longer = ["0" * 28, "0" * 99 + "7", "9" * 14]
    assert spell(longer, HOMES["CN"]) == [None] * 3
    names = numbering.LineNames()
    codes = run(numbering.parse_codes(LINE, HOMES["CN"], names), longer)
    assert run(numbering.format_line(LINE, names), codes, pl.Int64) == longer


def test_the_kinds_agree_with_the_example_numbers_of_phonenumbers() -> None:
    kinds = (
        "fixed",
        "mobile",
        "mobile",
        "toll_free",
        "premium",
        "shared_cost",
        "voip",
        "personal",
        "pager",
        "uan",
        "voicemail",
    )
    rows = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        for kind in range(len(kinds)):
            number = phonenumbers.example_number_for_type(region, kind)
            if number and phonenumbers.number_type(number) in range(len(kinds)):
                line = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
                rows.append((line, number.country_code, kinds[phonenumbers.number_type(number)]))
    examples = pl.DataFrame(rows, ["line", "calling_code", "kind"], orient="row")
    told = [
        group.select(agrees=classes._kind(LINE, country).eq_missing(pl.col("kind")))
        for (country,), group in examples.group_by("calling_code")
    ]
    assert examples.height > 1000
    assert pl.concat(told)["agrees"].mean() >= 0.98


def test_the_kind_intervals_are_sorted_and_apart() -> None:
    table = pl.read_parquet(numbering_lines.table_path("number_kinds"))
    assert table.select((pl.col("start") < pl.col("stop")).all()).item()
    assert table.select((pl.col("stop").shift() <= pl.col("start")).all()).item()
