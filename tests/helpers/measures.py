"""Measures of a few invented families, by day."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from cdr_anomaly.features.peer_measures import Measure

FIRST = date(2026, 5, 1)


MEASURES = {
    "calls": Measure("calls", "{value} calls"),
    "peak": Measure("peak", "{value} at once"),
    "back": Measure("back", "{value} called back", low_is_odd=True, is_share=True),
}


FAMILIES = {"calls": "volume", "peak": "volume", "back": "dispersion"}


NOBODY = pl.DataFrame(schema={"line": pl.String, "day": pl.Date})


def day(n: int) -> date:
    return FIRST + timedelta(days=n)
