"""Scores of lists of alerts against the truth: precision, recall, false alerts, delay.

`ground_truth` decides which alerts are true, `calibration` scores p and q, and `victim_scores`
the lists of people to warn. A figure is null, never 0, where there is nothing to compute it from.
Shares are of 1. Intervals are of 90 %, by bootstrap over lists for precision and over actors for
recall; they are null for a single list or a single actor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.alerts.severity import is_grave
from cdr_anomaly.evaluation import calibration, ground_truth, victim_scores
from cdr_anomaly.evaluation.ground_truth import ALERT_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.ground_truth import Lists, MatchedAlerts
    from cdr_anomaly.evaluation.victim_scores import VictimLists

BUDGETS = (17, 50, 200)
DETECTION_BUDGET = 50
INTERVAL_QUANTILES = (0.05, 0.95)
EVASION_PREFIX = "evasion_"
# Lines that no alert is expected to name: they are found through the people whom they hold.
UNCOUNTED = ("captor",)
ALL, ORDINARY, HONEST = "all but evasion and captors", "ordinary", "all in the truth"
MAIN = "precision_and_recall"
RULES = {
    "true": "an alert that names a planted line from its first_day to 7 days after its last_day, "
    "where at least half of its lines that are in the truth are planted so; of a block or a hub "
    "the members decide, else the subject, too",
    "day": "the date that a list's folder is named by; else each alert's own, which in a scan of "
    "many days is that of its gravest finding, the latest of these",
    "precision": "true alerts among those listed up to place k; mean over lists with any alert",
    "precision of all alerts": "the same, of the alerts of all lists together",
    "all but evasion and captors": "what evades is told apart, and so are lone captors, who are "
    "to be found through the people that they hold (people to warn), not as alerts",
    "actors found": "recall: actors of whom a true alert among the first k of some list names a "
    "line, of all planted ones, whether there are lists of their days or not",
    "lines found": "recall: planted lines that such an alert names themselves",
    "false alerts": "alerts of medium or graver that name an honest line; a true one may, too; "
    "in_false_ones are the lines that one which is not true names",
    "time to detection": "days from an actor's first_day to its first true alert among the first "
    f"{DETECTION_BUDGET}; of those that are found",
    **calibration.RULES,
    **victim_scores.RULES,
}


class Bootstrap(NamedTuple):
    """How many samples an interval is made of, 0 for none, and the seed of their stream."""

    samples: int = 500
    seed: int = 1


def evaluate(
    lists: Lists,
    truth: pl.DataFrame,
    bootstrap: Bootstrap,
    victim_lists: VictimLists | str = victim_scores.NO_LISTS,
) -> dict[str, pl.DataFrame]:
    """Return all tables of figures by name.

    ``truth`` is what `ground_truth.read_truth` returns, ``victim_lists`` what
    `victim_scores.read_victim_lists` returns.
    """
    matched = ground_truth.match_alerts(lists, truth)
    figures = pl.concat([precision(matched, bootstrap), recall(matched, truth, bootstrap)])
    return {
        MAIN: figures,
        "lists": summary(lists, matched, truth),
        "false_alerts": false_alerts(matched, truth),
        "time_to_detection": delays(matched, truth),
        "calibration": calibration.calibrate(lists.evidence, truth),
        "false_discoveries": calibration.false_discoveries(lists.evidence, truth),
        **victim_scores.score_victim_lists(victim_lists, truth),
        "rules": pl.DataFrame(list(RULES.items()), schema=["what", "rule"], orient="row"),
    }


def summary(lists: Lists, matched: MatchedAlerts, truth: pl.DataFrame) -> pl.DataFrame:
    """Return how many lists, alerts and planted actors there are; an empty list has 0 alerts."""
    counts = lists.names.join(matched.alerts.group_by("list").len(), on="list", how="left")
    a_list = counts["len"].fill_null(0)
    planted = ground_truth.planted_lines(truth)
    days = lists.names.select(day="list_day").unique().drop_nulls()
    covered = planted.join(days, how="cross").filter(ground_truth.is_on_actor_day())
    dated = lists.names["list_day"].null_count() == 0
    never = planted.join(covered, on="actor", how="anti")["actor"].n_unique() if dated else None
    rows: list[tuple[str, Any]] = [
        ("lists", lists.names.height),
        ("lists with any alert", (a_list > 0).sum()),
        ("alerts a list, median", a_list.median()),
        ("alerts a list, most", a_list.max()),
        ("true alerts", matched.alerts["true"].sum()),
        ("planted actors", planted["actor"].n_unique()),
        ("planted lines", planted["line"].n_unique()),
        ("planted actors of whose days there is no list", never),
        ("honest lines in the truth", _honest_lines(truth)["line"].n_unique()),
    ]
    return pl.DataFrame(rows, {"what": pl.String, "number": pl.Float64}, orient="row")


def precision(matched: MatchedAlerts, bootstrap: Bootstrap) -> pl.DataFrame:
    """Return the share of true alerts among the first of each list: mean over lists, and of all."""
    first = {k: pl.col("position") <= k for k in BUDGETS}
    sums = matched.alerts.group_by("list", maintain_order=True).agg(
        *((pl.col("true") & is_first).sum().alias(f"true_{k}") for k, is_first in first.items()),
        *(is_first.sum().alias(f"listed_{k}") for k, is_first in first.items()),
    )
    true, listed = (
        sums.select(f"{part}_{k}" for k in BUDGETS).to_numpy().astype(np.float64)
        for part in ("true", "listed")
    )
    mean = _figure_row("precision", None, true / listed, np.ones(len(true)), bootstrap)
    return _figure_table(
        [mean, _figure_row("precision of all alerts", None, true, listed, bootstrap)]
    )


def recall(matched: MatchedAlerts, truth: pl.DataFrame, bootstrap: Bootstrap) -> pl.DataFrame:
    """Return the share of actors, and of their lines, that are found, in all and by pattern."""
    key = ["pattern", "actor", "line"]
    positions = matched.hits.filter("true").group_by(key).agg(pl.col("position").min())
    lines = ground_truth.planted_lines(truth).select(key).unique()
    found = lines.join(positions, on=key, how="left")
    groups = {ALL: found.filter(~is_uncounted())}
    groups |= {name: found.filter(pattern=name) for name in _patterns(found)}
    rows = [_recall_rows(pattern, group, bootstrap) for pattern, group in groups.items()]
    return _figure_table([row for pair in zip(*rows, strict=True) for row in pair])


def false_alerts(matched: MatchedAlerts, truth: pl.DataFrame) -> pl.DataFrame:
    """Count the alerts of medium or graver that name honest lines, and these lines, by kind.

    A line that is planted, too, is not honest on its planted days. The number of ordinary lines is
    unknown, so it is null.
    """
    grave = matched.alerts.filter(is_grave("medium"))
    named = (
        matched.named.unique()
        .join(grave, on=ALERT_KEY)
        .join(matched.hits, on=[*ALERT_KEY, "line"], how="anti")
    )
    honest = _honest_lines(truth)
    ordinary = named.join(truth, on="line", how="anti").with_columns(kind=pl.lit(ORDINARY))
    in_truth = named.join(honest, on="line").select(ordinary.columns)
    counts = (
        pl.concat([in_truth, in_truth.with_columns(kind=pl.lit(HONEST)), ordinary])
        .group_by("kind")
        .agg(
            alerts=pl.struct(ALERT_KEY).n_unique(),
            false_ones=pl.struct(ALERT_KEY).filter(~pl.col("true")).n_unique(),
            lines_named=pl.col("line").n_unique(),
            in_false_ones=pl.col("line").filter(~pl.col("true")).n_unique(),
        )
    )
    sizes = honest.group_by("kind").agg(lines=pl.col("line").n_unique()).sort("kind")
    total = pl.DataFrame({"kind": HONEST, "lines": honest["line"].n_unique()})
    last = pl.DataFrame({"kind": ORDINARY, "lines": None})
    rows = pl.concat([frame.cast({"lines": pl.Int64}) for frame in (total, sizes, last)])
    filled = rows.join(counts, on="kind", how="left", maintain_order="left").with_columns(
        pl.col("alerts", "false_ones", "lines_named", "in_false_ones").fill_null(0).cast(pl.Int64)
    )
    columns = ("kind", "alerts", "false_ones", "lines_named", "in_false_ones", "lines")
    return filled.select(*columns, share_named=ground_truth.share("lines_named", "lines"))


def delays(matched: MatchedAlerts, truth: pl.DataFrame) -> pl.DataFrame:
    """Return the days until actors of each pattern are found, median and 90 %."""
    near = matched.hits.filter("true", pl.col("position") <= DETECTION_BUDGET)
    first = near.group_by("pattern", "actor").agg(day=pl.col("day").min())
    planted = ground_truth.planted_lines(truth)
    actors = planted.group_by("pattern", "actor").agg(pl.col("first_day").min())
    actors = actors.join(first, on=["pattern", "actor"], how="left")
    took = (pl.col("day") - pl.col("first_day")).dt.total_days()
    rows = actors.group_by("pattern").agg(
        actors=pl.len().cast(pl.Int64),
        found=pl.col("day").count().cast(pl.Int64),
        median_days=took.median(),
        days_90=took.quantile(0.9, "linear"),
    )
    return _patterns(rows).to_frame().join(rows, on="pattern", maintain_order="left")


def display_tables(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Return the tables by title, as text to print; a figure and its interval are one text."""

    def text(k: int) -> pl.Expr:
        value, low, high = (_as_text(f"at_{k}{part}") for part in ("", "_low", "_high"))
        between = wording.format_text(" ({}-{})", low, high).fill_null("")
        return (value + between).alias(f"at {k}")

    number = pl.col("number").cast(pl.String).str.strip_suffix(".0")
    sums = [name for name in ("lists", victim_scores.SUMS) if name in tables]
    texts = {name: tables[name].with_columns(number) for name in sums}
    texts[MAIN] = tables[MAIN].select("figure", "pattern", "number", *(text(k) for k in BUDGETS))
    return {n.replace("_", " ").capitalize(): table for n, table in ({**tables} | texts).items()}


