"""One seed's city: simulated, scanned once, and judged in several ways."""

from __future__ import annotations

import sys
from datetime import date, timedelta
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from benchmarks.quality import ablation, fewer_columns, nightly_lists, peers, real_nights
from benchmarks.quality.fewer_columns import FewerColumns
from cdr_anomaly import pipeline
from cdr_anomaly import result as cdr_anomaly_result
from cdr_anomaly.evaluation import ground_truth
from cdr_anomaly.evaluation.ground_truth import Lists
from cdr_anomaly.evaluation.simulation import city as simulation_city
from cdr_anomaly.evaluation.simulation.city import FIRST_DAY
from cdr_anomaly.evaluation.victim_scores import VictimLists
from cdr_anomaly.settings import Settings, load_settings

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.quality.real_nights import AlertAgreement

# Before these days are over there are not seven nights to calibrate a night by.
CALIBRATION_NIGHTS = 8
# Cities are evaluated together: their lines and days are told apart by names and years.
YEARS_APART = timedelta(days=1000)
ALERT_COLUMNS = (
    *ground_truth.ALERT_COLUMNS,
    "detectors",
    "suppressed_by",
    "ongoing_since",
    "lowered_because",
)
EVIDENCE_COLUMNS = (*ground_truth.EVIDENCE_TYPES, "calibrated_by")
ALL_PARTS = "the whole"


class Size(NamedTuple):
    """How large a city is, and how long it is looked at."""

    lines: int
    days: int


class City(NamedTuple):
    """What came of one seed; lines and days are told apart from those of other seeds.

    ``lists`` are those of the nights from the 9th on, by what they were made with; ``first`` are
    those of the nights before. ``findings`` are those that name planted lines. ``measured`` and
    ``declared`` are the inputs of peers. ``victim_lists`` are the lists of people to warn of the
    same nights, each of which was run, and ``agreed`` counts the alerts that runs and lists share.
    ``bare`` is what a scan of fewer columns found, or None.
    """

    seed: int
    truth: pl.DataFrame
    lists: dict[str, Lists]
    first: Lists
    findings: pl.DataFrame
    measured: pl.DataFrame
    declared: pl.DataFrame
    calls: int
    victim_lists: VictimLists
    agreed: AlertAgreement
    bare: FewerColumns | None = None


class CleanCity(NamedTuple):
    """What came of one seed with nothing planted."""

    truth: pl.DataFrame
    lists: Lists


