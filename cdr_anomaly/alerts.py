"""FINDINGS to ALERTS: one alert a subject, suppressed when declared, ranked."""

from __future__ import annotations

import polars as pl

from cdr_anomaly.schema import ALERTS, SEVERITIES, require


def ranked(findings: pl.DataFrame, entities: pl.DataFrame) -> pl.DataFrame:
    """Merge the findings of each subject, set aside the declared ones, and rank the rest.

    ``entities`` has (number, purpose). The order is severity, then excess over the limit, then
    the subject's name, so that it is the same on every run. Declared subjects come last, without
    a rank, with the purpose that suppressed them.
    """
    grade = pl.col("severity").replace_strict(
        {word: place for place, word in enumerate(SEVERITIES)}, return_dtype=pl.Int64
    )
    excess = (pl.col("observed") / pl.col("limit")).round(3)
    merged = (
        findings.lazy()
        .with_columns(grade=grade, excess=excess)
        .sort("grade", "day", "observed", "detector", "reason",
              descending=[True, True, True, False, False])
        .group_by("subject", maintain_order=True)
        .agg(
            pl.col("members").list.explode(keep_nulls=False, empty_as_null=False).unique().sort(),
            pl.col("subject_kind", "day", "severity", "grade").first(),
            score=pl.col("excess").max(),
            p_value=pl.col("p_value").min(),
            detectors=pl.col("detector").unique().sort(),
            reasons=pl.col("reason").unique(maintain_order=True),
        )
        .join(entities.lazy(), left_on="subject", right_on="number", how="left")
        .rename({"purpose": "suppressed_by"})
    )  # fmt: skip
    declared = pl.col("suppressed_by").is_not_null()
    ordered = merged.sort(
        declared, "grade", "score", "subject", descending=[False, True, True, False],
    )  # fmt: skip
    rank = pl.when(~declared).then((~declared).cum_sum().cast(pl.Int64))
    placed = ordered.with_columns(rank=rank, q_value=pl.lit(None, pl.Float64))
    return require(placed, ALERTS, "alerts").collect()


def as_grave(alerts: pl.DataFrame, severity: str) -> bool:
    """Tell whether any alert on the list is of that severity or graver."""
    graver = SEVERITIES[SEVERITIES.index(severity) :]
    listed = alerts.filter(pl.col("rank").is_not_null())
    return bool(listed["severity"].is_in(graver).any())
