"""Records of an invented city as tests look at them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import polars as pl

from cdr_anomaly.evaluation.simulation import city

ZONE = "Asia/Shanghai"
END = pl.col("start_time") + pl.duration(seconds="duration_s")


@lru_cache(maxsize=4)
def simulate(**size: Any) -> city.Sample:
    """Simulate a city, once for all tests that look at the same one."""
    return city.simulate(**size)


def plain(number: str) -> pl.Expr:
    """Bring the written forms of a number back to the one that the truth uses."""
    return (
        pl.col(number)
        .str.replace("^00", "+")
        .str.replace(r"^0([1-9]\d{9,})$", "+86$1")
        .str.replace(r"^(1[3-9]\d{9})$", "+86$1")
    )


def told(sample: city.Sample) -> pl.DataFrame:
    """Write every number in one form, add the local day, and the truth about the one who acts.

    That is the line that forwarded, else the caller.
    """
    numbers = ("calling_number", "called_number", "redirecting_number")
    calls = sample.calls.with_columns(*(plain(number) for number in numbers))
    local = pl.col("start_time").dt.convert_time_zone(ZONE)
    calls = calls.with_columns(
        day=local.dt.date(), line=pl.coalesce("redirecting_number", "calling_number")
    )
    return calls.join(sample.truth, on="line", how="inner", maintain_order="left")


def calls(sample: city.Sample) -> pl.DataFrame:
    """Return all calls, numbers in one form, with the local day."""
    local = pl.col("start_time").dt.convert_time_zone(ZONE)
    rows = sample.calls.filter(pl.col("record_type") == "call")
    return rows.with_columns(plain("calling_number"), plain("called_number"), day=local.dt.date())


def of(placed: pl.DataFrame, *kinds: str) -> pl.DataFrame:
    return placed.filter(pl.col("kind").is_in(kinds))


def shown_on(calls: pl.DataFrame, trunk: str) -> float:
    """Tell the share of calls that came in on trunks whose names begin like this."""
    return float(calls["trunk_in"].fill_null("").str.starts_with(trunk).mean())  # type: ignore[arg-type]