def build_planted_city(seed: int, size: Size, folder: Path, *, fewer: bool = False) -> City:
    """Simulate, scan, and make the lists of a city, with all that detectors have and with less.

    ``fewer`` scans it once more without some columns.
    """
    scan = _scan_city(seed, size, folder, clean=False)
    result, settings, days = scan.result, scan.settings, scan.days

    def listed(findings: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        return nightly_lists.rank_nights(findings, evidence, scan.inputs, settings, days)

    all_listed = listed(result.findings, result.evidence)
    counted = days[CALIBRATION_NIGHTS:]
    lists = {ALL_PARTS: lists_of_nights(all_listed, result.evidence, counted, seed)}
    for name, less in ablation.judge_variants(result, settings).items():
        alerts = listed(less.findings, less.weights)
        lists[name] = lists_of_nights(alerts, less.weights, counted, seed)
        _report(f"seed {seed}: {name}")
    many_calls = peers.list_many_calls(result, scan.inputs)
    lists[peers.MANY_CALLS] = lists_of_nights(many_calls, None, counted, seed)
    measured = peers.measure_table(result.evidence)
    of_planted = ground_truth.planted_lines(scan.truth)["line"].unique().implode()
    began = monotonic()
    real = real_nights.run_nights(folder, settings, days)
    victim_lists = real_nights.lists_of_victims(real, folder, counted)
    _report(f"seed {seed}: {len(days)} nights in {monotonic() - began:.0f} s")
    names = pl.concat_list(pl.col("members").fill_null([]), "subject")
    named = (
        result.findings.with_columns(line=names)
        .explode("line")
        .filter(pl.col("line").is_in(of_planted))
    )
    return City(
        seed=seed,
        truth=mark_seed(scan.truth, seed),
        lists=lists,
        first=lists_of_nights(all_listed, result.evidence, days[:CALIBRATION_NIGHTS], seed),
        findings=mark_seed(named.select("line", "day", "severity", "detector").unique(), seed),
        measured=mark_seed(measured, seed),
        declared=mark_seed(nightly_lists.declared_line_days(measured, scan.inputs), seed),
        calls=result.counts.used,
        victim_lists=VictimLists(*(mark_seed(part, seed) for part in victim_lists)),
        agreed=real_nights.compare_alerts(real, all_listed),
        bare=_fewer_columns(scan, seed, folder) if fewer else None,
    )


def _fewer_columns(scan: _ScannedCity, seed: int, folder: Path) -> FewerColumns:
    """Scan a city without some columns, and make the lists of the same nights."""
    result = fewer_columns.scan_without(folder, scan.settings)
    _report(f"seed {seed}: without {', '.join(fewer_columns.REMOVED_COLUMNS)}")
    fewer = scan._replace(
        result=result, inputs=nightly_lists.list_inputs(result, folder / "entities.csv")
    )
    return FewerColumns(
        fewer_columns.compare_findings(scan.result.findings, result.findings),
        result.not_applicable,
        result.tables.unknown(),
        _counted_lists(fewer, seed),
    )


def build_clean_city(seed: int, size: Size, folder: Path) -> CleanCity:
    """Simulate, scan, and make the lists of a city in which nothing is planted."""
    scan = _scan_city(seed, size, folder, clean=True)
    return CleanCity(mark_seed(scan.truth, seed), _counted_lists(scan, seed))


def _counted_lists(scan: _ScannedCity, seed: int) -> Lists:
    """Return the lists of the counted nights that the findings of a scan give."""
    result, days = scan.result, scan.days
    alerts = nightly_lists.rank_nights(
        result.findings, result.evidence, scan.inputs, scan.settings, days
    )
    return lists_of_nights(alerts, result.evidence, days[CALIBRATION_NIGHTS:], seed)


def concat_lists(lists: list[Lists]) -> Lists:
    """Return the lists of several cities as one."""
    evidence = [each.evidence for each in lists if each.evidence is not None]
    return Lists(
        pl.concat([each.names for each in lists]),
        pl.concat([each.alerts for each in lists]),
        pl.concat(evidence) if evidence else None,
    )


def mark_seed(frame: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Mark the lines of a city by its seed, and shift its days, so that cities stay apart."""
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
    return named.with_columns(pl.col(dates) + seed * YEARS_APART)


class _ScannedCity(NamedTuple):
    result: cdr_anomaly_result.Result
    settings: Settings
    inputs: nightly_lists.ListInputs
    truth: pl.DataFrame
    days: list[date]


def _scan_city(seed: int, size: Size, folder: Path, *, clean: bool) -> _ScannedCity:
    """Write the records of a city as its command does, and scan them as its command does."""
    began = monotonic()
    city = simulation_city.simulate(days=size.days, lines=size.lines, seed=seed, clean=clean)
    simulation_city.write_sample(city, folder)
    del city
    wrote = monotonic()
    settings, entities = load_settings(), folder / "entities.csv"
    result = pipeline.scan([folder / "calls"], settings, entities=entities)
    days = [FIRST_DAY + timedelta(days=n) for n in range(size.days)]
    scan = _ScannedCity(
        result,
        settings,
        nightly_lists.list_inputs(result, entities),
        ground_truth.read_truth(folder / "truth.parquet"),
        days,
    )
    _report(
        f"seed {seed}{', clean' if clean else ''}: {result.counts.used:,} calls, simulated in "
        f"{wrote - began:.0f} s, scanned in {monotonic() - wrote:.0f} s"
    )
    return scan


def lists_of_nights(
    alerts: pl.DataFrame, evidence: pl.DataFrame | None, days: list[date], seed: int
) -> Lists:
    """Return the lists of these days from the alerts of all days."""
    of_days = pl.col("day").is_in(days)
    kept = [name for name in ALERT_COLUMNS if name in alerts.columns]
    names = mark_seed(pl.DataFrame({"day": days}, {"day": pl.Date}), seed).select(
        list=pl.col("day").cast(pl.String), list_day="day"
    )
    marked = mark_seed(alerts.filter(of_days).select(kept), seed).with_columns(
        list=pl.col("day").cast(pl.String), list_day="day"
    )
    if evidence is not None:
        evidence = mark_seed(evidence.filter(of_days).select(EVIDENCE_COLUMNS), seed)
    return Lists(names, marked, evidence)


def _report(words: str) -> None:
    sys.stderr.write(words + "\n")
