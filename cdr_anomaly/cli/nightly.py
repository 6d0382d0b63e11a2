"""The commands that run nights: nightly, backfill."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Option

from cdr_anomaly.cli.command import command
from cdr_anomaly.cli.options import (
    DAY,
    LOCAL,
    JsonLog,
    ListOptions,
    MaxAlerts,
    NightOptions,
    Paths,
    State,
    StorageOptions,
    day_of,
)
from cdr_anomaly.cli.output import (
    Out,
    OutputOptions,
    PageOptions,
    StopOptions,
    log_folder,
    log_warnings,
)
from cdr_anomaly.cli.progress import LOG, show_progress
from cdr_anomaly.errors import warn_former_name

if TYPE_CHECKING:
    from datetime import date

    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location


@command
def nightly(
    paths: Paths,
    state: State,
    *,
    day: Annotated[
        datetime | None,
        Option("--date", formats=DAY, help="The local day to judge; by default yesterday."),
    ] = None,
    out: Out = None,
    options: NightOptions,
    lists: ListOptions,
    replace_files: Annotated[
        bool, Option("--replace-files", help="Let go of files that the day was made of before.")
    ] = False,
    only: Annotated[bool, Option("--only", hidden=True, help="Former name of --replace-files.")] = (
        False
    ),
    output: OutputOptions,
    metrics: Annotated[
        Path | None, Option(**LOCAL, help="Text file of figures for Prometheus' node exporter.")
    ] = None,
    stop: StopOptions,
    json_log: JsonLog = False,
    page: PageOptions,
    storage: StorageOptions,
) -> None:
    """Judge one day by its calls and what earlier nights remember, and remember it, too."""
    from cdr_anomaly.nights import run as nights_run

    if only:
        warn_former_name("--only", "--replace-files")
    files, location = storage.locations(paths), storage.location(state)
    settings = options.settings(max_alerts=output.max_alerts)
    folder = storage.folder(out)
    with show_progress(files, location, as_json=json_log) as progress:
        run = nights_run.Run(location, settings, lists.for_nights(), progress, storage.by_name())
        night = day_of(day) or _yesterday(settings, location)
        outcome = nights_run.nightly(files, night, run, replace_files=replace_files or only)
        if folder is not None:
            from cdr_anomaly.reports.html import Past

            page.write(folder, outcome.result, Past.of_night(location, outcome), progress)
    result = outcome.result
    output.print_result(result, outcome.seconds, outcome.warnings, mask=page.mask)
    log_folder(folder)
    stop.write(result.alerts, result.findings, outcome.day)
    if metrics is not None:
        from cdr_anomaly.reports import prometheus

        prometheus.write(metrics, outcome)
    output.exit_if_grave(result.alerts)


@command
def backfill(
    paths: Paths,
    state: State,
    *,
    first: Annotated[datetime, Option("--from", formats=DAY, help="First local day.")],
    last: Annotated[datetime, Option("--to", formats=DAY, help="Last local day.")],
    out: Annotated[str | None, Option(help="Folder for a folder of results a day.")] = None,
    options: NightOptions,
    lists: ListOptions,
    max_alerts: MaxAlerts = None,
    json_log: JsonLog = False,
    page: PageOptions,
    storage: StorageOptions,
) -> None:
    """Run the nights that are missing or may have changed, in order; goes on where it stopped."""
    from cdr_anomaly.nights import run as nights_run

    files, location = storage.locations(paths), storage.location(state)
    settings = options.settings(max_alerts=max_alerts)
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
            log_warnings(night.warnings)
    LOG.info("%d night(s) were run.", nights)


def _yesterday(settings: Settings, state: Location) -> date:
    from zoneinfo import ZoneInfo

    from cdr_anomaly.ingest import source
    from cdr_anomaly.nights import open_state

    zone = ZoneInfo(source.local_zone(open_state.as_before(settings, state)))
    return datetime.now(zone).date() - timedelta(days=1)
