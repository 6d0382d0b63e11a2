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
    from cdr_anomaly.ingest.deduplicate import Counts, Keys


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
    counts = _count_placed(groups)
    if needed is None:
        for what, by_line in counts.items():
            sums.add_by_line(what, by_line)
        return Counter()
    callers = pl.concat([pl.Series("line", dtype=pl.Int64), *(c["line"] for c in counts.values())])
    if callers.is_empty():
        return Counter()
    enough = [frame.filter(pl.col("n") >= needed.n_out)["line"] for frame in counts.values()]
    repeats = pl.Series(deduplicate.lines_of_keys(repeat_keys.to_numpy()))
    of_feed = pl.concat([sums.forwarding_lines(), needed.lines.cast(pl.Int64).alias("line")])
    # The groups may be one of many ranges of lines; to look all of these up in each takes long.
    of_range = of_feed.filter(of_feed.is_between(callers.min(), callers.max()))
    lines = pl.concat([part.alias("line") for part in (of_range, repeats, *enough)])
    listed = lines.unique().drop_nulls().implode()
    is_needed = (pl.col("line").is_in(listed) | needed.abroad).fill_null(value=False)
    rest = [pl.DataFrame(schema={"line": pl.Int64, "day": pl.Date})]
    for what, by_line in counts.items():
        mask = by_line.select(is_needed).to_series()
        sums.add_by_line(what, by_line.filter(mask))
        rest.append(by_line.filter(~mask).select("line", "day"))
    # A line may have records of its own and of others.
    n_lines = pl.len() if len(counts) == 1 else pl.col("line").n_unique()
    others = pl.concat(rest).group_by("day").agg(n_lines.cast(pl.Int64))
    return Counter(dict(others.iter_rows()))


def _count_placed(groups: Iterable[KeyGroup]) -> dict[str, pl.DataFrame]:
    """Return the placed calls of lines by day (line, day, n) for each count of PROFILE."""
    parts: dict[str, list[tuple[date, Keys, Counts]]] = {}
    for group in groups:
        if group.what:
            counts = deduplicate.count_calls(group.keys)
            parts.setdefault(group.what, []).append((group.day, *counts))
    return {what: _frame(of_what) for what, of_what in parts.items()}


def _frame(parts: list[tuple[date, Keys, Counts]]) -> pl.DataFrame:
    days, lines, counts = zip(*parts, strict=True)
    if len(days) == 1:
        frame = pl.DataFrame({"line": lines[0], "n": counts[0]})
        return frame.select("line", pl.lit(days[0], pl.Date).alias("day"), "n")
    size = np.array([len(part) for part in lines])
    day = pl.Series(days, dtype=pl.Date).gather(np.repeat(np.arange(len(days)), size))
    return pl.DataFrame({"line": np.concatenate(lines), "day": day, "n": np.concatenate(counts)})
