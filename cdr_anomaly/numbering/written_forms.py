"""Line codes of whole columns of numbers: plain ones by a cast, others by all the rules of a plan.

A number that begins with + and is E.164 is cast; to try every other form costs ten times as much.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.numbering.line_names import name_codes
from cdr_anomaly.numbering.lines import (
    BLANKS,
    E164_END,
    in_intervals,
    is_withheld,
    line_code,
    line_text,
)

if TYPE_CHECKING:
    from cdr_anomaly.numbering.line_names import LineNames
    from cdr_anomaly.numbering.lines import HomePlan


def parse_codes(
    written: pl.Expr, home: HomePlan, names: LineNames | None = None, *, proven: bool = False
) -> pl.Expr:
    """Return the line code of each number of a column, whatever blanks and hyphens it has.

    A number that is withheld has none. An opaque line is added to ``names``. ``proven`` numbers all
    begin with + and a digit from 1.
    """
    parse = partial(_codes, home=home, names=names, proven=proven)
    return written.map_batches(parse, pl.Int64, is_elementwise=True)


def parse_texts(written: pl.Expr, home: HomePlan) -> pl.Expr:
    """Return each number of a column as text, as line_text() does."""

    def parse(texts: pl.Series) -> pl.Series:
        rows = texts.to_frame("written").lazy()
        return rows.select(line_text(pl.col("written"), home)).collect().to_series()

    return written.map_batches(parse, pl.String, is_elementwise=True)


def _codes(
    written: pl.Series, *, home: HomePlan, names: LineNames | None, proven: bool
) -> pl.Series:
    value, text = pl.col("value"), pl.lit(written)
    plain = in_intervals(value, (1, E164_END))
    if not proven:
        plain &= text.str.starts_with("+") & ~text.str.starts_with("+0")
    values = written.cast(pl.Int64, strict=False).to_frame("value")
    codes = values.select(pl.when(plain).then(value)).to_series().alias(written.name)
    if codes.null_count() == written.null_count():
        return codes
    odd = (codes.is_null() & written.is_not_null()).arg_true()
    return codes.scatter(odd, _read(written.gather(odd), home, names))


def _read(written: pl.Series, home: HomePlan, names: LineNames | None) -> pl.Series:
    # Lazily: eager Polars would compute each part of an expression as often as it occurs.
    compact = written.str.replace_all(BLANKS, "").to_frame("written").lazy()
    codes = compact.select(line_code(pl.col("written"), home)).collect().to_series()
    if not codes.null_count():
        return codes
    unread = codes.is_null().arg_true()
    texts = written.gather(unread).alias("name").to_frame()
    name = pl.col("name").str.strip_chars()
    texts = texts.select(pl.when(~is_withheld(pl.col("name"))).then(name))
    distinct = texts.drop_nulls().unique()
    table = distinct.with_columns(line=name_codes(distinct["name"]))
    if names is not None and table.height:
        names.add(table)
    found = texts.join(table, on="name", how="left", maintain_order="left")
    return codes.scatter(unread, found["line"])
