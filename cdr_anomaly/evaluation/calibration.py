"""Evidence held against the truth: how many lines have a small p or q, and how many should."""

from __future__ import annotations

import polars as pl

from cdr_anomaly.evaluation import ground_truth

P_VALUES = (1e-2, 1e-3, 1e-4, 1e-5)
Q_VALUES = (0.01, 0.05, 0.1)
NO_EVIDENCE = "no evidence.parquet beside the alerts"
RULES = {"calibration": "tested line-days of no planted line at or under p, over tested times p"}


def calibrated(evidence: pl.DataFrame | None, truth: pl.DataFrame) -> pl.DataFrame:
    """Compare how many line-days of no planted line have a small p with how many should.

    ``tested`` of a day are all lines that were active and tested; the planted ones that were at
    work that day are taken from it.
    """
    if evidence is None:
        return _none()
    bad = ground_truth.planted(truth)
    days = evidence.group_by("day").agg(pl.col("tested").max())
    at_work = days.join(bad, how="cross").filter(pl.col("day").is_between("first_day", "last_day"))
    working = at_work.select("day", "line").n_unique()
    tested = int(days["tested"].sum()) - working
    p_value = _clean(evidence, bad)["p_value"]
    rows = [(p, tested, int((p_value <= p).sum()), tested * p) for p in P_VALUES]
    counted = pl.DataFrame(rows, ["p_at_most", "line_days", "observed", "expected"], orient="row")
    ratio = pl.when(pl.col("expected") > 0).then(pl.col("observed") / pl.col("expected"))
    return counted.with_columns(pl.col("expected").round(2), ratio=ratio.round(3))


def discoveries(evidence: pl.DataFrame | None, truth: pl.DataFrame) -> pl.DataFrame:
    """Give the share of line-days of no planted line among those at or under a q, beside that q."""
    if evidence is None:
        return _none()
    whole = evidence["q_value"]
    clean = _clean(evidence, ground_truth.planted(truth))["q_value"]
    rows = [(q, int((whole <= q).sum()), int((clean <= q).sum())) for q in Q_VALUES]
    counted = pl.DataFrame(rows, ["q_at_most", "line_days", "false_ones"], orient="row")
    some = pl.col("line_days") > 0
    share = pl.when(some).then(pl.col("false_ones") / pl.col("line_days"))
    return counted.with_columns(false_share=share.round(4))


def _clean(evidence: pl.DataFrame, bad: pl.DataFrame) -> pl.DataFrame:
    """Leave out the line-days that are planted."""
    theirs = evidence.select("line", "day").join(bad, on="line").filter(ground_truth.on_its_day())
    return evidence.join(theirs, on=["line", "day"], how="anti")


def _none() -> pl.DataFrame:
    return pl.DataFrame({"state": [NO_EVIDENCE]})
