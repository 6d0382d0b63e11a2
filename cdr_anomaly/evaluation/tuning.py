"""How many subjects each detector would find with other limits.

Files are read once; then each detector is built again for each value of each limit, and finds in
what was read. A state holds findings only, so from a state only higher limits can be counted.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from cdr_anomaly import detectors, engines, ingest, numbering, pipeline
from cdr_anomaly.alerts import detect, severity
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.alerts.peer_scoring import PastNights
from cdr_anomaly.alerts.ranking import LISTED
from cdr_anomaly.errors import StateError
from cdr_anomaly.features.needs import Needs
from cdr_anomaly.features.tables import build_tables
from cdr_anomaly.nights import ledger, state
from cdr_anomaly.pipeline import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from cdr_anomaly.detectors import Detector
    from cdr_anomaly.features.needs import FeedNeeds
    from cdr_anomaly.features.second_look import LineReading
    from cdr_anomaly.nights.state import State
    from cdr_anomaly.pipeline import Progress
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location

FACTORS = (0.5, 0.75, 1, 1.5, 2, 3)
RAISED_FACTORS = (1, 1.25, 1.5, 2, 3, 5)
WEEK_DAYS = 7
IN_USE, ANY_KIND = "in use", "any"
LIMIT_KEY = ["detector", "subject_kind", "limit"]


class Variant(NamedTuple):
    """A detector with another value of one setting."""

    setting: str
    value: float
    detector: Detector


class LimitCounts(NamedTuple):
    """How many subjects the variants find, and which detectors are not applicable, and why."""

    table: pl.DataFrame
    not_applicable: Mapping[str, str]


def count_in_files(
    paths: Iterable[str | Location],
    settings: Settings,
    *,
    entities: Path | None = None,
    subscribers: Path | None = None,
    progress: Progress = SILENT,
) -> LimitCounts:
    """Count, for each limit and some values of it, the subjects that its detector finds.

    ``last_day`` is the last day of the files; ``a_day_of_7`` and ``a_day`` are means over the last
    7 days and over all. ``medium_`` counts those that are medium or graver as alerts are, and would
    be listed. Declared ones are left out.
    """
    current = detectors.build(settings)
    tried = [variant for detector in current for variant in variants(detector)]
    progress("opening the files")
    engine = engines.build_engine(settings)
    source = ingest.open_source(paths, settings, engine.reader)
    declared = alerts_entities.read_entities(entities, source.plan, detect.FINDERS)
    every = list(dict.fromkeys([*current, *(variant.detector for variant in tried)]))
    needs = _needs(every)
    reading = pipeline.read_twice(engine, source, needs, subscribers=subscribers, progress=progress)
    not_applicable = pipeline.reasons_not_applicable(every, reading.reader.feed)
    progress("judging")
    applicable = [detector for detector in every if detector.name not in not_applicable]
    numbers = {detector: n for n, detector in enumerate(applicable)}
    found = _findings_of_variants(reading, current, applicable, declared, settings.fdr)
    days = reading.reader.feed.days
    rows = pl.DataFrame(
        [
            (v.detector.name, v.setting, v.value, numbers[v.detector], v.detector in current)
            for v in tried
            if v.detector in numbers
        ],
        {
            "detector": pl.String,
            "setting": pl.String,
            "value": pl.Float64,
            "number": pl.Int64,
            "today": pl.Boolean,
        },
        orient="row",
    )
    spans = {"last_day": days[-1:], "a_day_of_7": days[-WEEK_DAYS:], "a_day": days}
    today = pl.when("today").then(pl.lit(IN_USE)).alias("today")
    table = _count_subjects(found, rows, ["number"], spans).with_columns(today).drop("number")
    return LimitCounts(table, not_applicable)


def count_in_state(location: Location, days: int, entities: Path | None = None) -> pl.DataFrame:
    """Count the subjects that nights have found, and those that reached a multiple of the limit.

    ``a_night`` is a mean over the last ``days`` nights. A detector has rows for all of its
    limits raised alike (subject_kind any), and for the findings of each limit.
    """
    opened = state.open_readonly(location)
    nights = sorted(ledger.finished_nights(opened.ledger))[-days:]
    if not nights:
        msg = f"'{location}' has no night."
        raise StateError(msg)
    found = _findings_of_state(opened, nights, entities)
    none = {"subject_kind": pl.lit(ANY_KIND), "limit": pl.lit(None, pl.Float64)}
    factors = pl.DataFrame({"factor": RAISED_FACTORS}, {"factor": pl.Float64})
    raised = pl.concat([found.with_columns(**none), found]).join(factors, how="cross")
    keys = [*LIMIT_KEY, "factor"]
    rows = raised.select(*keys, at_least=pl.col("limit") * pl.col("factor")).unique().sort(keys)
    reached = raised.filter(pl.col("observed") >= pl.col("factor") * pl.col("own_limit"))
    return _count_subjects(reached, rows, keys, {"last_night": nights[-1:], "a_night": nights})


def display_tables(table: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return a table for each detector, as text to print; whole numbers have no fraction."""
    numbers = pl.col(pl.Float64).cast(pl.String).str.strip_suffix(".0")
    texts = table.with_columns(numbers).rename(lambda name: name.replace("_", " "))
    parts = texts.partition_by("detector", maintain_order=True, include_key=False, as_dict=True)
    return {str(name): part for (name,), part in parts.items()}


