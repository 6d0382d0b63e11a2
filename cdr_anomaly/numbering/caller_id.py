"""Numbers as they are presented: those that are not of the home region, and those nobody has.

Every test is of the number alone, not of who uses it: a number presented as foreign may be shown by
a line at home.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.numbering import lines, tokens

if TYPE_CHECKING:
    from cdr_anomaly.numbering import HomePlan

# What may follow +86: 95 and 96 codes, fixed lines, mobiles, cards of machines. The metadata has
# no such lengths for these codes.
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


def at_home(line: pl.Expr, home: HomePlan, *, as_text: bool) -> pl.Expr:
    """Tell which lines are E.164 numbers of the home region, of a length that one may have."""
    country, lengths = home.calling_code, _home_lengths(home)
    if as_text:
        digits = tokens.shown(line).str.len_bytes().cast(pl.Int64) - len(f"+{country}")
        return line.str.starts_with(f"+{country}") & digits.is_in(sorted(lengths))
    spans = ((country * 10**n, (country + 1) * 10**n) for n in sorted(lengths))
    held = [line.is_between(first, end, closed="left") for first, end in spans]
    return pl.any_horizontal(held)


def elsewhere(line: pl.Expr, home: HomePlan, *, as_text: bool) -> pl.Expr:
    """Tell which lines are E.164 numbers but not at_home: abroad, or impossible."""
    number = line.str.starts_with("+") if as_text else line > 0
    return number & ~at_home(line, home, as_text=as_text)


def calling_code(number: pl.Expr) -> pl.Expr:
    """Give the calling code of a spelled number abroad, without +, or null where nobody has it."""
    codes = _lengths()["calling_code"].unique().cast(pl.String)
    begins = [number.str.slice(1, n) for n in (1, 2, 3)]
    known = [pl.when(begin.is_in(codes.implode())).then(begin) for begin in begins]
    return pl.coalesce(known)  # no calling code begins another


def impossible(number: pl.Expr, home: HomePlan) -> pl.Expr:
    """Say why nobody has a spelled E.164 number, or null where somebody may.

    It is meant for numbers abroad, and for those of home whose class is not known.
    """
    digits = tokens.shown(number).str.len_bytes().cast(pl.Int64) - 1
    code = calling_code(number)
    pairs = _lengths().select(wording.sentence("{} {}", "calling_code", "length")).to_series()
    after = digits - code.str.len_bytes().cast(pl.Int64)
    pair = wording.sentence("{} {}", code, after)
    fits = pair.is_in(pairs.implode())
    country = f"+{home.calling_code}"
    of_home = number.str.starts_with(country)
    home_digits = digits - len(country) + 1
    wrong = ~home_digits.is_in(sorted(_home_lengths(home)))
    return (
        pl.when(~number.str.starts_with("+"))
        .then(None)
        .when(of_home & wrong)
        .then(
            wording.sentence("no home number has {} digits after {}", home_digits, pl.lit(country))
        )
        .when(of_home)
        .then(None)
        .when(code.is_null())
        .then(pl.lit("its country code is nobody's"))
        .when(~fits)
        .then(wording.sentence("no number of +{} has {} digits after that", code, after))
    )


def _home_lengths(home: HomePlan) -> frozenset[int]:
    if home.region == "CN":
        return CHINA_LENGTHS
    known = _lengths().filter(pl.col("calling_code") == home.calling_code)["length"]
    return frozenset((*known, *home.trunk_lengths, *(length for length, _, _ in home.bare)))


@cache
def _lengths() -> pl.DataFrame:
    return pl.read_parquet(lines.table_path("number_lengths"))
