"""Calibration of evidence: how many honest line-days have a small p or q, and how many should."""

from __future__ import annotations

import polars as pl

from cdr_anomaly.evaluation import ground_truth

P_VALUES = (1e-2, 1e-3, 1e-4, 1e-5)
Q_VALUES = (0.01, 0.05, 0.1)
NO_EVIDENCE = "no evidence.parquet beside the alerts"
RULES = {"calibration": "tested line-days of no planted line at or under p, over tested times p"}


def calibrate(evidence: pl.DataFrame | None, truth: pl.DataFrame) -> pl.DataFrame:
    """Return how many line-days of no planted line have a small p, and how many should.

    The tested lines of a day are EVIDENCE.tested, less the planted ones that worked that day.
    """
    if evidence is None:
        return _no_evidence()
    planted = ground_truth.planted_lines(truth)
    days = evidence.group_by("day").agg(pl.col("tested").max())
    at_work = days.join(planted, how="cross")
    at_work = at_work.filter(pl.col("day").is_between("first_day", "last_day"))
    working = at_work.select("day", "line").n_unique()
    tested = int(days["tested"].sum()) - working
    p_value = _without_planted(evidence, planted)["p_value"]
    rows = [(p, tested, int((p_value <= p).sum()), tested * p) for p in P_VALUES]
    counts = pl.DataFrame(rows, ["p_at_most", "line_days", "observed", "expected"], orient="row")
    ratio = pl.when(pl.col("expected") > 0).then(pl.col("observed") / pl.col("expected"))
    return counts.with_columns(pl.col("expected").round(2), ratio=ratio.round(3))


def false_discoveries(evidence: pl.DataFrame | None, truth: pl.DataFrame) -> pl.DataFrame:
    """Return the share of line-days of no planted line among those with so small a q."""
    if evidence is None:
        return _no_evidence()
    all_q = evidence["q_value"]
    honest_q = _without_planted(evidence, ground_truth.planted_lines(truth))["q_value"]
    rows = [(q, int((all_q <= q).sum()), int((honest_q <= q).sum())) for q in Q_VALUES]
    counts = pl.DataFrame(rows, ["q_at_most", "line_days", "false_ones"], orient="row")
    return counts.with_columns(false_share=ground_truth.share("false_ones", "line_days"))


def _without_planted(evidence: pl.DataFrame, planted: pl.DataFrame) -> pl.DataFrame:
    """Leave out the line-days that are planted."""
    line_days = evidence.select("line", "day").join(planted, on="line")
    line_days = line_days.filter(ground_truth.is_on_actor_day())
    return evidence.join(line_days, on=["line", "day"], how="anti")


def _no_evidence() -> pl.DataFrame:
    return pl.DataFrame({"state": [NO_EVIDENCE]})
