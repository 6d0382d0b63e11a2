"""What is counted of a number's calls on a day."""

from __future__ import annotations

import polars as pl


def call_counts() -> list[pl.Expr]:
    """Count calls and who was called, and say when."""
    return [
        pl.len().cast(pl.Int64).alias("n_calls"),
        pl.col("counterpart").drop_nulls().n_unique().cast(pl.Int64).alias("n_called"),
        pl.col("start").min().alias("first"),
        pl.col("start").max().alias("last"),
    ]
