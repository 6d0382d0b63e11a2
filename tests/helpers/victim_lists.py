"""Victims, and people on lists, by the row."""

from __future__ import annotations

from typing import Any

import polars as pl

from cdr_anomaly.evaluation import victim_scores
from tests.helpers.alert_lists import night


def held(*rows: tuple[str, str, int, int]) -> pl.DataFrame:
    """Make victims of (line, actor, first day, last day)."""
    told = [(line, actor, night(a), night(b)) for line, actor, a, b in rows]
    frame = pl.DataFrame(told, victim_scores.VICTIM_TYPES, orient="row")
    return frame.with_columns(kind=pl.col("actor").str.replace(r"_\d+$", ""))


def person(number: str, place: int, **other: Any) -> dict[str, Any]:
    return {"rank": place, "number": number, "tier": "now", "lines": [], "day": night(0)} | other
