"""LEGS to SHIFTS: how long a line talked on its days with many calls, and in which hours.

Talk is the union of [start, end) of the answered calls that the line placed: time that overlaps
counts once. A call over midnight counts for both days, each with its part. Sorted by their starts,
each call adds the time after the latest end so far: two calls of 10:00 to 10:30 and one of 10:20 to
10:40 add 30, 0 and 10 minutes. What calls add no longer overlaps, and is cut at quarters of hours:
every zone is a whole number of quarters away from UTC, so each part is in one local hour.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly.engines.profile import UNREACHABLE
from cdr_anomaly.features import sorted_legs
from cdr_anomaly.features.rolling import US_PER_S
from cdr_anomaly.features.sorted_legs import UNKNOWN
from cdr_anomaly.ingest.volume import QUARTER_US

if TYPE_CHECKING:
    from cdr_anomaly.features.sorted_legs import Flags, Integers, SortedLegs

DAY_HOURS = 24


class ShiftNeeds(NamedTuple):
    """Which line-days need a row in SHIFTS, and how many days before the one that is judged."""

    n_out: int = UNREACHABLE
    talk_s: int = UNREACHABLE
    days_before: int = 0


def line_days(
    legs: SortedLegs, measures: pl.DataFrame, tz: str, needs: ShiftNeeds, *, since: date = date.min
) -> pl.DataFrame:
    """Return SHIFTS of the days from ``since`` on.

    ``measures`` are MEASURES of the same lines; of the day before ``since`` only calls that go on
    after midnight matter.
    """
    days = measures.filter(pl.col("n_out") >= needs.n_out, pl.col("day") >= since)
    days = days.drop("talk_s").sort("line", "day")
    line, day = legs.places(days["line"]), sorted_legs.as_integers(days["day"])
    line_of, begin, end = _talk(legs, np.isin(np.arange(len(legs.lines)), line))
    piece, quarter = sorted_legs.spread_spans(begin // QUARTER_US, (end - 1) // QUARTER_US + 1)
    talk = np.minimum(end[piece], (quarter + 1) * QUARTER_US)
    talk -= np.maximum(begin[piece], quarter * QUARTER_US)
    day_of, hour = _local_hours(quarter, tz)
    row = _find_rows((line, day), (line_of[piece], day_of))
    slot, is_of_day = row * DAY_HOURS + hour, row != UNKNOWN
    shape = days.height, DAY_HOURS
    # As floats, the microseconds of an hour are whole numbers still.
    sums = np.bincount(slot[is_of_day], talk[is_of_day], minlength=days.height * DAY_HOURS)
    hours = sums.astype(np.int64).reshape(shape)
    columns = {
        "talk_s": pl.Series(hours.sum(axis=1) // US_PER_S),
        "hours_s": pl.Series((hours // US_PER_S).ravel()).reshape(shape).arr.to_list(),
    }
    return days.with_columns(**columns).filter(pl.col("talk_s") >= needs.talk_s)


def _talk(legs: SortedLegs, is_wanted: Flags) -> tuple[Integers, Integers, Integers]:
    """Return when lines talked: line, begin and end of pieces that do not overlap.

    Of each call this is the time after the latest end of the calls before it.
    """
    placed = legs.placed
    rows = np.flatnonzero(placed.is_answered & (placed.duration_s > 0) & is_wanted[placed.line])
    line, start, length = placed.line[rows], placed.start[rows], placed.duration_s[rows] * US_PER_S
    instant = sorted_legs.instants(line, start, reach=int(length.max(initial=0)) + 1)
    furthest = np.maximum.accumulate(instant + length)
    late = np.maximum(np.append(instant[:1], furthest[:-1]) - instant, 0)
    adds = late < length
    return line[adds], (start + late)[adds], (start + length)[adds]


def _local_hours(quarter: Integers, tz: str) -> tuple[Integers, Integers]:
    """Return the local day and hour of quarters of hours, counted from 1970."""
    known = sorted_legs.distinct(quarter)
    local = pl.Series(known * QUARTER_US).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(tz)
    day, hour = (sorted_legs.as_integers(part) for part in (local.dt.date(), local.dt.hour()))
    place = np.searchsorted(known, quarter)
    return day[place], hour[place]


def _find_rows(line_days: tuple[Integers, Integers], others: tuple[Integers, Integers]) -> Integers:
    """Return, of others, the place among sorted line-days (line, day), or UNKNOWN."""
    days = [day for _, day in (line_days, others) if len(day)]
    low, high = (min(day.min() for day in days), max(day.max() for day in days)) if days else (0, 0)
    n_bits = int(high - low).bit_length()
    known, codes = (line << n_bits | (day - low) for line, day in (line_days, others))
    place = np.searchsorted(known, codes)
    return np.where(np.append(known, UNKNOWN)[place] == codes, place, UNKNOWN)
