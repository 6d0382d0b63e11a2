"""Whether a day's volume is as usual: that a switch's file is missing is the commonest fault."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import PurePath
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

if TYPE_CHECKING:
    from datetime import date

# A date, a counter of six digits or more, or the hexadecimal name that Spark gives.
CHANGING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d{2}-\d{2}|\d{5,}")
WEEKS, DAYS = 8, 14
FEW_WEEKS, FEW_DAYS = 2, 3
FAR_BELOW, HOUR_BELOW = 0.7, 0.3


class Compared(NamedTuple):
    """A day's rows, what is usual (None where that is not known), and what is missing, in words."""

    rows: int
    usual: float | None
    missing: list[str]

    @property
    def warnings(self) -> list[str]:
        """Say what is wrong with the volume, a sentence each."""
        if self.usual is None:
            return []
        below = self.rows < FAR_BELOW * self.usual
        share = round(100 * self.rows / max(self.usual, 1))
        amount = f"{self.rows:,} rows, {share} % of the usual {self.usual:,.0f}"
        said = [amount, *self.missing]
        return [", ".join(said)] if below or self.missing else []


def source_name(path: str) -> str:
    """Name a file as its like of other days, with * for what changes; hive keys count, too."""
    *folders, file = PurePath(path).parts
    keys = [CHANGING.sub("*", folder) for folder in folders if "=" in folder]
    return "/".join([*(key for key in keys if "*" not in key), CHANGING.sub("*", file)])


def of_day(starts: pl.DataFrame, day: date) -> pl.DataFrame:
    """Make a day's VOLUME from the starts of its files (file, day, hour, rows)."""
    names = {file: source_name(file) for file in starts["file"].unique()}
    own = starts.filter(pl.col("day") == day)
    source = pl.col("file").replace_strict(names, return_dtype=pl.String)
    rows = own.group_by("day", "hour", source=source).agg(pl.col("rows").sum())
    return rows.sort("hour", "source")


def compared(volume: pl.DataFrame, day: date) -> Compared:
    """Compare a day's VOLUME with that of the same weekday, or where these are few, of all days."""
    before = volume.filter(pl.col("day") < day)
    same = before.filter(
        pl.col("day").dt.weekday() == day.isoweekday(),
        pl.col("day") >= day - timedelta(weeks=WEEKS),
    )
    lately = before.filter(pl.col("day") >= day - timedelta(days=DAYS))
    today = volume.filter(pl.col("day") == day)
    rows = int(today["rows"].sum())
    for past, few in ((same, FEW_WEEKS), (lately, FEW_DAYS)):
        days = past["day"].n_unique()
        if days >= few:
            usual = median(past.group_by("day").agg(pl.col("rows").sum())["rows"])
            hours = _hours(today, past, days) if rows < FAR_BELOW * usual else []
            return Compared(rows, usual, [*hours, *_sources(today, past, days)])
    return Compared(rows, None, [])


def _hours(today: pl.DataFrame, past: pl.DataFrame, days: int) -> list[str]:
    usual = past.group_by("hour").agg(usual=pl.col("rows").sum() / days)
    now = today.group_by("hour").agg(pl.col("rows").sum())
    both = usual.join(now, on="hour", how="left").with_columns(pl.col("rows").fill_null(0))
    # An hour of the night may be empty by itself.
    worth = pl.col("usual") >= 0.1 * pl.col("usual").mean()
    low = both.filter(worth, pl.col("rows") < HOUR_BELOW * pl.col("usual"))
    hours = low["hour"].sort().to_list()
    return [f"few or none from {_spans(hours)}"] if hours else []


def _sources(today: pl.DataFrame, past: pl.DataFrame, days: int) -> list[str]:
    """Name the files that come on most days and have not come today."""
    regular = past.group_by("source").agg(n=pl.col("day").n_unique()).filter(2 * pl.col("n") > days)
    gone = regular.join(today, on="source", how="anti")["source"].sort()
    return [f"none from '{source}'" for source in gone]


def _spans(hours: list[int]) -> str:
    begins = [hour for hour in hours if hour - 1 not in hours]
    ends = [hour + 1 for hour in hours if hour + 1 not in hours]
    return ", ".join(f"{begin}:00 to {end}:00" for begin, end in zip(begins, ends, strict=True))
