"""LINE_AGES to surges: the groups in which more new lines than chance explains began.

A group is a number block, or the lines that the list of subscribers says were sold or are held
alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from cdr_anomaly import significance
from cdr_anomaly.detectors.new_sim_burst.births import UNKNOWN, Births, by_birth, ordinals
from cdr_anomaly.features.line_ages import SURGE_PAST, WEEK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray

    Codes = NDArray[np.int64]
    Floats = NDArray[np.float64]

LEVELS = (7, 6, 5, 4)
BLOCKS = [f"block_{level}" for level in LEVELS]
WINDOWS = (1, 3, 7)
# However much of its own past a group has, its days vary more than a Poisson count would.
MOST_SHAPE = 4.0
EXPLAINED = 0.7
# What names a surge.
SURGE = ["by", "group", "day"]
SURGES = {
    "by": pl.String, "group": pl.String, "day": pl.Date, "window_days": pl.Int64,
    "n_new": pl.Int64, "expected": pl.Float64, "p_value": pl.Float64, "q_value": pl.Float64,
}  # fmt: skip


class Rule(NamedTuple):
    """What a surge must reach."""

    lines: int
    ratio: float
    fdr: float


def surges(
    lines: pl.DataFrame, days: Sequence[date], *, known_from: date, rule: Rule
) -> pl.DataFrame:
    """Find the groups and days with more births than the group's own past explains (SURGES).

    ``lines`` has one row a line: ``born`` and a column for each way to group them ``by``, number
    blocks (``block_7`` to ``block_4``) and others. A block is left out where shorter or longer ones
    explain it (see ``_rolled_up``).
    """
    found = [
        _surges_by(
            by, by_birth(lines.select("born", group=by), days, known_from), days, known_from, rule
        )
        for by in ways(lines)
    ]
    return _rolled_up(pl.concat([pl.DataFrame(schema=SURGES), *found]))


def ways(lines: pl.DataFrame) -> list[str]:
    """Name the columns by which lines are grouped."""
    return [name for name in lines.columns if name not in {"line", "born"}]


def _surges_by(
    by: str, counts: pl.DataFrame, days: Sequence[date], known_from: date, rule: Rule
) -> pl.DataFrame:
    """Judge every group of one kind on all days, by births counted (born, group, n).

    Births of a group in w days are negative binomial about an empirical-Bayes mean (algorithms,
    section 2, d): the rate per line of all groups, drawn towards the group's own rate by its
    births from 60 days to a week before, times its lines. The smallest of three windows' p counts,
    times 3.
    """
    new = counts.lazy().drop_nulls("born").group_by("group").agg(pl.col("n").sum())
    if new.filter(pl.col("n") >= rule.lines).collect().is_empty():
        return pl.DataFrame(schema=SURGES)
    births, first = Births.of(counts), ordinals([known_from]).item()
    full = births.full_days(ordinals(days), rule.lines).tolist()
    parts = [_surges_on(births, day, first, rule) for day in full]
    if not parts:  # scipy takes a while to load
        return pl.DataFrame(schema=SURGES)
    day, group, window, n_new, expected, p_value, q_value = map(
        np.concatenate, zip(*parts, strict=True)
    )
    return pl.DataFrame(
        {
            "by": [by] * len(day),
            "group": births.names.gather(group),
            "day": pl.Series(day).cast(pl.Int32).cast(pl.Date),
            "window_days": window,
            "n_new": n_new,
            "expected": expected,
            "p_value": p_value,
            "q_value": q_value,
        },
        SURGES,
        strict=False,
    )


def _surges_on(births: Births, day: int, known_from: int, rule: Rule) -> tuple[NDArray[Any], ...]:
    """Return the surges of a day: day, group, window_days, n_new, expected, p_value, q_value."""
    known_from = max(known_from, day - SURGE_PAST.days)
    week = births.between(day - WEEK.days, day)
    old = births.between(UNKNOWN - 1, day - WEEK.days)
    there = np.flatnonzero(old + week)
    past = births.between(known_from - 1, day - WEEK.days)
    new = np.stack([births.between(day - w, day) for w in WINDOWS])
    seen_days = max(day - WEEK.days - known_from + 1, 0), min(day - known_from + 1, 7)
    window, expected, p_value = _with_p(old[there], past[there], new[:, there], *seen_days)
    n_new = new[window, there]
    held = np.flatnonzero((n_new >= rule.lines) & (n_new >= rule.ratio * expected))
    q_value = significance.false_discovery(p_value[held], len(there))
    sure = q_value <= rule.fdr
    held = held[sure]
    columns = (there, np.array(WINDOWS)[window], n_new, expected, p_value)
    return np.full(len(held), day), *(column[held] for column in columns), q_value[sure]


def _with_p(
    old: Floats, past: Floats, new: Floats, past_days: int, week_days: int
) -> tuple[Codes, Floats, Floats]:
    """Return each group's best window, by its place, its expected births, and p.

    ``new`` are the births in each window, ``past`` those in so many days before the week; the
    ``old`` lines of the group were there before it.
    """
    size, week = np.maximum(old, 1.0), new[-1]
    all_past, all_week = float(past.sum()), float(week.sum())
    enough = past_days >= 7 and all_past > 0
    seen, days = (all_past, past_days) if enough else (all_week, max(week_days, 1))
    rate = max(seen / (float(size.sum()) * days), 1e-12) if len(size) else 1e-12
    # How unlike groups are is read off their past, or off the same week while there is none.
    prior = significance.gamma_shape(past if enough else week, rate * size * days)
    own_rate = (prior + past) / (prior / rate + size * past_days)
    shape = (prior + past).clip(max=MOST_SHAPE)
    expected, p_value = np.empty_like(new), np.empty_like(new)
    for place, (w, count) in enumerate(zip(WINDOWS, new, strict=True)):
        mean = own_rate * size * w
        # A promotion that brings new lines everywhere is no surge of any one group; those
        # that exceed their mean most are no evidence of one.
        kept = significance.usual_ones(count - mean)
        usual = max(rate * float(size[kept].sum()) * w, 1e-12)
        mean *= max(float(count[kept].sum()) / usual, 1.0)
        tail = significance.negative_binomial_tail(count, mean, shape)
        expected[place], p_value[place] = mean, (tail * len(WINDOWS)).clip(max=1.0)
    best = p_value.argmin(axis=0)
    every = np.arange(len(size))
    return best, expected[best, every], p_value[best, every]


def _rolled_up(surges: pl.DataFrame) -> pl.DataFrame:
    """Keep the blocks that explain a surge: not one within, not one around the one that does.

    From the longest blocks up: a shorter block stands for the surging blocks in it when these
    hold less than 70 % of its new lines, else it is left out. Other groups stand by themselves.
    """
    if surges.is_empty():
        return surges
    kept = surges.filter(pl.col("by") == BLOCKS[0])
    for level, by in zip(LEVELS[1:], BLOCKS[1:], strict=True):
        parents = surges.filter(pl.col("by") == by)
        own = pl.col("by").str.strip_prefix("block_").cast(pl.Int64)
        shorter = pl.col("group").str.len_chars() - (own - level)
        within = kept.with_columns(parent=pl.col("group").str.slice(0, shorter))
        held = within.group_by("day", group="parent").agg(held=pl.col("n_new").sum())
        parents = parents.join(held, on=["group", "day"], how="left").filter(
            pl.col("held").fill_null(0) < EXPLAINED * pl.col("n_new")
        )
        inside = within.join(
            parents, left_on=["parent", "day"], right_on=["group", "day"], how="anti"
        )
        kept = pl.concat([inside.drop("parent"), parents.drop("held")])
    others = surges.filter(~pl.col("by").is_in(BLOCKS))
    return pl.concat([kept, others]).sort("day", "by", "group")
