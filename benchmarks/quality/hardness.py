"""How hard the hard patterns are: what the tool finds of them, and what three measures tell.

By hand: python -m benchmarks.quality.hardness --seeds 201 202 203 204
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from benchmarks.quality import nightly_lists
from benchmarks.quality.cities import CALIBRATION_NIGHTS, concat_lists, lists_of_nights, mark_seed
from benchmarks.quality.sichuan import auc
from cdr_anomaly import pipeline
from cdr_anomaly.evaluation import alert_scores, ground_truth
from cdr_anomaly.evaluation.alert_scores import Bootstrap
from cdr_anomaly.evaluation.simulation import city as simulation_city
from cdr_anomaly.evaluation.simulation.scenarios import GRADES, SCENARIOS
from cdr_anomaly.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.ground_truth import Lists

AT = f"at_{alert_scores.DETECTION_BUDGET}"
MEASURES = ("calls", "different", "answered")
RIDGE, STEPS = 1e-2, 30
# Lines that place no calls for their side, or have no counterpart on the other.
CALLED = ("cared_for", "bombed_line", "phone_in", "chain_end", "duty_engineer")
MOST_RECALL, MOST_AUC = 0.55, 0.75


class HardCity(NamedTuple):
    """What came of one seed and grade: the truth, the lists of nights, and measures of lines."""

    seed: int
    truth: pl.DataFrame
    lists: Lists | None
    measured: pl.DataFrame


def build_city(seed: int, grade: int, lines: int, days: int, *, judge: bool) -> HardCity:
    """Simulate a city of hard patterns, and scan it if it is to be judged."""
    sample = simulation_city.simulate(
        days=days, lines=lines, seed=seed, patterns="hard", grade=grade
    )
    measured = mark_seed(measure_lines(sample.calls, sample.truth), seed)
    lists = _scan(sample, seed, days) if judge else None
    return HardCity(seed, mark_seed(sample.truth, seed), lists, measured)


def _scan(sample: simulation_city.Sample, seed: int, days: int) -> Lists:
    """Scan the records of a city with its operator's lists, and make the lists of its nights."""
    with tempfile.TemporaryDirectory() as name:
        folder, settings = Path(name), load_settings()
        simulation_city.write_sample(sample, folder)
        entities, subscribers = folder / "entities.csv", folder / "subscribers.csv"
        result = pipeline.scan(
            [folder / "calls"], settings, entities=entities, subscribers=subscribers
        )
        inputs = nightly_lists.list_inputs(result, entities)
    nights = [simulation_city.FIRST_DAY + timedelta(days=n) for n in range(days)]
    alerts = nightly_lists.rank_nights(result.findings, result.evidence, inputs, settings, nights)
    return lists_of_nights(alerts, result.evidence, nights[CALIBRATION_NIGHTS:], seed)


def measure_lines(calls: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Measure a mean day of each line of a scenario: calls, different numbers, answered share.

    A call that a line forwards counts as one that it places.
    """
    graded = truth.filter(pl.col("grade").is_not_null(), ~pl.col("kind").is_in(CALLED))
    line = pl.coalesce("redirecting_number", "calling_number")
    day = pl.col("start_time").dt.convert_time_zone("Asia/Shanghai").dt.date()
    placed = calls.select(
        line=plain(line), day=day, to=plain(pl.col("called_number")), talk="duration_s"
    )
    own = placed.join(graded, on="line").filter(pl.col("day").is_between("first_day", "last_day"))
    daily = own.group_by("line", "day").agg(
        calls=pl.len(), different=pl.col("to").n_unique(), answered=(pl.col("talk") > 0).mean()
    )
    means = daily.group_by("line").agg(
        pl.col("calls", "different").log1p().mean(), pl.col("answered").mean()
    )
    pattern = pl.when("honest").then("twin_of").otherwise("pattern")
    known = graded.select("line", "honest", "kind", scenario=pattern).unique("line")
    measured = known.join(means, on="line", how="left")
    return measured.with_columns(pl.col(MEASURES).fill_null(0)).sort("line")


def plain(number: pl.Expr) -> pl.Expr:
    """Bring the written forms of a number back to one."""
    return (
        number.str.replace("^00", "+")
        .str.replace(r"^0([1-9]\d{9,})$", "+86$1")
        .str.replace(r"^(1[3-9]\d{9})$", "+86$1")
    )


def told_by_measures(cities: Sequence[HardCity], scenario: str) -> float:
    """Return the AUC of a logistic regression of the other seeds' lines, for each seed's lines."""
    rows = pl.concat([city.measured.with_columns(seed=city.seed) for city in cities])
    rows = rows.filter(scenario=scenario).sort("seed", "line")
    values, planted = rows.select(MEASURES).to_numpy(), ~rows["honest"].to_numpy()
    seeds, score = rows["seed"].to_numpy(), np.zeros(len(rows))
    for seed in np.unique(seeds):
        rest = seeds != seed
        score[~rest] = _logistic(values[rest], planted[rest], values[~rest])
    # one AUC a seed: scores of different regressions are not compared
    each = [auc(score[seeds == seed], planted[seeds == seed]) for seed in np.unique(seeds)]
    return float(np.mean(each))


def _logistic(
    values: NDArray[np.float64], planted: NDArray[np.bool_], asked: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fit a logistic regression with a slight ridge by Newton's steps; return scores of others."""
    middle, width = values.mean(axis=0), values.std(axis=0).clip(1e-9)
    design = np.column_stack([np.ones(len(values)), (values - middle) / width])
    weights = np.zeros(design.shape[1])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-(design @ weights).clip(-30, 30)))
        slope = design.T @ (chance - planted) + RIDGE * len(values) * weights
        curve = (design * (chance * (1 - chance))[:, None]).T @ design
        weights -= np.linalg.solve(curve + RIDGE * len(values) * np.eye(len(weights)), slope)
    score: NDArray[np.float64] = ((asked - middle) / width) @ weights[1:]
    return score


