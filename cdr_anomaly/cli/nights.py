"""The commands over nights: nightly, backfill, status, alerts, feedback, retention."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdr_anomaly.cli import answers, options, talk
from cdr_anomaly.cli.options import (
    DAY,
    LOCAL,
    Config,
    Engine,
    Entities,
    FailOn,
    Form,
    Format,
    Home,
    JsonLog,
    Lang,
    Language,
    Layout,
    Mask,
    Master,
    MaxAlerts,
    Memory,
    Out,
    Paths,
    Place,
    Rows,
    Severity,
    Storage,
    Subscribers,
    Tz,
    Words,
)

if TYPE_CHECKING:
    from datetime import date

    import polars as pl

    from cdr_anomaly.one_night import Outcome
    from cdr_anomaly.pipeline import Say
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.stores import Place as Where


class Verdict(StrEnum):
    """What became of an alert."""

    confirmed = "confirmed"
    cleared = "cleared"


Date = Annotated[datetime | None, typer.Option("--date", formats=DAY, help="The local day.")]
Metrics = Annotated[
    Path | None, typer.Option(**LOCAL, help="Text file of figures for Prometheus' node exporter.")
]
StopList = Annotated[
    Path | None,
    typer.Option(**LOCAL, help="CSV of the numbers to be stopped, with their validity."),
]
StopSeverity = Annotated[Severity, typer.Option(help="Severity from which a number is on it.")]
StopDays = Annotated[int, typer.Option(min=1, help="Days that a number on it is valid.")]


def nightly(
    paths: Paths,
    state: Place,
    date: Annotated[
        datetime | None,
        typer.Option(formats=DAY, help="The local day to judge; by default yesterday."),
    ] = None,
    out: Out = None,
    config: Config = None,
    words: Words = [],  # noqa: B006 - typer copies it
    tz: Tz = None,
    home: Home = None,
    layout: Layout = None,
    memory: Memory = None,
    engine: Engine = None,
    master: Master = None,
    entities: Entities = None,
    subscribers: Subscribers = None,
    only: Annotated[
        bool,
        typer.Option("--only", help="Let go of files that the day was made of before."),
    ] = False,
    form: Form = Format.table,
    rows: Rows = 50,
    max_alerts: MaxAlerts = None,
    fail_on: FailOn = None,
    metrics: Metrics = None,
    stop_list: StopList = None,
    stop_severity: StopSeverity = Severity.high,
    stop_days: StopDays = 7,
    json_log: JsonLog = False,
    lang: Lang = Language.en,
    mask: Mask = False,
    storage: Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Judge one day by its calls and what earlier nights remember, and remember it, too."""
    from cdr_anomaly import one_night, results, stores

    files, to = options.places(paths, storage), options.place(out, storage)
    where = options.place(state, storage)
    told = options.settings(
        config,
        words,
        tz=tz,
        home=home,
        layout=layout,
        memory=memory,
        engine=engine,
        master=master,
        max_alerts=max_alerts,
    )
    if to is not None:
        results.check_writable(to)
    lists = one_night.Lists(entities, subscribers)
    with talk.progress(as_json=json_log) as say, talk.naming_the_damaged(files, where):
        run = one_night.Run(where, told, lists, say, stores.options(storage))
        outcome = one_night.nightly(
            files, options.day(date) or _yesterday(told, where), run, only=only
        )
        if to is not None:
            _write(to, where, outcome, lang, say, hide=mask)
    _tell(outcome, form, rows, hide=mask)
    if to is not None:
        answers.where(to)
    if stop_list is not None:
        found, day = outcome.result, outcome.day
        _stop(found.alerts, found.findings, stop_list, stop_severity, day, stop_days)
    if metrics is not None:
        from cdr_anomaly.metrics import write

        write(metrics, outcome)
    answers.fail_on(outcome.result.alerts, fail_on)


