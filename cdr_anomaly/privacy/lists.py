"""Lists of subscribers and of declared entities, with pseudonyms for numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.errors import InputError
from cdr_anomaly.ingest import subscribers as ingest_subscribers
from cdr_anomaly.numbering import pseudonyms
from cdr_anomaly.privacy.pseudonymiser import HANDSET, HOLDER, MODEL_DIGITS, SHORT

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from cdr_anomaly.privacy.pseudonymiser import Pseudonymiser

GROUPS = ("holder_region", "dealer", "line_kind")
# A range becomes its lines: the most of all ranges together.
MAX_LINES = 1_000_000
# The digits that every pseudonym of a number shows; those of short numbers show fewer.
VISIBLE_DIGITS, SHORT_NUMBERS = 6, r"9[56]|1[0-2]"


def pseudonymise_subscribers(file: Path, pseudonymiser: Pseudonymiser) -> pl.DataFrame:
    """Read the list of subscribers, with pseudonyms for lines and tokens for holders.

    The names of regions, dealers and kinds of lines stay, unless they are or contain a number.
    """
    subscribers = ingest_subscribers.read(file, pseudonymiser.plan, as_text=True)
    columns = [name for name in ingest_subscribers.DETAILS if name in subscribers.columns]
    rows = subscribers.lines.select("line", *columns).collect()
    rows = rows.with_columns(line=pseudonymiser.pseudonymise_lines(rows["line"]))
    if "holder_token" in columns:
        rows = rows.with_columns(holder_token=pseudonymiser.token(pl.col("holder_token"), HOLDER))
    groups = [name for name in GROUPS if name in columns]
    names = pseudonymiser.name_tokens(rows, groups)
    return rows.with_columns(pl.col(groups).replace(names["name"], names["token"])).sort("line")


def pseudonymise_entities(
    file: Path, pseudonymiser: Pseudonymiser, detectors: Collection[str]
) -> pl.DataFrame:
    """Read declared entities, with pseudonyms for lines and ranges, and prefixes as they are."""
    declared = alerts_entities.read_entities(file, pseudonymiser.plan, detectors)
    _check(file, declared, pseudonymiser)
    lines = pl.concat(
        [declared.filter(pl.col("line").is_not_null()), _expand_ranges(file, declared)]
    )
    lines = lines.with_columns(line=pseudonymiser.pseudonymise_lines(lines["line"]))
    handsets = declared.filter(pl.col("handset").is_not_null()).with_columns(
        handset=_handset(pseudonymiser)
    )
    others = declared.filter(pl.col("prefix").is_not_null() | pl.col("class").is_not_null())
    columns = ("line", "prefix", "class", "handset", "detectors", "purpose", "expires")
    rows = pl.concat(
        [
            lines.with_columns(prefix=None, handset=None, **{"class": None}),
            others.with_columns(line=None, handset=None),
            handsets.with_columns(line=None, prefix=None, **{"class": None}),
        ],
        how="vertical_relaxed",
    )
    return (
        rows.select(columns).with_columns(pl.col("detectors").list.join(";")).unique().sort(columns)
    )


def _expand_ranges(file: Path, declared: pl.DataFrame) -> pl.DataFrame:
    """Return the lines of each range, in both forms that a number may have as text."""
    ranges = declared.filter(pl.col("range").is_not_null())
    if ranges.select((pl.col("last") - pl.col("first") + 1).sum()).item() > MAX_LINES:
        msg = f"'{file}': the ranges have more than {MAX_LINES:,} numbers; declare their prefix."
        raise InputError(msg)
    numbers = ranges.with_columns(number=pl.int_ranges("first", pl.col("last") + 1))
    digits = numbers.explode("number", empty_as_null=False).with_columns(
        pl.col("number").cast(pl.String)
    )
    size = pl.col("last").cast(pl.String).str.len_bytes()
    digits = digits.filter(pl.col("number").str.len_bytes() == size)
    forms = [digits.with_columns(line=sign + pl.col("number")) for sign in ("+", "")]
    return pl.concat(forms).select(declared.columns)


def _handset(pseudonymiser: Pseudonymiser) -> pl.Expr:
    """Return the pseudonym of a whole IMEI; the first digits of one are its model and stay."""
    is_whole = pl.col("handset").str.len_bytes() == numbering.IMEI_DIGITS
    model = pl.col("handset").str.head(MODEL_DIGITS)
    token = pseudonymiser.token(pl.col("handset"), HANDSET)
    pseudonym = pl.concat_str(model, token, separator=pseudonyms.MARK)
    return pl.when(is_whole).then(pseudonym).otherwise("handset")


def _check(file: Path, declared: pl.DataFrame, pseudonymiser: Pseudonymiser) -> None:
    """Raise InputError at the first entity that shows more of a number than its pseudonym."""
    code = re.escape(str(pseudonymiser.plan.calling_code))
    # An error names the row, not its text, because other people read errors.
    for row, prefix, handset in (
        declared.with_row_index("row", 1)
        .select("row", pl.col("prefix", "handset").fill_null(""))
        .iter_rows()
    ):
        digits = re.sub(rf"^(\+{code}|\+|{pseudonymiser.plan.trunk or '$'})", "", prefix)
        if len(digits) > (SHORT if re.match(SHORT_NUMBERS, digits) else VISIBLE_DIGITS):
            msg = (
                f"'{file}': the prefix of entity {row} is longer than what a pseudonym shows; "
                "declare a class, a range or lines."
            )
            raise InputError(msg)
        if MODEL_DIGITS < len(handset) < numbering.IMEI_DIGITS:
            msg = (
                f"'{file}': the handset of entity {row} is neither a handset nor a model; "
                f"write {numbering.IMEI_DIGITS} digits, or {MODEL_DIGITS} at most."
            )
            raise InputError(msg)
