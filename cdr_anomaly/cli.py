"""The command line: words to settings, settings to the pipeline, errors to exit codes."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cdr_anomaly.errors import CdrAnomalyError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress

    from cdr_anomaly.settings import Settings

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_show_locals=False, add_completion=False,
    help="Find mass diallers, high-frequency callers, forwarding chains and new-SIM bursts in call "
    "records, and say why.",
)  # fmt: skip


class Format(StrEnum):
    """How data is written to standard output."""

    table = "table"
    csv = "csv"
    jsonl = "jsonl"


class Severity(StrEnum):
    """How grave a finding is."""

    low = "low"
    medium = "medium"
    high = "high"
    critical = "critical"


Paths = Annotated[list[str], typer.Argument(help="Parquet files, folders or globs.")]
Config = Annotated[Path | None, typer.Option("--config", help="A TOML file of settings.")]
Words = Annotated[
    list[str], typer.Option("--set", help="A setting, as in high_frequency.calls_60min=40.")
]
Tz = Annotated[str | None, typer.Option("--tz", help="Zone of local days and of naive times.")]
Home = Annotated[str | None, typer.Option("--home", help="Home region; by default CN.")]
Layout = Annotated[str | None, typer.Option("--layout", help="A layout's name, or a TOML file.")]
Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First local day.")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last local day.")]
Entities = Annotated[
    Path | None, typer.Option(help="CSV of declared lines: line, purpose. They are set aside.")
]
Subscribers = Annotated[
    Path | None, typer.Option(help="CSV or Parquet of lines: line, activation.")
]
Memory = Annotated[
    str | None, typer.Option(help="Memory that a run may take, as in 4GiB, which is the default.")
]
Form = Annotated[Format, typer.Option("--format", help="Form of the data on standard output.")]


@app.command()
def scan(
    paths: Paths,
    out: Annotated[Path | None, typer.Option(help="Folder for the result files.")] = None,
    config: Config = None,
    words: Words = [],  # noqa: B006 - typer copies it
    tz: Tz = None,
    home: Home = None,
    layout: Layout = None,
    since: Since = None,
    until: Until = None,
    memory: Memory = None,
    entities: Entities = None,
    subscribers: Subscribers = None,
    form: Form = Format.table,
    rows: Annotated[int, typer.Option(min=1, help="Alerts shown in the table.")] = 50,
    fail_on: Annotated[
        Severity | None, typer.Option(help="Exit with 3 when an alert is as grave as this.")
    ] = None,
) -> None:
    """Judge call records by every detector; remembers nothing."""
    from cdr_anomaly import alerts, pipeline, report

    began = monotonic()
    told = _settings(
        config, words, tz=tz, home=home, layout=layout, since=since, until=until, memory=memory
    )
    if out is not None:
        report.check_writable(out)
    with _progress() as say, _naming_the_damaged(paths):
        result = pipeline.scan(paths, told, entities=entities, subscribers=subscribers, say=say)
        if out is not None:
            say("writing the results")
            tables = {"findings": result.findings, "alerts": result.alerts}
            refused = result.source.refused()
            if not result.counts.refused:
                refused = refused.clear()  # to look for them is another reading of all the files
            report.write(out, tables, refused, report.facts(result))
    if form is Format.table:
        report.show_alerts(result.alerts, rows)
    else:
        report.put(result.alerts, form)
    for sentence in report.summary(result, monotonic() - began):
        sys.stderr.write(f"{sentence}\n")
    if out is not None:
        sys.stderr.write(f"The results are in {out}.\n")
    if fail_on is not None and alerts.as_grave(result.alerts, fail_on):
        raise typer.Exit(3)


@app.command()
def explain(
    line: Annotated[str, typer.Argument(help="A line, in any form that the records use.")],
    paths: Paths,
    config: Config = None,
    words: Words = [],  # noqa: B006 - typer copies it
    tz: Tz = None,
    home: Home = None,
    layout: Layout = None,
    since: Since = None,
    until: Until = None,
    memory: Memory = None,
    subscribers: Subscribers = None,
) -> None:
    """Tell one line's story: its days, contacts, handsets, cells, forwards and findings."""
    from cdr_anomaly import pipeline, report

    told = _settings(
        config, words, tz=tz, home=home, layout=layout, since=since, until=until, memory=memory
    )
    with _progress() as say, _naming_the_damaged(paths):
        parts = pipeline.explain(line, paths, told, subscribers=subscribers, say=say)
    for title, table in parts.items():
        report.show(title, table)


