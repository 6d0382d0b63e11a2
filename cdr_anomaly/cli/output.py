"""How commands answer: options of what comes out, on standard output, as files, as exit code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Exit, Option

from cdr_anomaly.cli.options import LOCAL, MaxAlerts
from cdr_anomaly.cli.progress import LOG
from cdr_anomaly.vocabulary import Language, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    import polars as pl

    from cdr_anomaly.pipeline import Progress
    from cdr_anomaly.reports.html import Past
    from cdr_anomaly.result import Result
    from cdr_anomaly.storage.paths import Location

# Alerts come first; who warns people takes the file.
VICTIMS_SHOWN = 10

Form = Annotated[
    Literal["table", "csv", "jsonl"],
    Option("--format", help="Form of the data on standard output."),
]
Out = Annotated[str | None, Option(help="Folder for the result files.")]
Mask = Annotated[bool, Option("--mask", help="Hide four digits of each number that is shown.")]


@dataclass(frozen=True)
class OutputOptions:
    """What is printed of alerts, and the exit code."""

    form: Form = "table"
    rows: Annotated[int, Option(min=1, help="Alerts shown in the table.")] = 50
    max_alerts: MaxAlerts = None
    fail_on: Annotated[
        Severity | None, Option(help="Exit with 3 when an alert is as grave as this.")
    ] = None

    def print_alerts(
        self, alerts: pl.DataFrame, victims: pl.DataFrame | None = None, *, mask: bool
    ) -> None:
        """Print the first alerts, and people to warn, as tables, or all alerts as data."""
        from cdr_anomaly.numbering import masking
        from cdr_anomaly.reports import terminal

        if mask:
            alerts = masking.mask_table(alerts)
            victims = None if victims is None else masking.mask_table(victims)
        if self.form != "table":
            terminal.write_table(alerts, self.form)
            return
        terminal.print_alerts(alerts, self.rows)
        if victims is not None and not victims.is_empty():
            columns = ("tier", "number", "hours_since", "why")
            first = victims.head(VICTIMS_SHOWN).select(columns)
            terminal.print_table(f"To warn, the first {VICTIMS_SHOWN}", first)

    def print_result(
        self,
        result: Result,
        seconds: float,
        warnings: Iterable[str] = (),
        *,
        mask: bool,
        folder: Location | None,
    ) -> None:
        """Print a result's alerts; log what was read and found, and where the files are."""
        from cdr_anomaly.reports import files, summary

        self.print_alerts(result.alerts, result.victims, mask=mask)
        for sentence in (*summary.summary(result), f"Time: {seconds:.1f} s."):
            LOG.info(sentence)
        log_warnings(warnings)
        if folder is not None:
            page = folder / files.PAGE
            LOG.info("The results are in %s; open %s in a browser.", folder, page)
            LOG.info("Next: cdr-anomaly explain LINE PATH tells one line's story (--html FILE).")

    def exit_if_grave(self, alerts: pl.DataFrame) -> None:
        """Leave with 3 when an alert on the list is as grave as --fail-on says."""
        from cdr_anomaly.alerts.ranking import as_grave

        if self.fail_on is not None and as_grave(alerts, self.fail_on):
            raise Exit(3)


@dataclass(frozen=True)
class PageOptions:
    """How a page looks."""

    lang: Annotated[Language, Option(help="Language of the page.")] = "en"
    mask: Mask = False

    def write(self, folder: Location, result: Result, past: Past, progress: Progress) -> None:
        """Draw the page of a result, and write all its files."""
        from cdr_anomaly.reports import files
        from cdr_anomaly.reports.html import Look, night

        progress("drawing the page")
        page = night(result, past, Look(self.lang, self.mask))
        progress("writing the results")
        files.write_results(folder, result, page)


@dataclass(frozen=True)
class StopOptions:
    """The list of numbers to be stopped."""

    stop_list: Annotated[
        Path | None, Option(**LOCAL, help="CSV of the numbers to be stopped, with their validity.")
    ] = None
    stop_severity: Annotated[Severity, Option(help="Severity from which a number is on it.")] = (
        "high"
    )
    stop_days: Annotated[int, Option(min=1, help="Days that a number on it is valid.")] = 7

    def write(self, alerts: pl.DataFrame, findings: pl.DataFrame, day: date) -> None:
        """Write the list, valid from ``day`` on, if it was asked for."""
        from cdr_anomaly.alerts import ranking
        from cdr_anomaly.storage import atomic_write

        if self.stop_list is None:
            return
        until = day + timedelta(days=self.stop_days)
        listed = ranking.to_stop(alerts, findings, self.stop_severity, until)
        atomic_write.write_text(self.stop_list, listed.write_csv())
        LOG.info("The stop list in %s has %d number(s).", self.stop_list, listed.height)


def print_tables(
    tables: Mapping[str, pl.DataFrame],
    form: str = "table",
    data: pl.DataFrame | None = None,
    *,
    mask: bool = False,
) -> None:
    """Print tables, each under its title, or ``data`` where another form of it is asked for."""
    from cdr_anomaly.numbering import masking
    from cdr_anomaly.reports import terminal

    if data is not None and form != "table":
        terminal.write_table(data, form)
        return
    for title, table in tables.items():
        terminal.print_table(title, masking.mask_table(table) if mask else table)


def log_warnings(warnings: Iterable[str]) -> None:
    """Log what to look at after a night."""
    for warning in warnings:
        LOG.warning("Look at this: %s.", warning)
