"""The steps in a row: files to calls, calls to tables, tables to findings, findings to alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import polars as pl

from cdr_anomaly import (
    activated,
    alerts,
    declared,
    detectors,
    evidence,
    ingest,
    numbering,
    story,
    subjects,
    tables,
)
from cdr_anomaly.engines import Local
from cdr_anomaly.errors import InputError
from cdr_anomaly.schema import CALLS, EVIDENCE, FINDINGS, TESTS, columns, empty
from cdr_anomaly.settings import MOST_SILENT_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date
    from pathlib import Path

    from cdr_anomaly.detectors import Detector, Feed, Tables
    from cdr_anomaly.engines import Engine, FirstLook
    from cdr_anomaly.profile import Least
    from cdr_anomaly.settings import Settings


class Say(Protocol):
    """Is told what is being done, and how far it has come."""

    def __call__(self, words: str, total: int | None = None) -> None:
        """Say what begins now, and how many rows it has to go through."""

    def done(self, rows: int) -> None:
        """Say that so many more rows are done."""


class Silent:
    """Says nothing."""

    def __call__(self, words: str, total: int | None = None) -> None:
        """Say nothing."""

    def done(self, rows: int) -> None:
        """Say nothing."""


SILENT = Silent()


class Asked(NamedTuple):
    """What is known before the calls are read: new lines, and which lines are needed.

    ``line`` is the one that is asked for, as the calls carry it.
    """

    activations: pl.LazyFrame | None = None
    least: Least | None = None
    line: object = None


@dataclass(frozen=True)
class Counts:
    """What became of the rows of a feed."""

    read: int
    used: int
    duplicates: int
    partial: int
    left_out: int
    refused: dict[str, int]
    forwarded: int

    def rows(self) -> dict[str, int]:
        """Return what became of the rows, in words."""
        kept = {
            "read": self.read,
            "calls used": self.used,
            "duplicates removed": self.duplicates,
            "partial records merged": self.partial,
            "of other types, left out": self.left_out,
        }
        return kept | {f"refused, {why}": rows for why, rows in self.refused.items()}  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What a scan found, what it was found in, and the ``line`` that was asked for."""

    findings: pl.DataFrame
    evidence: pl.DataFrame
    alerts: pl.DataFrame
    counts: Counts
    not_applicable: dict[str, str]
    tables: Tables
    source: ingest.Source
    line: object


def scan(
    paths: Iterable[str | Path],
    told: Settings,
    *,
    entities: Path | None = None,
    subscribers: Path | None = None,
    also: str | None = None,
    say: Say = SILENT,
) -> Result:
    """Judge every local day of the files by every detector; remembers nothing.

    ``entities`` and ``subscribers`` are files of entities and of lines with their activation.
    ``also`` is a line to look at twice whatever it did. ``say`` is told what is being done.
    """
    engine: Engine = Local(told.memory)
    built = detectors.build(told.detectors)
    say("opening the files")
    source = ingest.open_source(paths, told)
    known = declared.read(entities, source.plan, detectors.NAMES)
    # Who is called matters for all lines only where a first leg can mean a new line.
    warm_up = max(detector.warm_up() for detector in built)
    by_first_leg = subscribers is None and source.days_at_most() > warm_up

    def asked(source: ingest.Source) -> Asked:
        activations = activated.lines(subscribers, source.plan, as_text=source.as_text)
        line = _carried(also, source)
        if by_first_leg:
            return Asked(activations, None, line)
        return Asked(activations, tables.least(built, source, activations, line), line)

    source, wanted, look = looked(engine, source, asked, say)
    activations = wanted.activations
    feed = _feed(source, look, activations=activations is not None)
    reasons = {detector.name: detector.not_applicable(feed) for detector in built}
    applicable = [detector for detector in built if not reasons[detector.name]]
    say("looking again at the lines that stand out", source.rows)
    again = tables.Looked(engine, source, look, feed, wanted.least, say.done)
    made = tables.made(again, built, applicable, activations, wanted.line)
    say("judging")
    findings = found(applicable, made)
    nothing = evidence.Known(empty(EVIDENCE, source.line_type), look.callers)
    weights = weighed(applicable, made, findings, nothing)
    weights = weights.with_columns(line=made.written(pl.col("line")))
    findings = together(findings, evidence.found(weights, told.fdr, detectors.MEASURES))
    used = declared.handsets(made.legs, made.written(pl.col("line")))
    marked = declared.set_aside(findings, known, source.plan, used)
    beside = subjects.Beside(explained(findings, weights), handsets=used.collect())
    return Result(
        findings=findings,
        evidence=weights,
        alerts=alerts.ranked(marked, beside, most=told.max_alerts),
        counts=counted(look),
        not_applicable={name: reason for name, reason in reasons.items() if reason},
        tables=made,
        source=source,
        line=wanted.line,
    )


def explain(
    line: str,
    paths: Iterable[str | Path],
    told: Settings,
    *,
    subscribers: Path | None = None,
    say: Say = SILENT,
) -> dict[str, pl.DataFrame]:
    """Scan, and return what it says of one line, as titled tables (story.py)."""
    result = scan(paths, told, subscribers=subscribers, also=line, say=say)
    carried = result.line
    if carried is None or result.tables.profile.filter(line=carried).collect().is_empty():
        msg = f"'{line}' has no call in these files."
        raise InputError(msg)
    return story.told(result.tables, result.findings, pl.lit(carried))


