"""New lines that dial from the first hour."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.grading import Grading, ladder
from cdr_anomaly.detectors.phrases import percent
from cdr_anomaly.features import rolling
from cdr_anomaly.wording import first_sentence, sentence

if TYPE_CHECKING:
    from cdr_anomaly.detectors.new_sim_burst.settings import NewSimBurstSettings
    from cdr_anomaly.features.tables import Tables

CALL_BACKS_DIVISOR = Grading(3, "divides `many_call_backs`; below that one that dials is high")
HIGH_DISTINCT = Grading(0.8, "share of different numbers that it needs for that")
GRADINGS = (CALL_BACKS_DIVISOR, HIGH_DISTINCT)


def find(limits: NewSimBurstSettings, tables: Tables) -> pl.LazyFrame:
    """Return findings of lines that dialled in their first hours, on each day of these."""
    back = pl.col("n_called_back") / pl.col("n_distinct")
    wanted = (back >= limits.many_call_backs) | (pl.col("n_cells") >= limits.many_cells)
    strict = (
        pl.lit(tables.two_way)
        & (back < limits.many_call_backs / CALL_BACKS_DIVISOR)
        & (pl.col("n_called") >= HIGH_DISTINCT * pl.col("n_early"))
    )
    window = first_sentence(
        [(pl.col("by_count"), sentence("new_sim_burst.since_first_leg", "since its first leg"))],
        sentence("new_sim_burst.in_60_minutes", "in 60 minutes"),
    )
    return limits.finding(
        tables,
        _days(limits, tables),
        window_start=rolling.just_before(pl.col("first")),
        window_end=pl.col("last"),
        severity=ladder({"low": wanted, "high": strict}, "medium"),
        observed=pl.col("observed"),
        threshold=pl.col("limit"),
        reason=sentence(
            "new_sim_burst.dialling",
            "new since {since}, placed {calls} calls {first} (limit {limit}), {early} in its first "
            "{hours} hours up to {day}, to {numbers} different numbers; {back} % of the day's "
            "called back, {cells} cells named",
            since="born",
            calls="observed",
            first=window,
            limit="limit",
            early="n_early",
            hours=limits.line_hours,
            day="day",
            numbers="n_called",
            back=percent(pl.col("n_called_back"), pl.col("n_distinct")),
            cells="n_cells",
        ),
        would_clear_if=sentence(
            "new_sim_burst.clear_dialling",
            "fewer than {calls} calls in the first {hours} hours and than {peak_calls} in 60 "
            "minutes",
            calls=limits.line_calls,
            hours=limits.line_hours,
            peak_calls=limits.line_calls_60min,
        ),
        evidence=pl.struct(
            "n_early", "n_called", "peak_60min", "n_out", "n_in", "n_called_back", "n_cells"
        ),
    )


def _days(limits: NewSimBurstSettings, tables: Tables) -> pl.LazyFrame:
    """Return the days with calls enough since the first leg, or within 60 minutes."""
    early = _early_calls(limits, tables)
    days = early.group_by("line", "day").agg(peak_60min=pl.col("in_60min").max())
    upto = (
        days.join(early.rename({"day": "past_day"}), on="line")
        .filter(pl.col("past_day") <= pl.col("day"))
        .group_by("line", "day", "peak_60min")
        .agg(
            pl.col("first", "born").first(),
            last=pl.col("start").max(),
            n_early=pl.len().cast(pl.Int64),
            n_called=pl.col("counterpart").drop_nulls().n_unique().cast(pl.Int64),
        )
    )
    columns = ("n_called_back", "n_distinct", "n_cells", "n_out", "n_in")
    measured = upto.join(tables.measures.select("line", "day", *columns), on=["line", "day"])
    by_count = (
        pl.col("n_early") / limits.line_calls >= pl.col("peak_60min") / limits.line_calls_60min
    )
    observed = pl.when(by_count).then("n_early").otherwise("peak_60min")
    limit = pl.when(by_count).then(limits.line_calls).otherwise(limits.line_calls_60min)
    return measured.with_columns(observed=observed, limit=limit, by_count=by_count).filter(
        pl.col("observed") >= pl.col("limit"),
        pl.col("n_called") >= limits.line_distinct * pl.col("n_early"),
    )


def _early_calls(limits: NewSimBurstSettings, tables: Tables) -> pl.LazyFrame:
    """Return the calls that new lines placed in their first hours."""
    young = tables.lines.filter(pl.col("born").is_not_null()).select("line", "born")
    legs = tables.legs.join(young, on="line").filter(pl.col("day") >= pl.col("born"))
    # A line that was activated and then left alone for long is not new any more.
    age = (pl.col("day") - pl.col("born")).dt.total_days()
    return (
        legs.with_columns(first=pl.col("start").min().over("line"))
        .filter(
            pl.col("outgoing"),
            age <= limits.first_days(),
            pl.col("start") < pl.col("first") + timedelta(hours=limits.line_hours),
        )
        .sort("line", "start")
        .with_columns(in_60min=rolling.count_in_window("line", "start", 3600))
    )