@app.command()
def check(
    paths: Paths,
    config: Config = None,
    words: Words = [],  # noqa: B006 - typer copies it
    tz: Tz = None,
    home: Home = None,
    layout: Layout = None,
    since: Since = None,
    until: Until = None,
    memory: Memory = None,
) -> None:
    """Say what the records are and what is wrong with them; judges no line."""
    from cdr_anomaly import pipeline, report

    told = _settings(
        config, words, tz=tz, home=home, layout=layout, since=since, until=until, memory=memory
    )
    with _progress() as say, _naming_the_damaged(paths):
        parts = pipeline.check(paths, told, say=say)
    for title, table in parts.items():
        report.show(title, table)


@app.command()
def detectors(
    form: Form = Format.table,
) -> None:
    """Describe every detector, with its settings and their defaults."""
    from cdr_anomaly import report
    from cdr_anomaly.detectors import described

    for title, (text, table) in described().items():
        if form is Format.table:
            report.console().print(f"\n[bold]{title}[/]\n\n{text}")
            report.show("settings", table)
        else:
            report.put(table, form)


# Polars' allocator gives memory back after half a second, and a scan asks for the same again and
# again: a quarter of its time went into that. Only what is set before Polars is loaded counts.
os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:5000,muzzy_decay_ms:5000")


def main() -> None:
    """Run the command line; what the user can mend is one sentence and exit code 2."""
    try:
        app()
    except CdrAnomalyError as error:
        sys.stderr.write(f"cdr-anomaly: {error}\n")
        sys.exit(2)


def _settings(config: Path | None, words: list[str], **given: Any) -> Settings:
    from cdr_anomaly import settings

    days = {n: given[n].date() if given[n] else None for n in ("since", "until")}
    return settings.load(config, tuple(words), **(given | days))


@contextmanager
def _naming_the_damaged(paths: list[str]) -> Iterator[None]:
    """Name the file whose damage has made Polars fail; when all are sound the bug is ours."""
    from polars.exceptions import PanicException, PolarsError

    from cdr_anomaly.ingest import files

    try:
        yield
    except (PolarsError, PanicException, OSError):
        files.read_through(paths)
        raise


class _Bar:
    """Shows on stderr what is being done, how far it has come and how long it will take."""

    def __init__(self, bar: Progress) -> None:
        self.bar = bar
        self.task = bar.add_task("", total=None)

    def __call__(self, words: str, total: int | None = None) -> None:
        self.bar.reset(self.task, description=words, total=total)

    def done(self, rows: int) -> None:
        self.bar.advance(self.task, rows)


@contextmanager
def _progress() -> Iterator[_Bar]:
    """Show progress while something is done; nothing when stderr is not a terminal."""
    from rich import progress
    from rich.console import Console
    from rich.text import Text

    class Rate(progress.ProgressColumn):
        def render(self, task: progress.Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f} rows/s" if speed else "")

    columns = (
        progress.SpinnerColumn(), progress.TextColumn("{task.description}"), progress.BarColumn(),
        progress.TextColumn("{task.completed:,.0f} rows"), Rate(), progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
    )  # fmt: skip
    terminal = Console(stderr=True)
    # Away from a terminal it would still leave an empty line.
    quiet = not terminal.is_terminal
    with progress.Progress(*columns, console=terminal, transient=True, disable=quiet) as bar:
        yield _Bar(bar)
