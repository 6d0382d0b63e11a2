"""What is said while a command works: progress, sentences, and which file is damaged."""

from __future__ import annotations

import json
import logging
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress

    from cdr_anomaly import pipeline
    from cdr_anomaly.storage.paths import Location

LOG = logging.getLogger("cdr_anomaly")


class _Json(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told = {"at": at, "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(told, ensure_ascii=False)


def begin(*, as_json: bool) -> None:
    """Say everything on standard error, as sentences or as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    if as_json:
        handler.setFormatter(_Json())
    LOG.handlers, LOG.propagate = [handler], False
    LOG.setLevel(logging.INFO)


def fail(error: Exception, *, hide: bool = False) -> None:
    """Say in one sentence what its user can mend; ``hide`` is --mask."""
    from cdr_anomaly.numbering import masking

    LOG.error("cdr-anomaly: %s", masking.mask_text(str(error)) if hide else error)


@contextmanager
def progress(*, as_json: bool = False) -> Iterator[pipeline.Progress]:
    """Show progress while something is done; nothing when standard error is not a terminal."""
    from rich import progress
    from rich.console import Console
    from rich.text import Text

    class Rows(progress.ProgressColumn):
        def render(self, task: progress.Task) -> Text:
            if task.total is None:
                return Text("")
            speed = task.finished_speed or task.speed
            rate = f", {speed / 1e6:.1f} M/s" if speed else ""
            return Text(f"{task.completed:,.0f} rows{rate}", no_wrap=True)

    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=10),
        Rows(),
        progress.TimeElapsedColumn(),
    )
    terminal = Console(stderr=True)
    # Away from a terminal it would still leave an empty line.
    quiet = as_json or not terminal.is_terminal
    with progress.Progress(*columns, console=terminal, transient=True, disable=quiet) as bar:
        yield _Bar(bar, aloud=as_json)


class _Bar:
    """Shows on stderr what is being done, how far it has come and how long it will take."""

    def __init__(self, bar: Progress, *, aloud: bool) -> None:
        self.bar = bar
        self.aloud = aloud
        self.task = bar.add_task("", total=None)

    def __call__(self, words: str, total: int | None = None) -> None:
        if self.aloud:
            LOG.info(words)
        self.bar.remove_task(self.task)  # one that is reset would keep its total
        self.task = self.bar.add_task(words, total=total)

    def done(self, rows: int) -> None:
        self.bar.advance(self.task, rows)


@contextmanager
def naming_the_damaged(paths: list[Location], state: Location | None = None) -> Iterator[None]:
    """Name the file whose damage has made Polars fail; when all are sound the bug is ours."""
    from polars.exceptions import PanicException, PolarsError

    from cdr_anomaly.ingest import files
    from cdr_anomaly.storage import store_errors

    places = [*paths, *([] if state is None else [state])]
    try:
        with store_errors.explain_store_errors(*places):
            yield
    except (PolarsError, PanicException, OSError):
        files.read_through(paths)
        if state is not None:
            from cdr_anomaly.nights.state import read_through

            read_through(state)
        raise
