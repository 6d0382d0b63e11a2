"""Written telephone numbers in, one integer or one spelling a line out, relative to a home region.

An opaque line (a hash, a SIP name, a test account) has no integer; `text` carries it as it is. So
it does a pseudonym, which tells of itself what the digits of a number would (tokens.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from cdr_anomaly.errors import SettingError, nearest
from cdr_anomaly.numbering import tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


WITHHELD = ("", "-", "anonymous", "unknown", "restricted", "private", "unavailable", "withheld")
E164_DIGITS = 15  # ITU-T E.164, calling code included
E164_END = 10**E164_DIGITS
TOKEN_END = 10**13
IMEI_DIGITS = 14  # the fifteenth is a check digit, or the software's; the first 8 are the model
MOST_DIGITS = 99  # (99 + 1) * TOKEN_END stays below 2**50: a code times 8192 still fits
CARRIER_SELECT = (17951, 12593, 17911, 17909, 10193)


@dataclass(frozen=True)
class HomePlan:
    """How one region writes its own lines; an interval is (digits, from, to) without `to`."""

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
    """Look up how a region, such as 'CN', writes its own lines."""
    table = pl.read_parquet(table_path("home_plans"))
    found = table.filter(region=region)
    if found.is_empty():
        message = f"'{region}' is not a region that the numbering tables know."
        raise SettingError(message + nearest(region.upper(), table["region"]))
    row = found.row(0, named=True)
    for name in ("bare", "services"):
        row[name] = [(i["length"], i["lo"], i["hi"]) for i in row[name]]
    settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return HomePlan(**settings)


def code(written: pl.Expr, home: HomePlan) -> pl.Expr:
    """Turn a number as written into its line code, an Int64 below 2**50 in size.

    Positive is E.164: 13812345678 and 008613812345678 are both 8613812345678 for home CN. Negative
    is any other string of digits, zeros kept. Null is a withheld or an opaque line.
    """
    value = written.cast(pl.Int64, strict=False)
    signed = written.str.starts_with("+")
    e164 = signed & in_spans(value, (1, E164_END)) & ~written.str.starts_with("+0")
    answer = pl.when(e164).then(value).when(signed).then(pl.lit(None, pl.Int64))
    for condition, number in _readings(written, value, home):
        answer = answer.when(condition).then(number)
    # Text work on nulls costs next to nothing, so it sees only the rows that need it.
    leading = pl.when(written.str.starts_with("0")).then(written)
    zeros = leading.str.len_bytes() - leading.str.strip_chars_start("0").str.len_bytes()
    token = in_spans(value, (0, TOKEN_END)) & (written.str.len_bytes() <= MOST_DIGITS)
    plain = -1 - value
    answer = answer.when(token & (value > 0) & leading.is_null()).then(plain)
    return answer.when(token).then(plain - zeros.cast(pl.Int64) * TOKEN_END)


def e164(written: pl.Expr) -> pl.Expr:
    """Turn a number that is known to begin with + and a digit from 1 into its code, at once."""
    value = written.cast(pl.Int64, strict=False)
    return pl.when(value < E164_END).then(value)


def e164_of(line: pl.Expr, carried: pl.DataType) -> pl.Expr:
    """Give the digits of a line that is a number, as an integer; of a token nothing.

    Lines may be ``carried`` as codes or as text. Of a pseudonym it is one in the same block.
    """
    if carried != pl.String:
        return pl.when(line > 0).then(line)
    number = pl.when(line.str.starts_with("+")).then(line).str.slice(1)
    return pl.coalesce(number.cast(pl.Int64, strict=False), tokens.number(line))


def is_opaque(written: pl.Expr, home: HomePlan) -> pl.Expr:
    """Tell which lines `code` cannot carry although they are not withheld."""
    return code(written, home).is_null() & ~_is_withheld(written)


def spelled(code: pl.Expr) -> pl.Expr:
    """Write a line code out: '+8613812345678', or a token such as '95588' with its zeros."""
    token = pl.when(code < 0).then(-1 - code)
    value = token % TOKEN_END
    text = pl.when(value > 0).then(value.cast(pl.String)).when(value == 0).then(pl.lit(""))
    padded = text.str.zfill(text.str.len_bytes() + token // TOKEN_END)
    return pl.when(code > 0).then(pl.lit("+") + code.cast(pl.String)).otherwise(padded)


def as_text(rows: pl.LazyFrame, lines: Iterable[str]) -> pl.LazyFrame:
    """Write the columns of ``lines`` out where they are codes."""
    types = rows.collect_schema()
    coded = [column for column in lines if types[column] != pl.String]
    return rows.with_columns(spelled(pl.col(column)).alias(column) for column in coded)


def text(written: pl.Expr, home: HomePlan) -> pl.Expr:
    """Spell every line of a feed that holds opaque ones; blanks and hyphens in numbers go."""
    trimmed = written.str.strip_chars()
    together = trimmed.str.replace_all(r"[ ().-]", "")
    line = pl.coalesce(spelled(code(together, home)), trimmed)
    return pl.when(~_is_withheld(written)).then(line)


def handset(imei: pl.Expr) -> pl.Expr:
    """Cut an IMEI to what tells one handset from another."""
    return pl.when(tokens.is_one(imei)).then(imei).otherwise(imei.str.slice(0, IMEI_DIGITS))


def block(spelled: pl.Expr, home: HomePlan, digits: int) -> pl.Expr:
    """Keep the calling code and the first national digits of a home line: '+861344002' for 7."""
    country = f"+{home.calling_code}"
    national = tokens.shown(spelled).str.len_bytes().cast(pl.Int64) - len(country)
    long_enough = national > max(digits, 6)
    return pl.when(spelled.str.starts_with(country) & long_enough).then(
        spelled.str.slice(0, len(country) + digits)
    )


def _readings(
    written: pl.Expr, value: pl.Expr, home: HomePlan
) -> Iterator[tuple[pl.Expr, pl.Expr]]:
    """List the ways to read a string of digits, each with its number, in order of trust."""
    size = written.str.len_bytes()
    yield _dialled_abroad(written, home)
    if home.region == "CN":
        yield _behind_area_code(written)
        carriers = (c * 10**11 for c in CARRIER_SELECT)
        mobiles = ((c + 13 * 10**9, c + 20 * 10**9) for c in carriers)
        yield (size == 16) & in_spans(value, *mobiles), value % 10**11 + 86 * 10**11
    for (length, shift), spans in _home_spans(home).items():
        whole = size == length if shift else ~written.str.starts_with("0")
        yield whole & in_spans(value, *spans), value + shift


def _home_spans(home: HomePlan) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Group the forms of home numbers by length and by what to add to make E.164 of them.

    The integer has lost the leading zeros; the length brings them back (Italy: 06...).
    """
    country = home.calling_code
    behind = [(country * 10**n + lo, country * 10**n + hi) for n, lo, hi in home.bare]
    behind += [_national(country, n) for n in home.trunk_lengths]
    spans = [(n, (lo, hi), country * 10**n) for n, lo, hi in home.bare]
    spans += [(0, span, 0) for span in behind]
    if home.trunk is not None:
        trunk = int(home.trunk)
        lengths = [(n, len(home.trunk) + n) for n in home.trunk_lengths]
        spans += [(m, _national(trunk, n), (country - trunk) * 10**n) for n, m in lengths]
    groups: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for length, span, shift in spans:
        groups.setdefault((length, shift), []).append(span)
    return groups


