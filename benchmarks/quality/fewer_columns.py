"""The same records without cells, handsets, cards and trunks: what is still found."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import pipeline
from cdr_anomaly.alerts import severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from cdr_anomaly.evaluation.ground_truth import Lists
    from cdr_anomaly.result import Result
    from cdr_anomaly.settings import Settings

REMOVED_COLUMNS = ("cell_id", "imei", "imsi", "trunk_in")
# They were there before cells, handsets, cards and trunks were looked at, and need none of them.
INDEPENDENT = ("mass_dialler", "high_frequency", "forwarding_chain", "new_sim_burst")
FINDING_KEY = ["detector", "subject_kind", "subject", "day", "observed", "threshold"]


class FewerColumns(NamedTuple):
    """What came of a scan of such records.

    ``compared`` counts for each detector its findings in both scans; ``not_applicable`` says which
    detectors do not judge such records and why, ``unknown`` what else is not known. ``lists`` are
    those of its findings.
    """

    compared: pl.DataFrame
    not_applicable: Mapping[str, str]
    unknown: Sequence[str]
    lists: Lists


def scan_without(folder: Path, settings: Settings) -> Result:
    """Scan the records of a city again, without these columns."""
    calls, bare = folder / "calls", folder / "bare"
    for file in sorted(calls.rglob("*.parquet")):
        copy = bare / file.relative_to(calls)
        copy.parent.mkdir(parents=True, exist_ok=True)
        pl.read_parquet(file).drop(REMOVED_COLUMNS).write_parquet(copy)
    result = pipeline.scan([bare], settings, entities=folder / "entities.csv")
    shutil.rmtree(bare)
    return result


def compare_findings(all_columns: pl.DataFrame, fewer: pl.DataFrame) -> pl.DataFrame:
    """Count the findings of two scans by detector: those in each, in both, and as grave in both.

    A finding is the same when detector, subject, day, value and limit are. ``free`` are those in
    both whose reason names no cell, ``free_as_grave`` those of them that are as grave in both.
    """
    both = _numbered(all_columns).join(_numbered(fewer), on=[*FINDING_KEY, "nth"], suffix="_less")
    grade, grade_less = (
        pl.col(name).replace_strict(severity.GRADES, return_dtype=pl.Int64)
        for name in ("severity", "severity_less")
    )
    same, free = grade == grade_less, ~pl.col("reason").str.contains(r"\bcells?\b")
    counts = both.group_by("detector").agg(
        both=pl.len(),
        as_grave=same.sum(),
        less_grave=(grade_less < grade).sum(),
        graver=(grade_less > grade).sum(),
        free=free.sum(),
        free_as_grave=(same & free).sum(),
    )
    sizes = [
        frame.group_by("detector").agg(pl.len().alias(name))
        for frame, name in ((all_columns, "with"), (fewer, "without"))
    ]
    names = pl.concat([frame.select("detector") for frame in sizes]).unique()
    for part in (*sizes, counts):
        names = names.join(part, on="detector", how="left")
    return names.with_columns(pl.exclude("detector").fill_null(0).cast(pl.Int64)).sort(
        ~pl.col("detector").is_in(INDEPENDENT), "detector"
    )


def _numbered(findings: pl.DataFrame) -> pl.DataFrame:
    """Number those about the same, the gravest last: a line may be found for two things."""
    ordered = findings.sort(*FINDING_KEY, severity.grade(), "reason")
    return ordered.select(
        *FINDING_KEY, "severity", "reason", nth=pl.int_range(pl.len()).over(FINDING_KEY)
    )
