"""One seed's city: simulated, scanned once, and judged in several ways."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from benchmarks.quality import ablation, bare, nights, peers, people
from benchmarks.quality.bare import Bare
from cdr_anomaly import pipeline, settings
from cdr_anomaly import result as cdr_anomaly_result
from cdr_anomaly.evaluation import ground_truth
from cdr_anomaly.evaluation.ground_truth import Lists
from cdr_anomaly.evaluation.simulation import city as simulation_city
from cdr_anomaly.evaluation.simulation.city import FIRST_DAY
from cdr_anomaly.evaluation.victim_scores import VictimLists

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.quality.people import Agreed

# Before these days are over there are not seven nights to calibrate a night by.
FIRST_DAYS = 8
# Cities are evaluated together: their lines and days are told apart by names and years.
APART = timedelta(days=1000)
KEPT = (
    *ground_truth.ALERT_COLUMNS,
    "detectors",
    "suppressed_by",
    "ongoing_since",
    "lowered_because",
)
WEIGHED = (*ground_truth.EVIDENCE_TYPES, "calibrated_by")
WHOLE = "the whole"


class Size(NamedTuple):
    """How large a city is, and how long it is looked at."""

    lines: int
    days: int


class City(NamedTuple):
    """What came of one seed; lines and days are told apart from those of other seeds.

    ``lists`` are those of the nights from the 9th on, by what they were made with; ``first`` are
    those of the nights before. ``findings`` are those that name planted lines. ``measured`` and
    ``declared`` are what peers judge by. ``people`` are the lists of people to warn of the same
    nights, each really run, and ``agreed`` says how far the alerts of these are those listed.
    ``bare`` is what is found with fewer columns, if that was asked.
    """

    seed: int
    truth: pl.DataFrame
    lists: dict[str, Lists]
    first: Lists
    findings: pl.DataFrame
    measured: pl.DataFrame
    declared: pl.DataFrame
    calls: int
    people: VictimLists
    agreed: Agreed
    bare: Bare | None = None


class Clean(NamedTuple):
    """What came of one seed with nothing planted."""

    truth: pl.DataFrame
    lists: Lists


def planted(seed: int, size: Size, place: Path, *, barely: bool = False) -> City:
    """Simulate, scan, and make the lists of a city, with all that detectors have and with less.

    ``barely`` scans it once more without some columns.
    """
    scanned = _scanned(seed, size, place, clean=False)
    result, told, days = scanned.result, scanned.told, scanned.days

    def listed(findings: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        return nights.listed(findings, evidence, scanned.ground, told, days)

    all_listed = listed(result.findings, result.evidence)
    made = {WHOLE: _lists(all_listed, result.evidence, days[FIRST_DAYS:], seed)}
    for name, less in ablation.variants(result, told).items():
        alerts = listed(less.findings, less.weights)
        made[name] = _lists(alerts, less.weights, days[FIRST_DAYS:], seed)
        _say(f"seed {seed}: {name}")
    made[peers.MANY_CALLS] = _lists(
        peers.many_calls(result, scanned.ground), None, days[FIRST_DAYS:], seed
    )
    measured = peers.measured(result.evidence)
    of_planted = ground_truth.planted_lines(scanned.truth)["line"].unique().implode()
    began = monotonic()
    real = people.nights(place, told, days)
    _say(f"seed {seed}: {len(days)} nights in {monotonic() - began:.0f} s")
    names = pl.concat_list(pl.col("members").fill_null([]), "subject")
    named = (
        result.findings.with_columns(line=names)
        .explode("line")
        .filter(pl.col("line").is_in(of_planted))
    )
    return City(
        seed=seed,
        truth=apart(scanned.truth, seed),
        lists=made,
        first=_lists(all_listed, result.evidence, days[:FIRST_DAYS], seed),
        findings=apart(named.select("line", "day", "severity", "detector").unique(), seed),
        measured=apart(measured, seed),
        declared=apart(nights.suppressed(measured, scanned.ground), seed),
        calls=result.counts.used,
        people=VictimLists(
            *(apart(part, seed) for part in people.listed(real, place, days[FIRST_DAYS:]))
        ),
        agreed=people.agreed(real, all_listed),
        bare=_bare(scanned, seed, place) if barely else None,
    )


def _bare(scanned: _Scanned, seed: int, place: Path) -> Bare:
    """Scan a city without some columns, and make the lists of the same nights."""
    result, whole, days = bare.scanned(place, scanned.told), scanned.result, scanned.days
    _say(f"seed {seed}: without {', '.join(bare.REMOVED)}")
    ground = nights.ground(result, place / "entities.csv")
    made = nights.listed(result.findings, result.evidence, ground, scanned.told, days)
    return Bare(
        bare.compared(whole.findings, result.findings),
        result.not_applicable,
        result.tables.unknown(),
        _lists(made, result.evidence, days[FIRST_DAYS:], seed),
    )


def clean(seed: int, size: Size, place: Path) -> Clean:
    """Simulate, scan, and make the lists of a city in which nothing is planted."""
    scanned = _scanned(seed, size, place, clean=True)
    result, days = scanned.result, scanned.days
    made = nights.listed(result.findings, result.evidence, scanned.ground, scanned.told, days)
    return Clean(apart(scanned.truth, seed), _lists(made, result.evidence, days[FIRST_DAYS:], seed))


def together(lists: list[Lists]) -> Lists:
    """Put the lists of several cities together."""
    evidence = [each.evidence for each in lists if each.evidence is not None]
    return Lists(
        pl.concat([each.names for each in lists]),
        pl.concat([each.alerts for each in lists]),
        pl.concat(evidence) if evidence else None,
    )


def apart(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Tell the lines and the days of a city apart from those of others."""
    mark = pl.lit(f"{seed}/")
    texts, sets, dates = (
        [name for name in names if name in frame.columns]
        for names in (
            ("line", "actor", "subject", "number", "list"),
            ("members", "lines"),
            ("day", "first_day", "last_day", "list_day"),
        )
    )
    named = frame.with_columns((mark + pl.col(name)).alias(name) for name in texts).with_columns(
        pl.col(sets).list.eval(mark + pl.element())
    )
    return named.with_columns(pl.col(dates) + seed * APART)


