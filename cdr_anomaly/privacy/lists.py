"""Lists of subscribers and of declared entities to the same lists with pseudonyms."""

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

    from cdr_anomaly.privacy.pseudonymiser import Maker

GROUPS = ("holder_region", "dealer", "line_kind")
# A range becomes its lines: so many of all ranges together.
MOST_LINES = 1_000_000
# What every pseudonym of a number shows of it, and fewer digits of the short ones.
SHOWN, SHORT_ONES = 6, r"9[56]|1[0-2]"


def subscribers(file: Path, maker: Maker) -> pl.DataFrame:
    """Read the list of subscribers, lines and holders as tokens.

    Regions, dealers and kinds of lines are groups, and stay as they are but for names that are a
    number, or hold one.
    """
    told = ingest_subscribers.read(file, maker.plan, as_text=True)
    rows = told.lines.select(
        "line", *(name for name in ingest_subscribers.DETAILS if name in told.columns)
    )
    listed = rows.collect()
    listed = listed.with_columns(line=maker.carried(listed["line"]))
    if "holder_token" in told.columns:
        listed = listed.with_columns(holder_token=maker.token(pl.col("holder_token"), HOLDER))
    groups = [name for name in GROUPS if name in told.columns]
    names = maker.names(listed, groups)
    own = pl.col(groups).replace(names["name"], names["token"])
    return listed.with_columns(own).sort("line")


def entities(file: Path, maker: Maker, detectors: Collection[str]) -> pl.DataFrame:
    """Read declared entities: lines and ranges as pseudonyms, and prefixes that these show."""
    told = alerts_entities.read(file, maker.plan, detectors)
    _check(file, told, maker)
    lines = pl.concat([told.filter(pl.col("line").is_not_null()), _of_ranges(file, told)])
    lines = lines.with_columns(line=maker.carried(lines["line"]))
    handsets = told.filter(pl.col("handset").is_not_null()).with_columns(handset=_handset(maker))
    others = told.filter(pl.col("prefix").is_not_null() | pl.col("class").is_not_null())
    own = ("line", "prefix", "class", "handset", "detectors", "purpose", "expires")
    rows = pl.concat(
        [
            lines.with_columns(prefix=None, handset=None, **{"class": None}),
            others.with_columns(line=None, handset=None),
            handsets.with_columns(line=None, prefix=None, **{"class": None}),
        ],
        how="vertical_relaxed",
    )
    return rows.select(own).with_columns(pl.col("detectors").list.join(";")).unique().sort(own)


def _of_ranges(file: Path, told: pl.DataFrame) -> pl.DataFrame:
    """Give each range its lines, in both forms in which a number may be spelled."""
    ranges = told.filter(pl.col("range").is_not_null())
    if ranges.select((pl.col("last") - pl.col("first") + 1).sum()).item() > MOST_LINES:
        msg = f"'{file}': the ranges have more than {MOST_LINES:,} numbers; declare their prefix."
        raise InputError(msg)
    number = ranges.with_columns(number=pl.int_ranges("first", pl.col("last") + 1))
    digits = number.explode("number", empty_as_null=False).with_columns(
        pl.col("number").cast(pl.String)
    )
    size = pl.col("last").cast(pl.String).str.len_bytes()
    digits = digits.filter(pl.col("number").str.len_bytes() == size)
    spelled = [digits.with_columns(line=sign + pl.col("number")) for sign in ("+", "")]
    return pl.concat(spelled).select(told.columns)


def _handset(maker: Maker) -> pl.Expr:
    """Write a whole IMEI as it is carried; the beginning of one is its model's."""
    whole = pl.col("handset").str.len_bytes() == numbering.IMEI_DIGITS
    model = pl.col("handset").str.head(MODEL_DIGITS)
    token = maker.token(pl.col("handset"), HANDSET)
    carried = pl.concat_str(model, token, separator=pseudonyms.MARK)
    return pl.when(whole).then(carried).otherwise("handset")


def _check(file: Path, told: pl.DataFrame, maker: Maker) -> None:
    """Fail on the first entity that says more of a number than its pseudonym shows."""
    code = re.escape(str(maker.plan.calling_code))
    # An error is read by others than the list: it names the row, not what stands there.
    for row, prefix, handset in (
        told.with_row_index("row", 1)
        .select("row", pl.col("prefix", "handset").fill_null(""))
        .iter_rows()
    ):
        digits = re.sub(rf"^(\+{code}|\+|{maker.plan.trunk or '$'})", "", prefix)
        if len(digits) > (SHORT if re.match(SHORT_ONES, digits) else SHOWN):
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
