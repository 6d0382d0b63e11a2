"""How many subjects each limit would find if it were another, to choose limits by looking.

From files every detector is built anew with one limit changed, and all of these judge what was read
once. From a state only findings are remembered, and they tell of limits from today's on.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from cdr_anomaly import detectors, engines, ingest, numbering, pipeline
from cdr_anomaly.alerts import detect, severity
from cdr_anomaly.alerts import entities as alerts_entities
from cdr_anomaly.alerts.peer_scoring import Known
from cdr_anomaly.alerts.ranking import LISTED
from cdr_anomaly.errors import StateError
from cdr_anomaly.nights import ledger, state
from cdr_anomaly.pipeline import SILENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from cdr_anomaly.detectors import Detector
    from cdr_anomaly.features.second_look import FeedData
    from cdr_anomaly.nights.state import State
    from cdr_anomaly.pipeline import Progress
    from cdr_anomaly.settings import Settings
    from cdr_anomaly.storage.paths import Location

FACTORS = (0.5, 0.75, 1, 1.5, 2, 3)
FROM_TODAY = (1, 1.25, 1.5, 2, 3, 5)
WEEK = 7
IN_USE, ANY = "in use", "any"
LIMIT = ["detector", "subject_kind", "limit"]


class Variant(NamedTuple):
    """A detector of which one setting has a certain value."""

    setting: str
    value: float
    detector: Detector


class Counted(NamedTuple):
    """How many subjects the variants find, and which detectors are not applicable, and why."""

    table: pl.DataFrame
    not_applicable: Mapping[str, str]


def of_files(
    paths: Iterable[str | Location],
    told: Settings,
    *,
    entities: Path | None = None,
    subscribers: Path | None = None,
    say: Progress = SILENT,
) -> Counted:
    """Count, for each limit and some values of it, the subjects that its detector finds.

    ``last_day`` is the last day of the files; ``a_day_of_7`` and ``a_day`` are means over the last
    7 days and over all. ``medium_`` counts those that are medium or graver as alerts are, and would
    be listed. Declared ones are left out.
    """
    built = detectors.build(told.detectors)
    tried = [variant for detector in built for variant in variants(detector)]
    say("opening the files")
    engine = engines.built(told)
    source = ingest.open_source(paths, told, engine.reader)
    known = alerts_entities.read(entities, source.plan, detect.FINDERS)
    every = list(dict.fromkeys([*built, *(variant.detector for variant in tried)]))
    data, not_applicable = pipeline.read_twice(
        engine, source, every, subscribers=subscribers, progress=say
    )
    say("judging")
    applicable = [detector for detector in every if detector.name not in not_applicable]
    judges = {detector: n for n, detector in enumerate(applicable)}
    found = _found(data, built, list(judges), known, told.fdr)
    days = data.inputs.reader.feed.days
    rows = pl.DataFrame(
        [
            (v.detector.name, v.setting, v.value, judges[v.detector], v.detector in built)
            for v in tried
            if v.detector in judges
        ],
        {
            "detector": pl.String,
            "setting": pl.String,
            "value": pl.Float64,
            "judge": pl.Int64,
            "today": pl.Boolean,
        },
        orient="row",
    )
    spans = {"last_day": days[-1:], "a_day_of_7": days[-WEEK:], "a_day": days}
    today = pl.when("today").then(pl.lit(IN_USE)).alias("today")
    whole = _counts(found, rows, ["judge"], spans).with_columns(today).drop("judge")
    return Counted(whole, not_applicable)


def of_state(place: Location, days: int, entities: Path | None = None) -> pl.DataFrame:
    """Count the subjects that nights have found, and those that reached a multiple of the limit.

    ``a_night`` is a mean over the last ``days`` nights. A detector has rows for all of its
    limits raised alike (subject_kind any), and for what was found by each.
    """
    known = state.shown(place)
    nights = sorted(ledger.nights(known.ledger))[-days:]
    if not nights:
        msg = f"'{place}' has no night."
        raise StateError(msg)
    found = _remembered(known, nights, entities)
    none = {"subject_kind": pl.lit(ANY), "limit": pl.lit(None, pl.Float64)}
    factors = pl.DataFrame({"factor": FROM_TODAY}, {"factor": pl.Float64})
    each = pl.concat([found.with_columns(**none), found]).join(factors, how="cross")
    keys = [*LIMIT, "factor"]
    rows = each.select(*keys, at_least=pl.col("limit") * pl.col("factor")).unique().sort(keys)
    reached = each.filter(pl.col("observed") >= pl.col("factor") * pl.col("own_limit"))
    return _counts(reached, rows, keys, {"last_night": nights[-1:], "a_night": nights})


def shown(table: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Write a table for people, one for each detector, whole numbers without a fraction."""
    numbers = pl.col(pl.Float64).cast(pl.String).str.strip_suffix(".0")
    texts = table.with_columns(numbers).rename(lambda name: name.replace("_", " "))
    parts = texts.partition_by("detector", maintain_order=True, include_key=False, as_dict=True)
    return {str(name): part for (name,), part in parts.items()}


