"""Alerts held against the truth: precision, recall, false alerts, delay.

Which alerts are true is for truth.py to say, how far p and q can be believed for calibration.py,
what lists of people to warn are worth for forewarned.py. Where there is nothing to work a figure
out from it is empty, never 0. Shares are of 1; intervals are of 90 %, by bootstrap over lists for
precision and over actors for recall, and empty where there is one list or one actor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly import wording
from cdr_anomaly.alerts.severity import is_grave
from cdr_anomaly.evaluation import calibration, ground_truth, victim_scores
from cdr_anomaly.evaluation.ground_truth import ALERT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.ground_truth import Judged, Lists
    from cdr_anomaly.evaluation.victim_scores import People

BUDGETS = (17, 50, 200)
DETECTED_AT = 50
INTERVAL = (0.05, 0.95)
EVASION = "evasion_"
# Lines that nobody is to be alerted to: they are found through the people that they hold.
APART = ("captor",)
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
    f"{DETECTED_AT}; of those that are found",
    **calibration.RULES,
    **victim_scores.RULES,
}


class Draws(NamedTuple):
    """How many samples an interval is made of, 0 for none, and the seed that they are drawn by."""

    number: int = 500
    seed: int = 1


def evaluated(
    lists: Lists, truth: pl.DataFrame, draws: Draws, people: People | str = victim_scores.NO_LISTS
) -> dict[str, pl.DataFrame]:
    """Work out every figure; ``truth`` is as truth.read_truth gives it, people as forewarned."""
    judged = ground_truth.judged(lists, truth)
    figures = pl.concat([precision(judged, draws), recall(judged, truth, draws)])
    return {
        MAIN: figures,
        "lists": summed_up(lists, judged, truth),
        "false_alerts": false_alerts(judged, truth),
        "time_to_detection": delays(judged, truth),
        "calibration": calibration.calibrated(lists.evidence, truth),
        "false_discoveries": calibration.discoveries(lists.evidence, truth),
        **victim_scores.tables(people, truth),
        "rules": pl.DataFrame(list(RULES.items()), schema=["what", "rule"], orient="row"),
    }


def summed_up(lists: Lists, judged: Judged, truth: pl.DataFrame) -> pl.DataFrame:
    """Say how many lists, alerts and planted actors there are; an empty list has 0 alerts."""
    counts = lists.names.join(judged.alerts.group_by("list").len(), on="list", how="left")
    a_list = counts["len"].fill_null(0)
    bad = ground_truth.planted(truth)
    days = lists.names.select(day="list_day").unique().drop_nulls()
    covered = bad.join(days, how="cross").filter(ground_truth.on_its_day())
    dated = lists.names["list_day"].null_count() == 0
    never = bad.join(covered, on="actor", how="anti")["actor"].n_unique() if dated else None
    rows: list[tuple[str, Any]] = [
        ("lists", lists.names.height),
        ("lists with any alert", (a_list > 0).sum()),
        ("alerts a list, median", a_list.median()),
        ("alerts a list, most", a_list.max()),
        ("true alerts", judged.alerts["true"].sum()),
        ("planted actors", bad["actor"].n_unique()),
        ("planted lines", bad["line"].n_unique()),
        ("planted actors of whose days there is no list", never),
        ("honest lines in the truth", _honest(truth)["line"].n_unique()),
    ]
    return pl.DataFrame(rows, {"what": pl.String, "number": pl.Float64}, orient="row")


def precision(judged: Judged, draws: Draws) -> pl.DataFrame:
    """Give the share of true alerts among the first of each list: mean over lists, and of all."""
    within = {k: pl.col("place") <= k for k in BUDGETS}
    sums = judged.alerts.group_by("list", maintain_order=True).agg(
        *((pl.col("true") & holds).sum().alias(f"true_{k}") for k, holds in within.items()),
        *(holds.sum().alias(f"listed_{k}") for k, holds in within.items()),
    )
    true, listed = (
        sums.select(f"{part}_{k}" for k in BUDGETS).to_numpy().astype(np.float64)
        for part in ("true", "listed")
    )
    mean = _row("precision", None, true / listed, np.ones(len(true)), draws)
    return _figures([mean, _row("precision of all alerts", None, true, listed, draws)])


def recall(judged: Judged, truth: pl.DataFrame, draws: Draws) -> pl.DataFrame:
    """Give the share of actors, and of their lines, that are found, in all and by pattern."""
    places = (
        judged.hits.filter("true").group_by("pattern", "actor", "line").agg(pl.col("place").min())
    )
    lines = ground_truth.planted(truth).select("pattern", "actor", "line").unique()
    found = lines.join(places, on=["pattern", "actor", "line"], how="left")
    plain = found.filter(~is_apart())
    groups = {ALL: plain} | {name: found.filter(pattern=name) for name in _patterns(found)}
    rows = [_recalled(pattern, group, draws) for pattern, group in groups.items()]
    return _figures([row for pair in zip(*rows, strict=True) for row in pair])


def false_alerts(judged: Judged, truth: pl.DataFrame) -> pl.DataFrame:
    """Count the alerts of medium or graver that name honest lines, and these lines, by kind.

    A line that is planted, too, is not honest on its planted days. How many ordinary lines there
    are is not known.
    """
    grave = judged.alerts.filter(is_grave("medium"))
    named = (
        judged.named.unique()
        .join(grave, on=ALERT)
        .join(judged.hits, on=[*ALERT, "line"], how="anti")
    )
    honest = _honest(truth)
    ordinary = named.join(truth, on="line", how="anti").with_columns(kind=pl.lit(ORDINARY))
    in_truth = named.join(honest, on="line").select(ordinary.columns)
    every = in_truth.with_columns(kind=pl.lit(HONEST))
    counts = (
        pl.concat([in_truth, every, ordinary])
        .group_by("kind")
        .agg(
            alerts=pl.struct(ALERT).n_unique(),
            false_ones=pl.struct(ALERT).filter(~pl.col("true")).n_unique(),
            lines_named=pl.col("line").n_unique(),
            in_false_ones=pl.col("line").filter(~pl.col("true")).n_unique(),
        )
    )
    sizes = honest.group_by("kind").agg(lines=pl.col("line").n_unique()).sort("kind")
    whole = pl.DataFrame({"kind": HONEST, "lines": honest["line"].n_unique()})
    last = pl.DataFrame({"kind": ORDINARY, "lines": None})
    rows = pl.concat([frame.cast({"lines": pl.Int64}) for frame in (whole, sizes, last)])
    filled = rows.join(counts, on="kind", how="left", maintain_order="left").with_columns(
        pl.col("alerts", "false_ones", "lines_named", "in_false_ones").fill_null(0).cast(pl.Int64)
    )
    some = pl.col("lines") > 0
    share = pl.when(some).then(pl.col("lines_named") / pl.col("lines"))
    return filled.select(
        "kind",
        "alerts",
        "false_ones",
        "lines_named",
        "in_false_ones",
        "lines",
        share_named=share.round(4),
    )


def delays(judged: Judged, truth: pl.DataFrame) -> pl.DataFrame:
    """Give the days until actors of each pattern are found, median and 90 %."""
    near = judged.hits.filter("true", pl.col("place") <= DETECTED_AT)
    first = near.group_by("pattern", "actor").agg(day=pl.col("day").min())
    actors = ground_truth.planted(truth).group_by("pattern", "actor").agg(pl.col("first_day").min())
    told = actors.join(first, on=["pattern", "actor"], how="left")
    took = (pl.col("day") - pl.col("first_day")).dt.total_days()
    rows = told.group_by("pattern").agg(
        actors=pl.len().cast(pl.Int64),
        found=pl.col("day").count().cast(pl.Int64),
        median_days=took.median(),
        days_90=took.quantile(0.9, "linear"),
    )
    return _patterns(rows).to_frame().join(rows, on="pattern", maintain_order="left")


def shown(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Write the tables for people, titled: a figure and its interval in one text."""

    def text(k: int) -> pl.Expr:
        value, low, high = (_written(f"at_{k}{part}") for part in ("", "_low", "_high"))
        between = wording.format_text(" ({}-{})", low, high).fill_null("")
        return (value + between).alias(f"at {k}")

    number = pl.col("number").cast(pl.String).str.strip_suffix(".0")
    sums = [name for name in ("lists", victim_scores.SUMS) if name in tables]
    told = {name: tables[name].with_columns(number) for name in sums} | {
        MAIN: tables[MAIN].select("figure", "pattern", "number", *(text(k) for k in BUDGETS))
    }
    return {
        name.replace("_", " ").capitalize(): table for name, table in ({**tables} | told).items()
    }


