"""FINDINGS to ALERTS: one alert a subject, set aside when declared or just listed, and ranked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.schema import ALERTS, FEEDBACK, SEVERITIES, empty, require

if TYPE_CHECKING:
    from datetime import date

GRADES = {word: place for place, word in enumerate(SEVERITIES)}


def ranked(
    findings: pl.DataFrame,
    earlier: pl.DataFrame | None = None,
    told: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Merge the findings of each subject, set aside what need not be looked at, rank the rest.

    ``findings`` are FINDINGS with ``suppressed_by`` (declared.set_aside). ``earlier`` are ALERTS of
    the days before: a subject that was listed comes again only graver than it was, or by another
    detector. ``told`` is FEEDBACK. The order is severity, then excess over the limit, then the
    subject's name, so that it is the same on every run; what is set aside comes last, unranked.
    """
    excess = (pl.col("observed") / pl.col("limit")).round(3)
    # What is declared for one detector leaves what others found.
    free = pl.col("suppressed_by").is_null()
    merged = (
        findings.lazy()
        .filter(free | ~free.any().over("subject"))
        .with_columns(grade=_grade(), excess=excess)
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
            suppressed_by=pl.col("suppressed_by").unique().sort().str.join("; ").replace("", None),
        )
        .join(_listed(empty(ALERTS) if earlier is None else earlier), on="subject", how="left")
        .join(_said(empty(FEEDBACK) if told is None else told), on="subject", how="left")
    )  # fmt: skip
    news = pl.col("detectors").list.set_difference("known_detectors").list.len() > 0
    ongoing = pl.col("listed").is_not_null() & (pl.col("grade") <= pl.col("known_grade")) & ~news
    merged = merged.with_columns(ongoing_since=pl.when(ongoing).then("listed"))
    declared, again = pl.col("suppressed_by").is_not_null(), pl.col("ongoing_since").is_not_null()
    ordered = merged.sort(
        declared, again, "grade", "score", "subject", descending=[False, False, True, True, False],
    )  # fmt: skip
    listed = ~declared & ~again
    rank = pl.when(listed).then(listed.cum_sum().cast(pl.Int64))
    placed = ordered.with_columns(rank=rank, q_value=pl.lit(None, pl.Float64))
    return require(placed, ALERTS, "alerts").collect()


def as_grave(alerts: pl.DataFrame, severity: str) -> bool:
    """Tell whether any alert on the list is of that severity or graver."""
    listed = pl.col("rank").is_not_null()
    return not alerts.filter(listed, _is_grave(severity)).is_empty()


def to_stop(alerts: pl.DataFrame, severity: str, until: date) -> pl.DataFrame:
    """List the numbers of that severity or graver, to be stopped up to a day.

    Lines that are listed, or were lately and go on; of a hub its target. Blocks are no numbers.
    """
    numbers = alerts.filter(
        pl.col("suppressed_by").is_null(), pl.col("subject_kind") != "block",
        _is_grave(severity),
    )  # fmt: skip
    return numbers.select(
        number="subject", severity="severity", valid_from="day", valid_until=pl.lit(until),
        detectors=pl.col("detectors").list.join("; "), reason=pl.col("reasons").list.first(),
    )  # fmt: skip


def _is_grave(severity: str) -> pl.Expr:
    return _grade() >= GRADES[severity]


def _grade() -> pl.Expr:
    return pl.col("severity").replace_strict(GRADES, return_dtype=pl.Int64)


def _listed(earlier: pl.DataFrame) -> pl.LazyFrame:
    return (
        earlier.lazy()
        .filter(pl.col("rank").is_not_null())
        .group_by("subject")
        .agg(
            listed=pl.col("day").max(),
            known_grade=_grade().max(),
            known_detectors=pl.col("detectors").explode().unique(),
        )
    )


def _said(told: pl.DataFrame) -> pl.LazyFrame:
    """Put the last word on each line in one text."""
    note = (
        pl.when(pl.col("note").is_not_null()).then(pl.format(": {}", "note")).otherwise(pl.lit(""))
    )
    last = told.lazy().sort("day", "at").group_by("line", maintain_order=True).last()
    return last.select(subject="line", feedback=pl.format("{} on {}{}", "verdict", "day", note))
