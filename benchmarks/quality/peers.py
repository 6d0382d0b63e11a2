"""What others would list from the same measures of the same line-days."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.quality import nightly_lists
from cdr_anomaly import detectors
from cdr_anomaly.evaluation.ground_truth import Lists

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.quality.nightly_lists import ListInputs
    from cdr_anomaly.result import Result

# A peer has no limit of its own; it lists the most outlying lines of a night up to this budget.
MAX_LISTED = 50
MIN_CALLS = 200
MANY_CALLS = f"{MIN_CALLS} calls a day"
# Counts are skewed; shares are not, and what is a logarithm already is left alone.
NOT_SKEWED = {m.name for m in detectors.MEASURES.values() if m.is_share} | {"own_past"}


def measure_table(evidence: pl.DataFrame) -> pl.DataFrame:
    """Return the measures of every line-day of EVIDENCE a column each, counts as log(1 + x)."""
    long = evidence.select("line", "day", "measures").explode("measures").unnest("measures")
    plain = pl.col("measure").is_in(NOT_SKEWED)
    value = pl.when(plain).then("value").otherwise((1 + pl.col("value").clip(0)).log())
    wide = long.with_columns(value).pivot(
        "measure", index=["line", "day"], values="value", aggregate_function="max"
    )
    names = sorted(detectors.MEASURES)
    missing = [pl.lit(None, pl.Float64).alias(n) for n in names if n not in wide.columns]
    return wide.with_columns(missing).select("line", "day", *names).sort("day", "line")


def list_many_calls(result: Result, inputs: ListInputs) -> pl.DataFrame:
    """List every line of a day with so many placed calls, those with most first."""
    tables = result.tables
    busy = (
        tables.profile.filter(pl.col("n_out") >= MIN_CALLS)
        .select("day", "n_out", line=tables.written(pl.col("line")))
        .collect()
    )
    free = busy.join(nightly_lists.declared_line_days(busy, inputs), on=["line", "day"], how="anti")
    return _alerts(free.rename({"n_out": "score"}))


def score_peers(
    measures: pl.DataFrame, declared: pl.DataFrame, same_nights: Lists, python: str, folder: Path
) -> dict[str, Lists]:
    """Let the models of another Python score the line-days, and list the highest of each night.

    ``like`` names the nights that are counted. Declared lines are left out, as they are for us.
    """
    measures_file, scores_file = folder / "measures.parquet", folder / "scores.parquet"
    measures.write_parquet(measures_file)
    peer = "benchmarks/peers/pyod_peer.py"
    subprocess.run([python, peer, str(measures_file), str(scores_file)], check=True)
    scores = pl.read_parquet(scores_file).join(declared, on=["line", "day"], how="anti")
    scores = scores.join(same_nights.names, left_on="day", right_on="list_day", how="semi")
    models = scores.partition_by("model", as_dict=True, include_key=False)
    return {
        str(name): as_lists(_alerts(rows, MAX_LISTED), same_nights)
        for (name,), rows in models.items()
    }


def as_lists(alerts: pl.DataFrame, same_nights: Lists) -> Lists:
    """Return alerts as lists of the same nights as others."""
    marked = alerts.with_columns(list=pl.col("day").cast(pl.String), list_day="day")
    return Lists(same_nights.names, marked)


def _alerts(scores: pl.DataFrame, limit: int = 200) -> pl.DataFrame:
    """Rank the lines of each day (line, day, score), and keep so many as alerts of one line."""
    order = pl.struct(-pl.col("score").cast(pl.Float64), "line")
    ranked = scores.with_columns(rank=order.rank("ordinal").over("day").cast(pl.Int64))
    return ranked.filter(pl.col("rank") <= limit).select(
        "rank",
        "day",
        subject="line",
        subject_kind=pl.lit("line"),
        members=pl.concat_list("line"),
        severity=pl.lit("medium"),
    )
