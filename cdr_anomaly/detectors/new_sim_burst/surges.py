"""LINE_AGES to surges: the groups in which more new lines than chance explains began.

A group is a number block, or the lines that the list of subscribers says were sold or are held
alike.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from cdr_anomaly import significance
from cdr_anomaly.features.line_ages import SURGE_PAST, WEEK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


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
    found = [pl.DataFrame(schema=SURGES)]
    for by in ways(lines):
        counts = by_birth(lines.select("born", group=by), days, known_from)
        found += [
            _surges_on(counts, day, known_from, rule, by) for day in _full(counts, days, rule)
        ]
    return _rolled_up(pl.concat(found))


def by_birth(lines: pl.DataFrame, days: Sequence[date], known_from: date) -> pl.DataFrame:
    """Count lines by ``group`` and day of birth (born, group, n), which is less to go through.

    Births that are old on each of the ``days`` are as good as unknown.
    """
    first = min(days, default=known_from)
    old = pl.col("born") < min(max(known_from, first - SURGE_PAST), first - WEEK)
    known = lines.lazy().drop_nulls("group")
    told = known.with_columns(born=pl.when(~old).then("born"))
    return told.group_by("born", "group").agg(n=pl.len().cast(pl.Int64)).collect()


def ways(lines: pl.DataFrame) -> list[str]:
    """Name the columns by which lines are grouped."""
    return [name for name in lines.columns if name not in {"line", "born"}]


def _full(counts: pl.DataFrame, days: Sequence[date], rule: Rule) -> list[date]:
    """Keep the days with births enough in the week up to them: no other can have a surge."""
    by_day = counts.drop_nulls("born").group_by("born").agg(pl.col("n").sum())
    births = Counter(dict(by_day.iter_rows()))
    week = [timedelta(days=n) for n in range(max(WINDOWS))]
    return [day for day in days if sum(births[day - n] for n in week) >= rule.lines]


def _surges_on(
    counts: pl.DataFrame, day: date, known_from: date, rule: Rule, by: str
) -> pl.DataFrame:
    """Judge every group of one kind on one day, by births counted (born, group, n).

    Births of a group in w days are negative binomial about an empirical-Bayes mean (algorithms,
    section 2, d): the rate per line of all groups, story_limits towards the group's own rate by its
    births from 60 days to a week before, times its lines. The smallest of three windows' p counts,
    times 3.
    """
    known_from = max(known_from, day - SURGE_PAST)
    week = pl.col("born").is_between(day - WEEK, day, closed="right")
    before = pl.col("born").is_null() | (pl.col("born") <= day - WEEK)
    n = pl.col("n")
    in_window = {
        f"n_{w}": n.filter(
            pl.col("born").is_between(day - timedelta(days=w), day, closed="right")
        ).sum()
        for w in WINDOWS
    }
    state = (
        counts.filter(before | week)
        .group_by("group")
        .agg(
            size=n.filter(before).sum(),
            past=n.filter(before, pl.col("born") >= known_from).sum(),
            **in_window,
        )
        .with_columns(pl.all().exclude("group").cast(pl.Float64))
        .sort("group")
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
        pl.lit(by).alias("by"),
        "group",
        pl.lit(day, pl.Date).alias("day"),
        "window_days",
        pl.col("n_new").cast(pl.Int64),
        "expected",
        "p_value",
        q_value=pl.Series(q_values, dtype=pl.Float64),
    ).filter(pl.col("q_value") <= rule.fdr)


def _with_p(state: pl.DataFrame, past_days: int, week_days: int) -> pl.DataFrame:
    """Add each group's best window: its days, births, expected births and p."""
    size = state["size"].clip(lower_bound=1).to_numpy()
    past = state["past"].to_numpy()
    all_past, all_week = float(past.sum()), float(state["n_7"].sum())
    enough = past_days >= 7 and all_past > 0
    seen, days = (all_past, past_days) if enough else (all_week, max(week_days, 1))
    rate = max(seen / (float(size.sum()) * days), 1e-12) if len(size) else 1e-12
    # How unlike groups are is read off their past, or off the same week while there is none.
    alike = past if enough else state["n_7"].to_numpy()
    prior = significance.gamma_shape(alike, rate * size * days)
    own_rate = (prior + past) / (prior / rate + size * past_days)
    shape = (prior + past).clip(max=MOST_SHAPE)
    frames = []
    for w in WINDOWS:
        count = state[f"n_{w}"].to_numpy()
        mean = own_rate * size * w
        # A promotion that brings new lines everywhere is no surge of any one group; those
        # that exceed their mean most are no evidence of one.
        kept = significance.usual_ones(count - mean)
        usual = max(rate * float(size[kept].sum()) * w, 1e-12)
        mean *= max(float(count[kept].sum()) / usual, 1.0)
        tail = significance.negative_binomial_tail(count, mean, shape)
        frames.append(
            state.select("group").with_columns(
                window_days=pl.lit(w, pl.Int64),
                n_new=pl.Series(count, dtype=pl.Float64),
                expected=pl.Series(mean, dtype=pl.Float64),
                p_value=pl.Series((tail * len(WINDOWS)).clip(max=1.0), dtype=pl.Float64),
            )
        )
    best = pl.concat(frames).sort("group", "p_value", "window_days")
    return best.unique("group", keep="first", maintain_order=True)


def _rolled_up(surges: pl.DataFrame) -> pl.DataFrame:
    """Keep the blocks that explain a surge: not one within, not one around the one that does.

    From the longest blocks up: a shorter block stands for the surging blocks in it when these
    hold less than 70 % of its new lines, else it is left out. Other groups stand by themselves.
    """
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
