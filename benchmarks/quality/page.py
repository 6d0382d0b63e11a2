"""The page docs/quality.md, written from figures."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from benchmarks.quality import comparisons, figures, sections, tables
from benchmarks.quality.cities import ALL_PARTS, CALIBRATION_NIGHTS, concat_lists
from benchmarks.quality.tables import (
    SYNTHETIC,
    format_figure,
    format_interval,
    format_percent,
    markdown_table,
)
from cdr_anomaly.evaluation import alert_scores, calibration, victim_scores

if TYPE_CHECKING:
    from benchmarks.quality.run import QualityRun

# First and last seeds that were used while the program was written.
DEVELOPMENT_SEEDS = ((1, 5), (11, 15), (21, 25), (31, 35))


def write_page(run: QualityRun) -> str:
    """Return the page in Markdown."""
    victim_lists = run.victim_lists()
    scores = alert_scores.evaluate(
        run.lists(),
        run.truth(),
        alert_scores.Bootstrap(),
        victim_scores.NOBODY if victim_lists.victims.is_empty() else victim_lists,
    )
    clean_scores = alert_scores.evaluate(
        concat_lists([city.lists for city in run.clean]),
        pl.concat([city.truth for city in run.clean]),
        alert_scores.Bootstrap(0),
    )
    undeclared = _undeclared_discoveries(run)
    parts = [
        _introduction(run),
        tables.target_section(run, scores, clean_scores, undeclared),
        _recall_section(run, scores),
        _false_alert_section(scores, clean_scores),
        sections.group_section(run),
        _delay_section(scores),
        sections.victim_section(scores),
        tables.chance_section(scores, clean_scores, undeclared),
        comparisons.detector_section(run),
        comparisons.ablation_section(run),
        comparisons.peer_section(run),
        sections.fewer_columns_section(run),
        comparisons.missed_section(run),
        tables.sichuan_section(run.sample),
        _rules_section(run),
    ]
    return "\n\n".join(parts) + "\n"


def _introduction(run: QualityRun) -> str:
    seeds = ", ".join(str(city.seed) for city in run.cities)
    calls = sum(city.calls for city in run.cities)
    return f"""# How good the lists are

Every figure is **synthetic** but for those of the section on Sichuan: records of invented cities \
(`cdr-anomaly simulate`), in which it is known who is planted. They say how the detectors do on \
what the simulation holds, not how they will do on your network. `make quality` makes the records, \
the figures and this page; it took {run.minutes:.0f} minutes on a shared machine \
({os.cpu_count()} processors, {platform.machine()}, Python {platform.python_version()}, Polars \
{pl.__version__}).

Seeds {seeds}, each {run.size.lines:,} lines and {run.size.days} days ({calls:,} calls in all), \
and the same seeds again with nothing planted ({_clean_nights(run)}). {_seeds_sentence(run)} \
What is planted, and who is honest, is told in [sample_data/README.md](../sample_data/README.md). \
The operator's list of declared lines is used (`entities.csv`), the dates of activation \
are not. Counted are the lists of each night from day {CALIBRATION_NIGHTS + 1} on: before, \
there are not seven nights to calibrate a night by. The figures are those of `cdr-anomaly \
evaluate`, over the lists of all seeds together; intervals in brackets are of 90 %, by bootstrap \
over lists for precision and over actors for recall."""


def _seeds_sentence(run: QualityRun) -> str:
    """Return a sentence on whether anything was chosen by these seeds."""
    ranges = [f"{first} to {last}" for first, last in DEVELOPMENT_SEEDS]
    before = f"{', '.join(ranges[:-1])} and {ranges[-1]}"
    known = [
        city.seed
        for city in run.cities
        if any(first <= city.seed <= last for first, last in DEVELOPMENT_SEEDS)
    ]
    if known:
        return (
            f"Of these, {', '.join(map(str, known))} were looked at while the program was made "
            f"(so were others of {before}): of seeds that nothing was chosen by expect less."
        )
    return (
        "No limit and no measure was chosen by these seeds. (Others, of "
        f"{before}, were looked at while the program was made, and are not reported.)"
    )


def _clean_nights(run: QualityRun) -> str:
    """Return how many nights there are in which nothing is planted."""
    return f"{sum(each.lists.names.height for each in run.clean)} clean nights"


