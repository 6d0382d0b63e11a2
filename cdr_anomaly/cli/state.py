"""The commands between nights: status, alerts, feedback, retention."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from typer import Argument, Option

from cdr_anomaly.cli.command import command
from cdr_anomaly.cli.options import Date, Entities, SettingsOptions, State, StorageOptions, day_of
from cdr_anomaly.cli.output import Form, Mask, OutputOptions, StopOptions, print_tables
from cdr_anomaly.cli.progress import LOG, report_damage


@command
def status(
    state: State,
    *,
    days: Annotated[int, Option(min=1, help="Nights shown.")] = 28,
    form: Form = "table",
    storage: StorageOptions,
) -> None:
    """Say which nights are done, failed, missing or may change, and how their volume was."""
    from cdr_anomaly.nights import operations
    from cdr_anomaly.reports import terminal

    location = storage.location(state)
    with report_damage(state=location):
        parts = operations.status(location, days)
    if form == "table":
        print_tables(parts)
    else:
        terminal.write_table(next(iter(parts.values())), form)


@command
def alerts(
    state: State,
    *,
    date: Date = None,
    out: Annotated[str | None, Option(help="Folder for the alerts as files.")] = None,
    options: SettingsOptions,
    entities: Entities = None,
    output: OutputOptions,
    stop: StopOptions,
    storage: StorageOptions,
    mask: Mask = False,
) -> None:
    """List a night's alerts again, by the entities as they are now; nothing is detected again."""
    from cdr_anomaly.nights import operations
    from cdr_anomaly.reports import files, summary

    location, folder = storage.location(state), storage.folder(out)
    settings = options.settings(max_alerts=output.max_alerts)
    with report_damage(state=location):
        day, ranked, findings = operations.again(location, day_of(date), settings, entities)
    output.print_alerts(ranked, mask=mask)
    if folder is not None:
        files.write_alerts(folder, ranked)
        LOG.info("The alerts are in %s.", folder)
    LOG.info("The night of %s: %s.", day, summary.alerts_sentence(ranked))
    stop.write(ranked, findings, day)
    output.exit_if_grave(ranked)


@command
def feedback(
    line: Annotated[str, Argument(help="The subject of an alert, in any form.")],
    verdict: Annotated[Literal["confirmed", "cleared"], Argument(help="What became of it.")],
    state: State,
    *,
    note: Annotated[str | None, Option(help="What was found out.")] = None,
    date: Date = None,
    storage: StorageOptions,
    mask: Mask = False,
) -> None:
    """Remember what became of an alert; it is shown with later alerts on that subject."""
    from cdr_anomaly.nights import operations
    from cdr_anomaly.numbering import masking

    location = storage.location(state)
    with report_damage(state=location):
        subject, day = operations.feedback(location, line, verdict, note, day_of(date))
    shown = masking.mask_text(subject) if mask else subject
    sys.stdout.write(f"{shown}: the alert of {day} is {verdict}.\n")


@command
def retention(
    state: State,
    *,
    profiles: Annotated[int, Option(min=61, help="Days of sums and alerts kept.")] = 400,
    calls: Annotated[int, Option(min=29, help="Days of calls kept.")] = 180,
    storage: StorageOptions,
) -> None:
    """Delete for good what is older than that; every night does so by its settings, too."""
    from cdr_anomaly.nights import operations

    location = storage.location(state)
    with report_damage(state=location):
        before = operations.retention(location, profiles, calls)
    for table, day in before.items():
        LOG.info("%s: kept from %s on.", table, day)
