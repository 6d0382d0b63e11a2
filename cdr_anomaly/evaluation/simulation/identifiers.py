"""Who a record says the caller is: its card, its handset, or the trunk it came in on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from cdr_anomaly.evaluation.simulation import phone_numbers
from cdr_anomaly.evaluation.simulation.world import DAY, NOBODY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cdr_anomaly.evaluation.simulation.world import Calls, World

    Ints = NDArray[np.int64]

DOMESTIC = ("IC-CMCC-01", "IC-CMCC-02", "IC-CUCC-01", "IC-CTCC-01")
INTERNATIONAL = ("INT-HK-01", "INT-SG-01", "INT-LON-01", "INT-NYC-01")
# the gateway of a number abroad, by the first digit of its country's code; others come by Hong Kong
GATEWAY = {"1": 3, "3": 2, "4": 2, "6": 1, "7": 2}
TRANSIT = 0.03  # share of foreign callers' calls that another network of the country hands on
OVERFLOW = 0.1  # share that take another gateway than usual
WITHHELD_ELSEWHERE = 0.6


def domestic(rng: np.random.Generator, n: int) -> Ints:
    """Draw places in the list of trunks from other networks of the country."""
    return rng.integers(0, len(DOMESTIC), n)


def international(rng: np.random.Generator, n: int) -> Ints:
    """Draw places in the list of trunks from abroad."""
    return len(DOMESTIC) + rng.integers(0, len(INTERNATIONAL), n)


def placed_here(batch: Calls) -> NDArray[np.bool_]:
    """Tell which calls do not say that they came in from another network."""
    here: NDArray[np.bool_] = (batch.rows["trunk_in"] == NOBODY).to_numpy()
    return here


def _own_mobile(world: World, batch: Calls) -> NDArray[np.bool_]:
    """Tell which calls a mobile placed at our cells."""
    caller = batch.rows["caller"].to_numpy()
    own: NDArray[np.bool_] = (caller != NOBODY) & _mobiles(world)[caller] & placed_here(batch)
    return own


def _mobiles(world: World) -> NDArray[np.bool_]:
    book = world.book
    home = book.column("home") & ~book.column("fixed") & ~book.column("trunk")
    mobile: NDArray[np.bool_] = (home | book.column("visits")).astype(bool)
    return mobile


def trunks(world: World, batch: Calls) -> pl.Series:
    """Name the trunk of each call that came in from another network; of others, none."""
    rng, n = world.rng("trunks"), len(batch)
    given, caller = (batch.rows[c].to_numpy() for c in ("trunk_in", "caller"))
    usual, chance = _usual_trunks(world)[caller], rng.random(n)
    abroad = usual >= len(DOMESTIC)
    usual = np.where(abroad & (chance < OVERFLOW), international(rng, n), usual)
    usual = np.where(abroad & (chance < TRANSIT), domestic(rng, n), usual)
    hidden = np.where(chance < WITHHELD_ELSEWHERE, domestic(rng, n), NOBODY)
    at = np.where(given != NOBODY, given, np.where(caller == NOBODY, hidden, usual))
    names = pl.Series([*DOMESTIC, *INTERNATIONAL, None], dtype=pl.String)
    return names.gather(pl.Series(np.where(at == NOBODY, len(names) - 1, at)))


def _usual_trunks(world: World) -> Ints:
    """Give each line elsewhere a trunk, by its country or the operator its number is of."""
    book = world.book
    number = pl.Series(book.column("number").tolist(), dtype=pl.String)
    gateway = number.str.slice(1, 1).replace_strict(GATEWAY, default=0, return_dtype=pl.Int64)
    operator = number.str.slice(3, 3).cast(pl.Int64, strict=False).fill_null(0) * 7 % 17
    elsewhere = np.where(
        book.column("foreign"),
        len(DOMESTIC) + gateway.to_numpy(),
        operator.to_numpy() % len(DOMESTIC),
    )
    ours = book.column("home") | book.column("short") | book.column("visits")
    return np.where(ours, NOBODY, elsewhere)


def imsis(world: World, batch: Calls) -> pl.Series:
    """Give each mobile at our cells the one card it has; visitors' are of their country."""
    # an odd factor that 5 does not divide: no two lines have the same ten digits
    serial = [f"{k * 7_368_787 % 10**10:010d}" for k in range(world.book.size)]
    first = world.book.column("imsi").tolist()
    names = pl.Series([a + b for a, b in zip(first, serial, strict=True)] + [None], dtype=pl.String)
    own, caller = _own_mobile(world, batch), batch.rows["caller"].to_numpy()
    return names.gather(pl.Series(np.where(own, caller, len(names) - 1)))


def handsets(world: World, batch: Calls) -> pl.Series:
    """Give mobiles at our cells one handset; one line in eighty changes it once."""
    book, caller = world.book, batch.rows["caller"].to_numpy()
    mobile = np.flatnonzero(_mobiles(world))
    place = np.full(book.size, -1)
    place[mobile] = np.arange(len(mobile))
    shared = book.column("handset").astype(np.int64)
    place = np.where(shared != NOBODY, place[shared], place)
    changes = mobile * 7_919 % 80 == 3
    day = np.where(changes, mobile * 31 % max(world.days, 1), world.days)
    both = [phone_numbers.imeis(np.arange(len(mobile)), np.full(len(mobile), k)) for k in range(2)]
    names = pl.Series([*both[0], *both[1], None], dtype=pl.String)
    borrowed = batch.rows["handset"].to_numpy()
    at = place[np.where(borrowed != NOBODY, borrowed, caller)]
    later = batch.rows["at"].to_numpy() // DAY >= day[at]
    known = _own_mobile(world, batch)
    return names.gather(pl.Series(np.where(known, at + later * len(mobile), len(names) - 1)))