def variants(detector: Detector) -> list[Variant]:
    """Return a detector for each limit and each value to try; the value in use is among them."""
    return [
        Variant(name, value, detector if value == now else replace(detector, **{name: value}))  # type: ignore[type-var]
        for name in detector.limits
        for now in [getattr(detector, name)]
        for value in _values(now, _bounds(detector, name))
    ]


def _values(now: float, bounds: tuple[float, float]) -> list[float]:
    least, most = bounds
    tried = (factor * now if isinstance(now, float) else round(factor * now) for factor in FACTORS)
    return sorted({min(max(value, least), most) for value in tried} | {now})


def _bounds(detector: Detector, name: str) -> tuple[float, float]:
    """Return the least and the greatest value that a setting may have."""
    default: Any = next(f.default for f in fields(detector) if f.name == name)  # type: ignore[arg-type]
    least = [part.ge for part in default.metadata if hasattr(part, "ge")]
    most = [part.le for part in default.metadata if hasattr(part, "le")]
    return max(least, default=float("-inf")), min(most, default=float("inf"))


def _needs(tried: Iterable[Detector]) -> FeedNeeds:
    return Needs.merge(detector.needs() for detector in tried)


def _findings_of_variants(
    reading: LineReading,
    current: list[Detector],
    tried: Sequence[Detector],
    declared: pl.DataFrame,
    fdr: float,
) -> pl.DataFrame:
    """Return what each detector tried finds (number, subject, day, grade), but for the declared.

    Each has the tables that a scan with its settings would have. A day that is nothing rare lowers
    the grade, as in alerts, by the false-discovery rate ``fdr``.
    """
    # A scan with one limit changed has that detector and the others as they are.
    scans = [[t if t.name == c.name else c for c in current] for t in tried]
    needs = [_needs(scan).of_tables() for scan in scans]
    tables = {need: build_tables(reading, Needs.merge([need])) for need in dict.fromkeys(needs)}
    columns = ("subject", "detector", "day", "severity", "fixed_limit")
    frames = [
        detector.find(tables[need]).select(pl.lit(n, pl.Int64).alias("number"), *columns)
        for n, (detector, need) in enumerate(zip(tried, needs, strict=True))
    ]
    found = pl.concat(pl.collect_all(frames))
    usual = tables[_needs(current).of_tables()]
    handsets = alerts_entities.handsets_used(usual.legs, usual.written(pl.col("line")))
    # What is usual is what is found with the limits in use.
    reader = reading.reader
    nothing = PastNights.nothing(reader.source.line_type, reader.look.n_callers)
    names = {detector.name for detector in tried}
    applicable = [detector for detector in current if detector.name in names]
    weights = detect.detect(applicable, usual, nothing, fdr).weights
    marked = alerts_entities.set_aside(found, declared, usual.plan, handsets)
    return severity.by_chance(marked.filter(pl.col("suppressed_by").is_null()), weights)


def _findings_of_state(
    opened: State, nights: Sequence[date], entities: Path | None
) -> pl.DataFrame:
    """Return the findings of some nights, without those that are declared today."""
    of_nights = pl.col("day").is_in(list(nights))
    found = opened.read("findings").filter(of_nights).collect()
    plan = numbering.home_plan(opened.header.home)
    names = opened.names
    legs = numbering.format_lines(opened.read("legs").filter(of_nights), ("line",), names)
    handsets = alerts_entities.handsets_used(legs, pl.col("line"))
    declared = alerts_entities.read_entities(entities, plan, detect.FINDERS)
    marked = alerts_entities.set_aside(found, declared, plan, handsets)
    evidence = opened.read("evidence").filter(of_nights)
    weights = numbering.format_lines(evidence, ("line",), names).collect()
    graded = severity.by_chance(marked.filter(pl.col("suppressed_by").is_null()), weights)
    return graded.with_columns(limit="threshold", own_limit="threshold").select(
        *LIMIT_KEY, "subject", "day", "grade", "observed", "own_limit"
    )


def _count_subjects(
    findings: pl.DataFrame,
    rows: pl.DataFrame,
    keys: list[str],
    spans: Mapping[str, Sequence[date]],
) -> pl.DataFrame:
    """Add to rows the mean number of subjects a day over each span: all, and medium or graver.

    The columns of a span of no day are null.
    """
    grave = pl.col("subject").filter(pl.col("grade") >= LISTED)
    by_day = findings.group_by(*keys, "day").agg(
        all=pl.col("subject").n_unique(), medium=grave.n_unique()
    )
    means = [
        _mean(count, days).alias(f"{before}{name}")
        for count, before in {"all": "", "medium": "medium_"}.items()
        for name, days in spans.items()
    ]
    counted = by_day.group_by(keys).agg(means)
    names = counted.drop(keys).columns
    filled = pl.col(names).fill_null(0) if all(spans.values()) else pl.col(names)
    return rows.join(
        counted, on=keys, how="left", nulls_equal=True, maintain_order="left"
    ).with_columns(filled)


def _mean(count: str, days: Sequence[date]) -> pl.Expr:
    total = pl.col(count).filter(pl.col("day").is_in(list(days))).sum()
    return (total / (len(days) or None)).round(2)