def variants(detector: Detector) -> list[Variant]:
    """Build a detector for each limit and value to try, the value in use among them."""
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
    """Give the least and the greatest value that a setting may have."""
    declared_: Any = next(f.default for f in fields(detector) if f.name == name)  # type: ignore[arg-type]
    least = [part.ge for part in declared_.metadata if hasattr(part, "ge")]
    most = [part.le for part in declared_.metadata if hasattr(part, "le")]
    return max(least, default=float("-inf")), min(most, default=float("inf"))


def _found(
    data: FeedData,
    built: list[Detector],
    judges: Sequence[Detector],
    known: pl.DataFrame,
    fdr: float,
) -> pl.DataFrame:
    """Let every judge find, in tables that count as a scan with its settings would.

    Returns (judge, subject, day, grade), without what is declared; a day that is nothing rare
    lowers the grade, as in alerts, by the false-discovery rate ``fdr``.
    """
    # A scan with one limit changed has that detector and the others as they are.
    beside = [[j if j.name == b.name else b for b in built] for j in judges]
    rules = [data.rules(each) for each in beside]
    tables = {rule: data.tables(rule) for rule in dict.fromkeys(rules)}
    columns = ("subject", "detector", "day", "severity", "fixed_limit")
    frames = [
        judge.find(tables[rule]).select(pl.lit(n, pl.Int64).alias("judge"), *columns)
        for n, (judge, rule) in enumerate(zip(judges, rules, strict=True))
    ]
    found = pl.concat(pl.collect_all(frames))
    made = tables[data.rules(built)]
    used = alerts_entities.handsets(made.legs, made.written(pl.col("line")))
    marked = alerts_entities.set_aside(found, known, made.plan, used)
    free = marked.filter(pl.col("suppressed_by").is_null())
    # What is usual is what is found with the limits in use.
    reader = data.inputs.reader
    nothing = Known.nothing(reader.source.line_type, reader.look.callers)
    names = {judge.name for judge in judges}
    applicable = [detector for detector in built if detector.name in names]
    weights = detect.judged(applicable, made, nothing, fdr).weights
    return severity.by_chance(free, weights)


def _remembered(known: State, nights: Sequence[date], entities: Path | None) -> pl.DataFrame:
    """Return the findings of some nights, without those that are declared today."""
    of_nights = pl.col("day").is_in(list(nights))
    found = known.read("findings").filter(of_nights).collect()
    plan = numbering.home_plan(known.header.home)
    legs = numbering.format_lines(known.read("legs").filter(of_nights), ("line",))
    used = alerts_entities.handsets(legs, pl.col("line"))
    marked = alerts_entities.set_aside(
        found, alerts_entities.read(entities, plan, detect.FINDERS), plan, used
    )
    free = marked.filter(pl.col("suppressed_by").is_null())
    weights = numbering.format_lines(known.read("evidence").filter(of_nights), ("line",)).collect()
    graded = severity.by_chance(free, weights)
    return graded.with_columns(limit="threshold", own_limit="threshold").select(
        *LIMIT, "subject", "day", "grade", "observed", "own_limit"
    )


def _counts(
    found: pl.DataFrame,
    rows: pl.DataFrame,
    keys: list[str],
    spans: Mapping[str, Sequence[date]],
) -> pl.DataFrame:
    """Add to rows how many subjects there are a day, in all and medium or graver, over each span.

    A span of no day has none to count, and stays empty.
    """
    grave = pl.col("subject").filter(pl.col("grade") >= LISTED)
    by_day = found.group_by(*keys, "day").agg(
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
