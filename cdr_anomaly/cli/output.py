"""How the commands that judge give their answer: on standard output, as files, as exit code."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from cdr_anomaly.cli import progress
from cdr_anomaly.cli.options import Format

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import polars as pl

    from cdr_anomaly.cli.options import Severity
    from cdr_anomaly.storage.paths import Location

# Alerts come first; who warns people takes the file.
SHOWN = 10


def show(
    alerts: pl.DataFrame,
    form: Format,
    rows: int,
    victims: pl.DataFrame | None = None,
    *,
    hide: bool = False,
) -> None:
    """Print the first alerts, and people to warn, as tables, or all alerts as data."""
    from cdr_anomaly.numbering import masking
    from cdr_anomaly.reports import terminal

    if hide:
        alerts, victims = (
            masking.mask_table(alerts),
            None if victims is None else masking.mask_table(victims),
        )
    if form is Format.table:
        terminal.show_alerts(alerts, rows)
        if victims is not None and not victims.is_empty():
            columns = ("tier", "number", "hours_since", "why")
            terminal.show(f"To warn, the first {SHOWN}", victims.head(SHOWN).select(columns))
    else:
        terminal.put(alerts, form)


def where(out: Location) -> None:
    """Say where the files are, and what to do next."""
    from cdr_anomaly.reports import files

    progress.LOG.info("The results are in %s; open %s in a browser.", out, out / files.PAGE)
    progress.LOG.info("Next: cdr-anomaly explain LINE PATH tells one line's story (--html FILE).")


def fail_on(alerts: pl.DataFrame, severity: Severity | None) -> None:
    """Leave with 3 when an alert on the list is as grave as that."""
    from cdr_anomaly.alerts.ranking import as_grave

    if severity is not None and as_grave(alerts, severity):
        raise typer.Exit(3)


def stop(
    found: pl.DataFrame,
    findings: pl.DataFrame,
    file: Path,
    severity: Severity,
    day: date,
    days: int,
) -> None:
    """Write the list of numbers to be stopped from ``day`` on, for so many ``days``."""
    from cdr_anomaly.alerts import ranking
    from cdr_anomaly.storage import atomic_write

    listed = ranking.to_stop(found, findings, severity, day + timedelta(days=days))
    atomic_write.write_text(file, listed.write_csv())
    progress.LOG.info("The stop list in %s has %d number(s).", file, listed.height)
