"""Compare the volume of a day with what is usual: a missing file is the most common fault."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import PurePath
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly.wording import Text, join_texts, say

if TYPE_CHECKING:
    from datetime import date

# A date, a counter of six digits or more, or the hexadecimal name that Spark gives.
CHANGING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d{2}-\d{2}|\d{5,}")
WEEKS, DAYS = 8, 14
FEW_WEEKS, FEW_DAYS = 2, 3
FAR_BELOW, HOUR_BELOW = 0.7, 0.3


class VolumeCheck(NamedTuple):
    """The rows of a day, what is usual (None if not known), and what is missing, in words."""

    rows: int
    usual: float | None
    missing: list[Text]

    @property
    def warnings(self) -> list[Text]:
        """Return what is wrong with the volume, a sentence for each."""
        if self.usual is None:
            return []
        below = self.rows < FAR_BELOW * self.usual
        share = round(100 * self.rows / max(self.usual, 1))
        amount = say(
            "volume.rows",
            "{rows} rows, {share} % of the usual {usual}",
            rows=f"{self.rows:,}",
            share=share,
            usual=f"{self.usual:,.0f}",
        )
        return [join_texts("clauses", [amount, *self.missing])] if below or self.missing else []


def source_name(path: str) -> str:
    """Return the name that a file shares with those of other days: * for dates and counters.

    Keys of hive folders belong to it.
    """
    *folders, file = PurePath(path).parts
    keys = [CHANGING.sub("*", folder) for folder in folders if "=" in folder]
    return "/".join([*(key for key in keys if "*" not in key), CHANGING.sub("*", file)])


def count_volume(starts: pl.DataFrame) -> pl.DataFrame:
    """Return VOLUME of the rows of files by hour (file, day, hour, rows)."""
    names = {file: source_name(file) for file in starts["file"].unique()}
    source = pl.col("file").replace_strict(names, return_dtype=pl.String)
    rows = starts.group_by("day", "hour", source=source).agg(pl.col("rows").sum())
    return rows.sort("day", "hour", "source")


def volume_by_hour(volume: pl.DataFrame, day: date) -> pl.DataFrame:
    """Return the rows ``n`` of each hour of a day, and the ``usual``, which may be null."""
    rows = volume.filter(pl.col("day") == day).group_by("hour").agg(n=pl.col("rows").sum())
    past = _past_days(volume, day)
    usual = _usual(*past) if past else pl.DataFrame(schema={"hour": pl.Int64, "usual": pl.Float64})
    both = rows.join(usual.cast({"hour": pl.Int64}), on="hour", how="full", coalesce=True)
    return both.select("hour", pl.col("n").fill_null(0), pl.col("usual").round(1)).sort("hour")


def check_volume(volume: pl.DataFrame, day: date) -> VolumeCheck:
    """Compare a day's VOLUME with that of the same weekday, or where these are few, of all days."""
    today = volume.filter(pl.col("day") == day)
    rows = int(today["rows"].sum())
    before = _past_days(volume, day)
    if before is None:
        return VolumeCheck(rows, None, [])
    past, days = before
    usual = median(past.group_by("day").agg(pl.col("rows").sum())["rows"])
    hours = _hours(today, past, days) if rows < FAR_BELOW * usual else []
    return VolumeCheck(rows, usual, [*hours, *_sources(today, past, days)])


def _past_days(volume: pl.DataFrame, day: date) -> tuple[pl.DataFrame, int] | None:
    """Return the rows of the days that a day is compared with, and how many days these are."""
    before = volume.filter(pl.col("day") < day)
    same = before.filter(
        pl.col("day").dt.weekday() == day.isoweekday(),
        pl.col("day") >= day - timedelta(weeks=WEEKS),
    )
    lately = before.filter(pl.col("day") >= day - timedelta(days=DAYS))
    for past, few in ((same, FEW_WEEKS), (lately, FEW_DAYS)):
        days = past["day"].n_unique()
        if days >= few:
            return past, days
    return None


def _usual(past: pl.DataFrame, days: int) -> pl.DataFrame:
    return past.group_by("hour").agg(usual=pl.col("rows").sum() / days)


def _hours(today: pl.DataFrame, past: pl.DataFrame, days: int) -> list[Text]:
    now = today.group_by("hour").agg(pl.col("rows").sum())
    both = (
        _usual(past, days)
        .join(now, on="hour", how="left")
        .with_columns(pl.col("rows").fill_null(0))
    )
    # An hour of the night may be empty by itself.
    worth = pl.col("usual") >= 0.1 * pl.col("usual").mean()
    low = both.filter(worth, pl.col("rows") < HOUR_BELOW * pl.col("usual"))
    hours = low["hour"].sort().to_list()
    return (
        [say("volume.few_from", "few or none from {spans}", spans=_spans(hours))] if hours else []
    )


def _sources(today: pl.DataFrame, past: pl.DataFrame, days: int) -> list[Text]:
    """Return the names of the files that come on most days and have not come today."""
    regular = past.group_by("source").agg(n=pl.col("day").n_unique()).filter(2 * pl.col("n") > days)
    gone = regular.join(today, on="source", how="anti")["source"].sort()
    return [say("volume.none_from", "none from '{source}'", source=source) for source in gone]


def _spans(hours: list[int]) -> Text:
    begins = [hour for hour in hours if hour - 1 not in hours]
    ends = [hour + 1 for hour in hours if hour + 1 not in hours]
    return join_texts(
        "list",
        (
            say("volume.span", "{begin} to {end}", begin=f"{begin}:00", end=f"{end}:00")
            for begin, end in zip(begins, ends, strict=True)
        ),
    )
