"""When lines were born, and in which number blocks more of them than chance were born.

PROFILE (and a subscriber list) to BIRTHS, one row a line: ``first_seen``, ``activation`` and
``born``, the day the line counts as new from; and BIRTHS to surges, one row a block and day.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import significance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

LEVELS = (7, 6, 5, 4)
WINDOWS = (1, 3, 7)
WEEK = timedelta(days=7)
# The longest past that a block's births are compared with.
PAST = timedelta(days=60)
# However much of its own past a block has, its days vary more than a Poisson count would.
MOST_SHAPE = 4.0
EXPLAINED = 0.7
SURGES = {
    "block": pl.String, "level": pl.Int64, "day": pl.Date, "window_days": pl.Int64,
    "n_new": pl.Int64, "expected": pl.Float64, "p_value": pl.Float64, "q_value": pl.Float64,
}  # fmt: skip


class Rule(NamedTuple):
    """What a surge must reach."""

    lines: int
    ratio: float
    fdr: float


def first_seen(profile: pl.LazyFrame) -> pl.LazyFrame:
    """Say when each line was first seen (line, first_seen)."""
    return profile.group_by("line").agg(first_seen=pl.col("day").min())


def born(seen: pl.LazyFrame, activations: pl.LazyFrame | None, *, known_from: date) -> pl.LazyFrame:
    """Say of each line when it was first seen, activated, and born; unknown stays empty.

    ``seen`` is (line, first_seen). A line first seen before ``known_from`` may be as old as can
    be: its birth is not known.
    """
    if activations is None:
        seen = seen.with_columns(activation=pl.lit(None, pl.Date))
    else:
        seen = seen.join(activations, on="line", how="full", coalesce=True)
    fresh = pl.when(pl.col("first_seen") >= known_from).then("first_seen")
    return seen.with_columns(born=pl.coalesce("activation", fresh))


def surges(
    blocks: pl.DataFrame, days: Sequence[date], *, known_from: date, rule: Rule
) -> pl.DataFrame:
    """Find the blocks and days with more births than the block's own past explains.

    ``blocks`` has one row a line: ``born`` and one column per level, ``block_7`` to ``block_4``.
    Returns (block, level, day, window_days, n_new, expected, p_value, q_value); a block is left
    out where shorter or longer ones explain it (see ``_rolled_up``).
    """
    found = [pl.DataFrame(schema=SURGES)]
    for level in LEVELS:
        lines = blocks.select("born", block=f"block_{level}").drop_nulls("block")
        found += [
            _surges_on(lines, day, known_from, rule, level) for day in _full(lines, days, rule)
        ]
    return _rolled_up(pl.concat(found))


def _full(lines: pl.DataFrame, days: Sequence[date], rule: Rule) -> list[date]:
    """Keep the days with births enough in the week up to them: no other can have a surge."""
    births = Counter(lines["born"].drop_nulls().to_list())
    week = [timedelta(days=n) for n in range(max(WINDOWS))]
    return [day for day in days if sum(births[day - n] for n in week) >= rule.lines]


def _surges_on(
    lines: pl.DataFrame, day: date, known_from: date, rule: Rule, level: int
) -> pl.DataFrame:
    """Judge every block of one level on one day.

    Births of a block in w days are negative binomial about an empirical-Bayes mean (algorithms,
    section 2, d): the rate per line of all blocks, drawn towards the block's own rate by its
    births from 60 days to a week before, times its lines. The smallest of three windows' p counts,
    times 3.
    """
    known_from = max(known_from, day - PAST)
    week = pl.col("born").is_between(day - WEEK, day, closed="right")
    before = pl.col("born").is_null() | (pl.col("born") <= day - WEEK)
    in_window = {
        f"n_{w}": pl.col("born").is_between(day - timedelta(days=w), day, closed="right").sum()
        for w in WINDOWS
    }
    state = (
        lines.filter(before | week)
        .group_by("block")
        .agg(
            size=before.sum(),
            past=(before & (pl.col("born") >= known_from)).fill_null(value=False).sum(),
            **in_window,
        )
        .with_columns(pl.all().exclude("block").cast(pl.Float64))
        .sort("block")
    )
    if not (state["n_7"] >= rule.lines).any():  # scipy takes a while to load
        return pl.DataFrame(schema=SURGES)
    past_days = max((day - WEEK - known_from).days + 1, 0)
    tested = state.height
    judged = _with_p(state, past_days, min((day - known_from).days + 1, 7))
    held = (pl.col("n_new") >= rule.lines) & (pl.col("n_new") >= rule.ratio * pl.col("expected"))
    judged = judged.filter(held)
    q_values = significance.false_discovery(judged["p_value"].to_numpy(), tested)
    return judged.select(
        "block",
        pl.lit(level, pl.Int64).alias("level"),
        pl.lit(day, pl.Date).alias("day"),
        "window_days",
        pl.col("n_new").cast(pl.Int64),
        "expected",
        "p_value",
        q_value=pl.Series(q_values, dtype=pl.Float64),
    ).filter(pl.col("q_value") <= rule.fdr)


def _with_p(state: pl.DataFrame, past_days: int, week_days: int) -> pl.DataFrame:
    """Add each block's best window: its days, births, expected births and p."""
    size = state["size"].clip(lower_bound=1).to_numpy()
    past = state["past"].to_numpy()
    all_past, all_week = float(past.sum()), float(state["n_7"].sum())
    enough = past_days >= 7 and all_past > 0
    seen, days = (all_past, past_days) if enough else (all_week, max(week_days, 1))
    rate = max(seen / (float(size.sum()) * days), 1e-12) if len(size) else 1e-12
    # How unlike blocks are is read off their past, or off the same week while there is none.
    alike = past if enough else state["n_7"].to_numpy()
    prior = significance.gamma_shape(alike, rate * size * days)
    own_rate = (prior + past) / (prior / rate + size * past_days)
    shape = (prior + past).clip(max=MOST_SHAPE)
    frames = []
    for w in WINDOWS:
        count = state[f"n_{w}"].to_numpy()
        mean = own_rate * size * w
        # A promotion that brings new lines everywhere is no surge of any one block; the blocks
        # that exceed their mean most are no evidence of one.
        kept = significance.usual_ones(count - mean)
        usual = max(rate * float(size[kept].sum()) * w, 1e-12)
        mean *= max(float(count[kept].sum()) / usual, 1.0)
        tail = significance.negative_binomial_tail(count, mean, shape)
        frames.append(
            state.select("block").with_columns(
                window_days=pl.lit(w, pl.Int64),
                n_new=pl.Series(count, dtype=pl.Float64),
                expected=pl.Series(mean, dtype=pl.Float64),
                p_value=pl.Series((tail * len(WINDOWS)).clip(max=1.0), dtype=pl.Float64),
            )
        )
    best = pl.concat(frames).sort("block", "p_value", "window_days")
    return best.unique("block", keep="first", maintain_order=True)


def _rolled_up(surges: pl.DataFrame) -> pl.DataFrame:
    """Keep the blocks that explain a surge: not one within, not one around the one that does.

    From the longest blocks up: a shorter block stands for the surging blocks in it when these
    hold less than 70 % of its new lines, else it is left out.
    """
    kept = surges.filter(pl.col("level") == LEVELS[0])
    for level in LEVELS[1:]:
        parents = surges.filter(pl.col("level") == level)
        shorter = pl.col("block").str.len_chars() - (pl.col("level") - level)
        within = kept.with_columns(parent=pl.col("block").str.slice(0, shorter))
        held = within.group_by("day", block="parent").agg(held=pl.col("n_new").sum())
        parents = parents.join(held, on=["block", "day"], how="left").filter(
            pl.col("held").fill_null(0) < EXPLAINED * pl.col("n_new")
        )
        inside = within.join(parents, left_on=["parent", "day"], right_on=["block", "day"],
                             how="anti")  # fmt: skip
        kept = pl.concat([inside.drop("parent"), parents.drop("held")])
    return kept.sort("day", "block")