def _as_text(name: str) -> pl.Expr:
    hundredths = (100 * pl.col(name)).round().cast(pl.Int64)
    digits = (hundredths % 100).cast(pl.String).str.zfill(2)
    return wording.format_text("{}.{}", hundredths // 100, digits)


def _recall_rows(
    pattern: str, positions: pl.DataFrame, bootstrap: Bootstrap
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the rows of actors and of lines of one group (actor, line, position)."""
    # In all, an actor and a line count once, whatever patterns they are of.
    lines = positions.group_by("actor", "line").agg(pl.col("position").min())
    first = {str(k): (pl.col("position") <= k).fill_null(value=False) for k in BUDGETS}
    actors = (
        lines.group_by("actor")
        .agg(lines=pl.len(), **{name: is_first.sum() for name, is_first in first.items()})
        .sort("actor")
    )
    named = actors.select(*first).to_numpy().astype(np.float64)
    size = actors["lines"].to_numpy().astype(np.float64)
    is_found, ones = (named > 0).astype(np.float64), np.ones(len(size))
    return (
        _figure_row("actors found", pattern, is_found, ones, bootstrap),
        _figure_row("lines found", pattern, named, size, bootstrap),
    )


def _figure_row(
    figure: str,
    pattern: str | None,
    part: NDArray[np.float64],
    total: NDArray[np.float64],
    bootstrap: Bootstrap,
) -> dict[str, Any]:
    """Return a row: the sum of parts (units x budgets) over that of totals, and its interval."""
    row: dict[str, Any] = {"figure": figure, "pattern": pattern, "number": 0}
    if len(total) == 0:
        return row
    total = np.broadcast_to(total.reshape(len(total), -1), part.shape)
    row["number"] = int(total.sum(axis=0).max())
    value = part.sum(axis=0) / total.sum(axis=0)
    low, high = _interval(part, total, bootstrap)
    for n, k in enumerate(BUDGETS):
        row |= {f"at_{k}": value[n], f"at_{k}_low": low[n], f"at_{k}_high": high[n]}
    return row


def _interval(
    part: NDArray[np.float64], total: NDArray[np.float64], bootstrap: Bootstrap
) -> tuple[list[float | None], list[float | None]]:
    """Return the interval of the share over samples of as many units as there are."""
    units = len(total)
    if units < 2 or bootstrap.samples == 0:
        return [None] * len(BUDGETS), [None] * len(BUDGETS)
    random = np.random.default_rng(bootstrap.seed)
    # How often each unit is drawn is all that a sum depends on.
    times = random.multinomial(units, np.full(units, 1 / units), size=bootstrap.samples)
    shares = (times @ part) / (times @ total)
    low, high = np.quantile(shares, INTERVAL_QUANTILES, axis=0)
    return low.tolist(), high.tolist()


def _figure_table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Return the main table of rows; what a row lacks is null."""
    columns = [f"at_{k}{part}" for k in BUDGETS for part in ("", "_low", "_high")]
    schema: Mapping[str, Any] = {
        "figure": pl.String,
        "pattern": pl.String,
        "number": pl.Int64,
        **dict.fromkeys(columns, pl.Float64),
    }
    return pl.DataFrame(rows, schema).with_columns(pl.col(columns).round(4))


def is_uncounted() -> pl.Expr:
    """Mark the patterns that do not count in all: those that evade, and those of captors."""
    pattern = pl.col("pattern")
    return pattern.str.starts_with(EVASION_PREFIX) | pattern.is_in(UNCOUNTED)


def _patterns(rows: pl.DataFrame) -> pl.Series:
    """Return the patterns in order, those that do not count in all last."""
    return rows.select(pl.col("pattern").unique()).sort(is_uncounted(), "pattern").to_series()


def _honest_lines(truth: pl.DataFrame) -> pl.DataFrame:
    return truth.filter("honest").select("line", "kind").unique()
