"""How the commands that judge give their answer: on standard output, as files, as exit code."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import typer

from cdr_anomaly.cli import talk
from cdr_anomaly.cli.options import Format

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    import polars as pl

    from cdr_anomaly.cli.options import Severity
    from cdr_anomaly.stores import Place

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
    from cdr_anomaly import mask, report

    if hide:
        alerts, victims = mask.frame(alerts), None if victims is None else mask.frame(victims)
    if form is Format.table:
        report.show_alerts(alerts, rows)
        if victims is not None and not victims.is_empty():
            columns = ("tier", "number", "hours_since", "why")
            report.show(f"To warn, the first {SHOWN}", victims.head(SHOWN).select(columns))
    else:
        report.put(alerts, form)


def where(out: Place) -> None:
    """Say where the files are, and what to do next."""
    from cdr_anomaly import report

    talk.LOG.info("The results are in %s; open %s in a browser.", out, out / report.PAGE)
    talk.LOG.info("Next: cdr-anomaly explain LINE PATH tells one line's story (--html FILE).")


def fail_on(alerts: pl.DataFrame, severity: Severity | None) -> None:
    """Leave with 3 when an alert on the list is as grave as that."""
    from cdr_anomaly.alerts import as_grave

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
    from cdr_anomaly import alerts, results

    listed = alerts.to_stop(found, findings, severity, day + timedelta(days=days))
    results.write_whole(file, listed.write_csv())
    talk.LOG.info("The stop list in %s has %d number(s).", file, listed.height)
