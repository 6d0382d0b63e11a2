"""Settings of the detector of new-SIM bursts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from pydantic.dataclasses import dataclass

from cdr_anomaly.detectors.base import STRICT, Detector, setting

if TYPE_CHECKING:
    from cdr_anomaly.features.tables import Tables


@dataclass(frozen=True, config=STRICT)
class NewSimBurstSettings(Detector):
    """What makes a finding of new-SIM bursts."""

    line_calls: int = setting(100, "calls in the first hours of a line that make a finding", ge=1)
    line_calls_60min: int = setting(30, "the same within any 60 minutes of these", ge=1)
    line_hours: int = setting(72, "how long a line's first hours last, from its first leg", ge=1)
    line_distinct: float = setting(0.5, "least share of different numbers", ge=0, le=1)
    line_forwards: int = setting(5, "forwarded calls, from birth, that make a finding", ge=1)
    block_lines: int = setting(10, "new lines of a block that make a finding", ge=2)
    block_ratio: float = setting(3.0, "times the expected number that they must be", ge=1)
    fdr: float = setting(0.01, "false-discovery rate over all blocks of a day", gt=0, lt=1)
    warm_up_days: int = setting(28, "days of feed before a first leg means a new line", ge=1)
    many_call_backs: float = setting(0.15, "share that calls back, keeps a line low", ge=0, le=1)
    many_cells: int = setting(5, "cells in a day that keep a line low", ge=2)

    def first_days(self) -> int:
        """Return how many local days the first hours of a line may touch."""
        return self.line_hours // 23 + 2

    def first_line_days(self, tables: Tables) -> pl.LazyFrame:
        """Return PROFILE of the first days of new lines."""
        age = (pl.col("day") - pl.col("born")).dt.total_days()
        young = tables.profile.join(tables.lines.select("line", "born"), on="line")
        return young.filter(age.is_between(0, -(-self.line_hours // 24) - 1))
