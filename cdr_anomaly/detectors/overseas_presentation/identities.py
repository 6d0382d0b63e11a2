"""Numbers presented as foreign whose own records are those of a home subscriber."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.detectors.grading import ladder
from cdr_anomaly.detectors.overseas_presentation.calls import call_counts
from cdr_anomaly.numbering import caller_id
from cdr_anomaly.wording import sentence

if TYPE_CHECKING:
    from cdr_anomaly.detectors.overseas_presentation.settings import OverseasPresentationSettings
    from cdr_anomaly.features.tables import Tables


def find(limits: OverseasPresentationSettings, tables: Tables, calls: pl.LazyFrame) -> pl.LazyFrame:
    """Return findings of numbers that a home subscriber's records are written for."""
    by_imsi = "imsi" in tables.feed.columns
    codes = limits.home_mcc or caller_id.MOBILE_COUNTRY_CODES.get(tables.plan.region, ())
    if by_imsi:
        is_ours = pl.col("imsi").str.slice(0, 3).is_in(codes)
        identity = sentence(
            "overseas_presentation.home_imsi",
            "from {n} home subscriber identities (IMSI of {codes})",
            n="n_identities",
            codes=pl.lit(", ".join(codes)),
        )
    else:
        is_ours = pl.col("cell_id").is_not_null() & pl.col("imei").is_not_null()
        identity = sentence(
            "overseas_presentation.home_cells",
            "with home cells and handsets, which guests have, too: the feed has no imsi",
        )
    days = (
        calls.filter(is_ours)
        .group_by("line", "number", "day")
        .agg(
            *call_counts(),
            n_identities=pl.col("imsi").n_unique().cast(pl.Int64),
            n_cells=pl.col("cell_id").drop_nulls().n_unique().cast(pl.Int64),
            n_handsets=pl.col("imei").drop_nulls().n_unique().cast(pl.Int64),
        )
    )
    many = pl.col("n_called") >= (limits.mismatch_contacts if by_imsi else limits.contacts)
    grades = ("high", "medium") if by_imsi else ("medium", "low")
    return limits.mismatch(
        tables,
        days,
        severity=ladder({grades[0]: many}, grades[1]),
        reason=sentence(
            "overseas_presentation.identity",
            "presented as foreign, placed {calls} calls on {day} (limit {limit}) {identity}, to "
            "{numbers} different numbers, at {cells} home cells",
            calls="n_calls",
            day="day",
            limit=limits.mismatch_calls,
            identity=identity,
            numbers="n_called",
            cells="n_cells",
        ),
        evidence=pl.struct("n_calls", "n_called", "n_identities", "n_cells", "n_handsets"),
    )
