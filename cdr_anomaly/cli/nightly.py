"""The commands that run nights (nightly, backfill), and those over the state that nights keep."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from cdr_anomaly.cli import options
from cdr_anomaly.cli.command import command
from cdr_anomaly.cli.options import DAY, LOCAL, day_of
from cdr_anomaly.cli.progress import LOG, log_warnings, report_damage, show_progress
from cdr_anomaly.errors import warn_former_name

if TYPE_CHECKING:
    from datetime import date

    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location


@command
def nightly(
    paths: options.Paths,
    state: options.State,
    *,
    day: Annotated[
        datetime | None,
        Option("--date", formats=DAY, help="The local day to judge; by default yesterday."),
    ] = None,
    out: options.Out = None,
    config: options.NightOptions,
    lists: options.ListOptions,
    replace_files: Annotated[
        bool, Option("--replace-files", help="Let go of files that the day was made of before.")
    ] = False,
    only: Annotated[bool, Option("--only", hidden=True, help="Former name of --replace-files.")] = (
        False
    ),
    output: options.OutputOptions,
    metrics: Annotated[
        Path | None,
        Option(**LOCAL, help="Text file of figures for Prometheus' node exporter."),
    ] = None,
    stop: options.StopOptions,
    json_log: options.JsonLog = False,
    page: options.PageOptions,
    storage: options.StorageOptions,
) -> None:
    """Judge one day by its calls and what earlier nights remember, and remember it, too."""
    from cdr_anomaly.nights import run as nights_run

    if only:
        warn_former_name("--only", "--replace-files")
    files, location = storage.locations(paths), storage.location(state)
    settings = config.settings(max_alerts=output.max_alerts)
    folder = storage.folder(out)
    with show_progress(files, location, as_json=json_log) as progress:
        run = nights_run.Run(location, settings, lists.for_nights(), progress, storage.by_name())
        night = day_of(day) or _yesterday(settings, location)
        outcome = nights_run.nightly(files, night, run, replace_files=replace_files or only)
        if folder is not None:
            from cdr_anomaly.reports.html import Past

            page.write(folder, outcome.result, Past.of_night(location, outcome), progress)
    result = outcome.result
    output.print_result(result, outcome.seconds, outcome.warnings, page=page, folder=folder)
    stop.write(result.alerts, result.findings, outcome.day)
    if metrics is not None:
        from cdr_anomaly.reports import prometheus

        prometheus.write(metrics, outcome)
    output.exit_if_grave(result.alerts)


@command
def backfill(
    paths: options.Paths,
    state: options.State,
    *,
    first: Annotated[datetime, Option("--from", formats=DAY, help="First local day.")],
    last: Annotated[datetime, Option("--to", formats=DAY, help="Last local day.")],
    out: Annotated[str | None, Option(help="Folder for a folder of results a day.")] = None,
    config: options.NightOptions,
    lists: options.ListOptions,
    max_alerts: options.MaxAlerts = None,
    json_log: options.JsonLog = False,
    page: options.PageOptions,
    storage: options.StorageOptions,
) -> None:
    """Run the nights that are missing or may have changed, in order; goes on where it stopped."""
    from cdr_anomaly.nights import run as nights_run
    from cdr_anomaly.wording import translate

    files, location = storage.locations(paths), storage.location(state)
    settings = config.settings(max_alerts=max_alerts)
    folder = storage.folder(out)
    nights = 0
    with show_progress(files, location, as_json=json_log) as progress:
        run = nights_run.Run(location, settings, lists.for_nights(), progress, storage.by_name())
        for night in nights_run.backfill(files, first.date(), last.date(), run):
            if isinstance(night, str):
                LOG.warning(night)
                continue
            nights += 1
            result = night.result
            if folder is not None:
                from cdr_anomaly.reports.html import Past

                past = Past.of_night(location, night)
                page.write(folder / str(night.day), result, past, progress)
            LOG.info(
                "%s: %d finding(s), %d alert(s), %.1f s.",
                night.day,
                result.findings.height,
                result.alerts["rank"].count(),
                night.seconds,
            )
            log_warnings(translate(warning, page.lang) for warning in night.warnings)
    LOG.info("%d night(s) were run.", nights)


@command
def status(
    state: options.State,
    *,
    days: Annotated[int, Option(min=1, help="Nights shown.")] = 28,
    form: options.Form = "table",
    storage: options.StorageOptions,
) -> None:
    """Say which nights are done, failed, missing or may change, and how their volume was."""
    from cdr_anomaly.nights import operations
    from cdr_anomaly.reports import terminal

    location = storage.location(state)
    with report_damage(state=location):
        parts = operations.status(location, days)
    terminal.print_tables(parts, form, next(iter(parts.values())))


@command
def alerts(
    state: options.State,
    *,
    date: options.Date = None,
    out: Annotated[str | None, Option(help="Folder for the alerts as files.")] = None,
    config: options.SettingsOptions,
    entities: options.Entities = None,
    output: options.OutputOptions,
    stop: options.StopOptions,
    page: options.PageOptions,
    storage: options.StorageOptions,
) -> None:
    """List a night's alerts again, by the entities as they are now; nothing is detected again."""
    from cdr_anomaly.nights import operations
    from cdr_anomaly.reports import files, summary
    from cdr_anomaly.wording import translate

    location, folder = storage.location(state), storage.folder(out)
    settings = config.settings(max_alerts=output.max_alerts)
    with report_damage(state=location):
        day, ranked, findings = operations.rank_again(location, day_of(date), settings, entities)
    output.print_alerts(ranked, page=page)
    if folder is not None:
        files.write_alerts(folder, ranked)
        LOG.info("The alerts are in %s.", folder)
    LOG.info(translate(summary.night_sentence(day, ranked), page.lang))
    stop.write(ranked, findings, day)
    output.exit_if_grave(ranked)


@command
def feedback(
    line: Annotated[str, Argument(help="The subject of an alert, in any form.")],
    verdict: Annotated[Literal["confirmed", "cleared"], Argument(help="What became of it.")],
    state: options.State,
    *,
    note: Annotated[str | None, Option(help="What was found out.")] = None,
    date: options.Date = None,
    storage: options.StorageOptions,
    mask: options.Mask = False,
) -> None:
    """Remember what became of an alert; it is shown with later alerts on that subject."""
    from cdr_anomaly.nights import operations
    from cdr_anomaly.numbering import masking

    location = storage.location(state)
    with report_damage(state=location):
        subject, day = operations.record_feedback(location, line, verdict, note, day_of(date))
    shown = masking.mask_text(subject) if mask else subject
    sys.stdout.write(f"{shown}: the alert of {day} is {verdict}.\n")


@command
def retention(
    state: options.State,
    *,
    profiles: Annotated[int, Option(min=61, help="Days of sums and alerts kept.")] = 400,
    calls: Annotated[int, Option(min=29, help="Days of calls kept.")] = 180,
    storage: options.StorageOptions,
) -> None:
    """Delete for good what is older than that; every night does so by its settings, too."""
    from cdr_anomaly.nights import operations

    location = storage.location(state)
    with report_damage(state=location):
        before = operations.apply_retention(location, profiles, calls)
    for table, day in before.items():
        LOG.info("%s: kept from %s on.", table, day)


def _yesterday(settings: Settings, state: Location) -> date:
    from zoneinfo import ZoneInfo

    from cdr_anomaly.ingest import source
    from cdr_anomaly.nights import open_state

    zone = ZoneInfo(source.local_zone(open_state.adopt_settings(settings, state)))
    return datetime.now(zone).date() - timedelta(days=1)
