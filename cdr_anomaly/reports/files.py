"""The files of a run; they appear together, when the last one is written."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cdr_anomaly.alerts.ranking import unranked
from cdr_anomaly.alerts.victims.urgency import count_by_tier
from cdr_anomaly.reports.summary import calibrated_days
from cdr_anomaly.result import versions
from cdr_anomaly.storage.atomic_write import staging_folder
from cdr_anomaly.storage.csv import escape_formulas, join_lists

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from cdr_anomaly.result import Result
    from cdr_anomaly.storage.paths import Location


PAGE = "report.html"


def write_results(out: Location, result: Result, page: str) -> None:
    """Write the files of a run into ``out``, all or none, readable by their owner only.

    ``page`` is the text of report.html.
    """
    # Refused rows are found by another reading of all files.
    source = result.source
    refused = source.refused_rows() if result.counts.refused else source.no_refused_rows()
    with staging_folder(out) as folder:
        _write_alerts(folder, result.alerts)
        result.findings.write_parquet(folder / "findings.parquet")
        result.evidence.write_parquet(folder / "evidence.parquet")
        result.victims.write_parquet(folder / "victims.parquet")
        escape_formulas(join_lists(result.victims)).write_csv(folder / "victims.csv")
        refused.sink_parquet(folder / "refused.parquet")
        run = run_facts(result)
        text = json.dumps(run, indent=2, sort_keys=True, default=str, ensure_ascii=False)
        (folder / "run.json").write_text(text + "\n", encoding="utf-8")
        (folder / PAGE).write_text(page, encoding="utf-8")


def write_alerts(out: Location, alerts: pl.DataFrame) -> None:
    """Write alerts into ``out`` in every form, readable by their owner only."""
    with staging_folder(out) as folder:
        _write_alerts(folder, alerts)


def _write_alerts(folder: Path, alerts: pl.DataFrame) -> None:
    alerts.write_parquet(folder / "alerts.parquet")
    escape_formulas(join_lists(alerts)).write_csv(folder / "alerts.csv")
    alerts.write_ndjson(folder / "alerts.jsonl")


def run_facts(result: Result) -> dict[str, Any]:
    """Return what a run depended on and gave: the same for the same input and settings."""
    source = result.source
    return {
        "inputs": [
            {"path": str(file.path), "bytes": file.size, "rows": file.rows} for file in source.files
        ],
        "layout": source.layout.name,
        "zone": source.tz,
        "settings": source.settings.model_dump(exclude_none=True),
        "versions": versions(),
        "counts": asdict(result.counts),
        "not_applicable": result.not_applicable,
        "not_known": result.tables.unknown(),
        "calibrated_days": calibrated_days(result.evidence),
        "findings": result.findings.height,
        "alerts": result.alerts["rank"].count(),
        "to_warn": count_by_tier(result.victims),
    } | {name: rows.height for name, rows in unranked(result.alerts).items()}
