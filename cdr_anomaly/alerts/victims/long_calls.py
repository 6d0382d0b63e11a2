"""LONG_CALLS to pairs: who holds whom for hours, on days running, with no past to it.

From the case in which an unknown caller kept one person on the line for three days. The caller
need not be on any list: what is found is the pair.

Who has talked for long before, couples and relatives, is spared by that past, and so is whoever
calls back for as long. It cannot be known whether two people met yesterday: new friends who talk
for hours look the same, which is why nobody is accused here, and nobody is to be warned *now* for
this alone. Calls on other services, and of a caller who changes the number every day, are not seen.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

# Two days running with long calls, the last of them no longer ago than this; a week before them
# must be known.
DAYS, AGO_DAYS, KNOWN_DAYS = 2, 2, 7
# Long calls are remembered for so many days.
REMEMBERED = 28


def pairs(long: pl.DataFrame, day: date, first_day: date) -> pl.DataFrame:
    """Return who holds whom by ``day`` (caller, called, since), by LONG_CALLS up to that day.

    ``first_day`` is the first that is known. Nobody is said to be held whose days before are not.
    """
    known_from = max(first_day, day - timedelta(days=REMEMBERED))
    lately = long.filter(pl.col("day").is_between(known_from, day))
    by_day = lately.select("caller", "called", "day").unique()
    last = pl.col("day").max().over("caller", "called")
    age = (last - pl.col("day")).dt.total_days()
    running = (
        by_day.filter((pl.lit(day) - last).dt.total_days() <= AGO_DAYS)
        .sort("caller", "called", "day", descending=[False, False, True])
        # Of days without a gap the first is 0 days ago, the next one 1, and so on.
        .filter(age == pl.int_range(pl.len()).over("caller", "called"))
        .group_by("caller", "called", maintain_order=True)
        .agg(since=pl.col("day").min(), n_days=pl.len())
        .filter(
            pl.col("n_days") >= DAYS,
            pl.col("since") >= known_from + timedelta(days=KNOWN_DAYS),
        )
    )
    either = pl.concat(
        [
            lately.select("caller", "called", "day"),
            lately.select("day", caller="called", called="caller"),
        ],
        how="diagonal",
    )
    past = running.join(either, on=["caller", "called"]).filter(pl.col("day") < pl.col("since"))
    mutual = running.join(
        lately, left_on=["caller", "called"], right_on=["called", "caller"], how="semi"
    )
    fresh = running.join(past, on=["caller", "called"], how="anti")
    return fresh.join(mutual, on=["caller", "called"], how="anti").select(
        "caller", "called", "since"
    )
