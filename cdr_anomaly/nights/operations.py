"""What is done between nights: show the status, rank again, record feedback, delete old data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering, wording
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.alerts import peer_scoring
from cdr_anomaly.alerts.detect import FINDERS
from cdr_anomaly.errors import StateError
from cdr_anomaly.nights import ledger, lists, lock, run, volume
from cdr_anomaly.nights.state import open_readonly, open_writable
from cdr_anomaly.schema import SEVERITIES
from cdr_anomaly.wording import join_texts, say

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from pathlib import Path

    from cdr_anomaly.nights.ledger import Night
    from cdr_anomaly.nights.state import State
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location


def status(location: Location, days: int) -> dict[str, pl.DataFrame]:
    """Return the status of the last ``days`` nights, and the precision of detectors, by title."""
    state = open_readonly(location)
    nights = ledger.finished_nights(state.ledger)
    unfinished = ledger.unfinished_nights(state.ledger)
    volumes = state.read("volume").collect()
    running = lock.is_locked(location)
    ever = sorted({*nights, *unfinished})
    span = pl.date_range(ever[0], ever[-1], eager=True).tail(days).to_list() if ever else []
    rows = [_status_row(day, nights, unfinished, volumes, running=running) for day in span]
    shape = {
        "day": pl.Date,
        "state": pl.String,
        "calls": pl.Int64,
        "of usual": pl.String,
        "findings": pl.Int64,
        "alerts": pl.String,
        "seconds": pl.Float64,
        "note": pl.String,
    }
    return {
        f"Nights in {state.header.zone}": pl.DataFrame(rows, shape, orient="row"),
        "What became of alerts, by detector": _precision(state),
    }


def rank_again(
    location: Location, day: date | None, settings: Settings, entities: Path | None
) -> tuple[date, pl.DataFrame, pl.DataFrame]:
    """Rank a night's findings again, by the lists as they are now; changes nothing.

    Returns the night, its alerts, and its findings.
    """
    state = open_readonly(location)
    nights = ledger.finished_nights(state.ledger)
    when = day or max(nights, default=None)
    if when is None or when not in nights:
        msg = (
            f"The night of {day} is not done in '{location}'."
            if day
            else f"'{location}' has no night."
        )
        raise StateError(msg)
    plan = numbering.home_plan(state.header.home)
    names = state.names
    legs = state.read("legs").filter(pl.col("day") == when)
    legs = numbering.format_lines(legs, ("line",), names)
    handsets = alerts_entities.handsets_used(legs, pl.col("line"))
    findings = state.read("findings").filter(pl.col("day") == when).collect()
    since = when - timedelta(days=peer_scoring.NIGHTS)
    of_nights = state.read("evidence").filter(pl.col("day").is_between(since, when))
    weights = numbering.format_lines(of_nights, ("line",), names).collect()
    replacements = (
        state.read("line_replacements").filter(pl.col("day") == when).drop("day").collect()
    )
    subjects = lists.Subjects(
        alerts_entities.read_entities(entities, plan, FINDERS), plan, handsets, replacements
    )
    alerts = lists.rank_alerts(state, findings, weights, when, settings, subjects)
    return when, alerts, findings


def record_feedback(
    location: Location, line: str, verdict: str, note: str | None, day: date | None
) -> tuple[str, date]:
    """Record the verdict on an alert; by default on the last one on that subject."""
    header = open_readonly(location).header
    with lock.lock_state(location):
        state = open_writable(location, header.zone, header.home)
        plan = numbering.home_plan(state.header.home)
        written = pl.DataFrame({"line": [line]}, {"line": pl.String})
        subject = written.select(numbering.line_text(pl.col("line"), plan)).item() or line
        alerts = state.read("alerts")
        about = alerts.filter(
            (pl.col("subject") == subject) | pl.col("lines").list.contains(subject)
        )
        if day is not None:
            about = about.filter(pl.col("day") == day)
        found = about.sort("day").collect().tail(1)
        if found.is_empty():
            msg = f"'{location}' has no alert on that line{f' on {day}' if day else ''}."
            raise StateError(msg)
        when: date = found["day"].item()
        state.commit(
            "feedback", {"feedback": _feedback_rows(state, found, verdict, note)}, day=when
        )
    return subject, when


def apply_retention(location: Location, profiles: int, calls: int) -> Mapping[str, date]:
    """Delete for good what is older than these days, counted from the last night."""
    header = open_readonly(location).header
    with lock.lock_state(location):
        state = open_writable(location, header.zone, header.home)
        nights = ledger.finished_nights(state.ledger)
        if not nights:
            return {}
        before = run.kept_from(max(nights), profiles, calls)
        state.forget(before).sweep(hours=0)
    return before


def _status_row(
    day: date,
    nights: Mapping[date, Night],
    unfinished: Mapping[date, datetime],
    volumes: pl.DataFrame,
    *,
    running: bool,
) -> tuple[object, ...]:
    """Return the row of a day in the status; see status()."""
    night, since = nights.get(day), unfinished.get(day)
    begun = since and say(
        "nights.unfinished", "begun {time} UTC, not finished", time=f"{since:%Y-%m-%d %H:%M}"
    )
    if night is None:
        word = "missing" if since is None else "running" if running else "failed"
        return day, word, None, None, None, None, None, begun
    check = volume.check_volume(volumes, day)
    grades = night.counts["alerts"]
    alerts = ", ".join(f"{grades[s]} {s}" for s in reversed(SEVERITIES) if s in grades)
    notes = [*check.warnings, *(why for why in (night.provisional, begun) if why)]
    return (
        day,
        "provisional" if night.provisional else "done",
        night.calls,
        f"{round(100 * check.rows / check.usual)} %" if check.usual else None,
        sum(night.counts["findings"].values()),
        f"{alerts or 'none'}; {night.counts['ongoing']} ongoing",
        night.seconds,
        join_texts("statements", notes) or None,
    )


def _feedback_rows(
    state: State, alert: pl.DataFrame, verdict: str, note: str | None
) -> pl.DataFrame:
    """Return FEEDBACK of a night, with the verdict on an alert and on each of its lines added.

    Only the row of the subject names the detectors, so that the alert counts once.
    """
    one = alert.select("day", "detectors", line="subject")
    lines = alert.select("day", line="lines").explode("line").drop_nulls("line")
    others = lines.join(one, on="line", how="anti").with_columns(
        detectors=pl.lit([], pl.List(pl.String))
    )
    feedback_rows = pl.concat([one, others.select(one.columns)]).with_columns(
        verdict=pl.lit(verdict), note=pl.lit(note, pl.String), at=pl.lit(datetime.now(UTC))
    )
    before = state.read("feedback").filter(pl.col("day") == alert["day"].item()).collect()
    rest = before.join(feedback_rows, on="line", how="anti")
    return pl.concat([rest, feedback_rows.select(rest.columns)]).sort("line")


def _precision(state: State) -> pl.DataFrame:
    """Return how many alerts with feedback were confirmed, by detector."""
    confirmed = (pl.col("verdict") == "confirmed").sum()
    feedback_rows = state.read("feedback").explode("detectors").drop_nulls("detectors")
    counts = (
        feedback_rows.group_by(detector="detectors")
        .agg(confirmed=confirmed, cleared=pl.len() - confirmed)
        .collect()
    )
    share = (100 * pl.col("confirmed") / (pl.col("confirmed") + pl.col("cleared"))).round()
    return counts.with_columns(precision=wording.format_text("{} %", share.cast(pl.Int64))).sort(
        "detector"
    )
