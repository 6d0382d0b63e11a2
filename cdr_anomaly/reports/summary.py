"""What a run read, refused and found, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.alerts import peer_scoring
from cdr_anomaly.alerts.ranking import unranked
from cdr_anomaly.alerts.victims.urgency import TIERS, count_by_tier
from cdr_anomaly.schema import SEVERITIES

if TYPE_CHECKING:
    from cdr_anomaly.result import Result


def summary(result: Result) -> list[str]:
    """Say what was read, refused, judged and found, a sentence a line."""
    counts = result.counts
    rows = ", ".join(f"{n:,} {what}" for what, n in counts.rows().items() if n)
    days = result.tables.feed
    read = rows or "none in these files and days"
    return [
        f"Rows: {read}.",
        f"Days: {days.first_day} to {days.last_day} in {result.source.tz}."
        if days.first_day
        else "Days: none, there is no call to judge.",
        *(f"Not applicable: {name}: {why}." for name, why in result.not_applicable.items()),
        *(f"Not known: {what}." for what in result.tables.unknown()),
        *calibration_sentences(result.evidence),
        f"Alerts: {alerts_sentence(result.alerts)}.",
        f"To warn: {victims_sentence(result.victims)}.",
    ]


def calibrated_days(compared: pl.DataFrame) -> dict[str, int]:
    """Count the days of EVIDENCE by what they are calibrated by."""
    by = compared.group_by("calibrated_by").agg(pl.col("day").n_unique()).sort("calibrated_by")
    return dict(by.iter_rows())


def calibration_sentences(compared: pl.DataFrame) -> list[str]:
    """Say how many days of EVIDENCE are calibrated by what, if any line was compared at all."""
    known = calibrated_days(compared)
    nights, itself = (known.get(by, 0) for by in (peer_scoring.BY_NIGHTS, peer_scoring.BY_ITSELF))
    parts = [f"{nights} day(s) by the {peer_scoring.NIGHTS} nights before"] if nights else []
    if itself:
        number = f"{itself}" if parts else f"{itself} day(s)"
        parts.append(f"{number} by the same day: there chance does not lower what is found")
    return [f"Calibration: {', '.join(parts)}."] if parts else []


def alerts_sentence(alerts: pl.DataFrame) -> str:
    """Say how many alerts there are, by severity, and how many have no rank, and why."""
    listed = alerts.filter(pl.col("rank").is_not_null())
    grades = [f"{n} {s}" for s in reversed(SEVERITIES) if (n := (listed["severity"] == s).sum())]
    others = {name: rows.height for name, rows in unranked(alerts).items()}
    words = {
        "ongoing": "ongoing since an earlier night",
        "on_watch": "on watch (low)",
        "beyond": "beyond the limit",
    }
    parts = [f"{others[name]} {said}" for name, said in words.items() if others[name]]
    aside = f"{others['suppressed']} declared ones set aside"
    return f"{', '.join(grades) or 'none'}; {', '.join([aside, *parts])}"


def victims_sentence(victims: pl.DataFrame) -> str:
    """Say how many people there are to warn, and how soon."""
    words = (
        f"{n} {said}"
        for n, said in zip(count_by_tier(victims).values(), TIERS.values(), strict=True)
    )
    return ", ".join(words) if victims.height else "nobody"