def _written(name: str) -> pl.Expr:
    hundredths = (100 * pl.col(name)).round().cast(pl.Int64)
    digits = (hundredths % 100).cast(pl.String).str.zfill(2)
    return wording.format_text("{}.{}", hundredths // 100, digits)


def _recalled(
    pattern: str, found: pl.DataFrame, draws: Draws
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the rows of the actors and of the lines of one group (actor, line, place)."""
    # In all, an actor and a line count once, whatever patterns they are of.
    lines = found.group_by("actor", "line").agg(pl.col("place").min())
    within = {str(k): (pl.col("place") <= k).fill_null(value=False) for k in BUDGETS}
    actors = (
        lines.group_by("actor")
        .agg(lines=pl.len(), **{name: holds.sum() for name, holds in within.items()})
        .sort("actor")
    )
    named = actors.select(*within).to_numpy().astype(np.float64)
    size = actors["lines"].to_numpy().astype(np.float64)
    return (
        _row("actors found", pattern, (named > 0).astype(np.float64), np.ones(len(size)), draws),
        _row("lines found", pattern, named, size, draws),
    )


def _row(
    figure: str,
    pattern: str | None,
    part: NDArray[np.float64],
    whole: NDArray[np.float64],
    draws: Draws,
) -> dict[str, Any]:
    """Put the sum of parts (units x budgets) over that of wholes in a row, with its interval."""
    row: dict[str, Any] = {"figure": figure, "pattern": pattern, "number": 0}
    if len(whole) == 0:
        return row
    whole = np.broadcast_to(whole.reshape(len(whole), -1), part.shape)
    row["number"] = int(whole.sum(axis=0).max())
    value = part.sum(axis=0) / whole.sum(axis=0)
    low, high = _interval(part, whole, draws)
    for place, k in enumerate(BUDGETS):
        row |= {f"at_{k}": value[place], f"at_{k}_low": low[place], f"at_{k}_high": high[place]}
    return row


def _interval(
    part: NDArray[np.float64], whole: NDArray[np.float64], draws: Draws
) -> tuple[list[float | None], list[float | None]]:
    """Draw as many units as there are, again and again, and see how far their share goes."""
    units = len(whole)
    if units < 2 or draws.number == 0:
        return [None] * len(BUDGETS), [None] * len(BUDGETS)
    random = np.random.default_rng(draws.seed)
    # How often each unit is drawn is all that a sum depends on.
    times = random.multinomial(units, np.full(units, 1 / units), size=draws.number)
    shares = (times @ part) / (times @ whole)
    low, high = np.quantile(shares, INTERVAL, axis=0)
    return low.tolist(), high.tolist()


def _figures(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Make the main table of rows; what a row lacks is empty."""
    columns = [f"at_{k}{part}" for k in BUDGETS for part in ("", "_low", "_high")]
    shape: Mapping[str, Any] = {
        "figure": pl.String,
        "pattern": pl.String,
        "number": pl.Int64,
        **dict.fromkeys(columns, pl.Float64),
    }
    return pl.DataFrame(rows, shape).with_columns(pl.col(columns).round(4))


def is_apart() -> pl.Expr:
    """Tell which patterns do not count in all: those that evade, and those of captors."""
    return pl.col("pattern").str.starts_with(EVASION) | pl.col("pattern").is_in(APART)


def _patterns(rows: pl.DataFrame) -> pl.Series:
    """Name the patterns in order, those that do not count in all last."""
    return rows.select(pl.col("pattern").unique()).sort(is_apart(), "pattern").to_series()


def _honest(truth: pl.DataFrame) -> pl.DataFrame:
    return truth.filter("honest").select("line", "kind").unique()
