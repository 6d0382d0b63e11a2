"""What a run read, refused and found, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly.alerts import peer_scoring
from cdr_anomaly.alerts.ranking import unranked
from cdr_anomaly.alerts.victims.urgency import count_by_tier
from cdr_anomaly.schema import SEVERITIES
from cdr_anomaly.wording import Text, join_texts, say, say_word

if TYPE_CHECKING:
    from datetime import date

    from cdr_anomaly.result import Result


def summary(result: Result) -> list[Text]:
    """Return what was read, refused, judged and found, a sentence for each."""
    counts = result.counts
    parts = [
        say("summary.row", "{n} {row}", n=f"{n:,}", row=what)
        for what, n in counts.rows().items()
        if n
    ]
    rows = (
        join_texts("clauses", parts)
        if parts
        else say("summary.no_rows", "none in these files and days")
    )
    days = result.tables.feed
    span = {"since": days.first_day, "until": days.last_day, "zone": result.source.tz}
    return [
        say("summary.rows", "Rows: {rows}.", rows=rows),
        say("summary.days", "Days: {since} to {until} in {zone}.", **span)
        if days.first_day
        else say("summary.no_days", "Days: none, there is no call to judge."),
        *(
            say(
                "summary.not_applicable",
                "Not applicable: {detector}: {reason}.",
                detector=say_word(name),
                reason=reason,
            )
            for name, reason in result.not_applicable.items()
        ),
        *(
            say("summary.not_known", "Not known: {what}.", what=what)
            for what in result.tables.unknown()
        ),
        *calibration_sentences(result.evidence),
        say("summary.alerts", "Alerts: {alerts}.", alerts=alerts_sentence(result.alerts)),
        say("summary.to_warn", "To warn: {people}.", people=victims_sentence(result.victims)),
    ]


def time_sentence(seconds: float) -> Text:
    """Say how long a run took."""
    return say("summary.time", "Time: {seconds} s.", seconds=f"{seconds:.1f}")


def calibrated_days(evidence: pl.DataFrame) -> dict[str, int]:
    """Count the days of EVIDENCE by what they are calibrated by."""
    by = evidence.group_by("calibrated_by").agg(pl.col("day").n_unique()).sort("calibrated_by")
    return dict(by.iter_rows())


def calibration_sentences(evidence: pl.DataFrame) -> list[Text]:
    """Return how many days of EVIDENCE are calibrated by what, if any line was compared."""
    known = calibrated_days(evidence)
    nights, itself = (known.get(by, 0) for by in (peer_scoring.BY_NIGHTS, peer_scoring.BY_ITSELF))
    parts = []
    if nights:
        parts.append(
            say(
                "summary.by_nights",
                "{days} day(s) by the {nights} nights before",
                days=nights,
                nights=peer_scoring.NIGHTS,
            )
        )
    if itself and parts:
        parts.append(
            say(
                "summary.rest_by_itself",
                "{days} by the same day: there chance does not lower what is found",
                days=itself,
            )
        )
    elif itself:
        parts.append(
            say(
                "summary.by_itself",
                "{days} day(s) by the same day: there chance does not lower what is found",
                days=itself,
            )
        )
    by = join_texts("clauses", parts)
    return [say("summary.calibration", "Calibration: {by}.", by=by)] if parts else []


def alerts_sentence(alerts: pl.DataFrame) -> Text:
    """Return how many alerts there are, by severity, and how many have no rank, and why."""
    listed = alerts.filter(pl.col("rank").is_not_null())
    grades = [
        say("summary.grade", "{n} {severity}", n=n, severity=say_word(word))
        for word in reversed(SEVERITIES)
        if (n := (listed["severity"] == word).sum())
    ]
    others = {name: rows.height for name, rows in unranked(alerts).items()}
    parts = {
        "ongoing": say(
            "summary.ongoing", "{n} ongoing since an earlier night", n=others["ongoing"]
        ),
        "on_watch": say("summary.on_watch", "{n} on watch (low)", n=others["on_watch"]),
        "beyond": say("summary.beyond", "{n} beyond the limit", n=others["beyond"]),
    }
    aside = say("summary.declared", "{n} declared ones set aside", n=others["suppressed"])
    return say(
        "summary.listed",
        "{listed}; {unranked}",
        listed=join_texts("list", grades) if grades else say_word("none"),
        unranked=join_texts(
            "clauses", [aside, *(part for name, part in parts.items() if others[name])]
        ),
    )


def night_sentence(day: date, alerts: pl.DataFrame) -> Text:
    """Say how many alerts a night has."""
    counts = alerts_sentence(alerts)
    return say("summary.night", "The night of {day}: {alerts}.", day=day, alerts=counts)


def victims_sentence(victims: pl.DataFrame) -> Text:
    """Return how many people there are to warn, and how soon."""
    if victims.is_empty():
        return say("summary.nobody", "nobody")
    return say(
        "summary.people",
        "{now} now, {today} today, {watch} on watch",
        **count_by_tier(victims),
    )
