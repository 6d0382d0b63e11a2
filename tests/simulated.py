"""Records of an invented city as tests look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from cdr_anomaly import simulate

ZONE = "Asia/Shanghai"


def plain(number: str) -> pl.Expr:
    """Bring the written forms of a number back to the one that the truth uses."""
    return (
        pl.col(number).str.replace("^00", "+")
        .str.replace(r"^0([1-9]\d{9,})$", "+86$1")
        .str.replace(r"^(1[3-9]\d{9})$", "+86$1")
    )  # fmt: skip


def told(sample: simulate.Sample) -> pl.DataFrame:
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
