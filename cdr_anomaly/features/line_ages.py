"""When lines were born, and in which groups more of them than chance were born.

PROFILE (and a subscriber list) to BIRTHS, one row a line: ``first_seen``, ``activation`` and
``born``, the day the line counts as new from; and BIRTHS to surges, one row a group and day. A
group is a number block, or the lines that the list says were sold or are held alike.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from datetime import date


WEEK = timedelta(days=7)


def first_seen(profile: pl.LazyFrame) -> pl.LazyFrame:
    """Say when each line was first seen (line, first_seen)."""
    return profile.group_by("line").agg(first_seen=pl.col("day").min())


def born(seen: pl.LazyFrame, activations: pl.LazyFrame | None, *, known_from: date) -> pl.LazyFrame:
    """Say of each line when it was first seen, activated, and born; unknown stays empty.

    ``seen`` is (line, first_seen). A line first seen before ``known_from`` may be as old as can
    be: its birth is not known.
    """
    if activations is None:
        seen = seen.with_columns(activation=pl.lit(None, pl.Date))
    else:
        seen = seen.join(activations, on="line", how="full", coalesce=True)
    fresh = pl.when(pl.col("first_seen") >= known_from).then("first_seen")
    return seen.with_columns(born=pl.coalesce("activation", fresh))
