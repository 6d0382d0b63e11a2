"""The steps in a row: files to calls, calls to tables, tables to findings, findings to alerts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from cdr_anomaly import (
    alerts,
    births,
    detectors,
    forwarding,
    ingest,
    lists,
    measures,
    numbering,
    story,
)
from cdr_anomaly.engines import Local
from cdr_anomaly.errors import InputError
from cdr_anomaly.schema import (
    BIRTHS,
    CALLS,
    FINDINGS,
    HOPS,
    LEGS,
    LINES,
    MEASURES,
    PROFILE,
    columns,
    empty,
    require,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from cdr_anomaly.detectors import Detector, Feed, Tables
    from cdr_anomaly.engines import Engine, FirstLook
    from cdr_anomaly.settings import Settings

# Longest past that a birth's block is compared with, where activation dates are known.
BIRTHS_PAST = timedelta(days=60)


@dataclass(frozen=True)
class Counts:
    """What became of the rows of a feed."""

    read: int
    used: int
    duplicates: int
    partial: int
    left_out: int
    refused: dict[str, int]
    lines: int
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
    """What a scan found, and what it was found in."""

    findings: pl.DataFrame
    alerts: pl.DataFrame
    counts: Counts
    not_applicable: dict[str, str]
    tables: Tables
    source: ingest.Source


def scan(
    paths: Iterable[str | Path],
    told: Settings,
    *,
    entities: Path | None = None,
    subscribers: Path | None = None,
    also: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Result:
    """Judge every local day of the files by every detector; remembers nothing.

    ``also`` is a line to look at twice whatever it did. ``say`` is told what is being done.
    """
    engine: Engine = Local()
    built = detectors.build(told.detectors)
    say("opening the files")
    source = ingest.open_source(paths, told)
    declared = lists.entities(entities, source.plan)
    say("reading the calls")
    source, look, counts = _looked(engine, source)
    activations = lists.activations(subscribers, source.plan, as_text=source.as_text)
    feed = _feed(source, look, activations=activations is not None)
    reasons = {detector.name: detector.not_applicable(feed) for detector in built}
    applicable = [detector for detector in built if not reasons[detector.name]]
    say("looking again at the lines that stand out")
    tables = _Maker(engine, source, look, feed, applicable).tables(activations, also)
    say("judging")
    findings = _found(applicable, tables)
    return Result(
        findings=findings,
        alerts=alerts.ranked(findings, declared),
        counts=counts,
        not_applicable={name: reason for name, reason in reasons.items() if reason},
        tables=tables,
        source=source,
    )


def explain(
    line: str,
    paths: Iterable[str | Path],
    told: Settings,
    *,
    subscribers: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, pl.DataFrame]:
    """Scan, and return what it says of one line, as titled tables (story.py)."""
    result = scan(paths, told, subscribers=subscribers, also=line, say=say)
    carried = _carried(line, result.source)
    if carried is None or result.tables.profile.filter(line=carried).collect().is_empty():
        msg = f"'{line}' has no call in these files."
        raise InputError(msg)
    return story.told(result.tables, result.findings, pl.lit(carried))


def check(
    paths: Iterable[str | Path], told: Settings, *, say: Callable[[str], None] = lambda _: None
) -> dict[str, pl.DataFrame]:
    """Read the calls once and say what they are and what is wrong with them, as titled tables."""
    say("opening the files")
    source = ingest.open_source(paths, told)
    say("reading the calls")
    source, look, counts = _looked(Local(), source)
    feed = _feed(source, look, activations=False)
    reasons = {d.name: d.not_applicable(feed) for d in detectors.build(told.detectors)}
    sums = pl.col("n_out", "n_in", "n_forwarded").sum()
    return {
        "Rows": pl.DataFrame(list(counts.rows().items()), schema=["what", "rows"], orient="row"),
        "Columns": pl.DataFrame(
            [(c, "yes" if c in source.columns else "no", m) for c, m in columns(CALLS).items()],
            schema=["column", "found", "meaning"], orient="row",
        ),
        f"Days in {source.tz}": look.profile.group_by("day")
        .agg(sums, lines=pl.col("line").n_unique())
        .sort("day"),
        "Detectors": pl.DataFrame(
            [(name, why or "applicable") for name, why in reasons.items()],
            schema=["detector", "state"], orient="row",
        ),
    }  # fmt: skip


def _carried(line: str, source: ingest.Source) -> object:
    """Return a line, as somebody wrote it, as the calls carry it."""
    carry = numbering.text if source.as_text else numbering.code
    return pl.select(carry(pl.lit(line), source.plan)).item()


def _looked(engine: Engine, source: ingest.Source) -> tuple[ingest.Source, FirstLook, Counts]:
    """Read the calls once; again only when they turn out to need another way of reading."""
    look = engine.first_look(source)
    if _used(look, "n_lost") and source.opaque().collect().item():
        source = source.with_text()
        look = engine.first_look(source)
    used = unique = merged = _used(look, "rows")
    if used > _used(look, "distinct"):
        source = source.mending()
        look = engine.first_look(source)
        unique, merged = (frame.item() for frame in pl.collect_all(source.unmended()))
    rows = dict(look.facts.select("verdict", "rows").iter_rows())
    counts = Counts(
        read=sum(rows.values()),
        used=merged,
        duplicates=used - unique,
        partial=unique - merged,
        left_out=rows.get(ingest.LEFT_OUT, 0),
        refused={ingest.VERDICTS[v]: rows[v] for v in ingest.REFUSED if v in rows},
        lines=look.profile["line"].n_unique(),
        forwarded=look.forwarded.height,
    )
    return source, look, counts


def _used(look: FirstLook, column: str) -> int:
    return int(look.facts.filter(pl.col("verdict") == 0)[column].sum())


def _feed(source: ingest.Source, look: FirstLook, *, activations: bool) -> Feed:
    days = look.facts.filter(pl.col("verdict") == 0)
    return detectors.Feed(
        columns=frozenset(source.columns),
        first_day=days["first_day"].min(),  # type: ignore[arg-type]
        last_day=days["last_day"].max(),  # type: ignore[arg-type]
        opaque=source.as_text,
        attempts=bool(days["n_unanswered"].sum()),
        activations=activations,
    )


@dataclass(frozen=True)
class _Maker:
    """Makes the tables that detectors read."""

    engine: Engine
    source: ingest.Source
    look: FirstLook
    feed: Feed
    detectors: list[Detector]

    def tables(self, activations: pl.LazyFrame | None, also: str | None) -> Tables:
        first, last = self.feed.first_day, self.feed.last_day
        days = () if first is None or last is None else tuple(_days(first, last))
        warm = timedelta(days=max((d.warm_up() for d in self.detectors), default=0))
        known_from = (first or date.max - warm) + warm
        born = births.born(self.look.profile.lazy(), activations, known_from=known_from).collect()
        watched = self._watched(born, also)
        legs = self.engine.legs(self.source, watched)
        hops = forwarding.hops(self.look.forwarded, link_seconds=self._link_seconds())
        fresh = born.lazy().filter(pl.col("born") >= first) if first else born.lazy()
        named = [watched.lazy(), fresh.select("line")]
        named += [hops.lazy().select(line=column) for column in ("forwarder", "target")]
        lines = pl.concat(named).unique()
        profile = self.look.profile.lazy().join(lines, on="line", how="semi").collect().lazy()
        busy = min((d.remembers() for d in self.detectors), default=1)
        measured = measures.line_days(legs.lazy(), profile, busy=busy).collect()
        return detectors.Tables(
            feed=self.feed,
            tz=self.source.tz,
            plan=self.source.plan,
            judged=days if activations is not None else tuple(d for d in days if d >= known_from),
            births_from=(first or date.max) - BIRTHS_PAST
            if activations is not None
            else known_from,
            profile=require(profile, PROFILE, "profile"),
            measures=require(measured.lazy(), MEASURES, "measures"),
            legs=require(legs.lazy(), LEGS, "legs"),
            hops=require(hops.lazy(), HOPS, "hops"),
            lines=require(self._lines(lines, born).lazy(), LINES, "lines"),
            births=require(born.lazy(), BIRTHS, "births"),
        )

    def _watched(self, born: pl.DataFrame, also: str | None) -> pl.DataFrame:
        days = self.look.profile.lazy().join(born.lazy().select("line", "born"), on="line",
                                             how="left")  # fmt: skip
        age = (pl.col("day") - pl.col("born")).dt.total_days()
        asked = pl.any_horizontal(pl.lit(value=False), *(d.watch() for d in self.detectors))
        lines = days.with_columns(age_d=age).filter(asked).select("line").unique()
        if also is not None:
            line = pl.LazyFrame({"line": [_carried(also, self.source)]}, lines.collect_schema())
            lines = pl.concat([lines, line]).unique()
        return lines.collect()

    def _lines(self, lines: pl.LazyFrame, born: pl.DataFrame) -> pl.DataFrame:
        number = pl.col("line") if self.feed.opaque else numbering.spelled(pl.col("line"))
        return (
            lines.drop_nulls()
            .join(born.lazy(), on="line", how="left")
            .with_columns(number=number)
            .with_columns(number_class=numbering.number_class(pl.col("number"), self.source.plan))
            .collect()
        )

    def _link_seconds(self) -> int:
        return max((d.link() for d in self.detectors), default=0)


def _days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _found(applicable: list[Detector], tables: Tables) -> pl.DataFrame:
    """Let every detector judge, all in one go, and put the findings in one order."""
    frames = [detector.find(tables) for detector in applicable]
    found = pl.concat([empty(FINDINGS), *pl.collect_all(frames)])
    order = ("day", "detector", "subject_kind", "subject", "window_start", "reason")
    return found.sort(order)
