"""The commands that run nights: nightly, backfill."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cdr_anomaly.cli import options, output, progress
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
    StopDays,
    StopList,
    StopSeverity,
    Storage,
    Subscribers,
    Tz,
    Words,
)

if TYPE_CHECKING:
    from datetime import date

    from cdr_anomaly.nights.run import Outcome
    from cdr_anomaly.pipeline import Progress
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location as Where


Metrics = Annotated[
    Path | None, typer.Option(**LOCAL, help="Text file of figures for Prometheus' node exporter.")
]


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
    from cdr_anomaly.nights import run as nights_run
    from cdr_anomaly.storage import atomic_write
    from cdr_anomaly.storage import paths as storage_paths

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
        atomic_write.check_writable(to)
    lists = nights_run.Lists(entities, subscribers)
    with progress.progress(as_json=json_log) as say, progress.naming_the_damaged(files, where):
        run = nights_run.Run(where, told, lists, say, storage_paths.parse_options(storage))
        outcome = nights_run.nightly(
            files, options.day(date) or _yesterday(told, where), run, only=only
        )
        if to is not None:
            _write(to, where, outcome, lang, say, hide=mask)
    _tell(outcome, form, rows, hide=mask)
    if to is not None:
        output.where(to)
    if stop_list is not None:
        found, day = outcome.result, outcome.day
        output.stop(found.alerts, found.findings, stop_list, stop_severity, day, stop_days)
    if metrics is not None:
        from cdr_anomaly.reports.prometheus import write

        write(metrics, outcome)
    output.fail_on(outcome.result.alerts, fail_on)


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
    from cdr_anomaly.nights import run as nights_run
    from cdr_anomaly.storage import atomic_write
    from cdr_anomaly.storage import paths as storage_paths

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
        atomic_write.check_writable(to)
    lists = nights_run.Lists(entities, subscribers)
    done = 0
    with progress.progress(as_json=json_log) as say, progress.naming_the_damaged(files, where):
        run = nights_run.Run(where, told, lists, say, storage_paths.parse_options(storage))
        for night in nights_run.backfill(files, options.day(first), options.day(last), run):
            if isinstance(night, str):
                progress.LOG.warning(night)
                continue
            done += 1
            if to is not None:
                _write(to / str(night.day), where, night, lang, say, hide=mask)
            listed = night.result.alerts["rank"].count()
            found = night.result.findings.height
            progress.LOG.info(
                "%s: %d finding(s), %d alert(s), %.1f s.", night.day, found, listed, night.seconds
            )
            for warning in night.warnings:
                progress.LOG.warning("Look at this: %s.", warning)
    progress.LOG.info("%d night(s) were run.", done)


def _yesterday(told: Settings, place: Where) -> date:
    from zoneinfo import ZoneInfo

    from cdr_anomaly.ingest import source
    from cdr_anomaly.nights import open_state

    zone = ZoneInfo(source.zone_of(open_state.as_before(told, place)))
    return datetime.now(zone).date() - timedelta(days=1)


def _write(
    out: Where, state: Where, outcome: Outcome, lang: Language, say: Progress, *, hide: bool
) -> None:
    from cdr_anomaly.reports import files as reports_files
    from cdr_anomaly.reports.html import Look, Past, night

    say("drawing the page")
    page = night(outcome.result, Past.of_night(state, outcome), Look(lang.value, hide))
    say("writing the results")
    reports_files.write(out, outcome.result, page)


def _tell(outcome: Outcome, form: Format, rows: int, *, hide: bool) -> None:
    from cdr_anomaly.reports import summary

    output.show(outcome.result.alerts, form, rows, outcome.result.victims, hide=hide)
    for sentence in (*summary.summary(outcome.result), f"Time: {outcome.seconds:.1f} s."):
        progress.LOG.info(sentence)
    for warning in outcome.warnings:
        progress.LOG.warning("Look at this: %s.", warning)
