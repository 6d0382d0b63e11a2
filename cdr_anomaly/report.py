"""Results to files, to the terminal and to standard output; decides nothing."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table

from cdr_anomaly import evidence
from cdr_anomaly.results import aside
from cdr_anomaly.schema import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cdr_anomaly.pipeline import Result
    from cdr_anomaly.stores import Place

PLAIN_WIDTH = 100
PAGE = "report.html"
NO_WRAP = {"day", "severity", "setting", "pattern", "p"}
# How soon to warn, and how it is said.
TIERS = {"now": "now", "today": "today", "watch": "on watch"}
COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}


def write(out: Place, result: Result, page: str) -> None:
    """Write a run's files into ``out``, readable by their owner only, all of them or none.

    They are written aside and moved into place when the last one is whole. ``page`` is report.html.
    """
    # To look for them is another reading of all the files.
    refused = result.source.refused() if result.counts.refused else result.source.none_refused()
    with aside(out) as place:
        _put_alerts(place, result.alerts)
        result.findings.write_parquet(place / "findings.parquet")
        result.evidence.write_parquet(place / "evidence.parquet")
        result.victims.write_parquet(place / "victims.parquet")
        safe(flattened(result.victims)).write_csv(place / "victims.csv")
        refused.sink_parquet(place / "refused.parquet")
        run = facts(result)
        text = json.dumps(run, indent=2, sort_keys=True, default=str, ensure_ascii=False)
        (place / "run.json").write_text(text + "\n", encoding="utf-8")
        (place / PAGE).write_text(page, encoding="utf-8")


def write_alerts(out: Place, alerts: pl.DataFrame) -> None:
    """Write alerts into ``out`` in every form, readable by their owner only."""
    with aside(out) as place:
        _put_alerts(place, alerts)


def _put_alerts(place: Path, alerts: pl.DataFrame) -> None:
    alerts.write_parquet(place / "alerts.parquet")
    safe(flattened(alerts)).write_csv(place / "alerts.csv")
    alerts.write_ndjson(place / "alerts.jsonl")


def facts(result: Result) -> dict[str, Any]:
    """Return what a run was made of: the same for the same input and settings."""
    source = result.source
    return {
        "inputs": [
            {"path": str(file.path), "bytes": file.size, "rows": file.rows} for file in source.files
        ],
        "layout": source.layout.name,
        "zone": source.tz,
        "settings": source.settings.model_dump(exclude_none=True),
        "versions": versions(),
        "counts": asdict(result.counts),
        "not_applicable": result.not_applicable,
        "not_known": result.tables.unknown(),
        "calibrated_days": calibrated_days(result.evidence),
        "findings": result.findings.height,
        "alerts": result.alerts["rank"].count(),
        "to_warn": to_warn(result.victims),
    } | {name: rows.height for name, rows in unranked(result.alerts).items()}


def summary(result: Result) -> list[str]:
    """Say what was read, refused, judged and found, a sentence a line."""
    counts = result.counts
    rows = ", ".join(f"{n:,} {what}" for what, n in counts.rows().items() if n)
    days = result.tables.feed
    read = rows or "none in these files and days"
    return [
        f"Rows: {read}.",
        f"Days: {days.first_day} to {days.last_day} in {result.source.tz}."
        if days.first_day
        else "Days: none, there is no call to judge.",
        *(f"Not applicable: {name}: {why}." for name, why in result.not_applicable.items()),
        *(f"Not known: {what}." for what in result.tables.unknown()),
        *calibration_sentences(result.evidence),
        f"Alerts: {alerts_sentence(result.alerts)}.",
        f"To warn: {victims_sentence(result.victims)}.",
    ]


def calibrated_days(compared: pl.DataFrame) -> dict[str, int]:
    """Count the days of EVIDENCE by what they are calibrated by."""
    by = compared.group_by("calibrated_by").agg(pl.col("day").n_unique()).sort("calibrated_by")
    return dict(by.iter_rows())


def calibration_sentences(compared: pl.DataFrame) -> list[str]:
    """Say how many days of EVIDENCE are calibrated by what, if any line was compared at all."""
    known = calibrated_days(compared)
    nights, itself = (known.get(by, 0) for by in (evidence.BY_NIGHTS, evidence.BY_ITSELF))
    parts = [f"{nights} day(s) by the {evidence.NIGHTS} nights before"] if nights else []
    if itself:
        number = f"{itself}" if parts else f"{itself} day(s)"
        parts.append(f"{number} by the same day: there chance does not lower what is found")
    return [f"Calibration: {', '.join(parts)}."] if parts else []


def unranked(alerts: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Divide the alerts that have no rank by why they have none."""
    declared, again = pl.col("suppressed_by").is_not_null(), pl.col("ongoing_since").is_not_null()
    low, free = pl.col("severity") == SEVERITIES[0], ~declared & ~again
    rest = alerts.filter(pl.col("rank").is_null())
    return {
        "suppressed": rest.filter(declared),
        "ongoing": rest.filter(~declared & again),
        "on_watch": rest.filter(free & low),
        "beyond": rest.filter(free & ~low),
    }


