"""The page of a night, or of a scan: the list of alerts with their charts, and what was read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.alerts import ranking, severity
from cdr_anomaly.alerts.victims import urgency
from cdr_anomaly.nights import open_state, state
from cdr_anomaly.nights.volume import WEEKS, count_volume, volume_by_hour
from cdr_anomaly.reports import summary
from cdr_anomaly.reports.html import alert_rows
from cdr_anomaly.reports.html.chart_data import GRID_DAYS
from cdr_anomaly.reports.html.template import Picture, Sheet
from cdr_anomaly.result import versions
from cdr_anomaly.schema import SEVERITIES

if TYPE_CHECKING:
    from datetime import date

    from cdr_anomaly.nights.run import Outcome
    from cdr_anomaly.reports.html.language import Look
    from cdr_anomaly.result import Result
    from cdr_anomaly.storage.paths import Location

Translator = Callable[[str], str]
NIGHTS = timedelta(days=28)
UNRANKED, VICTIMS = 100, 60


class Past(NamedTuple):
    """What a page shows with a result: VOLUME and ALERTS of its days and of those before.

    ``legs`` are LEGS of days before, as far as they are remembered, with lines as the result's.
    """

    volume: pl.DataFrame
    alerts: pl.DataFrame
    legs: pl.LazyFrame

    @classmethod
    def of_scan(cls, result: Result) -> Past:
        """Return the volume and the alerts of a scan."""
        starts = result.rows_by_hour
        starts = result.source.rows_by_hour() if starts is None else starts
        return cls(count_volume(starts), result.alerts, result.tables.legs.clear())

    @classmethod
    def of_night(cls, location: Location, outcome: Outcome) -> Past:
        """Return what the state holds for the page of a night."""
        known, day = state.open_readonly(location), outcome.day
        read = open_state.table_reader(known, outcome.result.source, ())
        days = {
            "volume": timedelta(weeks=WEEKS),
            "alerts": NIGHTS,
            "legs": GRID_DAYS,
        }
        tables = {
            name: read(name).filter(pl.col("day").is_between(day - age, day))
            for name, age in days.items()
        }
        return cls(tables["volume"].collect(), tables["alerts"].collect(), tables["legs"])


def night(result: Result, past: Past, look: Look) -> str:
    """Return the page of a result, in a language, with numbers masked or in full."""
    sheet = Sheet(look)
    word, lang = sheet.word, look.lang
    first, last = result.tables.feed.first_day, result.tables.feed.last_day
    judged = result.tables.judged_days
    one = len(judged) == 1
    days = f"{judged[0]}" if one else f"{first} - {last}"
    alerts = alert_rows.rows(
        _ranked(wording.localized(result.alerts, lang)), result, past.legs, sheet
    )
    return sheet.render(
        "night.html",
        title=word("Call records: what stands out") + (f", {days}" if last else ""),
        days=word("Local days in %s") % result.source.tz + (f": {days}" if last else ""),
        cards=_cards(result, word),
        alerts=alerts,
        filters=_filters(alerts, word),
        nothing=word("Nothing is on the list."),
        unranked=_unranked(result.alerts, lang, word),
        victims=_victims(wording.localized(result.victims.head(VICTIMS), lang), word),
        more_victims=max(0, result.victims.height - VICTIMS),
        charts=[sheet.picture(chart) for chart in _context_charts(past, last, word)],
        sentences=[wording.translate(text, lang) for text in summary.summary(result)],
        rows=[
            (wording.translate(what, lang), f"{n:,}") for what, n in result.counts.rows().items()
        ],
        versions=versions(),
    )


def _ranked(alerts: pl.DataFrame) -> pl.DataFrame:
    return alerts.filter(pl.col("rank").is_not_null())


def _cards(result: Result, word: Translator) -> list[tuple[str, str, str]]:
    """Return the large numbers at the top: number, what it counts, its colour."""
    found = _ranked(result.alerts)["severity"]
    grades = [
        (str((found == grade).sum()), word(grade), grade) for grade in reversed(SEVERITIES[1:])
    ]
    warn = urgency.count_by_tier(result.victims)
    return [
        *grades,
        (str(warn["now"]), word("people to warn now"), ""),
        (f"{result.counts.used:,}", word("calls"), ""),
        (f"{sum(result.counts.refused.values()):,}", word("rows refused"), ""),
    ]


def _filters(
    alerts: list[dict[str, Any]], word: Translator
) -> list[tuple[int, str, list[tuple[str, str]]]]:
    """Return the filters of the list: column, name, and choices (value, word)."""
    grades, classes = ({alert[name] for alert in alerts} for name in ("severity", "number_class"))
    found = {name for alert in alerts for name in alert["detectors"]}
    by = {
        2: (word("severity"), [term for term in reversed(SEVERITIES) if term in grades]),
        10: (word("detector"), sorted(found)),
        5: (word("class"), sorted(filter(None, classes))),
    }
    return [
        (n, name, [(choice, word(choice).replace("_", " ")) for choice in choices])
        for n, (name, choices) in by.items()
    ]


def _unranked(
    alerts: pl.DataFrame, lang: str, word: Translator
) -> list[tuple[str, list[tuple[Any, ...]], int]]:
    """Return the alerts without a rank, by the reason: name, rows, how many more."""
    why: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
        "suppressed": (word("Declared, and set aside"), lambda a: a["suppressed_by"]),
        "ongoing": (
            word("Going on since an earlier list"),
            lambda a: word("listed on %s") % a["ongoing_since"],
        ),
        "on_watch": (word("On watch (low)"), lambda a: a["lowered_because"] or ""),
        "beyond": (word("Beyond the limit of the list"), lambda _: ""),
    }
    parts = []
    for name, rows in ranking.unranked(alerts).items():
        title, reason = why[name]
        shown = [
            (word(a["severity"]), a["subject"], a["day"], a["reasons"][0], reason(a))
            for a in wording.localized(rows.head(UNRANKED), lang).iter_rows(named=True)
        ]
        parts.append((f"{title} ({rows.height})", shown, max(0, rows.height - UNRANKED)))
    return parts


def _victims(victims: pl.DataFrame, word: Translator) -> list[tuple[Any, ...]]:
    first = victims.select("tier", "number", "hours_since", "why")
    tiers = {tier: word(term) for tier, term in urgency.TIERS.items()}
    return [(tiers[tier], number, hours, why) for tier, number, hours, why in first.rows()]


def _context_charts(past: Past, last: date | None, word: Translator) -> list[Picture]:
    """Return charts of the volume of the last day by hour, and of the alerts of the last nights."""
    if last is None:
        return []
    recent = past.alerts.filter(
        pl.col("rank").is_not_null(), pl.col("day") > last - NIGHTS, pl.col("day") <= last
    )
    words = {term: word(term) for term in SEVERITIES} | alert_rows.detector_words(
        recent["detectors"].explode(), word
    )
    named = recent.with_columns(
        place=-severity.grade(),
        severity=pl.col("severity").replace(words),
        detector=pl.col("detectors").list.eval(pl.element().replace(words)),
    )
    by_detector = named.explode("detector").group_by("detector", "day").agg(n=pl.len())
    drawn = [
        Picture(
            "volume",
            volume_by_hour(past.volume, last),
            word("Rows by hour of %s; the broken line is the usual") % last,
        ),
        Picture(
            "severity",
            _every_night(named.group_by("severity", "place", "day").agg(n=pl.len()), last),
            word("Alerts on the lists of the last nights, by severity"),
        ),
        Picture(
            "detector",
            _every_night(by_detector, last),
            word("The same by detector; an alert may be of several"),
        ),
    ]
    return [picture for picture in drawn if not picture.rows.is_empty()]


def _every_night(counts: pl.DataFrame, last: date) -> pl.DataFrame:
    """Return ``n`` of each kind on every night up to the last, 0 where there is none."""
    nights = (
        counts.select(day=pl.date_range(pl.col("day").min(), last)) if counts.height else counts
    )
    every = counts.drop("day", "n").unique().join(nights.select("day"), how="cross")
    return (
        every.join(counts, on=every.columns, how="left")
        .sort(every.columns)
        .with_columns(pl.col("day").dt.strftime("%m-%d"), pl.col("n").fill_null(0))
    )
