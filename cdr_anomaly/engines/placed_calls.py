"""From sorted keys to the calls that each line placed; lines that are not needed are but counted.

Most lines of a large feed place few calls. They are dropped here, before anything is joined.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cdr_anomaly.ingest import deduplicate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from cdr_anomaly.engines.profile import NeededLines, ProfileSums
    from cdr_anomaly.engines.row_keys import KeyGroup


def add_placed(
    sums: ProfileSums,
    groups: Iterable[KeyGroup],
    needed: NeededLines | None,
    repeat_keys: pl.Series,
) -> Counter[date]:
    """Add the calls that lines placed to the sums, which have the forwarded calls already.

    The ``groups`` have all keys of their lines. Returns on each day the number of lines that are
    not needed, and are not added. Lines whose calls may be merged, or that forwarded a call, are
    added, too: whether they placed a call is not certain yet.
    """
    keys = {(group.day, group.what): group.keys for group in groups if group.what}
    counts = {place: deduplicate.count_calls(ordered) for place, ordered in keys.items()}
    if needed is None:
        for (day, what), by_line in counts.items():
            sums.add_by_line(day, what, by_line)
        return Counter()
    enough = [frame.filter(pl.col("n") >= needed.n_out)["line"] for frame in counts.values()]
    repeats = pl.Series(deduplicate.lines_of_keys(repeat_keys.to_numpy()))
    listed = [sums.forwarding_lines(), repeats, needed.lines.cast(pl.Int64), *enough]
    lines = pl.concat([part.alias("line") for part in listed]).unique().drop_nulls()
    others: Counter[date] = Counter()
    for day in {day for day, _ in counts}:
        of_day = {what: frame for (other, what), frame in counts.items() if other == day}
        rest = []
        for what, frame in of_day.items():
            is_needed = pl.col("line").is_in(lines.implode()) | needed.abroad
            mask = frame.select(is_needed.fill_null(value=False)).to_series()
            sums.add_by_line(day, what, frame.filter(mask))
            rest.append(frame["line"].filter(~mask).to_numpy())
        # A line may have records of its own and of others.
        others[day] = len(np.unique(np.concatenate(rest))) if len(rest) > 1 else len(rest[0])
    return others