def recalls(cities: Sequence[HardCity]) -> dict[str, float]:
    """Return the share of each pattern's crews that some list of a night names."""
    lists, truth = _judged(cities)
    table = alert_scores.recall(ground_truth.match_alerts(lists, truth), truth, Bootstrap(0))
    found = table.filter(figure="actors found")
    return dict(found.select("pattern", AT).iter_rows())


def accused(cities: Sequence[HardCity]) -> dict[str, float]:
    """Return the share of the lines of each honest kind that an alert of a night names."""
    lists, truth = _judged(cities)
    table = alert_scores.false_alerts(ground_truth.match_alerts(lists, truth), truth)
    return dict(table.select("kind", pl.col("share_named")).iter_rows())


def _judged(cities: Sequence[HardCity]) -> tuple[Lists, pl.DataFrame]:
    lists = [city.lists for city in cities if city.lists is not None]
    return concat_lists(lists), pl.concat([city.truth for city in cities])


def twin_kinds(cities: Sequence[HardCity]) -> dict[str, list[str]]:
    """Return the honest kinds that resemble each pattern."""
    twins = pl.concat([city.truth for city in cities]).filter(pl.col("twin_of") != "")
    of = twins.group_by("twin_of").agg(pl.col("kind").unique().sort()).sort("twin_of")
    return dict(of.iter_rows())


def write_table(graded: dict[int, list[HardCity]]) -> str:
    """Write a row for each pattern: found by grade, twins accused by grade, and the AUC."""
    found = {grade: recalls(cities) for grade, cities in graded.items() if cities[0].lists}
    named = {grade: accused(cities) for grade, cities in graded.items() if cities[0].lists}
    worst = graded[len(GRADES)]
    lines = ["| pattern | found: " + ", ".join(GRADES) + " | twin named, by grade | AUC, worst |"]
    lines.append("|---|---|---|---|")
    told, kinds = {}, twin_kinds(worst)
    for scenario in SCENARIOS:
        name = scenario.pattern
        told[name] = told_by_measures(worst, name)
        recall = ", ".join(f"{each.get(name, 0):.2f}" for each in found.values())
        twins = "; ".join(
            f"{kind} " + ", ".join(f"{each.get(kind, 0):.2f}" for each in named.values())
            for kind in kinds[name]
        )
        lines.append(f"| {name} | {recall} | {twins} | {told[name]:.2f} |")
    if found:
        least = found[len(GRADES)]
        mean = float(np.mean([least.get(scenario.pattern, 0) for scenario in SCENARIOS]))
        lines.append(f"\nMean recall of the worst grades: {mean:.3f} (at most {MOST_RECALL}).")
        known = {kind for each in kinds.values() for kind in each}
        other = {k: v for k, v in named[len(GRADES)].items() if v and k not in known}
        lines.append(f"Other kinds named, worst grade: {other}")
    easy = [name for name, auc in told.items() if auc > MOST_AUC]
    lines.append(f"Told by three measures (AUC above {MOST_AUC}): {', '.join(easy) or 'none'}.")
    return "\n".join(lines)


def main() -> None:
    """Make the cities of all seeds and grades, and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.quality.hardness", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[201, 202, 203, 204])
    parser.add_argument("--grades", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--lines", type=int, default=2_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--measures-only", action="store_true", help="scan nothing")
    words = parser.parse_args()
    graded: dict[int, list[HardCity]] = {}
    for grade in words.grades:
        for seed in words.seeds:
            judge = not words.measures_only
            city = build_city(seed, grade, words.lines, words.days, judge=judge)
            graded.setdefault(grade, []).append(city)
            sys.stderr.write(f"grade {grade}, seed {seed}\n")
    sys.stdout.write(write_table(graded) + "\n")


if __name__ == "__main__":
    main()
