"""What is said of the calls of a busy line: of the window in which it exceeds its limit most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.wording import NOTHING, Sentence, first_sentence, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdr_anomaly.detectors.high_frequency.settings import HighFrequencySettings
    from cdr_anomaly.features.tables import Tables


def peak_sentence(
    limits: HighFrequencySettings, tables: Tables, top: Mapping[str, pl.Expr]
) -> Sentence:
    """Say how many calls there were, in the window that ``top`` says."""
    of_10min = sentence(
        "high_frequency.peak_10min",
        "{calls} calls in 10 minutes to {time} (limit {limit}), {day_calls} on the day",
        calls="peak_10min",
        time=tables.local(pl.col("peak_10min_end")),
        limit=limits.calls_10min,
        day_calls="n_out",
    )
    of_60min = sentence(
        "high_frequency.peak_60min",
        "{calls} calls in 60 minutes to {time} (limit {limit}), {day_calls} on the day",
        calls="peak_60min",
        time=tables.local(pl.col("peak_60min_end")),
        limit=limits.calls_60min,
        day_calls="n_out",
    )
    of_day = sentence(
        "high_frequency.peak_day",
        "{calls} calls on {day} (limit {limit})",
        calls="n_out",
        day="day",
        limit=limits.calls_day_alone,
    )
    return first_sentence([(top["peak_10min"], of_10min), (top["peak_60min"], of_60min)], of_day)


def clear_sentence(
    limits: HighFrequencySettings, tables: Tables, top: Mapping[str, pl.Expr]
) -> Sentence:
    """Say how many calls would not have been found, in that window."""
    back = sentence(
        "high_frequency.or_call_backs",
        ", or {share} % of the numbers calling back",
        share=round(100 * limits.many_call_backs),
    )
    or_back = back if tables.two_way else NOTHING
    of_10min = sentence(
        "high_frequency.clear_10min",
        "fewer than {limit} calls in 10 minutes{or_back}",
        limit=limits.calls_10min,
        or_back=or_back,
    )
    of_60min = sentence(
        "high_frequency.clear_60min",
        "fewer than {limit} calls in 60 minutes{or_back}",
        limit=limits.calls_60min,
        or_back=or_back,
    )
    of_day = sentence(
        "high_frequency.clear_day",
        "fewer than {limit} calls on the day{or_back}",
        limit=limits.calls_day_alone,
        or_back=or_back,
    )
    return first_sentence([(top["peak_10min"], of_10min), (top["peak_60min"], of_60min)], of_day)
