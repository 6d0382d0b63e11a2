"""The page docs/quality.md, written from figures."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from benchmarks.quality import figures, parts, people, sections, tables
from benchmarks.quality.cities import FIRST_DAYS, WHOLE, City, Clean, Size, together
from benchmarks.quality.tables import SYNTHETIC, between, figure, markdown, percent
from cdr_anomaly.evaluation import alert_scores, calibration, victim_scores

if TYPE_CHECKING:
    from benchmarks.quality.sichuan import Sample
    from cdr_anomaly.evaluation.ground_truth import Lists
    from cdr_anomaly.evaluation.victim_scores import VictimLists

# Seeds that were looked at while the program was made.
LOOKED_AT = ((1, 5), (11, 15), (21, 25), (31, 35))


class Run(NamedTuple):
    """All that the page is made of."""

    size: Size
    cities: list[City]
    clean: list[Clean]
    peers: dict[str, Lists]
    sample: Sample | None
    minutes: float

    def truth(self) -> pl.DataFrame:
        """Put what is known of all cities together."""
        return pl.concat([city.truth for city in self.cities])

    def lists(self, name: str = WHOLE) -> Lists:
        """Put the lists of all cities together."""
        return together([city.lists[name] for city in self.cities])

    def people(self) -> VictimLists:
        """Put the lists of people to warn of all cities together."""
        return people.together([city.people for city in self.cities])


def written(run: Run) -> str:
    """Write the whole page."""
    to_warn = run.people()
    told = alert_scores.evaluate(
        run.lists(),
        run.truth(),
        alert_scores.Bootstrap(),
        victim_scores.NOBODY if to_warn.victims.is_empty() else to_warn,
    )
    quiet = alert_scores.evaluate(
        together([each.lists for each in run.clean]),
        pl.concat([each.truth for each in run.clean]),
        alert_scores.Bootstrap(0),
    )
    measured = pl.concat([city.measured for city in run.cities])
    heavy = figures.honest_heavy(run.lists(), run.truth(), measured)
    groups = figures.honest_groups(run.lists(), run.truth())
    undeclared = _undeclared(run)
    whole = [
        _head(run),
        tables.asked(tables.Measured(told, quiet, undeclared, heavy, groups, run.sample)),
        _precision_and_recall(run, told),
        _false_alerts(told, quiet),
        sections.groups(run),
        _delays(told),
        sections.people(told),
        tables.chances(told, quiet, undeclared),
        parts.detectors(run),
        parts.ablated(run),
        parts.peers(run),
        sections.fewer_columns(run),
        parts.not_found(run),
        tables.sichuan(run.sample),
        _rules(run),
    ]
    return "\n\n".join(whole) + "\n"


def _head(run: Run) -> str:
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
and the same seeds again with nothing planted ({calls_clean(run)}). {_chosen_by(run)} What is \
planted, and who is honest, is told in [sample_data/README.md](../sample_data/README.md). The \
operator's list of declared lines is used (`entities.csv`), the dates of activation \
are not. Counted are the lists of each night from day {FIRST_DAYS + 1} on: before, there are not \
seven nights to calibrate a night by. The figures are those of `cdr-anomaly \
evaluate`, over the lists of all seeds together; intervals in brackets are of 90 %, by bootstrap \
over lists for precision and over actors for recall."""


