"""The steps in a row: files to calls, calls to tables, tables to findings, findings to alerts."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Protocol

import polars as pl

from cdr_anomaly import detectors, engines, ingest, numbering
from cdr_anomaly.alerts import detect, peer_scoring, ranking, severity
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.alerts.entities import set_aside
from cdr_anomaly.alerts.victims import selection
from cdr_anomaly.errors import accept_former_names
from cdr_anomaly.features.feed import FeedReader, describe_feed
from cdr_anomaly.features.history import NoHistory
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.features.second_look import read_lines
from cdr_anomaly.features.tables import build_tables
from cdr_anomaly.ingest import subscribers as ingest_subscribers
from cdr_anomaly.result import Counts, Result
from cdr_anomaly.schema import CALLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from cdr_anomaly.detectors import Detector, Feed
    from cdr_anomaly.engines import Engine, FirstLook
    from cdr_anomaly.engines.profile import NeededLines
    from cdr_anomaly.features.needs import FeedNeeds
    from cdr_anomaly.features.second_look import LineReading
    from cdr_anomaly.ingest.subscribers import Subscribers
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location
    from cdr_anomaly.wording import Text


class Progress(Protocol):
    """Receives the step that a run has begun, and how many rows are done."""

    def __call__(self, step: str, total: int | None = None) -> None:
        """Report the step that begins now, and how many rows it reads."""

    def done(self, rows: int) -> None:
        """Report that ``rows`` more rows are done."""


class NoProgress:
    """Ignores every report."""

    def __call__(self, step: str, total: int | None = None) -> None:
        """Ignore a step."""

    def done(self, rows: int) -> None:
        """Ignore a number of rows."""


SILENT = NoProgress()


@accept_former_names(told="settings", also="extra_line", say="progress")
def scan(
    paths: Iterable[str | Location],
    settings: Settings,
    *,
    entities: Path | None = None,
    subscribers: Path | None = None,
    extra_line: str | None = None,
    progress: Progress = SILENT,
) -> Result:
    """Judge every local day of the files by every detector; remembers nothing.

    ``entities`` and ``subscribers`` are files of entities and of what is known of lines.
    The calls of ``extra_line`` are read in full, whatever it did. ``progress`` hears of each step.
    """
    built = detectors.build(settings)
    progress("opening the files")
    engine = engines.build_engine(settings)
    source = ingest.open_source(paths, settings, engine.reader)
    declared = alerts_entities.read_entities(entities, source.plan, detect.FINDERS)
    needs = Needs.merge(detector.needs() for detector in built)
    reading = read_twice(
        engine, source, needs, subscribers=subscribers, extra_line=extra_line, progress=progress
    )
    reader = reading.reader
    not_applicable = reasons_not_applicable(built, reader.feed)
    applicable = [detector for detector in built if detector.name not in not_applicable]
    progress("working out what they did")
    tables = build_tables(reading, needs)
    progress("judging")
    no_past = peer_scoring.PastNights.nothing(reader.source.line_type, reader.look.n_callers)
    judged = detect.detect(applicable, tables, no_past, settings.fdr)
    handsets = alerts_entities.handsets_used(tables.legs, tables.written(pl.col("line")))
    marked = set_aside(judged.findings, declared, source.plan, handsets)
    context = severity.Context(
        detect.evidence_of_findings(judged.findings, judged.weights),
        handsets=handsets.collect(),
        line_replacements=detect.find_line_replacements(tables),
    )
    progress("ranking what was found")
    day = reader.feed.last_day or date.min
    week = selection.Week(
        day=day,
        findings=marked.filter(pl.col("day") > day - min(selection.WEEK, day - date.min)),
        context=context,
        legs=tables.legs,
        long=reader.look.long,
        long_from=reader.feed.first_day or day,
        look=reader.read_calls,
        days=reader.feed.days[-selection.PAST :],
    )
    return Result(
        findings=judged.findings,
        evidence=judged.weights,
        alerts=ranking.rank_alerts(marked, context, most=settings.max_alerts),
        victims=selection.select_victims(
            tables, week, declared, handsets, settings.max_victims
        ).victims,
        counts=count_rows(reader.look),
        not_applicable=not_applicable,
        tables=tables,
        source=reader.source,
        line=reader.line,
        rows_by_hour=reader.look.rows_by_hour,
    )


def read_twice(
    engine: Engine,
    source: ingest.Source,
    needs: FeedNeeds,
    *,
    subscribers: Path | None = None,
    extra_line: str | None = None,
    progress: Progress = SILENT,
) -> LineReading:
    """Read the calls, and again those of the lines that stand out by what is needed.

    The ``needs`` may be of several detectors of a kind, with other settings. The rest is as in
    scan().
    """

    def select(source: ingest.Source, listed: Subscribers) -> tuple[object, NeededLines | None]:
        line = _as_carried(extra_line, source)
        # First legs mean new lines, and are of all lines, unless activations are listed.
        if listed.activations is None and source.max_days() > needs.warm_up_days:
            return line, None
        return line, needs.needed_lines(source, listed.activations, line)

    reader = read_once(
        engine, source, needs.traffic, subscribers=subscribers, select=select, progress=progress
    )
    progress("reading some lines' calls again", reader.source.rows)
    return read_lines(reader, needs, NoHistory(reader.source.line_type))


def check(
    paths: Iterable[str | Location], settings: Settings, *, progress: Progress = SILENT
) -> dict[str, pl.DataFrame]:
    """Read the calls once. Return tables by title: what they are, and what is wrong with them."""
    progress("opening the files")
    engine = engines.build_engine(settings)
    source = ingest.open_source(paths, settings, engine.reader)
    reader = read_once(engine, source, frozenset(), progress=progress)
    source, look = reader.source, reader.look
    built = detectors.build(settings)
    reasons = reasons_not_applicable(built, reader.feed)
    sums = pl.col("n_out", "n_in", "n_forwarded").cast(pl.Int64).sum()
    days = [part.group_by("day").agg(sums, lines=pl.len()) for part in look.profiles]
    return {
        "Rows": pl.DataFrame(
            list(count_rows(look).rows().items()), schema=["what", "rows"], orient="row"
        ),
        "Columns": pl.DataFrame(
            [
                (name, "yes" if name in source.columns else "no", column.meaning)
                for name, column in CALLS.items()
            ],
            schema=["column", "found", "meaning"],
            orient="row",
        ),
        f"Days in {source.tz}": pl.concat(days).group_by("day").agg(pl.all().sum()).sort("day"),
        "Detectors": pl.DataFrame(
            [(detector.name, reasons.get(detector.name, "applicable")) for detector in built],
            schema=["detector", "state"],
            orient="row",
        ),
    }


def read_once(
    engine: Engine,
    source: ingest.Source,
    traffic_kinds: frozenset[str],
    *,
    subscribers: Path | None = None,
    select: Callable[[ingest.Source, Subscribers], tuple[object, NeededLines | None]] | None = None,
    progress: Progress,
) -> FeedReader:
    """Read the calls once; again, as text, only where two opaque lines have one code.

    ``traffic_kinds`` are those that TRAFFIC counts; ``select`` returns the line that is asked for,
    and what a line must have to be counted.
    """

    def read(source: ingest.Source, step: str) -> FeedReader:
        listed = ingest_subscribers.read(subscribers, source.plan, as_text=source.as_text)
        line, needed = select(source, listed) if select else (None, None)
        progress(step, source.rows)
        look = engine.first_look(source, needed, progress.done, traffic_kinds)
        feed = describe_feed(source, look, listed)
        return FeedReader(engine, source, listed, line, needed, look, feed, progress.done)

    reader = read(source, "reading the calls")
    if source.names.collide:
        reader = read(reader.source.with_text(), "reading the calls again, as text")
    return reader


def reasons_not_applicable(detectors: Iterable[Detector], feed: Feed) -> dict[str, Text]:
    """Return, by the name of each detector that cannot judge the feed, the reason."""
    reasons = {detector.name: detector.not_applicable(feed) for detector in detectors}
    return {name: reason for name, reason in reasons.items() if reason}


def _as_carried(line: str | None, source: ingest.Source) -> object:
    """Return a line that somebody wrote as the calls carry it."""
    if line is None:
        return None
    text = numbering.one_line_text(line, source.plan)
    if source.as_text or text is None:
        return text
    written = pl.lit(pl.Series([text]))
    return pl.select(numbering.parse_codes(written, source.plan, source.names)).item()


def count_rows(look: FirstLook) -> Counts:
    """Count what became of the rows."""
    rows = look.verdicts
    return Counts(
        read=sum(rows.values()),
        used=rows.get(0, 0) - look.duplicates - look.partial,
        duplicates=look.duplicates,
        partial=look.partial,
        left_out=rows.get(ingest.IGNORED, 0),
        refused={ingest.VERDICTS[v]: rows[v] for v in ingest.REFUSED if v in rows},
        forwarded=look.forwarded.height,
    )