def check(
    paths: Iterable[str | Path], told: Settings, *, say: Say = SILENT
) -> dict[str, pl.DataFrame]:
    """Read the calls once and say what they are and what is wrong with them, as titled tables."""
    say("opening the files")
    source = ingest.open_source(paths, told)
    engine = Local(told.memory)
    source, _, look = looked(engine, source, lambda _: Asked(), say)
    feed = _feed(source, look, activations=False)
    reasons = {d.name: d.not_applicable(feed) for d in detectors.build(told.detectors)}
    sums = pl.col("n_out", "n_in", "n_forwarded").cast(pl.Int64).sum()
    days = [each.group_by("day").agg(sums, lines=pl.len()) for each in look.profiles]
    return {
        "Rows": pl.DataFrame(
            list(counted(look).rows().items()), schema=["what", "rows"], orient="row"
        ),
        "Columns": pl.DataFrame(
            [(c, "yes" if c in source.columns else "no", m) for c, m in columns(CALLS).items()],
            schema=["column", "found", "meaning"], orient="row",
        ),
        f"Days in {source.tz}": pl.concat(days).group_by("day").agg(pl.all().sum()).sort("day"),
        "Detectors": pl.DataFrame(
            [(name, why or "applicable") for name, why in reasons.items()],
            schema=["detector", "state"], orient="row",
        ),
    }  # fmt: skip


def _carried(line: str | None, source: ingest.Source) -> object:
    """Return a line, as somebody wrote it, as the calls carry it."""
    if line is None:
        return None
    spelled = pl.select(numbering.text(pl.lit(line, pl.String), source.plan)).to_series()
    if source.as_text:
        return spelled.item()
    return pl.select(numbering.code(pl.lit(spelled), source.plan)).item()


def looked(
    engine: Engine, source: ingest.Source, asked: Callable[[ingest.Source], Asked], say: Say
) -> tuple[ingest.Source, Asked, FirstLook]:
    """Read the calls once; again only when the feed turns out to hold opaque tokens."""
    wanted = asked(source)
    say("reading the calls", source.rows)
    look = engine.first_look(source, wanted.least, say.done)
    if look.doubt:
        source = source.doubting()
        say("reading the calls again, with care", source.rows)
        look = engine.first_look(source, wanted.least, say.done)
    if look.lost and source.opaque().collect().item():
        source = source.with_text()
        wanted = asked(source)
        say("reading the calls again, as text", source.rows)
        look = engine.first_look(source, wanted.least, say.done)
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


def _feed(source: ingest.Source, look: FirstLook, *, activations: bool) -> Feed:
    first, last = _covered(look.days)
    return detectors.Feed(
        columns=frozenset(source.columns),
        first_day=first,
        last_day=last,
        opaque=source.as_text,
        attempts=look.unanswered,
        activations=activations,
    )


def _covered(days: pl.DataFrame) -> tuple[date | None, date | None]:
    """Give the first and the last day that the feed covers.

    A row with a wrong clock may stand years before or after all others; what is cut off by three
    months without a call is not covered, and nothing is known of the days between.
    """
    gap = (pl.col("day") - pl.col("day").shift()).dt.total_days() > MOST_SILENT_DAYS
    stretches = days.group_by(stretch=gap.fill_null(value=False).cum_sum()).agg(
        pl.col("calls").sum(), first=pl.col("day").min(), last=pl.col("day").max()
    )
    if stretches.is_empty():
        return None, None
    longest = stretches.sort("calls", "first", descending=[True, False]).row(0, named=True)
    return longest["first"], longest["last"]


def weighed(
    built: list[Detector], tables: Tables, findings: pl.DataFrame, known: evidence.Known
) -> pl.DataFrame:
    """Compare the line-days that detectors test, and give EVIDENCE of them."""
    frames = [tests for detector in built if (tests := detector.tests(tables)) is not None]
    kind = tables.profile.collect_schema()["line"]
    rows = pl.concat([empty(TESTS, kind), *pl.collect_all(frames)])
    grave = alerts.grave(findings, "high").select("day", number="members").explode("number")
    since = pl.coalesce("activation", "first_seen").alias("known_since")
    lines = tables.lines.select("line", "number", since).collect()
    odd = grave.join(lines, on="number").select("line", "day")
    judged = evidence.judged(rows, odd, known, detectors.MEASURES).drop("known_since")
    of_lines = judged.join(lines, on="line", how="left", maintain_order="left")
    return of_lines.select(list(EVIDENCE))


def explained(findings: pl.DataFrame, weights: pl.DataFrame) -> pl.DataFrame:
    """Keep the EVIDENCE of what was found, with the sentence on what it is ``unlike`` in.

    ``weights`` is EVIDENCE with lines as text, that of the nights before included.
    """
    wanted = findings.select("day", line="subject").unique()
    sentences = evidence.unlike(weights, wanted, detectors.MEASURES)
    rows = weights.join(wanted, on=["line", "day"], how="semi")
    return rows.join(sentences, on=["line", "day"], how="left")


def found(applicable: list[Detector], tables: Tables) -> pl.DataFrame:
    """Let every detector judge, all in one go, and put the findings in one order."""
    frames = [detector.find(tables) for detector in applicable]
    return together(*pl.collect_all(frames))


def together(*findings: pl.DataFrame) -> pl.DataFrame:
    """Put findings in one order."""
    order = ("day", "detector", "subject_kind", "subject", "window_start", "reason")
    return pl.concat([empty(FINDINGS), *findings]).sort(order)
