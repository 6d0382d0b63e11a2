"""What reasons of several detectors say in the same way."""

from __future__ import annotations

import polars as pl

from cdr_anomaly.wording import Sentence, first_sentence, sentence


def percent(part: pl.Expr, total: pl.Expr) -> pl.Expr:
    """Return a share as whole percent; nothing of nothing is 0."""
    return pl.when(total > 0).then((100 * part / total).round()).otherwise(0).cast(pl.Int64)


def short_number(value: pl.Expr) -> pl.Expr:
    """Return a number as text, without a fraction of zero."""
    return value.cast(pl.String).str.strip_suffix(".0")


def baseline_sentence() -> Sentence:
    """Say how many calls a day are usual for the line, or that it is not known."""
    calls = short_number(pl.col("usual").round(1))
    return first_sentence(
        [(pl.col("usual").is_null(), sentence("baseline.unknown", "its usual is not known"))],
        sentence("baseline.calls", "usual for this line {n} a day", n=calls),
    )
