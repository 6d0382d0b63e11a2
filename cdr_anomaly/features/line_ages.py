"""PROFILE and the list of subscribers to LINE_AGES: the day from which each line counts as new."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from datetime import date


WEEK = timedelta(days=7)
# The longest past that the new lines of a group are compared with.
SURGE_PAST = timedelta(days=60)


def first_seen(profile: pl.LazyFrame) -> pl.LazyFrame:
    """Return the first day of each line (line, first_seen)."""
    return profile.group_by("line").agg(first_seen=pl.col("day").min())


def find_births(
    first_days: pl.LazyFrame, activations: pl.LazyFrame | None, *, known_from: date
) -> pl.LazyFrame:
    """Return LINE_AGES: when each line was first seen, activated, and born; null where not known.

    ``first_days`` has (line, first_seen). A line first seen before ``known_from`` may be of any
    age: its birth is not known.
    """
    if activations is None:
        rows = first_days.with_columns(activation=pl.lit(None, pl.Date))
    else:
        rows = first_days.join(activations, on="line", how="full", coalesce=True)
    fresh = pl.when(pl.col("first_seen") >= known_from).then("first_seen")
    return rows.with_columns(born=pl.coalesce("activation", fresh))
