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
from cdr_anomaly.wording import Text, join_texts, say, say_word

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


def print_alerts(alerts: pl.DataFrame, rows: int, lang: str = wording.ENGLISH) -> None:
    """Print the first alerts of the list."""
    terminal = console()
    listed = alerts["rank"].count()
    if listed:
        terminal.print(alerts_table(alerts, rows, lang))
    else:
        terminal.print(wording.translate(_nothing_listed(alerts), lang))
    others = {name: rows.height for name, rows in unranked(alerts).items()}
    notes = {
        say(
            "terminal.more_rows",
            "... and {n} more; --rows shows more, --out keeps all.",
            n=listed - rows,
        ): listed > rows,
        say(
            "terminal.beyond",
            "{n} more are beyond the limit; --max-alerts ranks more.",
            n=others["beyond"],
        ): others["beyond"],
        say(
            "terminal.on_watch",
            "{n} more are on watch (low); --out keeps them.",
            n=others["on_watch"],
        ): others["on_watch"],
    }
    for note, holds in notes.items():
        if holds:
            terminal.print(wording.translate(note, lang))


def _nothing_listed(alerts: pl.DataFrame) -> Text:
    if alerts.is_empty():
        return say("terminal.nothing", "Nothing reached a limit.")
    if unranked(alerts)["on_watch"].is_empty():
        return say(
            "terminal.all_set_aside",
            "Nothing is on the list: all that reached a limit is set aside.",
        )
    return say_word("Nothing is on the list.")


def alerts_table(alerts: pl.DataFrame, rows: int, lang: str = wording.ENGLISH) -> Table:
    """Draw the first alerts of the list (localized), each with its first reason."""
    heads = ("#", "severity", "subject", "day", "x limit", "p")
    table = _plain_table(*heads, lang=lang)
    table.add_column(_head("why", lang), ratio=1, overflow="fold")
    listed = alerts.filter(pl.col("rank").is_not_null()).with_columns(
        p=wording.scientific(pl.col("p_value"))
    )
    for alert in listed.head(rows).iter_rows(named=True):
        severity = alert["severity"]
        table.add_row(
            str(alert["rank"]),
            f"[{COLOURS[severity]}]{wording.translate_word(severity, lang)}[/]",
            _escaped(alert["subject"]),
            str(alert["day"]),
            f"{alert['score']:.1f}",
            alert["p"] or "",
            _why(alert, lang),
        )
    return table


def print_victims(victims: pl.DataFrame, rows: int, lang: str) -> None:
    """Print the first people to warn."""
    first = victims.head(rows)
    first = first.with_columns(tier=wording.translate_column(first["tier"], lang))
    title = say("terminal.to_warn", "To warn, the first {n}", n=rows)
    print_table(title, first.select("tier", "number", "hours_since", "why"), lang)


def print_table(title: str, table: pl.DataFrame, lang: str = wording.ENGLISH) -> None:
    """Print any small table under a title."""
    terminal = console()
    terminal.print(f"\n[bold]{wording.translate(title, lang)}[/]")
    if table.is_empty():
        terminal.print(wording.translate_word("none", lang))
        return
    shown = _plain_table(*table.columns, lang=lang)
    for row in table.iter_rows():
        shown.add_row(*("" if value is None else _escaped(str(value)) for value in row))
    terminal.print(shown)


def print_tables(
    tables: Mapping[str, pl.DataFrame],
    form: str = "table",
    data: pl.DataFrame | None = None,
    *,
    mask: bool = False,
    lang: str = wording.ENGLISH,
) -> None:
    """Print tables, each under its title, or ``data`` where another form of it is asked for."""
    if data is not None and form != "table":
        write_table(data, form)
        return
    for title, table in tables.items():
        print_table(title, masking.mask_table(table) if mask else table, lang)


def _plain_table(*columns: str, lang: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), expand=False)
    for column in columns:
        table.add_column(_head(column, lang), overflow="fold", no_wrap=column in NO_WRAP)
    return table


def _head(column: str, lang: str) -> str:
    """Return the head of a column; heads have words of their own, for they are short."""
    return wording.translate_word(column, lang, "heads")


def _why(alert: Mapping[str, Any], lang: str) -> str:
    first, *others = alert["reasons"]
    detectors = join_texts("list", (say_word(name) for name in alert["detectors"]))
    parts = [
        say("terminal.reason", "{detectors}: {reason}", detectors=detectors, reason=first),
        say("terminal.more_reasons", " (+{n} more)", n=len(others)),
        say("terminal.note", "; {note}", note=alert["feedback"]),
        say("terminal.replaces", "; goes on with {case}", case=alert["replaces_case"]),
    ]
    holds = (True, others, alert["feedback"], alert["replaces_case"])
    texts = (wording.translate(part, lang) for part, some in zip(parts, holds, strict=True) if some)
    return _escaped("".join(texts))


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
