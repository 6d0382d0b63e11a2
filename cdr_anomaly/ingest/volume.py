"""How many rows of each file start in each hour, valid or not, counted while they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

QUARTER_US = 900_000_000  # every zone is a whole number of quarters of an hour away from UTC
MAX_DENSE_SLOTS = 1_000_000  # a wrong clock may write a year that is far away
SLOTS = pl.Schema({"file": pl.String(), "start_time": pl.Datetime("us", "UTC"), "rows": pl.Int64()})


def count_quarters(files: Iterable[tuple[str, int]], start: pl.Series) -> pl.DataFrame:
    """Return the rows of each file by quarter of an hour (file, start_time, rows).

    ``start`` has the starts of all rows, file after file; ``files`` are the paths with the number
    of rows.
    """
    frames, offset = [pl.DataFrame(schema=SLOTS)], 0
    for path, rows in files:
        starts = start.slice(offset, rows).drop_nulls().to_physical().to_numpy() // QUARTER_US
        offset += rows
        if not len(starts):
            continue
        first = int(starts.min())
        if int(starts.max()) - first < MAX_DENSE_SLOTS:
            counts = np.bincount(starts - first)
            slots = np.flatnonzero(counts)
            counts, slots = counts[slots], slots + first
        else:
            slots, counts = np.unique(starts, return_counts=True)
        columns = {"file": path, "start_time": slots * QUARTER_US, "rows": counts}
        frames.append(pl.DataFrame(columns).cast(SLOTS))
    return pl.concat(frames)


def sum_by_hour(quarters: pl.DataFrame, tz: str) -> pl.DataFrame:
    """Return the rows of each file by local day and hour (file, day, hour, rows)."""
    local = pl.col("start_time").dt.convert_time_zone(tz)
    by_hour = quarters.with_columns(day=local.dt.date(), hour=local.dt.hour().cast(pl.Int64))
    rows = by_hour.group_by("file", "day", "hour").agg(pl.col("rows").cast(pl.Int64).sum())
    return rows.sort("file", "day", "hour")
