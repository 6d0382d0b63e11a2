"""Who holds the lines of our subscribers, where they are registered, and who sold them.

The calls do not depend on it: every draw is of a stream of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.world import World

    Ints = NDArray[np.int64]
    Words = NDArray[np.object_]

# The first is the city itself.
REGIONS = (
    "Fuzhou",
    "Putian",
    "Ningde",
    "Nanping",
    "Sanming",
    "Quanzhou",
    "Jiujiang",
    "Ganzhou",
    "Wenzhou",
    "Hengyang",
    "Loudi",
    "Zunyi",
)
AT_HOME, PLANTED_AT_HOME = 0.86, 0.15
# Students of one region come to the city at the end of the time made.
STUDENTS, STUDENT_DAYS, STUDENT_SHARE = "Zunyi", 7, 0.8
LINES_PER_DEALER = 60
TWO_LINES = 0.06
BURSTS = ("block_burst", "forwarding_hub")
BUSINESS = (
    "courier", "new_courier", "rider", "depot_courier", "estate_agent", "sales", "taxi", "school",
    "call_centre", "hospital", "clinic", "pharmacy", "licensed_seat", "collector", "pollster",
    "franchise_shop", "mall_staff", "repair_shop", "reception", "company_desk", "hotline",
)  # fmt: skip


def subscribers(world: World, lines: pl.DataFrame) -> pl.DataFrame:
    """Add holder_token, holder_region, dealer and line_kind to our subscribers (id, day, fixed)."""
    told = pl.concat(world.book.truth).select("id", "actor", "kind", "pattern")
    known = lines.join(
        told.unique("id", keep="first", maintain_order=True),
        on="id",
        how="left",
        maintain_order="left",
    )
    region, dealer = _regions(world, known), _dealers(world, known)
    sellers = world.rng("sellers").permutation(np.unique(dealer.astype(str)))
    holder, day = _holders(world, known.height), known["day"].to_numpy()
    for (actor, kind, pattern), own in _actors(known):
        row = own["row"].to_numpy()
        if kind == "promotion":  # a dealer who opens a shop
            dealer[row] = f"D{1000 + actor}"
        if pattern in BURSTS and day[row].min() > world.last - 14:
            rng = world.rng(f"buyers {actor}")
            region[row], dealer[row] = _bought(rng, sellers[:2], len(row))
            sellers = np.roll(sellers, -2)
            holder[row] = holder[rng.choice(row, len(row))]
    names = {"holder_region": region, "dealer": dealer}
    kind = (
        pl.when("fixed")
        .then(pl.lit("fixed"))
        .when(pl.col("kind").is_in(BUSINESS))
        .then(pl.lit("business"))
        .when(pl.col("kind") == "alarm")
        .then(pl.lit("iot"))
        .otherwise(pl.lit("private"))
    )
    return known.select(
        pl.exclude("actor", "pattern", "kind"),
        _tokens(world, holder),
        *(pl.Series(name, words.tolist(), pl.String) for name, words in names.items()),
        line_kind=kind,
    )


def _actors(known: pl.DataFrame) -> Iterator[tuple[tuple[Any, ...], pl.DataFrame]]:
    """Go through the actors whose lines were sold alike: (actor, kind, pattern) and their rows."""
    told = known.with_row_index("row").drop_nulls("actor")
    yield from told.group_by("actor", "kind", "pattern", maintain_order=True)


def _regions(world: World, known: pl.DataFrame) -> Words:
    """Register most in the city; of those who are new at the end, most in the students' region."""
    rng, n = world.rng("regions"), known.height
    others = (1 - AT_HOME) / (len(REGIONS) - 1)
    region = rng.choice(REGIONS, n, p=[AT_HOME, *[others] * (len(REGIONS) - 1)]).astype(object)
    late = (known["day"] > world.last - STUDENT_DAYS).to_numpy() & (rng.random(n) < STUDENT_SHARE)
    return np.where(late & known["kind"].is_null().to_numpy(), STUDENTS, region)


def _dealers(world: World, known: pl.DataFrame) -> Words:
    """Let a few dealers sell much, and many sell little."""
    rng, n = world.rng("dealers"), known.height
    n_dealers = max(8, n // LINES_PER_DEALER)
    names = np.array([f"D{k:03d}" for k in range(1, n_dealers + 1)], object)
    weight = 1 / np.arange(3, n_dealers + 3)
    return rng.choice(names, n, p=weight / weight.sum())


def _holders(world: World, n: int) -> Ints:
    """Number the holders: most have one line, some the one after it, too."""
    second = world.rng("holders").random(n) < TWO_LINES
    return np.arange(n) - second


def _bought(rng: np.random.Generator, sellers: Any, n: int) -> tuple[Words, Words]:
    """Let people of two other regions buy at two dealers, nearly all at the first."""
    of = rng.choice(REGIONS[1:-1], 2, replace=False)
    home = rng.random(n) < PLANTED_AT_HOME
    region = np.where(home, REGIONS[0], rng.choice(of, n, p=[0.7, 0.3]))
    return region.astype(object), rng.choice(sellers, n, p=[0.85, 0.15]).astype(object)


def _tokens(world: World, holder: Ints) -> pl.Series:
    """Give each holder a token that tells nothing of them."""
    codes = world.rng("holder tokens").choice(16**8, len(holder) + 1, replace=False)
    return pl.Series("holder_token", [f"{code:08x}" for code in codes[holder].tolist()])