def alerts_sentence(alerts: pl.DataFrame) -> str:
    """Say how many alerts there are, by severity, and how many have no rank, and why."""
    listed = alerts.filter(pl.col("rank").is_not_null())
    grades = [f"{n} {s}" for s in reversed(SEVERITIES) if (n := (listed["severity"] == s).sum())]
    others = {name: rows.height for name, rows in unranked(alerts).items()}
    words = {
        "ongoing": "ongoing since an earlier night",
        "on_watch": "on watch (low)",
        "beyond": "beyond the limit",
    }
    parts = [f"{others[name]} {said}" for name, said in words.items() if others[name]]
    aside = f"{others['suppressed']} declared ones set aside"
    return f"{', '.join(grades) or 'none'}; {', '.join([aside, *parts])}"


def to_warn(victims: pl.DataFrame) -> dict[str, int]:
    """Count the people of each tier on the list of those to warn."""
    return {tier: int((victims["tier"] == tier).sum()) for tier in TIERS}


def victims_sentence(victims: pl.DataFrame) -> str:
    """Say how many people there are to warn, and how soon."""
    words = (
        f"{n} {said}" for n, said in zip(to_warn(victims).values(), TIERS.values(), strict=True)
    )
    return ", ".join(words) if victims.height else "nobody"


@cache
def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    names = ("cdr-anomaly", "polars", "pyarrow", "scipy", "numpy")
    return {name: version(name) for name in names} | {"python": sys.version.split()[0]}


def flattened(table: pl.DataFrame) -> pl.DataFrame:
    """Write lists as one text each, for formats that have no lists."""
    lists = [name for name, dtype in table.schema.items() if dtype == pl.List]
    return table.with_columns(pl.col(lists).list.join("; "))


def safe(table: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before text that a spreadsheet would run as a formula (OWASP).

    Any line of a cell may be taken for its start, blanks before the sign do not help, and the
    full-width signs of a Chinese keyboard count, too.
    """
    starts = r"(?m)^([\s\u00a0]*[=+\-@\t\r\n\x{ff1d}\x{ff0b}\x{ff0d}\x{ff20}])"
    return table.with_columns(pl.col(pl.String).str.replace_all(starts, "'${1}"))


def put(table: pl.DataFrame, form: str) -> None:
    """Write a table to standard output as csv or jsonl."""
    text = safe(flattened(table)).write_csv() if form == "csv" else table.write_ndjson()
    sys.stdout.write(text)


def console() -> Console:
    """Return the terminal of standard output; a pipe gets plain text of 100 columns."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=PLAIN_WIDTH, no_color=True)


def show_alerts(alerts: pl.DataFrame, rows: int) -> None:
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
        p=evidence.scientific(pl.col("p_value"))
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


def show(title: str, table: pl.DataFrame) -> None:
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


def _plain_table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), expand=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in NO_WRAP)
    return table


def _why(alert: Mapping[str, Any]) -> str:
    first, *others = alert["reasons"]
    more = f" (+{len(others)} more)" if others else ""
    told = [alert["feedback"], alert["continues"] and f"goes on with {alert['continues']}"]
    said = "".join(f"; {text}" for text in told if text)
    return _escaped(f"{', '.join(alert['detectors'])}: {first}{more}{said}")


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
