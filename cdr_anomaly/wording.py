"""Sentences with numbers in them, made of columns."""

from __future__ import annotations

import polars as pl


def sentence(template: str, *values: pl.Expr | str | float) -> pl.Expr:
    """Return ``template`` with each ``{}`` replaced by a value, as text; null if any value is null.

    A value is an expression, the name of a column, or a number. It does what ``pl.format`` does,
    which panics (Polars 2.1) inside ``when/then`` on a frame of several chunks.

    Raises:
        ValueError: the template has not as many ``{}`` as there are values.
    """
    texts = template.split("{}")
    if len(texts) != len(values) + 1:
        msg = f"{len(values)} values for the {len(texts) - 1} places of '{template}'"
        raise ValueError(msg)
    parts = [pl.lit(texts[0])]
    for value, text in zip(values, texts[1:], strict=True):
        parts += [_expression(value).cast(pl.String), pl.lit(text)]
    return pl.concat_str(parts)


def _expression(value: pl.Expr | str | float) -> pl.Expr:
    if isinstance(value, pl.Expr):
        return value
    return pl.col(value) if isinstance(value, str) else pl.lit(value)


# What is equal but for the rounding of sums counts as equal.
DIGITS = 9


def scientific(value: pl.Expr) -> pl.Expr:
    """Write a probability as 2.1e-9."""
    rounded = value.round_sig_figs(2)
    # Logarithms of powers of ten may be a little less than whole.
    power = (rounded.log10() + 1e-9).floor()
    digits = (rounded / pl.lit(10.0).pow(power)).round(1).cast(pl.String)
    text = sentence("{}e{}", digits, power.cast(pl.Int64))
    return pl.when(value > 0).then(text).when(value <= 0).then(pl.lit("below 1e-300"))
