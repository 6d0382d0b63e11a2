"""Lines from numbers as written: one integer (line code) or one text for each, seen from home.

An opaque line (a hash, a SIP name, a test account) has the code of its name (line_names.py); where
lines are text, as in feeds of pseudonyms (pseudonyms.py), line_text() keeps it as it is. The tables
in data/ are made from the phonenumbers metadata by tools/numbering_tables.py (`make numbering`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial, reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly.errors import SettingError, nearest
from cdr_anomaly.numbering import pseudonyms
from cdr_anomaly.numbering.line_names import is_named

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cdr_anomaly.numbering.line_names import LineNames


WITHHELD = ("", "-", "anonymous", "unknown", "restricted", "private", "unavailable", "withheld")
E164_DIGITS = 15  # ITU-T E.164, calling code included
E164_END = 10**E164_DIGITS
DIGITS_END = 10**13  # of digits that are not an E.164 number, such as 95588
IMEI_DIGITS = 14  # the fifteenth is a check digit, or the software's; the first 8 are the model
BLANKS = r"[\s().-]"
MAX_DIGITS = 27  # (27 + 1) * DIGITS_END stays below 2**48; from there to 10**15 are codes of names
CARRIER_SELECT = (17951, 12593, 17911, 17909, 10193)


@dataclass(frozen=True)
class HomePlan:
    """How one region writes its own lines; an interval is (length, from, to), ``to`` excluded."""

    region: str
    calling_code: int
    trunk: str | None
    international: tuple[str, ...]
    trunk_lengths: tuple[int, ...]
    bare: tuple[tuple[int, int, int], ...]
    emergency: tuple[str, ...]
    services: tuple[tuple[int, int, int], ...]


@cache
def home_plan(region: str) -> HomePlan:
    """Return the plan of a region such as 'CN'; raises SettingError if the tables lack it."""
    table = pl.read_parquet(table_path("home_plans"))
    plans = table.filter(region=region)
    if plans.is_empty():
        message = f"'{region}' is not a region that the numbering tables know."
        raise SettingError(message + nearest(region.upper(), table["region"]))
    row = plans.row(0, named=True)
    for name in ("bare", "services"):
        row[name] = [(i["length"], i["lo"], i["hi"]) for i in row[name]]
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return HomePlan(**fields)


def line_code(written: pl.Expr, home: HomePlan) -> pl.Expr:
    """Return the line code of a number as written, an Int64 whose size is below 2**48 or E.164.

    A positive code is E.164: 13812345678 and 008613812345678 are both 8613812345678 for home CN. A
    negative code is any other string of digits, with its zeros. A withheld or opaque line is null.
    See parse_codes() for whole columns.
    """
    value = written.cast(pl.Int64, strict=False)
    signed = written.str.starts_with("+")
    e164 = signed & in_intervals(value, (1, E164_END)) & ~written.str.starts_with("+0")
    answer = pl.when(e164).then(value).when(signed).then(pl.lit(None, pl.Int64))
    for condition, number in _possible_codes(written, value, home):
        answer = answer.when(condition).then(number)
    # Text operations on nulls cost almost nothing, so other rows are null here.
    leading = pl.when(written.str.starts_with("0")).then(written)
    zeros = leading.str.len_bytes() - leading.str.strip_chars_start("0").str.len_bytes()
    is_digits = in_intervals(value, (0, DIGITS_END)) & (written.str.len_bytes() <= MAX_DIGITS)
    plain = -1 - value
    answer = answer.when(is_digits & (value > 0) & leading.is_null()).then(plain)
    return answer.when(is_digits).then(plain - zeros.cast(pl.Int64) * DIGITS_END)


def e164_number(line: pl.Expr, line_type: pl.DataType) -> pl.Expr:
    """Return the E.164 number of a line as an integer, null if it has none.

    ``line_type`` tells codes from text. A pseudonym gives a number of the same block.
    """
    if line_type != pl.String:
        return pl.when(line > 0).then(line)
    number = pl.when(line.str.starts_with("+")).then(line).str.slice(1)
    return pl.coalesce(number.cast(pl.Int64, strict=False), pseudonyms.block_number(line))


def format_line(code: pl.Expr, names: LineNames | None = None) -> pl.Expr:
    """Return a line code as text: '+8613812345678', or digits such as '95588' with their zeros.

    An opaque line is one of ``names``, else null.
    """
    if names is not None and names.table.height:
        format_codes = partial(_format_codes, names=names)
        return code.map_batches(format_codes, pl.String, is_elementwise=True)
    digits = pl.when((code < 0) & ~is_named(code)).then(-1 - code)
    value = digits % DIGITS_END
    text = pl.when(value > 0).then(value.cast(pl.String)).when(value == 0).then(pl.lit(""))
    padded = text.str.zfill(text.str.len_bytes() + digits // DIGITS_END)
    return pl.when(code > 0).then(pl.lit("+") + code.cast(pl.String)).otherwise(padded)


def _format_codes(codes: pl.Series, names: LineNames) -> pl.Series:
    code, is_name = pl.lit(codes), is_named(pl.lit(codes))
    texts = pl.select(format_line(code).alias(codes.name), is_name.alias("is_name"))
    places = texts["is_name"].arg_true()
    return texts[codes.name].scatter(places, names.find(codes.gather(places)))


def format_lines(
    rows: pl.LazyFrame, columns: Iterable[str], names: LineNames | None = None
) -> pl.LazyFrame:
    """Return the rows with these columns of lines as text; those that are text already stay."""
    types = rows.collect_schema()
    coded = [column for column in columns if types[column] != pl.String]
    return rows.with_columns(format_line(pl.col(column), names).alias(column) for column in coded)


def line_text(written: pl.Expr, home: HomePlan) -> pl.Expr:
    """Return the text of a line as written; numbers lose blanks and hyphens."""
    trimmed = written.str.strip_chars()
    compact = trimmed.str.replace_all(BLANKS, "")
    line = pl.coalesce(format_line(line_code(compact, home)), trimmed)
    return pl.when(~is_withheld(written)).then(line)


def one_line_text(written: str, home: HomePlan) -> str | None:
    """Return what line_text() gives for one number; in steps, as the whole takes long to plan."""
    trimmed = written.strip()
    if trimmed.lower() in WITHHELD:
        return None
    compact = pl.Series([trimmed]).str.replace_all(BLANKS, "")
    code = pl.select(line_code(pl.lit(compact), home)).to_series()
    return pl.select(format_line(pl.lit(code))).item() or trimmed


def handset_id(imei: pl.Expr) -> pl.Expr:
    """Return the part of an IMEI that identifies the handset."""
    digits = imei.str.slice(0, IMEI_DIGITS)
    return pl.when(pseudonyms.is_pseudonym(imei)).then(imei).otherwise(digits)


def number_block(text: pl.Expr, home: HomePlan, digits: int) -> pl.Expr:
    """Return the calling code and the first national digits of a home line: '+861344002' for 7."""
    country = f"+{home.calling_code}"
    national = pseudonyms.visible_length(text) - len(country)
    long_enough = national > max(digits, 6)
    is_home = text.str.starts_with(country) & long_enough
    return pl.when(is_home).then(text.str.slice(0, len(country) + digits))


def _possible_codes(
    written: pl.Expr, value: pl.Expr, home: HomePlan
) -> Iterator[tuple[pl.Expr, pl.Expr]]:
    """Yield (condition, line code) for each way to read a string of digits, the surest first."""
    size = written.str.len_bytes()
    yield _international_call(written, value, home)
    if home.region == "CN":
        yield from _after_area_code(value, size)
        carriers = (c * 10**11 for c in CARRIER_SELECT)
        mobiles = ((c + 13 * 10**9, c + 20 * 10**9) for c in carriers)
        yield (size == 16) & in_intervals(value, *mobiles), value % 10**11 + 86 * 10**11
    for (length, shift), spans in _home_intervals(home).items():
        fits = size == length if shift else ~written.str.starts_with("0")
        yield fits & in_intervals(value, *spans), value + shift


def _home_intervals(home: HomePlan) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Return the intervals of home numbers by their length and the shift that makes them E.164.

    The integer has lost the leading zeros; the length tells how many (Italy: 06...).
    """
    country = home.calling_code
    with_code = [(country * 10**n + lo, country * 10**n + hi) for n, lo, hi in home.bare]
    with_code += [_national_interval(country, n) for n in home.trunk_lengths]
    spans = [(n, (lo, hi), country * 10**n) for n, lo, hi in home.bare]
    spans += [(0, span, 0) for span in with_code]
    if home.trunk is not None:
        trunk = int(home.trunk)
        lengths = [(n, len(home.trunk) + n) for n in home.trunk_lengths]
        spans += [(m, _national_interval(trunk, n), (country - trunk) * 10**n) for n, m in lengths]
    groups: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for length, span, shift in spans:
        groups.setdefault((length, shift), []).append(span)
    return groups


