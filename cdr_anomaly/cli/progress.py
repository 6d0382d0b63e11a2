"""What is said while a command works: progress, sentences, and which file is damaged."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cdr_anomaly.errors import FormerNameWarning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.progress import Progress

    from cdr_anomaly import pipeline
    from cdr_anomaly.storage.paths import Location

LOG = logging.getLogger("cdr_anomaly")


class _JsonLines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        event = {"at": at, "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(event, ensure_ascii=False)


def start_logging(*, as_json: bool) -> None:
    """Log to standard error, as sentences or as lines of JSON."""
    handler = logging.StreamHandler(sys.stderr)
    if as_json:
        handler.setFormatter(_JsonLines())
    LOG.handlers, LOG.propagate = [handler], False
    LOG.setLevel(logging.INFO)
    warnings.filterwarnings("default", category=FormerNameWarning)  # each of them once
    show_others = warnings.showwarning

    def log_former_names(text: Warning | str, kind: type[Warning], *where: Any) -> None:
        if issubclass(kind, FormerNameWarning):
            LOG.warning(str(text))
        else:
            show_others(text, kind, *where)

    warnings.showwarning = log_former_names  # type: ignore[assignment]


def log_error(error: Exception, *, mask: bool = False) -> None:
    """Log in one sentence what the user can mend."""
    from cdr_anomaly.numbering import masking

    LOG.error("cdr-anomaly: %s", masking.mask_text(str(error)) if mask else error)


def log_warnings(sentences: Iterable[str]) -> None:
    """Log what to look at after a night."""
    for sentence in sentences:
        LOG.warning("Look at this: %s.", sentence)


@contextmanager
def show_progress(
    files: Sequence[Location], state: Location | None = None, *, as_json: bool = False
) -> Iterator[pipeline.Progress]:
    """Show how far the work is, if standard error is a terminal; name a file that is damaged."""
    bar = None if as_json or not sys.stderr.isatty() else _draw_bar()
    with report_damage(files, state), bar or nullcontext():
        yield _Steps(bar, logs_steps=as_json)


def _draw_bar() -> Progress:
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
    return progress.Progress(*columns, console=Console(stderr=True), transient=True)


class _Steps:
    """Shows on a bar what is being done, how far it has come and how long it will take."""

    def __init__(self, bar: Progress | None, *, logs_steps: bool) -> None:
        self.bar = bar
        self.logs_steps = logs_steps
        self.task = bar.add_task("", total=None) if bar else None

    def __call__(self, step: str, total: int | None = None) -> None:
        if self.logs_steps:
            LOG.info(step)
        if self.bar and self.task is not None:
            self.bar.remove_task(self.task)  # one that is reset would keep its total
            self.task = self.bar.add_task(step, total=total)

    def done(self, rows: int) -> None:
        if self.bar and self.task is not None:
            self.bar.advance(self.task, rows)


@contextmanager
def report_damage(files: Sequence[Location] = (), state: Location | None = None) -> Iterator[None]:
    """Name the file whose damage has made Polars fail; when all are sound the bug is ours."""
    from polars.exceptions import PanicException, PolarsError

    from cdr_anomaly.ingest import files as ingest_files
    from cdr_anomaly.storage import store_errors

    try:
        with store_errors.explain_store_errors(*files, *([] if state is None else [state])):
            yield
    except (PolarsError, PanicException, OSError):
        ingest_files.check_pages(files)
        if state is not None:
            from cdr_anomaly.nights.state import check_files

            check_files(state)
        raise