def _chosen_by(run: Run) -> str:
    """Say whether anything was chosen by these seeds."""
    ranges = [f"{first} to {last}" for first, last in LOOKED_AT]
    before = f"{', '.join(ranges[:-1])} and {ranges[-1]}"
    known = [
        city.seed
        for city in run.cities
        if any(first <= city.seed <= last for first, last in LOOKED_AT)
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


def calls_clean(run: Run) -> str:
    """Say how many nights without anything planted there are."""
    return f"{sum(each.lists.names.height for each in run.clean)} clean nights"


def _precision_and_recall(run: Run, told: dict[str, pl.DataFrame]) -> str:
    main = told[alert_scores.MAIN]
    rows = [
        [
            row["figure"],
            row["pattern"] or "",
            row["number"],
            *(between(row, f"at_{k}") for k in alert_scores.BUDGETS),
        ]
        for row in main.iter_rows(named=True)
    ]
    first = figures.short(together([city.first for city in run.cities]), run.truth())
    sums = dict(told["lists"].iter_rows())
    median, most = (f"{sums[f'alerts a list, {what}']:.0f}" for what in ("median", "most"))
    return f"""## Precision and recall {SYNTHETIC}

{markdown(["figure", "pattern", "of", *(f"at {k}" for k in alert_scores.BUDGETS)], rows)}

"Of" is the number of lists with any alert, of alerts, actors or lines. Of {sums["lists"]:.0f} \
lists {sums["lists with any alert"]:.0f} have an alert, the median list {median}, the longest \
{most}: a list of one or two weighs as much in the mean as a long one, so precision is given of \
all alerts together, too. An actor is found when a true alert names one of its lines; of a group \
not all lines need be named. Lone captors ({", ".join(alert_scores.UNCOUNTED)}) call hardly \
anybody but those whom they hold: they are to be found through these people, not as alerts, so \
they do not count in "{alert_scores.ALL}", and what is found of them is told under "Whom to warn".

The first {FIRST_DAYS} nights, which are not counted: precision at 50 is {figure(first.mean)} as a \
mean over lists and {figure(first.pooled)} of all alerts, {first.alerts:.1f} alerts a night.

### Each seed by itself {SYNTHETIC}

{_each_seed(run)}"""


def _each_seed(run: Run) -> str:
    rows = []
    for city, clean in zip(run.cities, run.clean, strict=True):
        told = alert_scores.evaluate(city.lists[WHOLE], city.truth, alert_scores.Bootstrap(0))
        quiet = alert_scores.evaluate(clean.lists, clean.truth, alert_scores.Bootstrap(0))
        short = figures.short(city.lists[WHOLE], city.truth)
        false_share = told["false_discoveries"].filter(q_at_most=0.1)["false_share"].item()
        ratio = quiet["calibration"].filter(p_at_most=1e-4)["ratio"].item()
        rows.append(
            [
                city.seed,
                f"{city.calls:,}",
                figure(short.mean),
                figure(short.pooled),
                figure(short.recall),
                figure(short.evaded),
                percent(short.honest),
                figure(ratio),
                figure(false_share),
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
    return markdown(head, rows)


def _false_alerts(told: dict[str, pl.DataFrame], quiet: dict[str, pl.DataFrame]) -> str:
    rows = [
        [
            row["kind"],
            row["lines"] or "-",
            row["lines_named"],
            percent(row["share_named"]),
            row["in_false_ones"],
            row["false_ones"],
        ]
        for row in told["false_alerts"].iter_rows(named=True)
    ]
    sums = dict(quiet["lists"].iter_rows())
    alerts = quiet["false_alerts"]["false_ones"]
    return f"""## False alerts by honest kind {SYNTHETIC}

Lines of each kind that any alert of medium or graver named on any of the nights, and alerts that \
are not true. An alert may name lines of two kinds, and one about planted lines may name honest \
ones among them: "by a false alert" are those that one which is not true names.

{markdown(["kind", "lines", "named", "share", "by a false alert", "false alerts"], rows)}

Where nothing is planted, {sums["lists with any alert"]:.0f} of {sums["lists"]:.0f} nights have an \
alert, at most {sums["alerts a list, most"]:.0f}; {alerts[0] + alerts[-1]} alerts in all."""


def _undeclared(run: Run) -> pl.DataFrame:
    """Give the false share beside q of the lines that are not declared."""
    evidence = run.lists().evidence
    declared = pl.concat([city.declared for city in run.cities])
    if evidence is not None:
        evidence = evidence.join(declared, on=["line", "day"], how="anti")
    return calibration.false_discoveries(evidence, run.truth())


def _delays(told: dict[str, pl.DataFrame]) -> str:
    rows = [
        [
            row["pattern"],
            row["actors"],
            row["found"],
            figure(row["median_days"], 1),
            figure(row["days_90"], 1),
        ]
        for row in told["time_to_detection"].iter_rows(named=True)
    ]
    head = ["pattern", "actors", "found", "median, days", "90 %, days"]
    return f"""## Time to detection {SYNTHETIC}

Days from an actor's first day to the first list that has it among the first \
{alert_scores.DETECTION_BUDGET}, of those that are found; 0 is the list of the same day.

{markdown(head, rows)}"""


def _rules(run: Run) -> str:
    rules = "\n".join(f"- *{what}*: {rule}." for what, rule in alert_scores.RULES.items())
    real, scan, both = (
        sum(numbers) for numbers in zip(*(c.agreed for c in run.cities), strict=True)
    )
    spread = f"{alert_scores.Bootstrap().samples} samples, NumPy {np.__version__}"
    return f"""## How the figures are defined

{rules}

Lists night by night are made from one scan of all days (`benchmarks/quality/nights.py`): what a \
night finds is, by test, what a scan finds on its day, and a test holds these lists against those \
of real nights. Of the {real} alerts that the real nights of these seeds listed, {both} are on \
these lists, which have {scan}. Intervals: {spread}."""
