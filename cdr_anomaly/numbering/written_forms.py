"""Line codes of whole columns of numbers: plain ones by a cast, others by all the rules of a plan.

A number that begins with + and is E.164 is cast; to try every other form costs ten times as much.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.numbering.lines import E164_END, in_intervals, line_code

if TYPE_CHECKING:
    from cdr_anomaly.numbering.lines import HomePlan

BLANKS = r"[\s().-]"


def parse_codes(written: pl.Expr, home: HomePlan, *, proven: bool = False) -> pl.Expr:
    """Return the line code of each number of a column, whatever blanks and hyphens it has.

    ``proven`` numbers all begin with + and a digit from 1.
    """
    parse = partial(_codes, home=home, proven=proven)
    return written.map_batches(parse, pl.Int64, is_elementwise=True)


def _codes(written: pl.Series, *, home: HomePlan, proven: bool) -> pl.Series:
    value, text = pl.col("value"), pl.lit(written)
    plain = in_intervals(value, (1, E164_END))
    if not proven:
        plain &= text.str.starts_with("+") & ~text.str.starts_with("+0")
    values = written.cast(pl.Int64, strict=False).to_frame("value")
    codes = values.select(pl.when(plain).then(value)).to_series().alias(written.name)
    if codes.null_count() == written.null_count():
        return codes
    odd = codes.is_null() & written.is_not_null()
    # Lazily: eager Polars would compute each part of the expression as often as it occurs.
    compact = written.filter(odd).str.replace_all(BLANKS, "").to_frame("written").lazy()
    read = compact.select(line_code(pl.col("written"), home)).collect().to_series()
    return codes.scatter(odd.arg_true(), read)
