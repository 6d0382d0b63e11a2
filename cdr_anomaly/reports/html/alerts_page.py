"""The page of a night, or of a scan: the list, each alert with its pictures, and what was read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.alerts import ranking, severity
from cdr_anomaly.alerts.victims import urgency
from cdr_anomaly.nights import open_state, state
from cdr_anomaly.nights import volume as nights_volume
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

Said = Callable[[str], str]
NIGHTS = timedelta(days=28)
UNRANKED, VICTIMS = 100, 60


class Past(NamedTuple):
    """What pages show beside a result: VOLUME and ALERTS of days, its own and those before.

    ``legs`` are LEGS of days before, as far as they are remembered, with lines as the result's.
    """

    volume: pl.DataFrame
    alerts: pl.DataFrame
    legs: pl.LazyFrame

    @classmethod
    def of_scan(cls, result: Result) -> Past:
        """Take what a scan has beside its result: it judges every day by itself."""
        starts = nights_volume.count_volume(result.source.rows_by_hour())
        return cls(starts, result.alerts, result.tables.legs.clear())

    @classmethod
    def of_night(cls, place: Location, outcome: Outcome) -> Past:
        """Take from the state what the page of a night shows beside what the night found."""
        known, day = state.open_readonly(place), outcome.day
        read = open_state.table_reader(known, outcome.result.source, ())
        days = {
            "volume": timedelta(weeks=nights_volume.WEEKS),
            "alerts": NIGHTS,
            "legs": GRID_DAYS,
        }
        tables = {
            name: read(name).filter(pl.col("day").is_between(day - age, day))
            for name, age in days.items()
        }
        return cls(tables["volume"].collect(), tables["alerts"].collect(), tables["legs"])


def night(result: Result, past: Past, look: Look) -> str:
    """Write the page of a result, in a language, with numbers masked or whole."""
    sheet = Sheet(look)
    said, lang = sheet.said, look.lang
    first, last = result.tables.feed.first_day, result.tables.feed.last_day
    judged = result.tables.judged_days
    one = len(judged) == 1
    days = f"{judged[0]}" if one else f"{first} - {last}"
    alerts = alert_rows.rows(
        _ranked(wording.localized(result.alerts, lang)), result, past.legs, sheet
    )
    return sheet.written(
        "night.html",
        title=said("Call records: what stands out") + (f", {days}" if last else ""),
        days=said("Local days in %s") % result.source.tz + (f": {days}" if last else ""),
        cards=_cards(result, said),
        alerts=alerts,
        filters=_filters(alerts, said),
        nothing=said("Nothing is on the list."),
        unranked=_unranked(result.alerts, lang, said),
        victims=_victims(wording.localized(result.victims.head(VICTIMS), lang), said),
        more_victims=max(0, result.victims.height - VICTIMS),
        beside=[sheet.picture(each) for each in _beside(past, last, said)],
        sentences=[wording.translate(each, lang) for each in summary.summary(result)],
        rows=[
            (wording.translate(what, lang), f"{n:,}") for what, n in result.counts.rows().items()
        ],
        versions=versions(),
    )


def _ranked(alerts: pl.DataFrame) -> pl.DataFrame:
    return alerts.filter(pl.col("rank").is_not_null())


def _cards(result: Result, said: Said) -> list[tuple[str, str, str]]:
    """Say in a few great numbers what there is: number, what it counts, its colour."""
    found = _ranked(result.alerts)["severity"]
    grades = [(str((found == word).sum()), said(word), word) for word in reversed(SEVERITIES[1:])]
    warn = urgency.count_by_tier(result.victims)
    return [
        *grades,
        (str(warn["now"]), said("people to warn now"), ""),
        (f"{result.counts.used:,}", said("calls"), ""),
        (f"{sum(result.counts.refused.values()):,}", said("rows refused"), ""),
    ]


def _filters(
    shown: list[dict[str, Any]], said: Said
) -> list[tuple[int, str, list[tuple[str, str]]]]:
    """Give what the list can be filtered by: its column, name, and choices (value, word)."""
    grades, classes = ({alert[name] for alert in shown} for name in ("severity", "number_class"))
    found = {name for alert in shown for name in alert["detectors"]}
    by = {
        2: (said("severity"), [word for word in reversed(SEVERITIES) if word in grades]),
        10: (said("detector"), sorted(found)),
        5: (said("class"), sorted(filter(None, classes))),
    }
    return [
        (n, name, [(word, said(word).replace("_", " ")) for word in every])
        for n, (name, every) in by.items()
    ]


def _unranked(
    alerts: pl.DataFrame, lang: str, said: Said
) -> list[tuple[str, list[tuple[Any, ...]], int]]:
    """Give the alerts that have no place on the list, by why: name, rows, how many more."""
    why: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
        "suppressed": (said("Declared, and set aside"), lambda a: a["suppressed_by"]),
        "ongoing": (
            said("Going on since an earlier list"),
            lambda a: said("listed on %s") % a["ongoing_since"],
        ),
        "on_watch": (said("On watch (low)"), lambda a: a["lowered_because"] or ""),
        "beyond": (said("Beyond the limit of the list"), lambda _: ""),
    }
    given = []
    for name, rows in ranking.unranked(alerts).items():
        title, reason = why[name]
        shown = [
            (said(a["severity"]), a["subject"], a["day"], a["reasons"][0], reason(a))
            for a in wording.localized(rows.head(UNRANKED), lang).iter_rows(named=True)
        ]
        given.append((f"{title} ({rows.height})", shown, max(0, rows.height - UNRANKED)))
    return given


def _victims(victims: pl.DataFrame, said: Said) -> list[tuple[Any, ...]]:
    first = victims.select("tier", "number", "hours_since", "why")
    tiers = {tier: said(word) for tier, word in urgency.TIERS.items()}
    return [(tiers[tier], number, hours, why) for tier, number, hours, why in first.rows()]


def _beside(past: Past, last: date | None, said: Said) -> list[Picture]:
    """Draw the volume of the last day by hour, and the alerts of the last nights."""
    if last is None:
        return []
    lately = past.alerts.filter(
        pl.col("rank").is_not_null(), pl.col("day") > last - NIGHTS, pl.col("day") <= last
    )
    words = {word: said(word) for word in SEVERITIES} | alert_rows.detectors_said(
        lately["detectors"].explode(), said
    )
    named = lately.with_columns(
        place=-severity.grade(),
        severity=pl.col("severity").replace(words),
        detector=pl.col("detectors").list.eval(pl.element().replace(words)),
    )
    by_detector = named.explode("detector").group_by("detector", "day").agg(n=pl.len())
    drawn = [
        Picture(
            "volume",
            nights_volume.by_hour(past.volume, last),
            said("Rows by hour of %s; the broken line is the usual") % last,
        ),
        Picture(
            "severity",
            _every_night(named.group_by("severity", "place", "day").agg(n=pl.len()), last),
            said("Alerts on the lists of the last nights, by severity"),
        ),
        Picture(
            "detector",
            _every_night(by_detector, last),
            said("The same by detector; an alert may be of several"),
        ),
    ]
    return [picture for picture in drawn if not picture.rows.is_empty()]


def _every_night(counts: pl.DataFrame, last: date) -> pl.DataFrame:
    """Give ``n`` of each kind a place on every night up to the last, also where there is none."""
    nights = (
        counts.select(day=pl.date_range(pl.col("day").min(), last)) if counts.height else counts
    )
    every = counts.drop("day", "n").unique().join(nights.select("day"), how="cross")
    return (
        every.join(counts, on=every.columns, how="left")
        .sort(every.columns)
        .with_columns(pl.col("day").dt.strftime("%m-%d"), pl.col("n").fill_null(0))
    )
