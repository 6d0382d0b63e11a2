"""Lines that place many calls within an hour over midnight, and on neither day many.

What a line placed on a day does not tell them. So the calls of the two hours about each midnight
are looked through.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.engines.profile import UNREACHABLE
from cdr_anomaly.features import rolling
from cdr_anomaly.ingest.volume import QUARTER_US

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from cdr_anomaly.features.feed import FeedReader

BURST = timedelta(hours=1)
BURST_QUARTERS = BURST // timedelta(microseconds=QUARTER_US)


def callers(reader: FeedReader, judged_days: Iterable[date], n_calls: int) -> pl.DataFrame:
    """Return the lines (line) with ``n_calls`` within 60 minutes about the start of a judged day.

    Repeats of rows are not merged, so a few more lines may come.
    """
    source, feed = reader.source, reader.feed
    # Nothing is known of the calls before the first day, unless a night brings the last of them.
    first = feed.first_day if source.carry_over is None else None
    days = pl.Series("day", [day for day in judged_days if day != first], pl.Date)
    if days.is_empty() or n_calls >= UNREACHABLE:
        return pl.DataFrame(schema={"line": source.line_type})
    midnight = rolling.midnight(pl.col("day"), source.tz).dt.epoch("us") // QUARTER_US
    quarters = days.to_frame().select(midnight).to_series()
    steps = range(-BURST_QUARTERS, BURST_QUARTERS)
    near = pl.concat([quarters + step for step in steps]).implode()
    is_near = (pl.col("start_time").dt.epoch("us") // QUARTER_US).is_in(near)
    columns = ["calling_number", "start_time"]
    calls = reader.engine.read_calls(source, columns, is_near, None, rows_done=lambda _: None)
    ordered = calls.drop_nulls("calling_number").sort(columns)
    last = pl.col("start_time").shift(1 - n_calls).over("calling_number")
    bursts = ordered.filter(last - pl.col("start_time") < BURST)
    return bursts.select(line="calling_number").unique()
