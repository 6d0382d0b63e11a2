"""Presented numbers: those that are not of the home region, and those that cannot exist.

Every test is of the number alone: a line at home may present a foreign number.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.numbering import lines, pseudonyms
from cdr_anomaly.wording import NULL, Sentence, first_sentence, sentence

if TYPE_CHECKING:
    from cdr_anomaly.numbering import HomePlan

# Lengths after +86: 95 and 96 codes, fixed lines, mobiles, cards of machines. The metadata lacks
# some of them.
CHINA_LENGTHS = frozenset((5, 6, 7, 8, 9, 10, 11, 13))
# The first digits of the subscriber identities of a region (ITU-T E.212).
MOBILE_COUNTRY_CODES = {
    "AE": ("424", "430", "431"), "AT": ("232",), "AU": ("505",), "BD": ("470",), "BE": ("206",),
    "BR": ("724",), "CA": ("302",), "CH": ("228",), "CN": ("460", "461"), "CZ": ("230",),
    "DE": ("262",), "DK": ("238",), "EG": ("602",), "ES": ("214",), "FI": ("244",),
    "FR": ("208",), "GB": ("234", "235"), "GR": ("202",), "HK": ("454",), "HU": ("216",),
    "ID": ("510",), "IE": ("272",), "IL": ("425",), "IN": ("404", "405", "406"), "IT": ("222",),
    "JP": ("440", "441"), "KE": ("639",), "KH": ("456",), "KR": ("450",), "LA": ("457",),
    "LK": ("413",), "MM": ("414",), "MO": ("455",), "MX": ("334",), "MY": ("502",),
    "NG": ("621",), "NL": ("204",), "NO": ("242",), "NP": ("429",), "NZ": ("530",),
    "PH": ("515",), "PK": ("410",), "PL": ("260",), "PT": ("268",), "RO": ("226",),
    "RU": ("250",), "SA": ("420",), "SE": ("240",), "SG": ("525",), "TH": ("520",),
    "TR": ("286",), "TW": ("466",), "UA": ("255",), "VN": ("452",), "ZA": ("655",),
    "US": ("310", "311", "312", "313", "314", "315", "316"),
}  # fmt: skip


def is_home_number(line: pl.Expr, home: HomePlan, *, as_text: bool) -> pl.Expr:
    """Return whether a line is an E.164 number of the home region, of a possible length."""
    country, lengths = home.calling_code, _home_lengths(home)
    if as_text:
        digits = pseudonyms.visible_length(line) - len(f"+{country}")
        return line.str.starts_with(f"+{country}") & digits.is_in(sorted(lengths))
    spans = ((country * 10**n, (country + 1) * 10**n) for n in sorted(lengths))
    return pl.any_horizontal(line.is_between(lo, hi, closed="left") for lo, hi in spans)


def is_foreign_number(line: pl.Expr, home: HomePlan, *, as_text: bool) -> pl.Expr:
    """Return whether a line is an E.164 number, but not a home number: abroad, or impossible."""
    number = line.str.starts_with("+") if as_text else line > 0
    return number & ~is_home_number(line, home, as_text=as_text)


def calling_code(number: pl.Expr) -> pl.Expr:
    """Return the calling code of a number abroad as text, without +; null if nobody has it."""
    codes = _number_lengths()["calling_code"].unique().cast(pl.String)
    begins = [number.str.slice(1, n) for n in (1, 2, 3)]
    # No calling code begins with another one.
    return pl.coalesce(pl.when(begin.is_in(codes.implode())).then(begin) for begin in begins)


def impossible_reason(number: pl.Expr, home: HomePlan) -> Sentence:
    """Return why an E.164 number as text cannot exist, null if it can.

    It is meant for numbers abroad, and for home numbers of an unknown class.
    """
    digits = pseudonyms.visible_length(number) - 1
    code = calling_code(number)
    lengths = _number_lengths()
    pairs = lengths.select(wording.format_text("{} {}", "calling_code", "length")).to_series()
    after = digits - code.str.len_bytes().cast(pl.Int64)
    fits = wording.format_text("{} {}", code, after).is_in(pairs.implode())
    country = f"+{home.calling_code}"
    of_home = number.str.starts_with(country)
    home_digits = digits - len(country) + 1
    wrong = ~home_digits.is_in(sorted(_home_lengths(home)))
    return first_sentence(
        [
            (~number.str.starts_with("+"), NULL),
            (
                of_home & wrong,
                sentence(
                    "caller_id.home_length",
                    "no home number has {digits} digits after {country}",
                    digits=home_digits,
                    country=pl.lit(country),
                ),
            ),
            (of_home, NULL),
            (
                code.is_null(),
                sentence("caller_id.country_code", "its country code is nobody's"),
            ),
            (
                ~fits,
                sentence(
                    "caller_id.length",
                    "no number of {country} has {digits} digits after that",
                    country=pl.concat_str(pl.lit("+"), code),
                    digits=after,
                ),
            ),
        ],
        NULL,
    )


def _home_lengths(home: HomePlan) -> frozenset[int]:
    if home.region == "CN":
        return CHINA_LENGTHS
    lengths = _number_lengths().filter(calling_code=home.calling_code)["length"]
    return frozenset((*lengths, *home.trunk_lengths, *(length for length, _, _ in home.bare)))


@cache
def _number_lengths() -> pl.DataFrame:
    return pl.read_parquet(lines.table_path("number_lengths"))
