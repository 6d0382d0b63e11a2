"""Number classes, seen from home: mobile, fixed, short_95, international, ..."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import polars as pl

from cdr_anomaly.numbering import pseudonyms
from cdr_anomaly.numbering.lines import E164_DIGITS, HomePlan, any_of, in_intervals, table_path

MIN_ABROAD = 10**6  # a number abroad has 7 digits or more


class NumberClass(NamedTuple):
    """What is known of the numbers of one class."""

    pattern: str  # in China
    kinds: tuple[str, ...] = ()  # of libphonenumber, elsewhere
    is_home: bool = True  # a number of the home region, of a range that is in use
    has_person: bool = False  # somebody who could be warned
    is_private: bool = False  # stands for a subscriber, so that a pseudonym hides it
    stays: bool = False  # at one place, as fixed lines do
    is_platform: bool = False  # to which many forward their calls
    is_watched: bool = False  # for mass dialling below the limits


# The first match counts: 1064... before 106..., 400 before fixed, other +86 before international.
CLASSES = {
    "emergency": NumberClass(r"^(110|119|120|122|112)$"),
    "iot": NumberClass(r"^(\+86)?(14[0-4]\d{10}|1064\d{9}|14[68]\d{8}|172\d{8})$", is_private=True),
    # Never with +86: that is 010 6..., a Beijing line.
    "sms_port": NumberClass(r"^106\d{4,17}$"),
    "service": NumberClass(
        r"^(1[0-2]\d{2,4}|11\d)$",
        ("shared_cost", "premium", "uan", "personal", "pager", "voicemail"),
        stays=True,
        is_platform=True,
    ),
    # Also presented with +86, as in the Fujian case.
    "short_95": NumberClass(r"^(\+86)?95\d{3,6}$", stays=True, is_platform=True),
    "short_96": NumberClass(r"^(\+86)?96\d{3,4}$", stays=True, is_platform=True),
    "toll_free": NumberClass(
        r"^(\+86)?(400|800)\d{7}$", ("toll_free",), stays=True, is_platform=True
    ),
    "satellite": NumberClass(r"^\+86(1349|174\d)\d{7}$", has_person=True, is_private=True),
    "virtual_operator": NumberClass(
        r"^\+861(62|65|67|70|71)\d{8}$", has_person=True, is_private=True
    ),
    "mobile": NumberClass(r"^\+861[3-9]\d{9}$", ("mobile",), has_person=True, is_private=True),
    "fixed": NumberClass(
        r"^\+86(10\d{8}|2\d{9}|[3-9]\d{2}\d{7,8})$",
        ("fixed", "voip"),
        has_person=True,
        is_private=True,
        stays=True,
        is_watched=True,
    ),
    "unknown": NumberClass(r"^\+86", is_home=False, has_person=True),
    "international": NumberClass(
        r"^\+[1-9]\d{6,14}$", is_home=False, has_person=True, is_private=True, is_watched=True
    ),
}
KIND_CLASSES = {kind: name for name, of_class in CLASSES.items() for kind in of_class.kinds}


def classes_with(**properties: bool) -> list[str]:
    """Return the names of the classes that have these properties of NumberClass."""
    return [
        name
        for name, of_class in CLASSES.items()
        if all(getattr(of_class, key) == value for key, value in properties.items())
    ]


def number_class(text: pl.Expr, home: HomePlan) -> pl.Expr:
    """Return the class of a line as text: 'mobile', 'short_95', 'international' ..."""
    return pl.coalesce(pseudonyms.number_class(text), _class_of_digits(text, home))


def _class_of_digits(text: pl.Expr, home: HomePlan) -> pl.Expr:
    if home.region == "CN":
        return _first_match(text)
    country = f"+{home.calling_code}"
    services = (_is_in_interval(text, length, lo, hi) for length, lo, hi in home.services)
    return (
        pl.when(text.is_in(home.emergency))
        .then(pl.lit("emergency"))
        .when(any_of(services))
        .then(pl.lit("service"))
        .when(text.str.starts_with(country))
        .then(_kind(text, home.calling_code).replace_strict(KIND_CLASSES, default="unknown"))
        .when(text.str.contains(CLASSES["international"].pattern))
        .then(pl.lit("international"))
        .otherwise(pl.lit("unknown"))
    )


def is_abroad(line: pl.Expr, home: HomePlan, *, as_text: bool) -> pl.Expr:
    """Return whether number_class() of a line is 'international'; codes need not be made text."""
    country = home.calling_code
    if as_text:
        pseudonym = pseudonyms.number_class(line) == "international"
        is_number = line.str.contains(CLASSES["international"].pattern)
        return pl.coalesce(pseudonym, is_number & ~line.str.starts_with(f"+{country}"))
    sizes = range(E164_DIGITS + 1 - len(str(country)))
    home_numbers = ((country * 10**n, (country + 1) * 10**n) for n in sizes)
    long_enough = [span for span in home_numbers if span[1] > MIN_ABROAD]
    return (line >= MIN_ABROAD) & ~in_intervals(line, *long_enough)


def _first_match(text: pl.Expr) -> pl.Expr:
    matches = (
        pl.when(text.str.contains(of_class.pattern)).then(pl.lit(name))
        for name, of_class in CLASSES.items()
    )
    return pl.coalesce(*matches, pl.lit("unknown"))


def _kind(text: pl.Expr, calling_code: int) -> pl.Expr:
    """Return the kind of an E.164 number by the prefix intervals of its calling code."""
    table = _prefix_kinds(calling_code)
    key = text.str.slice(1).str.pad_end(15, "0").cast(pl.Int64, strict=False).fill_null(0)
    row = pl.lit(table["stop"]).search_sorted(key, side="right")
    start = pl.lit(table["start"]).gather(row, null_on_oob=True)
    return pl.when(start <= key).then(pl.lit(table["kind"]).gather(row, null_on_oob=True))


@cache
def _prefix_kinds(calling_code: int) -> pl.DataFrame:
    """Return the prefix intervals of a calling code (start, stop, kind)."""
    width = 10 ** (15 - len(str(calling_code)))
    of_code = in_intervals(pl.col("start"), (calling_code * width, (calling_code + 1) * width))
    return pl.read_parquet(table_path("number_kinds")).filter(of_code)


def _is_in_interval(text: pl.Expr, length: int, lo: int, hi: int) -> pl.Expr:
    number = in_intervals(text.cast(pl.Int64, strict=False), (lo, hi))
    return (text.str.len_bytes() == length) & number & ~text.str.starts_with("+")
