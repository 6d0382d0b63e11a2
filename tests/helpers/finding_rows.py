"""Findings, and what is known beside them, by the row."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.alerts import ranking
from cdr_anomaly.alerts.peer_scoring import BY_NIGHTS
from cdr_anomaly.alerts.severity import CALLED_BACK, OWN_PAST, Context
from cdr_anomaly.schema import EVIDENCE, FEEDBACK, FINDINGS, Table

TODAY = date(2026, 5, 4)
YESTERDAY = TODAY - timedelta(days=1)
NOON = datetime(2026, 5, 4, 4, tzinfo=UTC)
USUAL = {
    "detector": "mass_dialler", "subject_kind": "line", "day": TODAY, "window_start": NOON,
    "window_end": NOON, "severity": "high", "observed": 1200.0,
    "threshold": 1000.0, "baseline": None, "p_value": None, "reason": "why", "evidence": "{}",
    "would_clear_if": "fewer calls", "fixed_limit": True, "persistent": False,
}  # fmt: skip
ALIKE = {
    "day": TODAY, "peers": "mobile lines", "p_value": 1e-7, "q_value": 0.001, "tested": 1000,
    "calibrated_by": BY_NIGHTS, "unlike": None, "unlike_values": None,
    "excluded_from_peers": False,
}  # fmt: skip
Row = dict[str, Any]


def finding(subject: str = "+861", **more: Any) -> Row:
    return USUAL | {"subject": subject, "members": [subject]} | more


def weight(subject: str = "+861", **more: Any) -> Row:
    """Make a row of EVIDENCE with its sentence; measures are given by their names."""
    values = {name: more.pop(name) for name in (CALLED_BACK, OWN_PAST) if name in more}
    measures = [
        {"peers": "mobile lines", "measure": name, "value": value, "share": 0.5}
        for name, value in values.items()
    ]
    return ALIKE | {"line": subject, "measures": measures, "families": []} | more


def said(line: str, day: date, verdict: str, note: str | None = None) -> Row:
    return {"line": line, "day": day, "verdict": verdict, "note": note, "at": NOON}


def marked(rows: list[Row], declared: dict[str, str] | None = None) -> pl.DataFrame:
    purpose = pl.col("subject").replace_strict(declared or {}, default=None, return_dtype=pl.String)
    return pl.DataFrame(rows, _types(FINDINGS)).with_columns(
        suppressed_by=purpose,
        suppressed_by_values=wording.as_written(purpose).values,
    )


def beside(
    weights: list[Row] | None = None,
    earlier: pl.DataFrame | None = None,
    told: list[Row] | None = None,
    used: list[tuple[str, date, str]] | None = None,
) -> Context:
    types = _types(EVIDENCE) | {"unlike": pl.String(), "unlike_values": pl.String()}
    return Context(
        None if weights is None else pl.DataFrame(weights, types),
        earlier,
        None if told is None else pl.DataFrame(told, _types(FEEDBACK)),
        None if used is None else pl.DataFrame(used, ranking.HANDSETS, orient="row"),
    )


def ranked(
    rows: list[Row], declared: dict[str, str] | None = None, *, most: int = 200, **known: Any
) -> pl.DataFrame:
    return ranking.rank_alerts(marked(rows, declared), beside(**known), most=most)


def _types(table: Table) -> dict[str, pl.DataType]:
    return {name: column.dtype or pl.String() for name, column in table.items()}
