"""The commands between nights: status, alerts, feedback, retention."""

from __future__ import annotations

import sys
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from cdr_anomaly.cli import options, output, progress
from cdr_anomaly.cli.options import (
    DAY,
    Config,
    Entities,
    FailOn,
    Form,
    Format,
    Mask,
    MaxAlerts,
    Place,
    Rows,
    Severity,
    StopDays,
    StopList,
    StopSeverity,
    Storage,
    Words,
)


class Verdict(StrEnum):
    """What became of an alert."""

    confirmed = "confirmed"
    cleared = "cleared"


Date = Annotated[datetime | None, typer.Option("--date", formats=DAY, help="The local day.")]


def status(
    state: Place,
    days: Annotated[int, typer.Option(min=1, help="Nights shown.")] = 28,
    form: Form = Format.table,
    storage: Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Say which nights are done, failed, missing or may change, and how their volume was."""
    from cdr_anomaly.nights import operations
    from cdr_anomaly.reports import terminal

    where = options.place(state, storage)
    with progress.naming_the_damaged([], where):
        parts = operations.status(where, days)
    if form is not Format.table:
        terminal.put(next(iter(parts.values())), form)
        return
    for title, table in parts.items():
        terminal.show(title, table)


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
    mask: Mask = False,
) -> None:
    """List a night's alerts again, by the entities as they are now; nothing is detected again."""
    from cdr_anomaly.nights import operations
    from cdr_anomaly.reports import files, summary
    from cdr_anomaly.storage import atomic_write

    where, to = options.place(state, storage), options.place(out, storage)
    if to is not None:
        atomic_write.check_writable(to)
    told = options.settings(config, words, max_alerts=max_alerts)
    with progress.naming_the_damaged([], where):
        day, found, findings = operations.again(where, options.day(date), told, entities)
    output.show(found, form, rows, hide=mask)
    if to is not None:
        files.write_alerts(to, found)
        progress.LOG.info("The alerts are in %s.", to)
    progress.LOG.info("The night of %s: %s.", day, summary.alerts_sentence(found))
    if stop_list is not None:
        output.stop(found, findings, stop_list, stop_severity, day, stop_days)
    output.fail_on(found, fail_on)


def feedback(
    line: Annotated[str, typer.Argument(help="The subject of an alert, in any form.")],
    verdict: Annotated[Verdict, typer.Argument(help="What became of it.")],
    state: Place,
    note: Annotated[str | None, typer.Option(help="What was found out.")] = None,
    date: Date = None,
    storage: Storage = [],  # noqa: B006 - typer copies it
    mask: Mask = False,
) -> None:
    """Remember what became of an alert; it is shown with later alerts on that subject."""
    from cdr_anomaly.nights import operations
    from cdr_anomaly.numbering import masking

    where = options.place(state, storage)
    with progress.naming_the_damaged([], where):
        subject, day = operations.feedback(where, line, verdict, note, options.day(date))
    shown = masking.mask_text(subject) if mask else subject
    sys.stdout.write(f"{shown}: the alert of {day} is {verdict.value}.\n")


def retention(
    state: Place,
    profiles: Annotated[int, typer.Option(min=61, help="Days of sums and alerts kept.")] = 400,
    calls: Annotated[int, typer.Option(min=29, help="Days of calls kept.")] = 180,
    storage: Storage = [],  # noqa: B006 - typer copies it
) -> None:
    """Delete for good what is older than that; every night does so by its settings, too."""
    from cdr_anomaly.nights import operations

    where = options.place(state, storage)
    with progress.naming_the_damaged([], where):
        before = operations.retention(where, profiles, calls)
    for table, day in before.items():
        progress.LOG.info("%s: kept from %s on.", table, day)