def _international_call(
    written: pl.Expr, value: pl.Expr, home: HomePlan
) -> tuple[pl.Expr, pl.Expr]:
    """Return (condition, number) of an international prefix before at least 7 digits."""
    has_prefix = any_of(written.str.starts_with(prefix) for prefix in home.international)
    if set(home.international) == {"00"}:
        # The integer has lost the zeros of the prefix, so that no text needs to be cut.
        plain = has_prefix & ~written.str.starts_with("000")
        return plain & in_intervals(value, (10**6, E164_END)), value
    rest = pl.when(has_prefix).then(written).str.slice(len(home.international[0]))
    number = rest.cast(pl.Int64, strict=False)
    # "00+86..." is not a number, but a cast accepts its sign.
    plain = ~rest.str.starts_with("0") & ~rest.str.starts_with("+")
    return plain & in_intervals(number, (10**6, E164_END)), number


def _after_area_code(value: pl.Expr, size: pl.Expr) -> Iterator[tuple[pl.Expr, pl.Expr]]:
    """Yield (condition, code) of a 95/96 code after an area code: 0755 95588, not 0799 6123456.

    An area code is 10, 2x or three digits from 300 on; the integer has lost the zero before it,
    and the length tells that there was one.
    """
    for n in (5, 6, 7, 8):
        unit = 10**n
        is_short = in_intervals(value % unit, (95 * 10 ** (n - 2), 97 * 10 ** (n - 2)))
        two_digits = in_intervals(value, (10 * unit, 11 * unit), (20 * unit, 30 * unit))
        three_digits = in_intervals(value, (300 * unit, 1000 * unit))
        has_code = ((size == 3 + n) & two_digits) | ((size == 4 + n) & three_digits)
        yield has_code & is_short, -1 - value % unit


def in_intervals(value: pl.Expr, *spans: tuple[int, int]) -> pl.Expr:
    """Return whether a value is in one of some half-open intervals [from, to)."""
    return any_of(value.is_between(lo, hi, closed="left") for lo, hi in spans)


def _national_interval(prefix: int, length: int) -> tuple[int, int]:
    """Return the interval of a prefix and ``length`` digits that do not begin with 0."""
    return prefix * 10**length + 10 ** (length - 1), (prefix + 1) * 10**length


def is_withheld(written: pl.Expr) -> pl.Expr:
    """Return whether a number is missing, or a word for a withheld one."""
    return written.fill_null("").str.strip_chars().str.to_lowercase().is_in(WITHHELD)


def any_of(conditions: Iterable[pl.Expr]) -> pl.Expr:
    """Return whether any condition holds; false without conditions."""
    return reduce(or_, conditions, pl.lit(value=False))


def table_path(name: str) -> Path:
    """Return the file of a numbering table."""
    return Path(__file__).parent / "data" / f"{name}.parquet"