def _recall_section(run: QualityRun, scores: dict[str, pl.DataFrame]) -> str:
    main = scores[alert_scores.MAIN]
    rows = [
        [
            row["figure"],
            row["pattern"] or "",
            row["number"],
            *(format_interval(row, f"at_{k}") for k in alert_scores.BUDGETS),
        ]
        for row in main.iter_rows(named=True)
    ]
    first = figures.key_figures(concat_lists([city.first for city in run.cities]), run.truth())
    sums = dict(scores["lists"].iter_rows())
    median, most = (f"{sums[f'alerts a list, {what}']:.0f}" for what in ("median", "most"))
    return f"""## Precision and recall {SYNTHETIC}

{markdown_table(["figure", "pattern", "of", *(f"at {k}" for k in alert_scores.BUDGETS)], rows)}

"Of" is the number of lists with any alert, of alerts, actors or lines. Of {sums["lists"]:.0f} \
lists {sums["lists with any alert"]:.0f} have an alert, the median list {median}, the longest \
{most}: a list of one or two weighs as much in the mean as a long one, so precision is given of \
all alerts together, too. An actor is found when a true alert names one of its lines; of a group \
not all lines need be named. Lone captors ({", ".join(alert_scores.UNCOUNTED)}) call hardly \
anybody but those whom they hold: they are to be found through these people, not as alerts, so \
they do not count in "{alert_scores.ALL}", and what is found of them is told under "Whom to warn".

The first {CALIBRATION_NIGHTS} nights, which are not counted: precision at 50 is \
{format_figure(first.mean)} as a mean over lists and {format_figure(first.pooled)} of all alerts, \
{first.alerts:.1f} alerts a night.

### Each seed by itself {SYNTHETIC}

{_seed_table(run)}"""


def _seed_table(run: QualityRun) -> str:
    rows = []
    for city, clean in zip(run.cities, run.clean, strict=True):
        scores = alert_scores.evaluate(city.lists[ALL_PARTS], city.truth, alert_scores.Bootstrap(0))
        clean_scores = alert_scores.evaluate(clean.lists, clean.truth, alert_scores.Bootstrap(0))
        short = figures.key_figures(city.lists[ALL_PARTS], city.truth)
        false_share = scores["false_discoveries"].filter(q_at_most=0.1)["false_share"].item()
        ratio = clean_scores["calibration"].filter(p_at_most=1e-4)["ratio"].item()
        rows.append(
            [
                city.seed,
                f"{city.calls:,}",
                format_figure(short.mean),
                format_figure(short.pooled),
                format_figure(short.recall),
                format_figure(short.evaded),
                format_percent(short.honest),
                format_figure(ratio),
                format_figure(false_share),
            ]
        )
    head = [
        "seed",
        "calls",
        "precision at 50",
        "of all alerts",
        "actors found at 50",
        "evasions found",
        "honest lines named",
        "clean nights, observed / expected at 1e-4",
        "false share at q 0.1",
    ]
    return markdown_table(head, rows)


def _false_alert_section(
    scores: dict[str, pl.DataFrame], clean_scores: dict[str, pl.DataFrame]
) -> str:
    rows = [
        [
            row["kind"],
            row["lines"] or "-",
            row["lines_named"],
            format_percent(row["share_named"]),
            row["in_false_ones"],
            row["false_ones"],
        ]
        for row in scores["false_alerts"].iter_rows(named=True)
    ]
    sums = dict(clean_scores["lists"].iter_rows())
    alerts = clean_scores["false_alerts"]["false_ones"]
    return f"""## False alerts by honest kind {SYNTHETIC}

Lines of each kind that any alert of medium or graver named on any of the nights, and alerts that \
are not true. An alert may name lines of two kinds, and one about planted lines may name honest \
ones among them: "by a false alert" are those that one which is not true names.

{markdown_table(["kind", "lines", "named", "share", "by a false alert", "false alerts"], rows)}

Where nothing is planted, {sums["lists with any alert"]:.0f} of {sums["lists"]:.0f} nights have an \
alert, at most {sums["alerts a list, most"]:.0f}; {alerts[0] + alerts[-1]} alerts in all."""


def _undeclared_discoveries(run: QualityRun) -> pl.DataFrame:
    """Return the share of false discoveries at each q, without declared lines."""
    evidence = run.lists().evidence
    declared = pl.concat([city.declared for city in run.cities])
    if evidence is not None:
        evidence = evidence.join(declared, on=["line", "day"], how="anti")
    return calibration.false_discoveries(evidence, run.truth())


def _delay_section(scores: dict[str, pl.DataFrame]) -> str:
    rows = [
        [
            row["pattern"],
            row["actors"],
            row["found"],
            format_figure(row["median_days"], 1),
            format_figure(row["days_90"], 1),
        ]
        for row in scores["time_to_detection"].iter_rows(named=True)
    ]
    head = ["pattern", "actors", "found", "median, days", "90 %, days"]
    return f"""## Time to detection {SYNTHETIC}

Days from an actor's first day to the first list that has it among the first \
{alert_scores.DETECTION_BUDGET}, of those that are found; 0 is the list of the same day.

{markdown_table(head, rows)}"""


def _rules_section(run: QualityRun) -> str:
    rules = "\n".join(f"- *{what}*: {rule}." for what, rule in alert_scores.RULES.items())
    real, scan, both = (
        sum(numbers) for numbers in zip(*(c.agreed for c in run.cities), strict=True)
    )
    spread = f"{alert_scores.Bootstrap().samples} samples, NumPy {np.__version__}"
    return f"""## How the figures are defined

{rules}

Lists night by night are made from one scan of all days (`benchmarks/quality/nightly_lists.py`): \
what a night finds is, by test, what a scan finds on its day, and a test holds these lists against \
those of real nights. Of the {real} alerts that the real nights of these seeds listed, {both} are \
on these lists, which have {scan}. Intervals: {spread}."""
