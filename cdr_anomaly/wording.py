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
