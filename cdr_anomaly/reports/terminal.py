"""Results to files, to the terminal and to standard output; decides nothing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from cdr_anomaly import wording
from cdr_anomaly.alerts.ranking import unranked
from cdr_anomaly.numbering import masking
from cdr_anomaly.schema import SEVERITIES
from cdr_anomaly.storage.csv import escape_formulas, join_lists

if TYPE_CHECKING:
    from collections.abc import Mapping


PLAIN_WIDTH = 100
NO_WRAP = {"day", "severity", "setting", "pattern", "p"}
COLOURS = dict(zip(SEVERITIES, ("dim", "yellow", "red", "bold red"), strict=True))


def write_table(table: pl.DataFrame, form: str) -> None:
    """Write a table to standard output as csv or jsonl."""
    text = escape_formulas(join_lists(table)).write_csv() if form == "csv" else table.write_ndjson()
    sys.stdout.write(text)


def console() -> Console:
    """Return the terminal of standard output; a pipe gets plain text of 100 columns."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=PLAIN_WIDTH, no_color=True)


def print_alerts(alerts: pl.DataFrame, rows: int) -> None:
    """Print the first alerts of the list."""
    terminal = console()
    listed = alerts["rank"].count()
    if listed:
        terminal.print(alerts_table(alerts, rows))
    else:
        terminal.print(_nothing_listed(alerts))
    if listed > rows:
        terminal.print(f"... and {listed - rows} more; --rows shows more, --out keeps all.")
    others = {name: rows.height for name, rows in unranked(alerts).items()}
    if others["beyond"]:
        terminal.print(f"{others['beyond']} more are beyond the limit; --max-alerts ranks more.")
    if others["on_watch"]:
        terminal.print(f"{others['on_watch']} more are on watch (low); --out keeps them.")


def _nothing_listed(alerts: pl.DataFrame) -> str:
    if alerts.is_empty():
        return "Nothing reached a limit."
    if unranked(alerts)["on_watch"].is_empty():
        return "Nothing is on the list: all that reached a limit is set aside."
    return "Nothing is on the list."


def alerts_table(alerts: pl.DataFrame, rows: int) -> Table:
    """Draw the first alerts of the list, each with its first reason."""
    table = _plain_table("#", "severity", "subject", "day", "x limit", "p")
    table.add_column("why", ratio=1, overflow="fold")
    listed = alerts.filter(pl.col("rank").is_not_null()).with_columns(
        p=wording.scientific(pl.col("p_value"))
    )
    for alert in listed.head(rows).iter_rows(named=True):
        severity = alert["severity"]
        table.add_row(
            str(alert["rank"]),
            f"[{COLOURS[severity]}]{severity}[/]",
            _escaped(alert["subject"]),
            str(alert["day"]),
            f"{alert['score']:.1f}",
            alert["p"] or "",
            _why(alert),
        )
    return table


def print_table(title: str, table: pl.DataFrame) -> None:
    """Print any small table under a title."""
    terminal = console()
    terminal.print(f"\n[bold]{title}[/]")
    if table.is_empty():
        terminal.print("none")
        return
    shown = _plain_table(*table.columns)
    for row in table.iter_rows():
        shown.add_row(*("" if value is None else _escaped(str(value)) for value in row))
    terminal.print(shown)


def print_tables(
    tables: Mapping[str, pl.DataFrame],
    form: str = "table",
    data: pl.DataFrame | None = None,
    *,
    mask: bool = False,
) -> None:
    """Print tables, each under its title, or ``data`` where another form of it is asked for."""
    if data is not None and form != "table":
        write_table(data, form)
        return
    for title, table in tables.items():
        print_table(title, masking.mask_table(table) if mask else table)


def _plain_table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), expand=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in NO_WRAP)
    return table


def _why(alert: Mapping[str, Any]) -> str:
    first, *others = alert["reasons"]
    more = f" (+{len(others)} more)" if others else ""
    notes = [alert["feedback"], alert["replaces_case"] and f"goes on with {alert['replaces_case']}"]
    more_notes = "".join(f"; {text}" for text in notes if text)
    return _escaped(f"{', '.join(alert['detectors'])}: {first}{more}{more_notes}")


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
