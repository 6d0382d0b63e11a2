"""LEGS to MEASURES: what does not add up over days, one row per line and local day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cdr_anomaly.features import rolling, sorted_legs
from cdr_anomaly.features.rolling import US_PER_S
from cdr_anomaly.features.sorted_legs import UNKNOWN, Runs, distinct

if TYPE_CHECKING:
    from cdr_anomaly.features.sorted_legs import Flags, Integers, PlacedCalls, SortedLegs

    Columns = dict[str, Integers]

SHORT_S = 10
FAMILIAR_DAYS = 28
MIN_PAST_DAYS = 7
WINDOW_REACH_DAYS = 2
WINDOWS_S = {"peak_10min": 600, "peak_60min": 3600}
DAY_S = 86_400


def line_days(
    legs: SortedLegs, profile: pl.LazyFrame, *, busy: int, since: date = date.min
) -> pl.DataFrame:
    """Return MEASURES of the line-days from ``since`` on which the line placed a call.

    ``legs`` and ``profile`` are of the same lines over the same span. A day is busy from ``busy``
    placed calls on. Numbers called before and windows of 24 hours count busy days only: so a night
    that keeps the calls of busy days and of the last hour before midnight gives the same as a scan
    of all days. What is usual is told of busy days, and of those with as many calls in 60 minutes.
    """
    placed = legs.placed
    first = placed.line_days.first
    line, day = legs.lines.gather(placed.line[first]), pl.Series(placed.day[first])
    with_calls = pl.LazyFrame({"line": line, "day": day.cast(pl.Int32).cast(pl.Date)})
    busy_days = profile.filter(pl.col("n_out") >= busy).select("line", "day", is_busy=True)
    joined = with_calls.join(busy_days, on=["line", "day"], how="left", maintain_order="left")
    days = joined.with_columns(pl.col("is_busy").fill_null(value=False)).collect()
    is_busy = days["is_busy"].to_numpy()
    measured = days.with_columns(
        pl.Series(name, column)
        for columns in (
            _counts(legs),
            _peaks(placed, is_busy),
            _numbers(legs),
            {"n_familiar": _count_familiar(legs, is_busy)},
        )
        for name, column in columns.items()
    )
    instants = pl.col("^.*_(out|end)$").exclude("n_out").cast(pl.Datetime("us", "UTC"))
    whole_day = pl.when("is_busy").then(pl.col("^peak_24h.*$"))
    is_judged = pl.col("is_busy") | (pl.col("peak_60min") >= busy)
    judged = measured.lazy().filter(is_judged, pl.col("day") >= since)
    past = _past_of_days(profile, judged.select("line", "day"))
    rows: pl.DataFrame = (
        measured.lazy()
        .filter(pl.col("day") >= since)
        .with_columns(instants)
        .with_columns(whole_day)
        .join(past, on=["line", "day"], how="left", maintain_order="left")
        .with_columns(pl.col("past_days").fill_null(0))
        .collect()
    )
    return rows


def _counts(legs: SortedLegs) -> Columns:
    placed, days = legs.placed, legs.placed.line_days
    is_short = placed.is_answered & (placed.duration_s < SHORT_S)
    return {
        "n_out": days.last - days.first + 1,
        "n_answered": days.sums(placed.is_answered),
        "n_short": days.sums(is_short),
        "talk_s": days.sums(placed.duration_s),
        "n_cells": _count_distinct(days, legs.codes("cell_id")[legs.is_placed]),
        "n_handsets": _count_distinct(days, legs.codes("imei")[legs.is_placed]),
        "first_out": placed.start[days.first],
        "last_out": placed.start[days.last],
    }


def _count_distinct(days: Runs, codes: Integers) -> Integers:
    """Count the different codes of each line-day."""
    counts = np.zeros(len(days), np.int64)
    is_told, n_bits = codes != UNKNOWN, sorted_legs.bits(codes)
    side = (days.of_row[is_told], codes[is_told])
    for groups, [(_, pairs)] in sorted_legs.packed_pairs(n_bits, side):
        counts[groups] = sorted_legs.count_groups(distinct(pairs), n_bits, groups)
    return counts


def _peaks(placed: PlacedCalls, is_busy: Flags) -> Columns:
    """Return the fullest windows of each day, and the most calls under way at once.

    A window may begin before midnight; one of 24 hours sees busy days only.
    """
    days, length = placed.line_days, placed.duration_s * US_PER_S
    reach = max(DAY_S * US_PER_S, int(length.max(initial=0))) + 1
    instant = sorted_legs.instants(placed.line, placed.start, reach=reach)
    open_calls = sorted_legs.count_under_way(instant, length)
    columns = {"peak_under_way": days.largest(open_calls)[0]}
    for name, width_s in WINDOWS_S.items():
        calls = sorted_legs.count_in_window(instant, width_s * US_PER_S)
        columns[name], end = days.largest(calls)
        columns[f"{name}_end"] = placed.start[end]
    of_busy = np.flatnonzero(is_busy[days.of_row])
    busy_days = Runs(days.of_row[of_busy])
    calls = sorted_legs.count_in_window(instant[of_busy], DAY_S * US_PER_S)
    most, end = busy_days.largest(calls)
    for name, values in (("peak_24h", most), ("peak_24h_end", placed.start[of_busy][end])):
        columns[name] = np.zeros(len(days), np.int64)
        columns[name][is_busy] = values
    return columns


def _numbers(legs: SortedLegs) -> Columns:
    """Count the called numbers, the calls received, and the called numbers that called, too.

    These called the line the same day (n_mutual), or did so after they had been called.
    """
    days, number = legs.placed.line_days, legs.codes("counterpart")
    all_days, n_bits = Runs(legs.line, legs.day), sorted_legs.bits(number)
    day_of_run = np.full(len(all_days), UNKNOWN)
    day_of_run[all_days.of_row[legs.is_placed]] = days.of_row
    day, is_told = day_of_run[all_days.of_row], number != UNKNOWN
    is_received = ~legs.is_placed & (day != UNKNOWN)
    placed, received = (np.flatnonzero(rows & is_told) for rows in (legs.is_placed, is_received))
    names = ("n_distinct", "n_mutual", "n_called_back")
    columns = {name: np.zeros(len(days), np.int64) for name in names}
    columns["n_in"] = np.bincount(day[is_received], minlength=len(days))
    start, start_in = legs.start[placed], legs.start[received]
    sides = ((day[rows], number[rows]) for rows in (placed, received))
    for groups, [(rows, pairs), (rows_in, pairs_in)] in sorted_legs.packed_pairs(n_bits, *sides):
        order = np.argsort(pairs)
        runs = Runs(pairs[order])
        called = pairs[order][runs.first]
        first_out = np.minimum.reduceat(start[rows][order], runs.first)
        place = np.searchsorted(called, pairs_in)
        is_mutual = np.append(called, UNKNOWN)[place] == pairs_in
        is_after = is_mutual & (np.append(first_out, 0)[place] < start_in[rows_in])
        for name, numbers in (
            ("n_distinct", called),
            ("n_mutual", distinct(pairs_in[is_mutual])),
            ("n_called_back", distinct(pairs_in[is_after])),
        ):
            columns[name][groups] = sorted_legs.count_groups(numbers, n_bits, groups)
    return columns


def _count_familiar(legs: SortedLegs, is_busy: Flags) -> Integers:
    """Count the called numbers that the line also called on an earlier busy day."""
    placed, days = legs.placed, legs.placed.line_days
    line, number = placed.line[days.first], legs.codes("counterpart")[legs.is_placed]
    is_compared = is_busy & (np.bincount(line[is_busy], minlength=len(legs.lines)) > 1)[line]
    dates, date_of_day = np.unique(placed.day[days.first], return_inverse=True)
    rows = np.flatnonzero(is_compared[days.of_row] & (number != UNKNOWN))
    n_bits, date_bits = sorted_legs.bits(number), sorted_legs.bits(date_of_day)
    if n_bits + date_bits > sorted_legs.PACKED_BITS:
        number, n_bits = np.unique(number, return_inverse=True)[1], len(number).bit_length()
    dated = number[rows] << date_bits | date_of_day[days.of_row[rows]]
    n_familiar, line_dates = np.zeros(len(days), np.int64), line << date_bits | date_of_day
    side = (placed.line[rows], dated)
    for groups, [(_, called)] in sorted_legs.packed_pairs(n_bits + date_bits, side):
        pairs = distinct(called)
        date, same = pairs & ((1 << date_bits) - 1), pairs >> date_bits
        passed = dates[date[1:]] - dates[date[:-1]]
        known = np.flatnonzero((same[1:] == same[:-1]) & (passed <= FAMILIAR_DAYS)) + 1
        known_on = ((same[known] >> n_bits) + groups.start) << date_bits | date[known]
        n_familiar += np.bincount(np.searchsorted(line_dates, known_on), minlength=len(days))
    return n_familiar


def _past_of_days(profile: pl.LazyFrame, line_days: pl.LazyFrame) -> pl.LazyFrame:
    """Return what is usual before some line-days (line, day)."""
    active = profile.filter(pl.col("n_out") > 0).select("line", "day", "n_out")
    today = active.join(line_days, on=["line", "day"], how="semi")
    past = rolling.past_stats(active, today, "n_out")
    today = today.join(past, on=["line", "day"])
    known = pl.col("past_days") >= MIN_PAST_DAYS
    z = (rolling.anscombe(pl.col("n_out")) - pl.col("past_centre")) / pl.col("past_spread")
    return today.select(
        "line",
        "day",
        "past_days",
        usual=pl.when(known).then("past_median"),
        past_z=pl.when(known).then(z),
        past_mean=pl.when(known).then("past_mean"),
        past_variance=pl.when(known).then("past_variance"),
    )
