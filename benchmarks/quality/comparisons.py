"""Sections of the page on what each part adds, on peers, and on what is not found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from benchmarks.quality import ablation, figures
from benchmarks.quality.cities import ALL_PARTS
from benchmarks.quality.peers import MANY_CALLS, MAX_LISTED, MIN_CALLS
from benchmarks.quality.tables import SYNTHETIC, format_figure, format_percent, markdown_table
from cdr_anomaly.evaluation import alert_scores

if TYPE_CHECKING:
    from benchmarks.quality.run import QualityRun

EVASIONS = {
    "evasion_split": "1000 calls a day dealt over ten new lines, 100 each, spread over the day",
    "evasion_throttled": "900 calls a day from one fixed line, evenly, never in bursts",
    "evasion_ramped": "an established line that calls 7 % more strangers each day",
    "evasion_rotated": "eight SIMs in one handset, one a day, 90 to 200 calls each",
    "evasion_replaced": "six lines of a block that stop, and six others of it, in other handsets, "
    "that go on a day or two later",
    "evasion_changing": "a relay whose forward target changes for each call",
}
COMPARED_HEAD = (
    "precision at 17",
    "at 50",
    "of all alerts at 50",
    "actors found at 50",
    "evasions found",
    "honest lines named",
    "alerts a night",
)


def detector_section(run: QualityRun) -> str:
    """Show what each detector lists and finds."""
    rows = [
        [row["detector"], row["alerts"], format_percent(row["share"]), row["actors"], row["alone"]]
        for row in figures.count_by_detector(run.lists(), run.truth()).iter_rows(named=True)
    ]
    head = ["detector", "alerts at 50", "true", "actors found", "found by it alone"]
    return f"""## Each detector {SYNTHETIC}

An alert that several detectors found counts for each; actors are all, those that evade, too.

{markdown_table(head, rows)}"""


def ablation_section(run: QualityRun) -> str:
    """Show the figures without each part."""
    names = [ALL_PARTS, *(name for name in run.cities[0].lists if name.startswith("without"))]
    rows = [
        [name, *_compared_cells(figures.key_figures(run.lists(name), run.truth()))]
        for name in names
    ]
    return f"""## What each part adds {SYNTHETIC}

The same records judged without one family of measures, without any ("{ablation.RULES_ALONE}": \
nothing is lowered because it is nothing rare, and nothing is listed for being unlike its peers), \
and without one detector and the measures that it tests.

{markdown_table(["", *COMPARED_HEAD], rows)}"""


def _compared_cells(short: figures.KeyFigures) -> list[str]:
    return [
        format_figure(short.mean_17),
        format_figure(short.mean),
        format_figure(short.pooled),
        format_figure(short.recall),
        format_figure(short.evaded),
        format_percent(short.honest),
        format_figure(short.alerts, 1),
    ]


def peer_section(run: QualityRun) -> str:
    """Show the figures of others beside ours."""
    lists = {ALL_PARTS: run.lists(), **run.peers, MANY_CALLS: run.lists(MANY_CALLS)}
    shorts = {name: figures.key_figures(each, run.truth()) for name, each in lists.items()}
    rows = [[name, *_compared_cells(each)] for name, each in shorts.items()]
    patterns = [name for name in shorts[ALL_PARTS].patterns if name not in alert_scores.UNCOUNTED]
    recall = [
        [pattern, *(format_figure(each.patterns[pattern]) for each in shorts.values())]
        for pattern in patterns
    ]
    return f"""## Beside peers {SYNTHETIC}

PyOD's IsolationForest and ECOD with default settings, on the same measures of the same line-days \
(counts as logarithms, what is missing as the median), each night scored by a model of the 7 \
nights before; its {MAX_LISTED} most outlying lines are the list, less the declared ones, as they \
are for us. They name no groups, and they list {MAX_LISTED} lines on quiet nights, too, and the \
same lines night after night, which by the rule of `evaluate` count as true again; ours come again \
after a week. The rule lists every line with {MIN_CALLS} calls in a day.

{markdown_table(["", *COMPARED_HEAD], rows)}

Actors found at {alert_scores.DETECTION_BUDGET}:

{markdown_table(["pattern", *shorts], recall)}"""


def missed_section(run: QualityRun) -> str:
    """Show who is missed, by how far it came."""
    findings = pl.concat([city.findings for city in run.cities])
    missed = figures.count_missed(run.lists(), findings, run.truth())
    rows = [
        [
            row["pattern"],
            row["actors"],
            row["not_found"],
            *(row[end] or "" for end in figures.MISSED_AT),
            "never tested" if row["least_q"] is None else f"{row['least_q']:.2g}",
        ]
        for row in missed.iter_rows(named=True)
    ]
    head = ["pattern", "actors", "not found", *figures.MISSED_AT, "least q, median"]
    said = "\n".join(f"- *{end}*: {meaning}." for end, meaning in figures.MISSED_AT.items())
    evade = "\n".join(
        f"- `{row['pattern']}` ({row['actors'] - row['not_found']} of {row['actors']} found): "
        f"{EVASIONS.get(row['pattern'], '')}."
        for row in _evasions(run, missed)
    )
    return f"""## What is not found, and why {SYNTHETIC}

Actors that no true alert among the first {alert_scores.DETECTION_BUDGET} of any counted list \
names, by how far they came. "Least q" is the median over them of the least false-discovery rate \
of any of their line-days; a line is lowered where it is over 0.1.

{markdown_table(head, rows) if rows else "Every planted actor is found."}

{said}

Those that evade know of limits and stay below them. Nothing is tuned on them, and they are \
reported whatever they are:

{evade}

Not planted, and so not measured: calls that leave no record with this operator, lists dealt at \
random over lines that never share a handset, a block or a target, and a declared line that is \
used by somebody else."""


def _evasions(run: QualityRun, missed: pl.DataFrame) -> list[dict[str, int | str]]:
    """Return of each pattern that evades how many actors there are, and how many are not found."""
    bad = run.truth().filter(
        pl.col("pattern").fill_null("").str.starts_with(alert_scores.EVASION_PREFIX)
    )
    sizes = bad.group_by("pattern").agg(actors=pl.col("actor").n_unique()).sort("pattern")
    counts = sizes.join(missed.select("pattern", "not_found"), on="pattern", how="left")
    return counts.with_columns(pl.col("not_found").fill_null(0)).to_dicts()
