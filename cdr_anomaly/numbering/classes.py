"""Number classes, seen from home: mobile, fixed, short_95, international, ..."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.numbering import pseudonyms
from cdr_anomaly.numbering.lines import E164_DIGITS, HomePlan, any_of, in_intervals, table_path

if TYPE_CHECKING:
    from collections.abc import Iterable


MIN_ABROAD = 10**6  # a number abroad has 7 digits or more
# The first match counts: 1064... before 106..., 400 before fixed, other +86 before international.
CHINA_CLASSES = (
    ("emergency", r"^(110|119|120|122|112)$"),
    ("iot", r"^(\+86)?(14[0-4]\d{10}|1064\d{9}|14[68]\d{8}|172\d{8})$"),
    ("sms_port", r"^106\d{4,17}$"),  # never with +86: that is 010 6..., a Beijing line
    ("service", r"^(1[0-2]\d{2,4}|11\d)$"),
    ("short_95", r"^(\+86)?95\d{3,6}$"),  # also presented with +86, as in the Fujian case
    ("short_96", r"^(\+86)?96\d{3,4}$"),
    ("toll_free", r"^(\+86)?(400|800)\d{7}$"),
    ("satellite", r"^\+86(1349|174\d)\d{7}$"),
    ("virtual_operator", r"^\+861(62|65|67|70|71)\d{8}$"),
    ("mobile", r"^\+861[3-9]\d{9}$"),
    ("fixed", r"^\+86(10\d{8}|2\d{9}|[3-9]\d{2}\d{7,8})$"),
    ("unknown", r"^\+86"),
    ("international", r"^\+[1-9]\d{6,14}$"),
)
KIND_CLASSES = {
    "mobile": "mobile",
    "fixed": "fixed",
    "voip": "fixed",
    "toll_free": "toll_free",
    **dict.fromkeys(("shared_cost", "premium", "uan", "personal", "pager", "voicemail"), "service"),
}
CLASSES = tuple(dict.fromkeys([*(name for name, _ in CHINA_CLASSES), *KIND_CLASSES.values()]))


def number_class(text: pl.Expr, home: HomePlan) -> pl.Expr:
    """Return the class of a line as text: 'mobile', 'short_95', 'international' ..."""
    return pl.coalesce(pseudonyms.number_class(text), _class_of_digits(text, home))


def _class_of_digits(text: pl.Expr, home: HomePlan) -> pl.Expr:
    if home.region == "CN":
        return _first_match(text, CHINA_CLASSES)
    country = f"+{home.calling_code}"
    services = (_is_in_interval(text, length, lo, hi) for length, lo, hi in home.services)
    return (
        pl.when(text.is_in(home.emergency))
        .then(pl.lit("emergency"))
        .when(any_of(services))
        .then(pl.lit("service"))
        .when(text.str.starts_with(country))
        .then(_kind(text, home.calling_code).replace_strict(KIND_CLASSES, default="unknown"))
        .when(text.str.contains(CHINA_CLASSES[-1][1]))
        .then(pl.lit("international"))
        .otherwise(pl.lit("unknown"))
    )


def is_abroad(line: pl.Expr, home: HomePlan, *, as_text: bool) -> pl.Expr:
    """Return whether number_class() of a line is 'international'; codes need not be made text."""
    country = home.calling_code
    if as_text:
        pseudonym = pseudonyms.number_class(line) == "international"
        number = line.str.contains(CHINA_CLASSES[-1][1]) & ~line.str.starts_with(f"+{country}")
        return pl.coalesce(pseudonym, number)
    sizes = range(E164_DIGITS + 1 - len(str(country)))
    home_numbers = ((country * 10**n, (country + 1) * 10**n) for n in sizes)
    long_enough = [span for span in home_numbers if span[1] > MIN_ABROAD]
    return (line >= MIN_ABROAD) & ~in_intervals(line, *long_enough)


def _first_match(text: pl.Expr, classes: Iterable[tuple[str, str]]) -> pl.Expr:
    pairs = [(text.str.contains(pattern), pl.lit(name)) for name, pattern in classes]
    return pl.coalesce(*(pl.when(hit).then(name) for hit, name in pairs), pl.lit("unknown"))


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
