"""What is done between nights: to look at the state, rank again, give feedback, and forget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import numbering, wording
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.alerts import peer_scoring
from cdr_anomaly.alerts.detect import FINDERS
from cdr_anomaly.errors import StateError
from cdr_anomaly.nights import ledger, lists, lock, run, state, volume
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


def status(place: Location, days: int) -> dict[str, pl.DataFrame]:
    """Say what became of the last ``days`` nights, and how good the detectors were (titled)."""
    known = state.open_readonly(place)
    nights, begun = ledger.finished_nights(known.ledger), ledger.unfinished_nights(known.ledger)
    volumes = known.read("volume").collect()
    running = lock.is_locked(place)
    every = sorted({*nights, *begun})
    span = pl.date_range(every[0], every[-1], eager=True).tail(days).to_list() if every else []
    rows = [_status_row(day, nights, begun, volumes, running=running) for day in span]
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
        f"Nights in {known.header.zone}": pl.DataFrame(rows, shape, orient="row"),
        "What became of alerts, by detector": _precision(known),
    }


def rank_again(
    place: Location, day: date | None, settings: Settings, entities: Path | None
) -> tuple[date, pl.DataFrame, pl.DataFrame]:
    """Rank a night's findings again, by the lists as they are now; changes nothing.

    Returns the night, its alerts, and its findings.
    """
    known = state.open_readonly(place)
    nights = ledger.finished_nights(known.ledger)
    when = day or max(nights, default=None)
    if when is None or when not in nights:
        msg = f"The night of {day} is not done in '{place}'." if day else f"'{place}' has no night."
        raise StateError(msg)
    plan = numbering.home_plan(known.header.home)
    legs = numbering.format_lines(known.read("legs").filter(pl.col("day") == when), ("line",))
    handsets = alerts_entities.handsets(legs, pl.col("line"))
    findings = known.read("findings").filter(pl.col("day") == when).collect()
    since = when - timedelta(days=peer_scoring.NIGHTS)
    of_nights = known.read("evidence").filter(pl.col("day").is_between(since, when))
    weights = numbering.format_lines(of_nights, ("line",)).collect()
    follow = known.read("line_replacements").filter(pl.col("day") == when).drop("day").collect()
    subjects = lists.Subjects(alerts_entities.read(entities, plan, FINDERS), plan, handsets, follow)
    alerts = lists.rank_alerts(known, findings, weights, when, settings, subjects)
    return when, alerts, findings


def record_feedback(
    place: Location, line: str, verdict: str, note: str | None, day: date | None
) -> tuple[str, date]:
    """Remember what became of an alert; by default of the last one on that subject."""
    header = state.open_readonly(place).header
    with lock.lock_state(place):
        known = state.open_writable(place, header.zone, header.home)
        plan = numbering.home_plan(known.header.home)
        written = pl.DataFrame({"line": [line]}, {"line": pl.String})
        subject = written.select(numbering.line_text(pl.col("line"), plan)).item() or line
        alerts = known.read("alerts")
        about = alerts.filter(
            (pl.col("subject") == subject) | pl.col("lines").list.contains(subject)
        )
        if day is not None:
            about = about.filter(pl.col("day") == day)
        found = about.sort("day").collect().tail(1)
        if found.is_empty():
            msg = f"'{place}' has no alert on that line{f' on {day}' if day else ''}."
            raise StateError(msg)
        when: date = found["day"].item()
        known.commit(
            "feedback", {"feedback": _feedback_rows(known, found, verdict, note)}, day=when
        )
    return subject, when


def apply_retention(place: Location, profiles: int, calls: int) -> Mapping[str, date]:
    """Delete for good what is older than so many days, counted from the last night."""
    header = state.open_readonly(place).header
    with lock.lock_state(place):
        known = state.open_writable(place, header.zone, header.home)
        nights = ledger.finished_nights(known.ledger)
        if not nights:
            return {}
        before = run.kept_from(max(nights), profiles, calls)
        known.forget(before).sweep(hours=0)
    return before


def _status_row(
    day: date,
    nights: Mapping[date, Night],
    begun: Mapping[date, datetime],
    volumes: pl.DataFrame,
    *,
    running: bool,
) -> tuple[object, ...]:
    """Put one day of the status in a row; see status()."""
    night, since = nights.get(day), begun.get(day)
    unfinished = since and say(
        "nights.begun", "begun {time} UTC, not finished", time=f"{since:%Y-%m-%d %H:%M}"
    )
    if night is None:
        word = "missing" if since is None else "running" if running else "failed"
        return day, word, None, None, None, None, None, unfinished
    compared = volume.check_volume(volumes, day)
    grades = night.counts["alerts"]
    alerts = ", ".join(f"{grades[s]} {s}" for s in reversed(SEVERITIES) if s in grades)
    notes = [*compared.warnings, *(why for why in (night.provisional, unfinished) if why)]
    return (
        day,
        "provisional" if night.provisional else "done",
        night.calls,
        f"{round(100 * compared.rows / compared.usual)} %" if compared.usual else None,
        sum(night.counts["findings"].values()),
        f"{alerts or 'none'}; {night.counts['ongoing']} ongoing",
        night.seconds,
        join_texts("statements", notes) or None,
    )


def _feedback_rows(
    known: State, alert: pl.DataFrame, verdict: str, note: str | None
) -> pl.DataFrame:
    """Add what is said of an alert, and so of its lines, to what was said of others of its night.

    Its detectors stand beside its subject alone, so that it counts once.
    """
    one = alert.select("day", "detectors", line="subject")
    lines = alert.select("day", line="lines").explode("line").drop_nulls("line")
    others = lines.join(one, on="line", how="anti").with_columns(
        detectors=pl.lit([], pl.List(pl.String))
    )
    said = pl.concat([one, others.select(one.columns)]).with_columns(
        verdict=pl.lit(verdict), note=pl.lit(note, pl.String), at=pl.lit(datetime.now(UTC))
    )
    before = known.read("feedback").filter(pl.col("day") == alert["day"].item()).collect()
    rest = before.join(said, on="line", how="anti")
    return pl.concat([rest, said.select(rest.columns)]).sort("line")


def _precision(known: State) -> pl.DataFrame:
    """Say of the alerts that were looked at how many were confirmed, by detector."""
    confirmed = (pl.col("verdict") == "confirmed").sum()
    said = known.read("feedback").explode("detectors").drop_nulls("detectors")
    told = said.group_by(detector="detectors")
    counts = told.agg(confirmed=confirmed, cleared=pl.len() - confirmed).collect()
    share = (100 * pl.col("confirmed") / (pl.col("confirmed") + pl.col("cleared"))).round()
    return counts.with_columns(precision=wording.format_text("{} %", share.cast(pl.Int64))).sort(
        "detector"
    )
