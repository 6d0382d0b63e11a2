"""The new lines of surges, and what they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.grading import Grading
from cdr_anomaly.detectors.new_sim_burst.surges import ways

if TYPE_CHECKING:
    from datetime import date

FORWARD_SHARE = Grading(0.8, "share of its received calls that a line of a group forwards")
OWN_CALLS = Grading(1, "calls of its own that such a line places at the most")
GRADINGS = (FORWARD_SHARE, OWN_CALLS)


def members(lines: pl.DataFrame, surges: pl.DataFrame) -> pl.LazyFrame:
    """List the lines that were born in the windows of surges (by, group, day, line, born)."""
    age = (pl.col("day") - pl.col("born")).dt.total_days()
    found = [
        lines.lazy()
        .select("line", "born", group=by)
        .join(surges.lazy().filter(pl.col("by") == by), on="group")
        .filter(age >= 0, age < pl.col("window_days"))
        .select("by", "group", "day", "line", "born")
        for by in ways(lines)
    ]
    return pl.concat(found)


def used(
    members: pl.LazyFrame, profile: pl.LazyFrame, *, busy: int, begun: date | None
) -> pl.LazyFrame:
    """Count the members of each surge that pass calls on, dial, or are silent, up to its day.

    A line dials that placed ``busy`` calls on a day. ``begun`` is the first day of the feed.
    """
    seen = pl.col("day") <= pl.col("judged")
    counts = pl.when(seen).then(pl.col("n_out", "n_in", "n_forwarded")).name.keep()
    n_out, n_forwarded = pl.col("n_out").sum(), pl.col("n_forwarded").sum()
    lines = members.rename({"day": "judged"}).join(profile, on="line", how="left")
    uses = (
        lines.with_columns(counts)
        .group_by("by", "group", "judged", "line")
        .agg(
            passes_on=(n_forwarded > 0)
            & (n_out <= OWN_CALLS)
            & (n_forwarded >= FORWARD_SHARE * pl.col("n_in").sum()),
            dials=(pl.col("n_out").max() >= busy).fill_null(value=False),
            # What a line did before the feed began is not known.
            silent=(n_out == 0) & (pl.col("born").first() >= pl.lit(begun, pl.Date)),
        )
    )
    told = pl.col("passes_on", "dials", "silent").sum().cast(pl.Int64)
    return uses.group_by("by", "group", day="judged").agg(told)
