"""Lists of alerts, and a truth about their lines, by the row."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from cdr_anomaly.evaluation import alert_scores, ground_truth
from cdr_anomaly.evaluation.alert_scores import Bootstrap
from cdr_anomaly.evaluation.ground_truth import Lists
from cdr_anomaly.schema import ALERTS

FIRST = date(2026, 5, 1)
TRUTH = {
    "line": pl.String,
    "kind": pl.String,
    "pattern": pl.String,
    "actor": pl.String,
    "honest": pl.Boolean,
    "first_day": pl.Date,
    "last_day": pl.Date,
}


def night(n: int) -> date:
    return FIRST + timedelta(days=n)


def known(*rows: tuple[str, str, str | None, int, int]) -> pl.DataFrame:
    """Make a truth of (line, kind, actor, first day, last day); a kind in capitals is planted."""
    told = [
        (line, kind.lower(), kind.lower(), actor or line, kind.islower(), night(a), night(b))
        for line, kind, actor, a, b in rows
    ]
    return pl.DataFrame(told, TRUTH, orient="row")


def alert(subject: str, rank: int | None = 1, **other: Any) -> dict[str, Any]:
    plain = {"subject_kind": "line", "members": [subject], "severity": "high", "day": FIRST}
    return {"subject": subject, "rank": rank} | plain | other


def lists(nights: dict[date | None, list[dict[str, Any]]], **other: Any) -> Lists:
    """Make a list of each night; one of no night is a scan's."""
    schema = {name: ALERTS[name].dtype or pl.String() for name in ground_truth.ALERT_COLUMNS}
    frames = [
        pl.DataFrame(rows, schema).with_columns(
            list=pl.lit(str(day)), list_day=pl.lit(day, pl.Date)
        )
        for day, rows in nights.items()
    ]
    names = pl.DataFrame(
        {"list": [str(day) for day in nights], "list_day": list(nights)},
        {"list": pl.String, "list_day": pl.Date},
    )
    return Lists(names, pl.concat(frames), **other)


PLANTED = known(
    ("a1", "RING", "a", 0, 2),
    ("a2", "RING", "a", 0, 2),
    ("b1", "SOLO", "b", 1, 1),
    ("e1", "EVASION_SLOW", "e", 0, 9),
    ("c1", "courier", None, 0, 30),
    ("c2", "courier", None, 0, 30),
    ("s1", "school", None, 0, 30),
)


def ranked(*subjects: str, **other: Any) -> list[dict[str, Any]]:
    return [alert(subject, rank, **other) for rank, subject in enumerate(subjects, 1)]


EVIDENCE = pl.DataFrame(
    [
        # a1 is planted on days 0 to 2, and counts as such for a week more; b1 on day 1
        ("a1", night(0), 1e-9, 1e-6, 1000),
        ("x1", night(0), 1e-3, 0.04, 1000),
        ("x2", night(0), 5e-3, 0.2, 1000),
        ("b1", night(0), 1e-6, 1e-3, 1000),
        ("a1", night(9), 1e-4, 0.01, 2000),
        ("c1", night(9), 1e-5, 0.01, 2000),
        ("x3", night(9), 0.02, 0.6, 2000),
    ],
    ground_truth.EVIDENCE_TYPES,
    orient="row",
)


QUIET = Bootstrap(0)


def figures(
    given: Lists, told: pl.DataFrame, draws: Bootstrap = QUIET
) -> dict[tuple[str, Any], Any]:
    """Return the main table: figure and pattern to number and shares at 17, 50, 200."""
    main = alert_scores.evaluate(given, told, draws)[alert_scores.MAIN]
    values = main.select("figure", "pattern", "number", "at_17", "at_50", "at_200")
    return {(row[0], row[1]): row[2:] for row in values.iter_rows()}