def backfill(
    paths: Paths,
    state: Place,
    first: Annotated[datetime, typer.Option("--from", formats=DAY, help="First local day.")],
    last: Annotated[datetime, typer.Option("--to", formats=DAY, help="Last local day.")],
    out: Annotated[str | None, typer.Option(help="Folder for a folder of results a day.")] = None,
    config: Config = None,
    words: Words = [],  # noqa: B006 - typer copies it
    tz: Tz = None,
    home: Home = None,
    layout: Layout = None,
    memory: Memory = None,
    engine: Engine = None,
    master: Master = None,
    entities: Entities = None,
    subscribers: Subscribers = None,
    max_alerts: MaxAlerts = None,
    json_log: JsonLog = False,
    lang: Lang = Language.en,
    mask: Mask = False,
    storage: Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Run the nights that are missing or may have changed, in order; goes on where it stopped."""
    from cdr_anomaly import one_night, results, stores

    files, to = options.places(paths, storage), options.place(out, storage)
    where = options.place(state, storage)
    told = options.settings(
        config,
        words,
        tz=tz,
        home=home,
        layout=layout,
        memory=memory,
        engine=engine,
        master=master,
        max_alerts=max_alerts,
    )
    if to is not None:
        results.check_writable(to)
    lists = one_night.Lists(entities, subscribers)
    done = 0
    with talk.progress(as_json=json_log) as say, talk.naming_the_damaged(files, where):
        run = one_night.Run(where, told, lists, say, stores.options(storage))
        for night in one_night.backfill(files, options.day(first), options.day(last), run):
            if isinstance(night, str):
                talk.LOG.warning(night)
                continue
            done += 1
            if to is not None:
                _write(to / str(night.day), where, night, lang, say, hide=mask)
            listed = night.result.alerts["rank"].count()
            found = night.result.findings.height
            talk.LOG.info(
                "%s: %d finding(s), %d alert(s), %.1f s.", night.day, found, listed, night.seconds
            )
            for warning in night.warnings:
                talk.LOG.warning("Look at this: %s.", warning)
    talk.LOG.info("%d night(s) were run.", done)


def status(
    state: Place,
    days: Annotated[int, typer.Option(min=1, help="Nights shown.")] = 28,
    form: Form = Format.table,
    storage: Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Say which nights are done, failed, missing or may change, and how their volume was."""
    from cdr_anomaly import desk, report

    where = options.place(state, storage)
    with talk.naming_the_damaged([], where):
        parts = desk.status(where, days)
    if form is not Format.table:
        report.put(next(iter(parts.values())), form)
        return
    for title, table in parts.items():
        report.show(title, table)


def alerts(
    state: Place,
    date: Date = None,
    out: Annotated[str | None, typer.Option(help="Folder for the alerts as files.")] = None,
    config: Config = None,
    words: Words = [],  # noqa: B006 - typer copies it
    entities: Entities = None,
    form: Form = Format.table,
    rows: Rows = 50,
    max_alerts: MaxAlerts = None,
    fail_on: FailOn = None,
    stop_list: StopList = None,
    stop_severity: StopSeverity = Severity.high,
    stop_days: StopDays = 7,
    storage: Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """List a night's alerts again, by the entities as they are now; nothing is detected again."""
    from cdr_anomaly import desk, report, results

    where, to = options.place(state, storage), options.place(out, storage)
    if to is not None:
        results.check_writable(to)
    told = options.settings(config, words, max_alerts=max_alerts)
    with talk.naming_the_damaged([], where):
        day, found, findings = desk.again(where, options.day(date), told, entities)
    answers.show(found, form, rows)
    if to is not None:
        report.write_alerts(to, found)
        talk.LOG.info("The alerts are in %s.", to)
    talk.LOG.info("The night of %s: %s.", day, report.alerts_sentence(found))
    if stop_list is not None:
        _stop(found, findings, stop_list, stop_severity, day, stop_days)
    answers.fail_on(found, fail_on)


def feedback(
    line: Annotated[str, typer.Argument(help="The subject of an alert, in any form.")],
    verdict: Annotated[Verdict, typer.Argument(help="What became of it.")],
    state: Place,
    note: Annotated[str | None, typer.Option(help="What was found out.")] = None,
    date: Date = None,
    storage: Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Remember what became of an alert; it is shown with later alerts on that subject."""
    from cdr_anomaly import desk

    where = options.place(state, storage)
    with talk.naming_the_damaged([], where):
        subject, day = desk.feedback(where, line, verdict, note, options.day(date))
    sys.stdout.write(f"{subject}: the alert of {day} is {verdict.value}.\n")


def retention(
    state: Place,
    profiles: Annotated[int, typer.Option(min=61, help="Days of sums and alerts kept.")] = 400,
    calls: Annotated[int, typer.Option(min=29, help="Days of calls kept.")] = 180,
    storage: Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Delete for good what is older than that; every night does so by its settings, too."""
    from cdr_anomaly import desk

    where = options.place(state, storage)
    with talk.naming_the_damaged([], where):
        before = desk.retention(where, profiles, calls)
    for table, day in before.items():
        talk.LOG.info("%s: kept from %s on.", table, day)


def _yesterday(told: Settings, place: Where) -> date:
    from zoneinfo import ZoneInfo

    from cdr_anomaly import ingest, recall

    zone = ZoneInfo(ingest.zone_of(recall.as_before(told, place)))
    return datetime.now(zone).date() - timedelta(days=1)


def _write(
    out: Where, state: Where, outcome: Outcome, lang: Language, say: Say, *, hide: bool
) -> None:
    from cdr_anomaly import desk, report
    from cdr_anomaly.page import Look, night

    say("drawing the page")
    page = night(outcome.result, desk.past(state, outcome), Look(lang.value, hide))
    say("writing the results")
    report.write(out, outcome.result, page)


def _tell(outcome: Outcome, form: Format, rows: int, *, hide: bool) -> None:
    from cdr_anomaly import report

    answers.show(outcome.result.alerts, form, rows, outcome.result.victims, hide=hide)
    for sentence in (*report.summary(outcome.result), f"Time: {outcome.seconds:.1f} s."):
        talk.LOG.info(sentence)
    for warning in outcome.warnings:
        talk.LOG.warning("Look at this: %s.", warning)


def _stop(
    found: pl.DataFrame,
    findings: pl.DataFrame,
    file: Path,
    severity: Severity,
    day: date,
    days: int,
) -> None:
    from cdr_anomaly import alerts, results

    listed = alerts.to_stop(found, findings, severity, day + timedelta(days=days))
    results.write_whole(file, listed.write_csv())
    talk.LOG.info("The stop list in %s has %d number(s).", file, listed.height)
