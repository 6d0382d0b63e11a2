"""A few calls, and how many of them each line placed, received and forwarded, counted slowly."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import strategies as st

from cdr_anomaly.ingest import validate

DAY = date(2026, 5, 4)
SCHEMA = {
    "calling_number": pl.Int64,
    "called_number": pl.Int64,
    "redirecting_number": pl.Int64,
    "record_type": validate.RECORD_TYPE,
    "day": pl.Date,
}
NUMBER = st.sampled_from([None, 1, 2, 3, 4, -6])
CALLS = st.lists(
    st.tuples(
        NUMBER,
        NUMBER,
        st.sampled_from([None, 1, 2]),
        st.sampled_from(validate.TYPES),
        st.integers(0, 2).map(lambda n: DAY + timedelta(days=n)),
    ),
    max_size=40,
)
Row = tuple[Any, ...]


def slowly(calls: list[Row]) -> dict[tuple[int, date], tuple[int, int, int]]:
    own: dict[Row, int] = defaultdict(int)
    other: dict[Row, int] = defaultdict(int)
    for caller, called, forwarder, kind, day in calls:
        goes_on = forwarder is not None and forwarder != called
        for place, line, mine, theirs in (
            (0, caller, ("call", "moc"), ("mtc",)),
            (1, called, ("call", "mtc"), ("moc",)),
            (2, forwarder if goes_on else None, ("fwd",), ("call", "moc", "mtc")),
        ):
            if line is not None:
                own[line, day, place] += kind in mine
                other[line, day, place] += kind in theirs
    days = {key[:2] for key in own}
    counts = {key: tuple(own[*key, i] or other[*key, i] for i in range(3)) for key in days}
    return {key: each for key, each in counts.items() if any(each)}