class _Scanned(NamedTuple):
    result: cdr_anomaly_result.Result
    told: settings.Settings
    ground: nights.Ground
    truth: pl.DataFrame
    days: list[date]


def _scanned(seed: int, size: Size, place: Path, *, clean: bool) -> _Scanned:
    """Write the records of a city as its command does, and scan them as its command does."""
    began = monotonic()
    city = simulation_city.simulate(days=size.days, lines=size.lines, seed=seed, clean=clean)
    simulation_city.write_sample(city, place)
    del city
    wrote = monotonic()
    told, entities = settings.load_settings(), place / "entities.csv"
    result = pipeline.scan([place / "calls"], told, entities=entities)
    days = [FIRST_DAY + timedelta(days=n) for n in range(size.days)]
    scanned = _Scanned(
        result,
        told,
        nights.ground(result, entities),
        ground_truth.read_truth(place / "truth.parquet"),
        days,
    )
    _say(
        f"seed {seed}{', clean' if clean else ''}: {result.counts.used:,} calls, simulated in "
        f"{wrote - began:.0f} s, scanned in {monotonic() - wrote:.0f} s"
    )
    return scanned


def _lists(
    alerts: pl.DataFrame, evidence: pl.DataFrame | None, days: list[date], seed: int
) -> Lists:
    """Make the lists of these days of what was listed."""
    of_days = pl.col("day").is_in(days)
    kept = [name for name in KEPT if name in alerts.columns]
    names = apart(pl.DataFrame({"day": days}, {"day": pl.Date}), seed).select(
        list=pl.col("day").cast(pl.String), list_day="day"
    )
    marked = apart(alerts.filter(of_days).select(kept), seed).with_columns(
        list=pl.col("day").cast(pl.String), list_day="day"
    )
    if evidence is not None:
        evidence = apart(evidence.filter(of_days).select(WEIGHED), seed)
    return Lists(names, marked, evidence)


def _say(words: str) -> None:
    sys.stderr.write(words + "\n")
