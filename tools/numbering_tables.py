"""Build the three tables that `cdr_anomaly.numbering` reads, from the phonenumbers metadata.

Run `make numbering`: it writes `number_kinds.parquet`, `number_lengths.parquet` and
`home_plans.parquet` into the package. The same phonenumbers release always gives the same tables;
its number is kept in the files.
phonenumbers and regex are needed here only, never when the package runs.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import phonenumbers
import polars as pl
import regex
from phonenumbers import PhoneMetadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PACKAGE = Path(__file__).parents[1] / "cdr_anomaly"
DIGITS = "0123456789"
E164_DIGITS = 15
DEPTH = 7

# An earlier kind wins a prefix that several kinds still share at the last digit: where a country
# does not tell mobile from fixed (North America), the line counts as mobile.
KINDS = {
    "toll_free": "toll_free",
    "premium": "premium_rate",
    "mobile": "mobile",
    "fixed": "fixed_line",
    "shared_cost": "shared_cost",
    "voip": "voip",
    "personal": "personal_number",
    "pager": "pager",
    "uan": "uan",
    "voicemail": "voicemail",
}
WITHOUT_TRUNK = ("toll_free", "premium", "shared_cost", "uan", "mobile")

# China by hand: the metadata also lists 95/96 codes behind an area code and 1010 numbers, which
# would make an SMS port such as 10690000 a Beijing line.
CHINA_BARE = [(10, 4_000_000_000, 4_010_000_000), (10, 8_000_000_000, 8_010_000_000)]
CHINA_BARE += [(11, 13_000_000_000, 20_000_000_000)]
CHINA_TRUNK_LENGTHS = [9, 10, 11]
SHORTEST_BARE = 7
SHORTEST_BEHIND_TRUNK = 6

INTERVALS = pl.List(pl.Struct({"length": pl.Int64, "lo": pl.Int64, "hi": pl.Int64}))
PLAN_SCHEMA: dict[str, Any] = {
    "region": pl.String,
    "calling_code": pl.Int64,
    "trunk": pl.String,
    "international": pl.List(pl.String),
    "trunk_lengths": pl.List(pl.Int64),
    "bare": INTERVALS,
    "emergency": pl.List(pl.String),
    "services": INTERVALS,
}

Interval = tuple[int, int, int]
Patterns = list[tuple[str, "regex.Pattern[str]"]]


def main() -> None:
    """Write the tables and say how large they came out."""
    tables = {
        "number_kinds": number_kinds(),
        "number_lengths": number_lengths(),
        "home_plans": home_plans(),
    }
    for name, table in tables.items():
        path = PACKAGE / "numbering" / "data" / f"{name}.parquet"
        origin = {"phonenumbers": phonenumbers.__version__}
        table.write_parquet(path, compression="zstd", compression_level=19, metadata=origin)
        print(f"{path.name}: {table.height} rows, {path.stat().st_size / 1024:.0f} KiB")


def number_kinds() -> pl.DataFrame:
    """Return each stretch of E.164 prefixes its kind, as [start, stop) of 15-digit integers."""
    rows: list[tuple[int, int, str]] = []
    for calling_code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        patterns = [pair for region in regions for pair in _patterns(region, calling_code)]
        for prefix, kind in _leaves("", patterns):
            digits = f"{calling_code}{prefix}"
            width = 10 ** (E164_DIGITS - len(digits))
            start = int(digits) * width
            if rows and rows[-1][1:] == (start, kind):
                rows[-1] = (rows[-1][0], start + width, kind)
            else:
                rows.append((start, start + width, kind))
    table = pl.DataFrame(rows, ["start", "stop", "kind"], orient="row").sort("start")
    if any(before[1] > after[0] for before, after in pairwise(table.iter_rows())):
        message = "Two prefix intervals overlap."
        raise AssertionError(message)
    return table


def number_lengths() -> pl.DataFrame:
    """Return, for each calling code in use, how many digits may follow it."""
    rows = {
        (calling_code, length)
        for calling_code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
        for region in regions
        for length in _plan(calling_code, region).general_desc.possible_length
    }
    return pl.DataFrame(sorted(rows), ["calling_code", "length"], orient="row")


def _plan(calling_code: int, region: str) -> Any:
    return PhoneMetadata.metadata_for_region_or_calling_code(calling_code, region)


def _leaves(prefix: str, patterns: Patterns) -> Iterator[tuple[str, str]]:
    """Walk down digit by digit until one kind at most can still follow the prefix."""
    alive = [(kind, p) for kind, p in patterns if p.fullmatch(prefix, partial=True)]
    kinds = {kind for kind, _ in alive}
    deeper = []
    if len(kinds) > 1 and len(prefix) < DEPTH:
        deeper = [leaf for digit in DIGITS for leaf in _leaves(prefix + digit, alive)]
    if deeper:
        yield from deeper
    elif kinds:
        yield prefix, next(kind for kind in KINDS if kind in kinds)


def _patterns(region: str, calling_code: int) -> Patterns:
    """List the kinds of one region with the pattern of each."""
    plan = _plan(calling_code, region)
    patterns = []
    for kind, attribute in KINDS.items():
        text = _pattern(getattr(plan, attribute))
        if text and not (kind == "fixed" and text == _pattern(plan.mobile)):
            patterns.append((kind, regex.compile(text)))
    return patterns


def _pattern(description: Any) -> str | None:
    text: str | None = description and description.national_number_pattern
    return None if text == "NA" else text


def home_plans() -> pl.DataFrame:
    """Return, for each region, how its lines are written at home."""
    rows = [_home_plan(region) for region in sorted(phonenumbers.SUPPORTED_REGIONS)]
    return pl.DataFrame(rows, PLAN_SCHEMA, orient="row")


def _home_plan(region: str) -> dict[str, Any]:
    plan: Any = PhoneMetadata.metadata_for_region(region)
    short = PhoneMetadata.short_metadata_for_region(region)
    room = E164_DIGITS - len(str(plan.country_code))
    lengths = [n for n in plan.general_desc.possible_length if SHORTEST_BEHIND_TRUNK <= n <= room]
    china = region == "CN"
    lengths = CHINA_TRUNK_LENGTHS if china else lengths
    return {
        "region": region,
        "calling_code": plan.country_code,
        "trunk": plan.national_prefix,
        "international": _international(plan),
        "trunk_lengths": lengths if plan.national_prefix else [],
        "bare": _rows(CHINA_BARE if china else _bare(plan)),
        "emergency": sorted(_all_numbers(short.emergency, 6)) if short else [],
        "services": _rows(_stretches(_all_numbers(short.short_code, 6))) if short else [],
    }


def _international(plan: Any) -> list[str]:
    """Choose the plain prefix, or the shortest ones that the pattern allows (ten at most)."""
    for text in (plan.preferred_international_prefix, plan.international_prefix):
        if text and text.isdigit():
            return [text]
    pattern = regex.compile(plan.international_prefix)
    for length in range(1, 7):
        prefixes = list(_strings(pattern, length))
        if prefixes:
            return prefixes[:10]
    return []


def _bare(plan: Any) -> list[Interval]:
    """Cover the national numbers that are dialled without a trunk prefix, coarsely."""
    kinds = WITHOUT_TRUNK if plan.national_prefix else tuple(KINDS)
    dialled: set[tuple[int, str]] = set()
    for kind in kinds:
        description = getattr(plan, KINDS[kind])
        if not _pattern(description):
            continue
        pattern = regex.compile(description.national_number_pattern)
        everyday = kind in ("mobile", "fixed")
        depth = 2 if everyday or not plan.national_prefix else 3
        for length in description.possible_length:
            if everyday or length >= SHORTEST_BARE:
                prefixes = (f"{value:0{depth}}" for value in range(1, 10**depth))
                dialled.update((length, p) for p in prefixes if _fits(pattern, p, length))
    room = E164_DIGITS - len(str(plan.country_code))
    fitting = (prefix.ljust(length, "x") for length, prefix in dialled if length <= room)
    return _stretches(fitting, gap=0.04)


def _fits(pattern: regex.Pattern[str], prefix: str, length: int) -> bool:
    """Look for one number of this length behind the prefix, by walks that the pattern guides."""
    if not pattern.fullmatch(prefix, partial=True):
        return False
    walk = Random(f"{prefix} {length}")  # noqa: S311 - the same walks on every run
    for _ in range(40):
        number = prefix
        while len(number) < length:
            alive = [d for d in DIGITS if pattern.fullmatch(number + d, partial=True)]
            if not alive:
                break
            number += walk.choice(alive)
        if len(number) == length and pattern.fullmatch(number):
            return True
    return False


def _all_numbers(description: Any, longest: int) -> list[str]:
    """List every short number of a description in full."""
    if not _pattern(description):
        return []
    pattern = regex.compile(description.national_number_pattern)
    lengths = [n for n in description.possible_length if n <= longest]
    return [number for length in lengths for number in _strings(pattern, length)]


def _strings(pattern: regex.Pattern[str], length: int, prefix: str = "") -> Iterator[str]:
    if len(prefix) == length:
        if pattern.fullmatch(prefix):
            yield prefix
    elif pattern.fullmatch(prefix, partial=True):
        for digit in DIGITS:
            yield from _strings(pattern, length, prefix + digit)


def _stretches(numbers: Iterable[str], gap: float = 0) -> list[Interval]:
    """Fold numbers (`x` stands for any digit) into (length, lo, hi), over gaps of this share."""
    pieces = {(len(n), int(n.replace("x", "0")), int(n.replace("x", "9")) + 1) for n in numbers}
    folded: list[Interval] = []
    for length, lo, hi in sorted(pieces):
        if folded and folded[-1][0] == length and lo <= folded[-1][2] + gap * 10**length:
            folded[-1] = (length, folded[-1][1], max(hi, folded[-1][2]))
        else:
            folded.append((length, lo, hi))
    return folded


def _rows(intervals: list[Interval]) -> list[dict[str, int]]:
    return [dict(zip(("length", "lo", "hi"), interval, strict=True)) for interval in intervals]


if __name__ == "__main__":
    main()
