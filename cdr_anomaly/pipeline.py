"""The steps in a row: files to calls, calls to tables, tables to findings, findings to alerts."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple, Protocol

import polars as pl

from cdr_anomaly import detectors, engines, ingest, numbering
from cdr_anomaly.alerts import detect, peer_scoring, ranking, severity
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.alerts.victims import selection
from cdr_anomaly.features import second_look, tables
from cdr_anomaly.ingest import subscribers as ingest_subscribers
from cdr_anomaly.result import Counts, Result
from cdr_anomaly.schema import CALLS, columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from cdr_anomaly.detectors import Detector, Tables
    from cdr_anomaly.engines import Engine, FirstLook
    from cdr_anomaly.engines.profile import Least
    from cdr_anomaly.features.second_look import Gathered
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


class Asked(NamedTuple):
    """What is known before the calls are read: of subscribers, and which lines are needed.

    ``line`` is the one that is asked for, as the calls carry it; ``counts`` is what TRAFFIC is
    wanted of.
    """

    subscribers: Subscribers
    least: Least | None = None
    line: object = None
    counts: frozenset[str] = frozenset()


class Read(NamedTuple):
    """Files that were read, and read again, for some detectors.

    ``not_applicable`` says of those that the feed cannot be judged by why; ``line`` is the one that
    was asked for.
    """

    source: ingest.Source
    look: FirstLook
    gathered: Gathered
    not_applicable: dict[str, Text]
    line: object

    def applicable(self, built: list[Detector]) -> list[Detector]:
        """Leave out the detectors that are not applicable."""
        return [detector for detector in built if detector.name not in self.not_applicable]


def scan(
    paths: Iterable[str | Location],
    told: Settings,
    *,
    entities: Path | None = None,
    subscribers: Path | None = None,
    also: str | None = None,
    say: Progress = SILENT,
) -> Result:
    """Judge every local day of the files by every detector; remembers nothing.

    ``entities`` and ``subscribers`` are files of entities and of what is known of lines.
    ``also`` is a line to look at twice whatever it did. ``say`` is told what is being done.
    """
    built = detectors.build(told.detectors)
    say("opening the files")
    engine = engines.built(told)
    source = ingest.open_source(paths, told, engine.reader)
    known = alerts_entities.read(entities, source.plan, detect.FINDERS)
    read = read_twice(engine, source, built, subscribers=subscribers, extra_line=also, progress=say)
    say("working out what they did")
    made = read.gathered.tables(read.gathered.counting(built))
    say("judging")
    nothing = peer_scoring.Known.nothing(read.source.line_type, read.look.callers)
    judged = detect.judged(read.applicable(built), made, nothing, told.fdr)
    used = alerts_entities.handsets(made.legs, made.written(pl.col("line")))
    marked = alerts_entities.set_aside(judged.findings, known, source.plan, used)
    explained = detect.explained(judged.findings, judged.weights)
    beside = severity.Beside(
        explained, handsets=used.collect(), successions=detect.successions(made)
    )
    week = _week(read, made, marked, beside)
    return Result(
        findings=judged.findings,
        evidence=judged.weights,
        alerts=ranking.ranked(marked, beside, most=told.max_alerts),
        victims=selection.to_warn(made, week, known, used, told.max_victims).victims,
        counts=counted(read.look),
        not_applicable=read.not_applicable,
        tables=made,
        source=read.source,
        line=read.line,
    )


def _week(
    read: Read, made: Tables, marked: pl.DataFrame, beside: severity.Beside
) -> selection.Week:
    """Say what the list of people to warn is made of: the last week that the files cover."""
    day = made.feed.last_day or date.min
    return selection.Week(
        day=day,
        findings=marked.filter(pl.col("day") > day - min(selection.WEEK, day - date.min)),
        beside=beside,
        legs=made.legs,
        long=read.look.long,
        long_from=made.feed.first_day or day,
        look=read.gathered.basis.looked.calls_of,
        days=made.feed.days[-selection.PAST :],
    )


def read_twice(
    engine: Engine,
    source: ingest.Source,
    built: list[Detector],
    *,
    subscribers: Path | None = None,
    extra_line: str | None = None,
    progress: Progress = SILENT,
) -> Read:
    """Read the calls, and again those of the lines that stand out by any of the detectors.

    ``built`` may hold several of a kind, with other settings. The rest is as in scan().
    """
    # Who is called matters for all lines only where a first leg can mean a new line.
    warm_up = max(detector.warm_up() for detector in built)

    def asked(source: ingest.Source) -> Asked:
        known = ingest_subscribers.read(subscribers, source.plan, as_text=source.as_text)
        by_first_leg = known.activations is None and source.days_at_most() > warm_up
        line = _carried(extra_line, source)
        needed = None if by_first_leg else second_look.least(built, source, known.activations, line)
        return Asked(known, needed, line, second_look.counts(built))

    source, wanted, look = looked(engine, source, asked, progress)
    feed = second_look.feed_of(source, look, told=wanted.subscribers.told)
    reasons = {detector.name: detector.not_applicable(feed) for detector in built}
    applicable = [detector for detector in built if not reasons[detector.name]]
    progress("reading some lines' calls again", source.rows)
    again = tables.Looked(engine, source, look, feed, wanted.least, progress.done)
    gathered = second_look.gathered(again, built, applicable, wanted.subscribers, wanted.line)
    why = {name: reason for name, reason in reasons.items() if reason}
    return Read(source, look, gathered, why, wanted.line)


def check(
    paths: Iterable[str | Location], settings: Settings, *, progress: Progress = SILENT
) -> dict[str, pl.DataFrame]:
    """Read the calls once and say what they are and what is wrong with them, as titled tables."""
    progress("opening the files")
    engine = engines.built(settings)
    source = ingest.open_source(paths, settings, engine.reader)
    nobody = ingest_subscribers.read(None, source.plan, as_text=source.as_text)
    source, _, look = looked(engine, source, lambda _: Asked(nobody), progress)
    feed = second_look.feed_of(source, look)
    reasons = {d.name: d.not_applicable(feed) for d in detectors.build(settings.detectors)}
    sums = pl.col("n_out", "n_in", "n_forwarded").cast(pl.Int64).sum()
    days = [each.group_by("day").agg(sums, lines=pl.len()) for each in look.profiles]
    return {
        "Rows": pl.DataFrame(
            list(counted(look).rows().items()), schema=["what", "rows"], orient="row"
        ),
        "Columns": pl.DataFrame(
            [(c, "yes" if c in source.columns else "no", m) for c, m in columns(CALLS).items()],
            schema=["column", "found", "meaning"],
            orient="row",
        ),
        f"Days in {source.tz}": pl.concat(days).group_by("day").agg(pl.all().sum()).sort("day"),
        "Detectors": pl.DataFrame(
            [(name, why or "applicable") for name, why in reasons.items()],
            schema=["detector", "state"],
            orient="row",
        ),
    }


def _carried(line: str | None, source: ingest.Source) -> object:
    """Return a line, as somebody wrote it, as the calls carry it."""
    if line is None:
        return None
    spelled = pl.select(numbering.line_text(pl.lit(line, pl.String), source.plan)).to_series()
    if source.as_text:
        return spelled.item()
    return pl.select(numbering.line_code(pl.lit(spelled), source.plan)).item()


def looked(
    engine: Engine,
    source: ingest.Source,
    asked: Callable[[ingest.Source], Asked],
    progress: Progress,
) -> tuple[ingest.Source, Asked, FirstLook]:
    """Read the calls once; again only when the feed turns out to hold opaque tokens."""
    wanted = asked(source)
    progress("reading the calls", source.rows)
    look = engine.first_look(source, wanted.least, progress.done, wanted.counts)
    if look.doubt:
        source = source.doubting()
        progress("reading the calls again, with care", source.rows)
        look = engine.first_look(source, wanted.least, progress.done, wanted.counts)
    if look.lost and source.opaque().collect().item():
        source = source.with_text()
        wanted = asked(source)
        progress("reading the calls again, as text", source.rows)
        look = engine.first_look(source, wanted.least, progress.done, wanted.counts)
    return source, wanted, look


def counted(look: FirstLook) -> Counts:
    """Say what became of the rows."""
    rows = look.verdicts
    return Counts(
        read=sum(rows.values()),
        used=rows.get(0, 0) - look.duplicates - look.partial,
        duplicates=look.duplicates,
        partial=look.partial,
        left_out=rows.get(ingest.LEFT_OUT, 0),
        refused={ingest.VERDICTS[v]: rows[v] for v in ingest.REFUSED if v in rows},
        forwarded=look.forwarded.height,
    )