def _dialled_abroad(written: pl.Expr, home: HomePlan) -> tuple[pl.Expr, pl.Expr]:
    """Strip the international prefix before at least 7 digits."""
    begins = any_of(written.str.starts_with(prefix) for prefix in home.international)
    rest = pl.when(begins).then(written).str.slice(len(home.international[0]))
    number = rest.cast(pl.Int64, strict=False)
    # "00+86..." is no number, and a cast would let its sign pass.
    sound = ~rest.str.starts_with("0") & ~rest.str.starts_with("+")
    return sound & in_spans(number, (10**6, E164_END)), number


def _behind_area_code(written: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
    """Strip the area code from a Chinese 95/96 code: 0755 95588, but not 0799 6123456."""
    leading = pl.when(written.str.starts_with("0")).then(written)
    two_digits = leading.str.starts_with("010") | leading.str.starts_with("02")
    one_zero = ~(leading.str.starts_with("00") | leading.str.starts_with("01"))
    behind_two = pl.when(two_digits).then(leading).str.slice(3)
    behind_three = pl.when(one_zero & ~two_digits).then(leading).str.slice(4)
    short = pl.coalesce(behind_two, behind_three)
    number = short.cast(pl.Int64, strict=False)
    sizes = ((95 * 10**n, 97 * 10**n) for n in (3, 4, 5, 6))
    return short.str.starts_with("9") & in_spans(number, *sizes), -1 - number


def in_spans(value: pl.Expr, *spans: tuple[int, int]) -> pl.Expr:
    """Return whether a value lies in one of some half-open intervals [from, to)."""
    return any_of(value.is_between(lo, hi, closed="left") for lo, hi in spans)


def _national(prefix: int, length: int) -> tuple[int, int]:
    """Span the numbers made of a prefix and `length` digits that do not begin with 0."""
    return prefix * 10**length + 10 ** (length - 1), (prefix + 1) * 10**length


def _is_withheld(written: pl.Expr) -> pl.Expr:
    return written.fill_null("").str.strip_chars().str.to_lowercase().is_in(WITHHELD)


def any_of(conditions: Iterable[pl.Expr]) -> pl.Expr:
    """Return whether any condition holds; of none, false."""
    return reduce(or_, conditions, pl.lit(value=False))


def table_path(name: str) -> Path:
    """Return the file of a numbering table."""
    return Path(__file__).parent / "data" / f"{name}.parquet"
