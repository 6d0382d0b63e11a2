"""Who holds the lines of our subscribers, where they are registered, and who sold them.

The calls do not depend on it: every draw is of a stream of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

if TYPE_CHECKING:
    from cdr_anomaly.evaluation.simulation.world import Ints, World

Words = NDArray[np.object_]

# The first is the city itself.
REGIONS = (
    "Fuzhou", "Putian", "Ningde", "Nanping", "Sanming", "Quanzhou", "Jiujiang", "Ganzhou",
    "Wenzhou", "Hengyang", "Loudi", "Zunyi",
)  # fmt: skip
HOME_SHARE, PLANTED_HOME_SHARE = 0.86, 0.15  # of holders who are registered in the city
# Students of one region come to the city in the last simulated days.
STUDENT_REGION, STUDENT_DAYS, STUDENT_SHARE = "Zunyi", 7, 0.8
LINES_PER_DEALER = 60
TWO_LINES_SHARE = 0.06
BURST_PATTERNS = ("block_burst", "forwarding_hub")
BUSINESS_KINDS = (
    "courier", "new_courier", "rider", "depot_courier", "estate_agent", "sales", "taxi", "school",
    "call_centre", "hospital", "clinic", "pharmacy", "licensed_seat", "collector", "pollster",
    "franchise_shop", "mall_staff", "repair_shop", "reception", "company_desk", "hotline",
)  # fmt: skip


def add_sales(world: World, lines: pl.DataFrame) -> pl.DataFrame:
    """Add holder_token, holder_region, dealer and line_kind to our subscribers (id, day, fixed)."""
    truth = pl.concat(world.book.truth).select("id", "actor", "kind", "pattern")
    truth = truth.unique("id", keep="first", maintain_order=True)
    lines = lines.join(truth, on="id", how="left", maintain_order="left")
    region, dealer = _regions(world, lines), _dealers(world, lines)
    sellers = world.rng("sellers").permutation(np.unique(dealer.astype(str)))
    # Most holders have one line, some the one after it, too.
    second = world.rng("holders").random(lines.height) < TWO_LINES_SHARE
    holder, day = np.arange(lines.height) - second, lines["day"].to_numpy()
    keys = ("actor", "kind", "pattern")
    groups = lines.with_row_index("row").drop_nulls("actor").group_by(*keys, maintain_order=True)
    for (actor, kind, pattern), group in groups:
        row = group["row"].to_numpy()
        if kind == "promotion":  # a dealer who opens a shop
            dealer[row] = f"D{1000 + actor}"
        if pattern in BURST_PATTERNS and day[row].min() > world.last_day - 14:
            rng = world.rng(f"buyers {actor}")
            region[row], dealer[row] = _burst_sales(rng, sellers[:2], len(row))
            sellers = np.roll(sellers, -2)
            holder[row] = holder[rng.choice(row, len(row))]
    _set_sales(world, lines["id"].to_numpy(), holder, dealer)
    line_kind = (
        pl.when("fixed")
        .then(pl.lit("fixed"))
        .when(pl.col("kind").is_in(BUSINESS_KINDS))
        .then(pl.lit("business"))
        .when(pl.col("kind") == "alarm")
        .then(pl.lit("iot"))
        .otherwise(pl.lit("private"))
    )
    return lines.select(
        pl.exclude("actor", "pattern", "kind"),
        _tokens(world, holder),
        pl.Series("holder_region", region.tolist(), pl.String),
        pl.Series("dealer", dealer.tolist(), pl.String),
        line_kind=line_kind,
    )


def _set_sales(world: World, ids: Ints, holder: Ints, dealer: Words) -> None:
    """Write in the holders and dealers that scenarios have chosen (id, holder, dealer).

    A holder is a line of ours, whose holder has the other lines, too.
    """
    for sales in world.book.sales:
        row = np.searchsorted(ids, sales["id"].to_numpy())
        holder[row] = holder[np.searchsorted(ids, sales["holder"].to_numpy())]
        dealer[row] = sales["dealer"].to_numpy()


def _regions(world: World, lines: pl.DataFrame) -> Words:
    """Register most in the city; of those who are new at the end, most in the students' region."""
    rng, n = world.rng("regions"), lines.height
    others = (1 - HOME_SHARE) / (len(REGIONS) - 1)
    region = rng.choice(REGIONS, n, p=[HOME_SHARE, *[others] * (len(REGIONS) - 1)]).astype(object)
    late = lines["kind"].is_null() & (lines["day"] > world.last_day - STUDENT_DAYS)
    student = late.to_numpy() & (rng.random(n) < STUDENT_SHARE)
    return np.where(student, STUDENT_REGION, region)


def _dealers(world: World, lines: pl.DataFrame) -> Words:
    """Let a few dealers sell much, and many sell little."""
    rng, n = world.rng("dealers"), lines.height
    n_dealers = max(8, n // LINES_PER_DEALER)
    names = np.array([f"D{k:03d}" for k in range(1, n_dealers + 1)], object)
    weight = 1 / np.arange(3, n_dealers + 3)
    return rng.choice(names, n, p=weight / weight.sum())


def _burst_sales(rng: np.random.Generator, sellers: Any, n: int) -> tuple[Words, Words]:
    """Return regions and dealers of n buyers: mostly two other regions, and the first dealer."""
    regions = rng.choice(REGIONS[1:-1], 2, replace=False)
    home = rng.random(n) < PLANTED_HOME_SHARE
    region = np.where(home, REGIONS[0], rng.choice(regions, n, p=[0.7, 0.3]))
    return region.astype(object), rng.choice(sellers, n, p=[0.85, 0.15]).astype(object)


def _tokens(world: World, holder: Ints) -> pl.Series:
    """Return a token for each line's holder, which tells nothing of him."""
    codes = world.rng("holder tokens").choice(16**8, len(holder) + 1, replace=False)
    return pl.Series("holder_token", [f"{code:08x}" for code in codes[holder].tolist()])
